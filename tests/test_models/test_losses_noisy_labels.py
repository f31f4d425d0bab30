"""Noise-robust losses in mmseg's heads: averages, samplers, and crops that are ignored."""

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmwsl.functional import bootstrapped_cross_entropy, generalized_cross_entropy, symmetric_cross_entropy
from mmwsl.models.losses import BootstrappedCrossEntropyLoss, GeneralizedCrossEntropyLoss, SymmetricCrossEntropyLoss
from mmwsl.registry import MODELS

LOSSES = [
    dict(type='mmwsl.GeneralizedCrossEntropyLoss'),
    dict(type='mmwsl.SymmetricCrossEntropyLoss'),
    dict(type='mmwsl.BootstrappedCrossEntropyLoss'),
    dict(type='mmwsl.BootstrappedCrossEntropyLoss', hard=True),
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
