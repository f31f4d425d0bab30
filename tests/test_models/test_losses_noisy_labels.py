"""Noise-robust losses in mmseg's heads: averages, samplers, and crops that are ignored."""

import pytest
import torch
from mmengine.logging import MessageHub
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmwsl.functional import (
    bootstrapped_cross_entropy,
    clip_losses,
    generalized_cross_entropy,
    noisy_pixels,
    smoothed_cross_entropy,
    symmetric_cross_entropy,
)
from mmwsl.models.losses import (
    BootstrappedCrossEntropyLoss,
    GeneralizedCrossEntropyLoss,
    RobustCrossEntropyLoss,
    SymmetricCrossEntropyLoss,
)
from mmwsl.registry import MODELS

LOSSES = [
    dict(type='mmwsl.GeneralizedCrossEntropyLoss'),
    dict(type='mmwsl.SymmetricCrossEntropyLoss'),
    dict(type='mmwsl.BootstrappedCrossEntropyLoss'),
    dict(type='mmwsl.BootstrappedCrossEntropyLoss', hard=True),
    dict(type='mmwsl.RobustCrossEntropyLoss', smoothing=0.1),
    dict(type='mmwsl.RobustCrossEntropyLoss', balanced=True),
    dict(type='mmwsl.GeneralizedCrossEntropyLoss', clipping=dict(block=3), filtering=dict(min_pixels=2)),
]
STOCK = dict(type='mmseg.CrossEntropyLoss', avg_non_ignore=True)  # what the psl configs use
SCORES = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
LABELS = torch.randint(0, 3, (2, 4, 4), generator=torch.Generator().manual_seed(1))
LABELS[:, 0] = 255


@pytest.mark.parametrize(
    ('loss', 'values'),
    [
        (GeneralizedCrossEntropyLoss(q=0.4), lambda: generalized_cross_entropy(SCORES, LABELS, 0.4)),
        (SymmetricCrossEntropyLoss(2.0, 3.0, -5.0), lambda: symmetric_cross_entropy(SCORES, LABELS, 2.0, 3.0, -5.0)),
        (BootstrappedCrossEntropyLoss(), lambda: bootstrapped_cross_entropy(SCORES, LABELS, 0.95)),
        (BootstrappedCrossEntropyLoss(hard=True), lambda: bootstrapped_cross_entropy(SCORES, LABELS, 0.8, hard=True)),
        (RobustCrossEntropyLoss(0.4), lambda: smoothed_cross_entropy(SCORES, LABELS, 0.4)),
    ],
)
def test_average_over_labeled_pixels(loss, values):
    torch.testing.assert_close(loss(SCORES, LABELS), values()[LABELS != 255].mean())
    weight = torch.rand(LABELS.shape)
    torch.testing.assert_close(loss(SCORES, LABELS, weight), (values() * weight)[LABELS != 255].mean())
    torch.testing.assert_close(loss(SCORES, LABELS, reduction_override='none'), values())


@pytest.mark.parametrize('loss', LOSSES)
def test_weight_and_name(loss):
    value = MODELS.build(loss)(SCORES, LABELS)
    torch.testing.assert_close(MODELS.build(dict(loss, loss_weight=3.0))(SCORES, LABELS), 3 * value)
    assert MODELS.build(dict(loss, loss_name='loss_ce')).loss_name == 'loss_ce'


def test_cross_entropy_without_options_is_the_stock_loss():
    expected = MODELS.build(STOCK)(SCORES, LABELS, ignore_index=255)
    torch.testing.assert_close(RobustCrossEntropyLoss()(SCORES, LABELS), expected)


def test_the_steps_combine_in_their_order():
    """Ignore noisy labels, limit the losses of the other pixels, balance; each step changes the result."""
    torch.manual_seed(0)
    scores, labels = torch.randn(2, 3, 40, 40) / 4, torch.randint(0, 3, (2, 40, 40))
    scores[:, 0, :10] += 8  # labels of the foreground have a high loss here
    labels[:, 12:14] = 255
    filtering, clipping = dict(min_pixels=100), dict(block=16, start=5.0)
    losses = smoothed_cross_entropy(scores, labels, 0.1)
    used = labels != 255
    noisy = noisy_pixels(losses, labels, used, min_pixels=100)
    assert noisy.any() and not noisy[:, 10:].any()
    limited = clip_losses(losses.masked_fill(noisy, 0.0), used & ~noisy, 16, 5.0)
    background, foreground = limited[used & ~noisy & (labels == 0)], limited[used & ~noisy & (labels > 0)]
    loss = RobustCrossEntropyLoss(0.1, filtering=filtering, clipping=clipping, balanced=True)
    torch.testing.assert_close(loss(scores, labels), (background.mean() + foreground.mean()) / 2)
    steps = dict(filtering=filtering, clipping=clipping, balanced=True)
    for name in steps:
        other = RobustCrossEntropyLoss(0.1, **{key: value for key, value in steps.items() if key != name})
        assert (other(scores, labels) - loss(scores, labels)).abs() > 1e-3, name


