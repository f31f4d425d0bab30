"""Sinkhorn normalization, attention affinity, box masks and the propagation of class maps."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from mmwsl.functional import attention_affinity, box_masks, propagate_class_maps, sinkhorn_normalize


def test_three_rounds_on_two_locations():
    balanced = sinkhorn_normalize(torch.tensor([[1.0, 2], [3, 4]]))
    expected = torch.tensor([[0.4495, 0.5505], [0.5505, 0.4495]])
    torch.testing.assert_close(balanced, expected, atol=5e-5, rtol=0)
    affinity = attention_affinity([torch.tensor([[1.0, 2], [3, 4]])])
    identity = propagate_class_maps(torch.eye(2), affinity)
    torch.testing.assert_close(identity, torch.tensor([[0.5051, 0.4949], [0.4949, 0.5051]]), atol=5e-5, rtol=0)


def test_rows_sum_to_one_exactly_and_columns_nearly():
    matrix = torch.rand(12, 12, dtype=torch.float64) + 0.1
    for rounds, tolerance in ((1, 0.5), (3, 0.05), (200, 1e-12)):
        balanced = sinkhorn_normalize(matrix, rounds)
        torch.testing.assert_close(balanced.sum(1), torch.ones(12, dtype=torch.float64))
        assert (balanced.sum(0) - 1).abs().max() < tolerance
    torch.testing.assert_close(sinkhorn_normalize(matrix * 7), sinkhorn_normalize(matrix))
    assert torch.equal(sinkhorn_normalize(matrix, 0), matrix)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype):
    matrix = torch.rand(5, 5).add(0.1).to(dtype)
    assert torch.equal(sinkhorn_normalize(matrix), sinkhorn_normalize(matrix.float()))
    assert torch.equal(attention_affinity([matrix]), attention_affinity([matrix.float()]))


def test_the_affinity_is_the_symmetric_mean_of_layers():
    layers = torch.rand(4, 6, 6) + 0.1
    affinity = attention_affinity(list(layers))
    assert torch.equal(affinity, affinity.T)
    balanced = sinkhorn_normalize(layers.mean(0))
    torch.testing.assert_close(affinity, (balanced + balanced.T) / 2)
    torch.testing.assert_close(attention_affinity([layers[0]] * 3), attention_affinity([layers[0]]))


def test_propagation_is_the_power_of_the_affinity():
    affinity, maps = attention_affinity([torch.rand(6, 6) + 0.1]), torch.rand(2, 6)
    sources = torch.rand(2, 6) > 0.5
    found = propagate_class_maps(maps, affinity, sources)
    expected = torch.zeros(2, 6)
    squared = affinity @ affinity
    for c in range(2):
        for i in range(6):
            expected[c, i] = sum(squared[i, j] * sources[c, j] * maps[c, j] for j in range(6))
    torch.testing.assert_close(found, expected)
    everything = propagate_class_maps(maps, affinity, torch.ones(2, 6, dtype=torch.bool))
    torch.testing.assert_close(everything, propagate_class_maps(maps, affinity))
    torch.testing.assert_close(propagate_class_maps(maps, torch.eye(6)), maps)


def test_uniform_attention_makes_maps_constant():
    maps = propagate_class_maps(torch.rand(2, 9), attention_affinity([torch.full((9, 9), 0.1)]))
    torch.testing.assert_close(maps, maps[:, :1].expand(2, 9))


def test_box_masks_are_the_boxes_of_components():
    rng = np.random.default_rng(0)
    maps = ndimage.gaussian_filter(rng.random((5, 14, 19)), (0, 1.2, 1.2)) ** 4
    masks = box_masks(torch.from_numpy(maps), 0.4)
    for mask, values in zip(masks.numpy(), maps, strict=True):
        expected = np.zeros_like(mask)
        for box in ndimage.find_objects(ndimage.label(values > 0.4 * values.max())[0]):
            expected[box] = True
        assert (mask == expected).all() and 0 < expected.sum() < expected.size


def test_a_box_reaches_the_last_row_and_column_and_needs_a_positive_value():
    maps = torch.zeros(3, 4, 5)
    maps[0, 3, 2], maps[0, 2, 4], maps[0, 3, 4], maps[0, 3, 3] = 1, 0.5, 0.5, 0.5
    maps[1, 0, 0], maps[1, 3, 4] = 1, 0.3
    masks = box_masks(maps, 0.4)
    assert masks[0].nonzero().tolist() == [[2, 2], [2, 3], [2, 4], [3, 2], [3, 3], [3, 4]]
    assert masks[1].nonzero().tolist() == [[0, 0]] and not masks[2].any()
    assert box_masks(maps, 0.2)[1].nonzero().tolist() == [[0, 0], [3, 4]]


@pytest.mark.parametrize(
    'call, words',
    [
        (lambda: sinkhorn_normalize(torch.ones(2, 3)), 'square'),
        (lambda: sinkhorn_normalize(torch.ones(2, 2), -1), 'rounds'),
        (lambda: sinkhorn_normalize(torch.tensor([[1.0, 1], [0, 0]])), 'row or column of zeros'),
        (lambda: sinkhorn_normalize(torch.tensor([[1.0, -1], [1, 1]])), 'non-negative'),
        (lambda: sinkhorn_normalize(torch.tensor([[1.0, torch.nan], [1, 1]])), 'finite'),
        (lambda: attention_affinity([]), 'at least one layer'),
        (lambda: propagate_class_maps(torch.ones(2, 3), torch.ones(2, 2)), 'affinity'),
        (lambda: propagate_class_maps(torch.ones(2, 3), torch.ones(3, 3), torch.ones(2, 3)), 'boolean'),
        (lambda: propagate_class_maps(torch.ones(2, 3), torch.ones(3, 3), steps=-1), 'steps'),
        (lambda: box_masks(torch.ones(2, 3)), 'maps'),
        (lambda: box_masks(torch.ones(1, 2, 3), 1), 'threshold'),
    ],
)
def test_errors(call, words):
    with pytest.raises(ValueError, match=words) as error:
        call()
    assert '\n' not in str(error.value)
