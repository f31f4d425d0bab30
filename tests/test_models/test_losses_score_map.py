"""What losses of score maps have in common: tags, masks beside tags, padding, and averages."""

import pytest
import torch

from mmwsl.functional import score_map_cross_entropy
from mmwsl.models.losses import CCNNLoss, EMAdaptLoss, EMFixedLoss, MaskCrossEntropyLoss, MILFCNLoss

WEAK = [MILFCNLoss, EMFixedLoss, EMAdaptLoss, CCNNLoss]
TAGS = torch.tensor([[1.0, 1.0, 0.0, 0.0], [1.0, 0.0, 1.0, -1.0]])
VALID = torch.ones(2, 6, 6, dtype=torch.bool)
VALID[1, 4:] = False


def _scores(*shape, seed=0):
    return 2 * torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def _mask(seed=0):
    return torch.randint(-1, 4, (6, 6), generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize('loss', WEAK)
def test_background_alone_is_cross_entropy(loss):
    """An image of background has no other latent label than background, whatever the shares and bounds say."""
    scores, valid = _scores(1, 3, 4, 4), torch.ones(1, 4, 4, dtype=torch.bool)
    value = loss()(scores, torch.tensor([[1.0, 0.0, 0.0]]), valid)
    log_probs = scores.log_softmax(1)[0, 0]
    torch.testing.assert_close(value, -(log_probs.amax() if loss is MILFCNLoss else log_probs.mean()))


@pytest.mark.parametrize('loss', WEAK)
def test_average_over_images_that_have_a_tag(loss):
    torch.manual_seed(0)  # the order of EM-Adapt matters little with one foreground class
    scores = _scores(3, 4, 6, 6)
    tags, valid = torch.cat([TAGS, torch.full((1, 4), -1.0)]), torch.cat([VALID, VALID[:1]])
    alone = [loss()(scores[n : n + 1], tags[n : n + 1], valid[n : n + 1]) for n in range(2)]
    torch.testing.assert_close(loss()(scores, tags, valid), sum(alone) / 2, rtol=1e-4, atol=0)


@pytest.mark.parametrize('loss', [*WEAK, MaskCrossEntropyLoss])
def test_a_image_with_a_mask_is_supervised_by_it(loss):
    scores, mask = _scores(2, 4, 6, 6), _mask()
    expected = score_map_cross_entropy(scores[:1], mask[None])[0]
    if loss is not MaskCrossEntropyLoss:
        expected = (expected + loss()(scores[1:], TAGS[1:], VALID[1:])) / 2
    torch.testing.assert_close(loss()(scores, TAGS, VALID, [mask, None]), expected)
    unknown = TAGS.clone()
    unknown[0] = -1
    torch.testing.assert_close(loss()(scores, unknown, VALID, [mask, None]), expected)


def test_padding_of_a_mask_does_not_count():
    scores = _scores(2, 4, 6, 6)
    mask = _mask().clamp(min=0)
    value = MILFCNLoss()(scores, TAGS, VALID, [None, mask])
    mask[4:] = 3
    torch.testing.assert_close(MILFCNLoss()(scores, TAGS, VALID, [None, mask]), value)


@pytest.mark.parametrize('loss', WEAK)
def test_unknown_classes_and_padding_do_not_contribute(loss):
    scores = _scores(2, 4, 6, 6).requires_grad_()
    value = loss()(scores, TAGS, VALID)
    value.backward()
    assert not scores.grad[1, 3].any() and not scores.grad[1, :, 4:].any() and scores.grad[1, :3, :4].any()
    changed = scores.detach().clone()
    changed[1, 3], changed[1, :, 4:] = 40.0, 60.0
    torch.testing.assert_close(loss()(changed, TAGS, VALID), value.detach())


@pytest.mark.parametrize('loss', [*WEAK, MaskCrossEntropyLoss])
@pytest.mark.parametrize('masks', [None, [torch.full((6, 6), -1), None], [torch.full((6, 6), -1)] * 2])
@pytest.mark.parametrize('tag', [-1.0, 0.0])
def test_nothing_to_learn_is_zero_with_a_gradient(loss, masks, tag):
    scores = _scores(2, 4, 6, 6).requires_grad_()
    value = loss()(scores, torch.full((2, 4), tag), VALID, masks)
    value.backward()
    assert value == 0 and scores.grad is not None and not scores.grad.any()


@pytest.mark.parametrize('loss', WEAK)
def test_half_precision_and_huge_scores_stay_finite(loss):
    scores = (1e4 * _scores(2, 4, 6, 6)).bfloat16().requires_grad_()
    value = loss()(scores, TAGS, VALID)
    value.backward()
    assert value.dtype == torch.float32 and value.isfinite() and scores.grad.isfinite().all()


@pytest.mark.parametrize('loss', WEAK)
def test_weight_and_name(loss):
    scores = _scores(2, 4, 6, 6)
    torch.testing.assert_close(loss(loss_weight=3.0)(scores, TAGS, VALID), 3 * loss()(scores, TAGS, VALID))
    assert loss(loss_name='loss_other').loss_name == 'loss_other'


def test_settings_may_be_integers():
    scores = _scores(2, 4, 6, 6)
    for whole, real in (
        (EMFixedLoss(5, 3), EMFixedLoss(5.0, 3.0)),
        (CCNNLoss(foreground_area=0), CCNNLoss(foreground_area=0.0)),
    ):
        torch.testing.assert_close(whole(scores, TAGS, VALID), real(scores, TAGS, VALID))


@pytest.mark.parametrize('loss', WEAK)
@pytest.mark.parametrize('background', [0.0, -1.0])
def test_tags_must_say_that_background_is_present(loss, background):
    tags = TAGS.clone()
    tags[1, 0] = background
    with pytest.raises(ValueError, match=f"{loss.__name__} needs .* background='always'"):
        loss()(_scores(2, 4, 6, 6), tags, VALID)


@pytest.mark.parametrize(
    ('build', 'message'),
    [
        (lambda: EMAdaptLoss(foreground_portion=1.2), '`foreground_portion` is a share .* got 1.2'),
        (lambda: EMAdaptLoss(background_portion=-0.1), '`background_portion` is a share'),
        (lambda: EMAdaptLoss(sweeps=0), '`sweeps` must be at least 1, got 0'),
        (lambda: CCNNLoss(background_area=(0.7, 0.3)), r'`background_area` must be .* got \(0.7, 0.3\)'),
        (lambda: CCNNLoss(foreground_area=5), '`foreground_area` is a share .* got 5'),
        (lambda: CCNNLoss(slack=-1.0), '`slack` must not be negative, got -1.0'),
    ],
)
def test_bad_settings(build, message):
    with pytest.raises(ValueError, match=message):
        build()
