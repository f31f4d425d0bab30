"""Losses of score maps together: image-level labels, masks beside them, padding, and averages."""

import pytest
import torch

from mmwsl.functional import score_map_binary_cross_entropy, score_map_cross_entropy
from mmwsl.models.losses import (
    CCNNLoss,
    EMAdaptLoss,
    EMFixedLoss,
    MaskBinaryCrossEntropyLoss,
    MaskCrossEntropyLoss,
    MILFCNLoss,
    WeakSupervision,
)

WEAK = [MILFCNLoss, EMFixedLoss, EMAdaptLoss, CCNNLoss]
LABELS = torch.tensor([[1.0, 1.0, 0.0, 0.0], [1.0, 0.0, 1.0, -1.0]])
VALID = torch.ones(2, 6, 6, dtype=torch.bool)
VALID[1, 4:] = False
SUPERVISION = WeakSupervision(LABELS, VALID)


def _scores(*shape, seed=0):
    return 2 * torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def _mask(seed=0):
    return torch.randint(-1, 4, (6, 6), generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize('loss', WEAK)
def test_background_alone_is_cross_entropy(loss):
    """All latent labels of a background image are background, whatever the fractions and bounds."""
    scores, valid = _scores(1, 3, 4, 4), torch.ones(1, 4, 4, dtype=torch.bool)
    value = loss()(scores, WeakSupervision(torch.tensor([[1.0, 0.0, 0.0]]), valid))
    log_probs = scores.log_softmax(1)[0, 0]
    torch.testing.assert_close(value, -(log_probs.amax() if loss is MILFCNLoss else log_probs.mean()))


@pytest.mark.parametrize('loss', WEAK)
def test_average_over_images_that_have_a_label(loss):
    torch.manual_seed(0)  # the order of EM-Adapt matters little with one foreground class
    scores = _scores(3, 4, 6, 6)
    batch = WeakSupervision(torch.cat([LABELS, torch.full((1, 4), -1.0)]), torch.cat([VALID, VALID[:1]]))
    alone = [loss()(scores[[n]], batch.select([n])) for n in range(2)]
    torch.testing.assert_close(loss()(scores, batch), sum(alone) / 2, rtol=1e-4, atol=0)


@pytest.mark.parametrize('loss', [*WEAK, MaskCrossEntropyLoss, MaskBinaryCrossEntropyLoss])
def test_an_image_with_a_mask_is_supervised_by_its_mask(loss):
    scores, mask = _scores(2, 4, 6, 6), _mask()
    definition = score_map_cross_entropy if loss.uses_softmax else score_map_binary_cross_entropy
    expected = definition(scores[:1], mask[None])[0]
    if loss in WEAK:
        expected = (expected + loss()(scores[1:], SUPERVISION.select([1]))) / 2
    torch.testing.assert_close(loss()(scores, WeakSupervision(LABELS, VALID, [mask, None])), expected)
    unknown = LABELS.clone()
    unknown[0] = -1
    torch.testing.assert_close(loss()(scores, WeakSupervision(unknown, VALID, [mask, None])), expected)


def test_padding_of_a_mask_does_not_count():
    scores = _scores(2, 4, 6, 6)
    mask = _mask().clamp(min=0)
    supervision = WeakSupervision(LABELS, VALID, [None, mask])
    value = MILFCNLoss()(scores, supervision)
    mask[4:] = 3
    torch.testing.assert_close(MILFCNLoss()(scores, supervision), value)


@pytest.mark.parametrize('loss', WEAK)
def test_unknown_classes_and_padding_do_not_contribute(loss):
    scores = _scores(2, 4, 6, 6).requires_grad_()
    value = loss()(scores, SUPERVISION)
    value.backward()
    assert not scores.grad[1, 3].any() and not scores.grad[1, :, 4:].any() and scores.grad[1, :3, :4].any()
    changed = scores.detach().clone()
    changed[1, 3], changed[1, :, 4:] = 40.0, 60.0
    torch.testing.assert_close(loss()(changed, SUPERVISION), value.detach())


@pytest.mark.parametrize('loss', [*WEAK, MaskCrossEntropyLoss])
@pytest.mark.parametrize('masks', [None, [torch.full((6, 6), -1), None], [torch.full((6, 6), -1)] * 2])
@pytest.mark.parametrize('label', [-1.0, 0.0])
def test_no_usable_label_is_zero_with_a_gradient(loss, masks, label):
    scores = _scores(2, 4, 6, 6).requires_grad_()
    value = loss()(scores, WeakSupervision(torch.full((2, 4), label), VALID, masks))
    value.backward()
    assert value == 0 and scores.grad is not None and not scores.grad.any()


@pytest.mark.parametrize('loss', WEAK)
def test_half_precision_and_huge_scores_stay_finite(loss):
    scores = (1e4 * _scores(2, 4, 6, 6)).bfloat16().requires_grad_()
    value = loss()(scores, SUPERVISION)
    value.backward()
    assert value.dtype == torch.float32 and value.isfinite() and scores.grad.isfinite().all()


@pytest.mark.parametrize('loss', WEAK)
def test_weight_and_name(loss):
    scores = _scores(2, 4, 6, 6)
    torch.testing.assert_close(loss(loss_weight=3.0)(scores, SUPERVISION), 3 * loss()(scores, SUPERVISION))
    assert loss(loss_name='loss_other').loss_name == 'loss_other'


def test_arguments_may_be_integers():
    scores = _scores(2, 4, 6, 6)
    for integer, real in (
        (EMFixedLoss(5, 3), EMFixedLoss(5.0, 3.0)),
        (CCNNLoss(foreground_area=0), CCNNLoss(foreground_area=0.0)),
    ):
        torch.testing.assert_close(integer(scores, SUPERVISION), real(scores, SUPERVISION))


@pytest.mark.parametrize(
    ('build', 'message'),
    [
        (lambda: EMAdaptLoss(foreground_portion=1.2), '`foreground_portion` must be in .* got 1.2'),
        (lambda: EMAdaptLoss(background_portion=-0.1), '`background_portion` must be in'),
        (lambda: EMAdaptLoss(sweeps=0), '`sweeps` must be at least 1, got 0'),
        (lambda: CCNNLoss(background_area=(0.7, 0.3)), r'`background_area` must be .* got \(0.7, 0.3\)'),
        (lambda: CCNNLoss(foreground_area=5), '`foreground_area` must be in .* got 5'),
        (lambda: CCNNLoss(slack=-1.0), '`slack` must be non-negative, got -1.0'),
    ],
)
def test_bad_arguments(build, message):
    with pytest.raises(ValueError, match=message):
        build()
