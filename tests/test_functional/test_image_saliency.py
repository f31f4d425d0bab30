"""Saliency from colors alone, against other implementations of the definitions."""

import numpy as np
import pytest
import torch
from scipy.ndimage import convolve1d
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import dijkstra

from mmwsl.functional import calibrate_saliency, frequency_tuned_saliency, geodesic_saliency, superpixel_graph


def _noise(*shape, seed=0):
    return 100 * torch.rand(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize('size', [(9, 12), (1, 7), (3, 1)])
def test_frequency_tuned_saliency_is_the_distance_of_the_blurred_to_the_mean_color(size):
    lab = _noise(3, *size)
    blurred = lab.numpy()
    for axis in (1, 2):
        blurred = convolve1d(blurred, np.array([1, 4, 6, 4, 1]) / 16, axis, mode='nearest')
    expected = np.sqrt(((blurred - lab.numpy().mean((1, 2), keepdims=True)) ** 2).sum(0))
    np.testing.assert_allclose(frequency_tuned_saliency(lab), expected / expected.max(), rtol=1e-12)


def test_an_image_of_one_color_has_no_saliency():
    assert not frequency_tuned_saliency(torch.full((3, 5, 6), 53.585)).any()
    edges, _ = superpixel_graph(torch.arange(9).view(3, 3))
    border = torch.ones(9, dtype=torch.bool).index_fill(0, torch.tensor(4), False)
    assert not geodesic_saliency(torch.full((9, 3), 53.585), edges, border).any()


def test_geodesic_saliency_is_the_shortest_path_to_the_border():
    ids = torch.arange(42).view(6, 7)
    edges, _ = superpixel_graph(ids)
    colors = _noise(42, 3)
    border = torch.zeros(6, 7, dtype=torch.bool)
    border[[0, -1]], border[:, [0, -1]] = True, True
    border = border.flatten()
    steps = np.linalg.norm((colors[edges[:, 0]] - colors[edges[:, 1]]).numpy(), axis=1)
    nearest = [steps[(edges == node).any(1).numpy()].min() for node in range(42)]
    weights = np.maximum(steps - np.mean(nearest), 1e-12)  # 0 would be no edge
    graph = coo_matrix((weights, edges.T.numpy()), (42, 42))
    expected = dijkstra(graph, directed=False, indices=border.nonzero()[:, 0].numpy(), min_only=True)
    found = geodesic_saliency(colors, edges, border)
    np.testing.assert_allclose(found, expected / expected.max(), atol=1e-10)
    assert found.amax() == 1 and not found[border].any()


def test_an_object_is_salient_and_a_smooth_background_is_not():
    """Along the background the color changes slowly, in all by more than from the object to its neighbors."""
    ids = torch.arange(25).view(5, 5)
    edges, _ = superpixel_graph(ids)
    colors = (10.0 * ids.div(5, rounding_mode='floor').flatten())[:, None].repeat(1, 3)
    colors[12] += 15
    border = torch.ones(5, 5, dtype=torch.bool)
    border[1:4, 1:4] = False
    found = geodesic_saliency(colors, edges, border.flatten())
    others = torch.arange(25) != 12
    assert found[12] == 1 and found[others].amax() < 0.5


def test_calibration_puts_the_adaptive_threshold_at_the_half():
    saliency = (_noise(9, 12) / 100) ** 4
    found, threshold = calibrate_saliency(saliency), 2 * saliency.mean()
    assert threshold < 0.5 and torch.equal(found > 0.5, saliency > threshold)
    low = found < 1
    torch.testing.assert_close(found[low], 0.5 * saliency[low] / threshold)
    assert found.amax() == 1 and low.any() and not low.all()
    broad = 0.5 + saliency / 2
    assert torch.equal(calibrate_saliency(broad), broad)
    assert not calibrate_saliency(torch.zeros(2, 2)).any()


@pytest.mark.parametrize(
    ('call', 'message'),
    [
        (lambda: frequency_tuned_saliency(torch.zeros(4, 4)), r'`lab` must be \(3, H, W\) .* got \(4, 4\)'),
        (lambda: geodesic_saliency(torch.zeros(4, 3), torch.zeros(0, 2).long(), torch.ones(3).bool()), r'got \(4, 3\)'),
        (
            lambda: geodesic_saliency(torch.zeros(2, 3), torch.zeros(0, 2).long(), torch.eye(2)[0].bool()),
            '`border` must',
        ),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()
