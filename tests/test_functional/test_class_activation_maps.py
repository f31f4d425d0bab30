"""Class activation maps against their definition and limits."""

import pytest
import torch

from mmwsl.functional import class_activation_maps


def _reference(views, normalization):
    maps = torch.zeros_like(views[0])
    for k in range(len(maps)):
        total = sum((view[k] * (view[k] > 0)).double() for view in views)
        low = total.min() if normalization == 'min_max' else 0.0
        maps[k] = (total - low) / (total.max() - low)
    return maps


@pytest.mark.parametrize('normalization', ['max', 'min_max'])
@pytest.mark.parametrize('count', [1, 3])
def test_definition(normalization, count):
    views = [torch.randn(4, 5, 6) + 0.8 for _ in range(count)]
    maps = class_activation_maps(views, normalization)
    torch.testing.assert_close(maps, _reference(views, normalization))
    assert (maps.amax((1, 2)) == 1).all() and maps.amin() >= 0


def test_negative_scores_of_a_view_do_not_reduce_another_view():
    positive, negative = torch.tensor([[[2.0, 4.0]]]), torch.tensor([[[-50.0, -50.0]]])
    assert class_activation_maps([positive, negative]).flatten().tolist() == [0.5, 1.0]


def test_views_are_added_before_they_are_normalized():
    high, low = torch.tensor([[[8.0, 0.0]]]), torch.tensor([[[0.0, 2.0]]])
    assert class_activation_maps([high, low]).flatten().tolist() == [1.0, 0.25]


@pytest.mark.parametrize('normalization', ['max', 'min_max'])
def test_scale_order_and_other_classes_do_not_matter(normalization):
    views = [torch.randn(3, 5, 6) for _ in range(2)]
    maps = class_activation_maps(views, normalization)
    torch.testing.assert_close(class_activation_maps([7 * view for view in views], normalization), maps)
    torch.testing.assert_close(class_activation_maps(views[::-1], normalization), maps)
    torch.testing.assert_close(class_activation_maps([view[1:2] for view in views], normalization), maps[1:2])


def test_a_class_without_positive_scores_is_zero():
    view = torch.stack([torch.full((2, 3), -1e4), torch.full((2, 3), 0.7), torch.rand(2, 3)])
    for normalization, flat in (('max', 1.0), ('min_max', 0.0)):
        maps = class_activation_maps([view], normalization)
        assert (maps[0] == 0).all() and (maps[1] == flat).all() and maps[2].max() == 1


@pytest.mark.parametrize('normalization', ['max', 'min_max'])
def test_gradient(normalization):
    views = [torch.randn(2, 3, 4, dtype=torch.float64, requires_grad=True) for _ in range(2)]
    assert torch.autograd.gradcheck(lambda *v: class_activation_maps(v, normalization), views)


@pytest.mark.parametrize(
    ('views', 'normalization', 'message'),
    [
        ([torch.rand(2, 3, 4)], 'sum', r"must be one of \('max', 'min_max'\), got 'sum'"),
        ([], 'max', r'one or more score maps .* got shapes \[\]'),
        ([torch.rand(3, 4)], 'max', r'got shapes \[\(3, 4\)\]'),
        ([torch.rand(2, 0, 4)], 'max', r'got shapes \[\(2, 0, 4\)\]'),
        ([torch.rand(2, 3, 4), torch.rand(2, 4, 3)], 'max', 'Resize them to the original image size'),
    ],
)
def test_bad_input(views, normalization, message):
    with pytest.raises(ValueError, match=message):
        class_activation_maps(views, normalization)
