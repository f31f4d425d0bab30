"""Saliency maps as soft labels, from the data sample to the loss."""

import pytest
import torch
from mmengine.structures import LabelData, PixelData
from mmseg.structures import SegDataSample
from torch.nn import functional as F

from mmwsl.functional import score_map_cross_entropy
from mmwsl.models.losses import SaliencyCrossEntropyLoss, WeakSupervision
from mmwsl.registry import MODELS

LABELS = torch.tensor([[1.0, 0.0, 1.0], [1.0, 1.0, 0.0]])
VALID = torch.ones(2, 4, 4, dtype=torch.bool)


def _rand(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def test_the_loss_of_the_paper():
    scores, saliency = 3 * _rand(2, 3, 4, 4), _rand(2, 4, 4, seed=1)
    logs = scores.log_softmax(1)
    own = torch.stack([logs[0, 2], logs[1, 1]])
    expected = -(saliency * own + (1 - saliency) * logs[:, 0]).mean()
    found = SaliencyCrossEntropyLoss()(scores, WeakSupervision(LABELS, VALID, saliency=list(saliency)))
    torch.testing.assert_close(found, expected)


def test_an_image_with_a_mask_needs_no_map():
    scores, saliency, mask = 3 * _rand(2, 3, 4, 4), _rand(4, 4, seed=1), torch.full((4, 4), -1)
    mask[0] = 2
    loss = SaliencyCrossEntropyLoss()
    found = loss(scores, WeakSupervision(LABELS, VALID, [mask, None], saliency=[None, saliency]))
    alone = loss(scores[1:], WeakSupervision(LABELS[1:], VALID[1:], saliency=[saliency]))
    expected = (score_map_cross_entropy(scores[:1], mask[None])[0] + alone) / 2
    torch.testing.assert_close(found, expected)
    # The map of an image with a mask is not used, and the map of the other image is found beside it.
    both = WeakSupervision(LABELS, VALID, [mask, None], saliency=[1 - saliency, saliency])
    torch.testing.assert_close(loss(scores, both), expected)
    torch.testing.assert_close(both.select([1]).saliency, [saliency])


@pytest.mark.parametrize('saliency', [None, [None, None], [torch.zeros(4, 4), None]])
def test_an_image_without_mask_and_map_is_an_error(saliency):
    with pytest.raises(ValueError, match=r'a mask or a saliency map, got [01] maps for 2 images'):
        SaliencyCrossEntropyLoss()(torch.zeros(2, 3, 4, 4), WeakSupervision(LABELS, VALID, saliency=saliency))


def _head():
    return MODELS.build(
        dict(
            type='mmwsl.LSEAggregationHead',
            in_channels=2,
            num_classes=3,
            hidden_channels=(),
            kernel_size=1,
            background=dict(type='mmwsl.LearnedBackground'),
            loss_decode=dict(type='mmwsl.SaliencyCrossEntropyLoss', loss_name='loss_stc'),
        )
    )


def _sample(saliency, padding=(0, 0, 0, 0), shape=None):
    shape = tuple(saliency.shape) if shape is None else shape
    sample = SegDataSample(metainfo=dict(img_shape=shape, padding_size=padding))
    sample.gt_label = LabelData(label=torch.tensor([2]), score=torch.tensor([-1.0, 0.0, 1.0]))
    sample.saliency = PixelData(data=saliency[None])
    return sample


def test_maps_are_averaged_to_the_score_map_and_padding_does_not_count():
    """A padded image has the loss of its locations; zeros of the padding do not reach its last locations."""
    head, features = _head(), _rand(1, 2, 4, 6)
    saliency = torch.full((16, 16), 0.75)
    saliency[:8, :8] = 0.25
    found = head.loss([features], [_sample(saliency, (0, 8, 0, 0))], None)['loss_stc']
    logs = head([features]).log_softmax(1)[0, :, :, :4]
    # Of the size of 4 x 4 pixels, weights reach beyond a location: those of the corner that are not next to the edge.
    targets = F.interpolate(
        F.pad(saliency[None, None], (0, 8, 0, 0), 'replicate'), (4, 6), mode='bilinear', antialias=True
    )[0, 0, :, :4]
    assert 0.25 < targets.min() < 0.3 and targets[:, -1].min() == pytest.approx(0.75)
    torch.testing.assert_close(found, -(targets * logs[2] + (1 - targets) * logs[0]).mean())
    changed = features.clone()
    changed[..., 4:] = 50
    torch.testing.assert_close(head.loss([changed], [_sample(saliency, (0, 8, 0, 0))], None)['loss_stc'], found)


def test_a_map_that_was_not_transformed_with_its_image_is_an_error():
    with pytest.raises(ValueError, match=r'`saliency` must have the size \(16, 20\) .* got \(8, 10\)'):
        _head().loss([_rand(1, 2, 4, 5)], [_sample(torch.zeros(8, 10), shape=(16, 20))], None)


def test_background_of_independent_classes_is_refused():
    with pytest.raises(ValueError, match='SaliencyCrossEntropyLoss'):
        MODELS.build(
            dict(
                type='mmwsl.LSEAggregationHead',
                in_channels=2,
                num_classes=3,
                background=dict(type='mmwsl.ConstantBackground'),
                loss_decode=dict(type='mmwsl.SaliencyCrossEntropyLoss'),
            )
        )