def test_a_noisy_pixel_has_no_gradient():
    torch.manual_seed(0)
    scores, labels = torch.randn(1, 2, 40, 40) / 4, torch.ones(1, 40, 40, dtype=torch.long)
    scores[:, 0, :10] += 8
    scores.requires_grad_()
    RobustCrossEntropyLoss(filtering=dict(min_pixels=100))(scores, labels).backward()
    touched = scores.grad.abs().sum(1) > 0
    assert not touched[:, :10].any() and touched[:, 10:].all()


def test_filtering_begins_at_its_iteration():
    torch.manual_seed(0)
    scores, labels = torch.randn(1, 2, 40, 40) / 4, torch.ones(1, 40, 40, dtype=torch.long)
    scores[:, 0, :10] += 8
    loss, plain = RobustCrossEntropyLoss(filtering=dict(min_pixels=100, begin=5)), RobustCrossEntropyLoss()
    hub = MessageHub.get_current_instance()
    before = hub.runtime_info.get('iter')
    try:
        hub.update_info('iter', 4)
        assert loss(scores, labels) == plain(scores, labels)
        hub.update_info('iter', 5)
        assert loss(scores, labels) < plain(scores, labels) / 2
    finally:
        hub.runtime_info.pop('iter') if before is None else hub.update_info('iter', before)


@pytest.mark.parametrize(
    'options, error, message',
    [
        (dict(clipping=dict(block=0)), ValueError, '`block` must be an integer of at least 1'),
        (dict(filtering=dict(min_prob=2)), ValueError, r'`min_prob` in \[0, 1\]'),
        (dict(filtering=dict(begin=-1)), ValueError, '`begin` must be an integer of at least 0, got -1'),
        (dict(filtering=dict(threshold=1)), TypeError, 'threshold'),
        (dict(smoothing=-1.0), ValueError, r'`smoothing` must be in \[0, 1\], got -1.0'),
    ],
)
def test_wrong_options_raise_when_the_loss_is_built(options, error, message):
    with pytest.raises(error, match=message):
        RobustCrossEntropyLoss(**options)


def _head(loss, **kwargs):
    return MODELS.build(
        dict(
            type='mmseg.FCNHead',
            in_channels=5,
            channels=4,
            num_convs=1,
            concat_input=False,
            num_classes=3,
            dropout_ratio=0.0,
            align_corners=False,
            loss_decode=loss,
            **kwargs,
        )
    )


def _loss(head, mask):
    features = [torch.randn(2, 5, 4, 4, generator=torch.Generator().manual_seed(2))]
    samples = [SegDataSample(gt_sem_seg=PixelData(data=image[None])) for image in mask]
    return head.loss(features, samples, None)


@pytest.mark.parametrize('sampler', [None, dict(type='OHEMPixelSampler', thresh=0.7, min_kept=10)])
@pytest.mark.parametrize('loss', [STOCK, *LOSSES, [STOCK, *LOSSES]])
def test_a_batch_of_ignored_pixels_is_zero_with_a_gradient(loss, sampler):
    head = _head(loss, sampler=sampler)
    losses = _loss(head, torch.full((2, 16, 16), 255))
    total = sum(value for name, value in losses.items() if 'loss' in name)
    total.backward()
    assert total == 0
    assert all(parameter.grad is not None and not parameter.grad.any() for parameter in head.parameters())


@pytest.mark.parametrize('loss', [STOCK, *LOSSES])
def test_ignored_images_do_not_change_the_loss_of_other_images(loss):
    mask = torch.randint(0, 3, (2, 16, 16), generator=torch.Generator().manual_seed(3))
    mask[1] = 255
    head = _head(loss)
    ((key, both),) = ((key, value) for key, value in _loss(head, mask).items() if 'loss' in key)
    mask[1] = mask[0]
    head.loss_decode.loss_weight = 2.0
    scores = head([torch.randn(2, 5, 4, 4, generator=torch.Generator().manual_seed(2))])
    alone = head.loss_by_feat(scores[:1], [SegDataSample(gt_sem_seg=PixelData(data=mask[:1]))])[key]
    torch.testing.assert_close(2 * both, alone)


@pytest.mark.parametrize('loss', LOSSES)
def test_the_head_trains(loss):
    torch.manual_seed(0)
    head, mask = _head(loss), torch.zeros(2, 16, 16, dtype=torch.long)
    mask[:, :8], mask[:, 7:9] = 1, 255
    optimizer = torch.optim.SGD(head.parameters(), lr=0.1, momentum=0.9)
    values = []
    for _ in range(20):
        value = _loss(head, mask)['loss_noisy']
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        values.append(value.item())
    assert values[-1] < 0.9 * values[0]
