"""Noise-robust losses: formulas, limits, gradients and ignored labels."""

import pytest
import torch
from torch.nn import functional as F

from mmwsl.functional import (
    bootstrapped_cross_entropy,
    generalized_cross_entropy,
    smoothed_cross_entropy,
    symmetric_cross_entropy,
)

SCORES = torch.randn(2, 4, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 2
LABELS = torch.randint(0, 4, (2, 3, 3), generator=torch.Generator().manual_seed(1))
CROSS_ENTROPY = F.cross_entropy(SCORES, LABELS, reduction='none')
LOSSES = [
    generalized_cross_entropy,
    symmetric_cross_entropy,
    bootstrapped_cross_entropy,
    lambda scores, labels, **kwargs: bootstrapped_cross_entropy(scores, labels, 0.8, hard=True, **kwargs),
    lambda scores, labels, **kwargs: smoothed_cross_entropy(scores, labels, 0.4, **kwargs),
]


def _locations():
    """Return the probabilities and the label of every location."""
    probs = SCORES.softmax(1).movedim(1, -1).reshape(-1, 4)
    return zip(probs, LABELS.flatten().tolist(), strict=True)


def test_generalized_is_the_papers_formula():
    expected = [(1 - p[y] ** 0.7) / 0.7 for p, y in _locations()]
    torch.testing.assert_close(generalized_cross_entropy(SCORES, LABELS).flatten(), torch.stack(expected))


def test_generalized_is_between_cross_entropy_and_absolute_error():
    torch.testing.assert_close(generalized_cross_entropy(SCORES, LABELS, q=0.0), CROSS_ENTROPY)
    torch.testing.assert_close(generalized_cross_entropy(SCORES, LABELS, q=1e-9), CROSS_ENTROPY)
    error = (SCORES.softmax(1) - F.one_hot(LABELS, 4).movedim(-1, 1)).abs().sum(1)
    torch.testing.assert_close(2 * generalized_cross_entropy(SCORES, LABELS, q=1.0), error)


def test_generalized_gradient_is_the_cross_entropy_gradient_times_a_power():
    scores = SCORES.clone().requires_grad_()
    (robust,) = torch.autograd.grad(generalized_cross_entropy(scores, LABELS, q=0.4).sum(), scores)
    (plain,) = torch.autograd.grad(F.cross_entropy(scores, LABELS, reduction='sum'), scores)
    torch.testing.assert_close(robust, plain * (-CROSS_ENTROPY).exp().pow(0.4)[:, None])


def test_symmetric_is_cross_entropy_both_ways():
    expected = []
    for p, y in _locations():
        log_labels = torch.full((4,), -5.0, dtype=torch.float64)
        log_labels[y] = 0.0
        expected.append(-0.3 * p[y].log() - 2.0 * (p * log_labels).sum())
    value = symmetric_cross_entropy(SCORES, LABELS, alpha=0.3, beta=2.0, log_zero=-5.0)
    torch.testing.assert_close(value.flatten(), torch.stack(expected))


def test_limits_of_symmetric():
    torch.testing.assert_close(symmetric_cross_entropy(SCORES, LABELS, alpha=1.0, beta=0.0), CROSS_ENTROPY)
    error = (SCORES.softmax(1) - F.one_hot(LABELS, 4).movedim(-1, 1)).abs().sum(1)
    torch.testing.assert_close(symmetric_cross_entropy(SCORES, LABELS, 0.0, 1.0, log_zero=-2.0), error)


@pytest.mark.parametrize('hard', [False, True])
def test_bootstrapping_mixes_label_and_prediction(hard):
    expected = []
    for p, y in _locations():
        prediction = F.one_hot(p.argmax(), 4) if hard else p
        expected.append(-((0.6 * F.one_hot(torch.tensor(y), 4) + 0.4 * prediction) * p.log()).sum())
    value = bootstrapped_cross_entropy(SCORES, LABELS, 0.6, hard)
    torch.testing.assert_close(value.flatten(), torch.stack(expected))
    torch.testing.assert_close(bootstrapped_cross_entropy(SCORES, LABELS, 1.0, hard), CROSS_ENTROPY)


def test_only_soft_bootstrapping_is_an_entropy_penalty():
    scores = torch.tensor([[2.0, 0.0, -1.0]], dtype=torch.float64, requires_grad=True)
    labels, p = torch.tensor([1]), scores.softmax(1)
    (soft,) = torch.autograd.grad(bootstrapped_cross_entropy(scores, labels, 0.0).sum(), scores)
    (entropy,) = torch.autograd.grad(-(p * p.log()).sum(), scores)
    torch.testing.assert_close(soft, entropy)
    (hard,) = torch.autograd.grad(bootstrapped_cross_entropy(scores, labels, 0.0, hard=True).sum(), scores)
    torch.testing.assert_close(hard, (p - F.one_hot(torch.tensor([0]), 3)).detach())


def test_smoothed_labels_are_those_of_the_paper():
    """AMN, 7 classes: 0.6 on the label, 0.0667 on the others."""
    targets = torch.full((7,), 0.4 / 6, dtype=torch.float64)
    targets[2] = 0.6
    assert targets.sum().item() == pytest.approx(1) and targets[0].item() == pytest.approx(0.0667, abs=1e-4)
    scores = torch.randn(1, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    expected = -(targets * scores.log_softmax(1)).sum()
    torch.testing.assert_close(smoothed_cross_entropy(scores, torch.tensor([2]), 0.4)[0], expected)
    of_torch = F.cross_entropy(SCORES, LABELS, label_smoothing=0.3 * 4 / 3, reduction='none')
    torch.testing.assert_close(smoothed_cross_entropy(SCORES, LABELS, 0.3), of_torch)
    torch.testing.assert_close(smoothed_cross_entropy(SCORES, LABELS), CROSS_ENTROPY)


@pytest.mark.parametrize('loss', LOSSES)
def test_gradients(loss):
    labels = LABELS[:1, :2, :2].clone()
    labels[0, 0, 0] = 255
    assert torch.autograd.gradcheck(lambda scores: loss(scores, labels), SCORES[:1, :, :2, :2].clone().requires_grad_())


@pytest.mark.parametrize('loss', LOSSES)
@pytest.mark.parametrize('ignore_index', [255, -1, 0])
def test_ignored_labels_have_no_loss_and_no_gradient(loss, ignore_index):
    labels = LABELS.clone()
    labels[0, :, 1] = labels[1, 2] = ignore_index
    scores = SCORES.clone().requires_grad_()
    values = loss(scores, labels, ignore_index=ignore_index)
    values.sum().backward()
    ignored = labels == ignore_index
    assert not values[ignored].any() and not scores.grad.movedim(1, -1)[ignored].any()
    torch.testing.assert_close(values[~ignored], loss(SCORES, LABELS)[~ignored])


@pytest.mark.parametrize('loss', LOSSES)
def test_a_wrong_label_has_a_smaller_gradient_than_in_cross_entropy(loss):
    scores = torch.tensor([[6.0, 0.0, 0.0]], dtype=torch.float64, requires_grad=True)
    labels = torch.tensor([1])
    right, wrong = loss(scores.detach(), torch.tensor([0])), loss(scores, labels)
    assert 0 <= right < wrong
    (robust,) = torch.autograd.grad(wrong.sum(), scores)
    (plain,) = torch.autograd.grad(F.cross_entropy(scores, labels), scores)
    assert robust.norm() < plain.norm()


@pytest.mark.parametrize('loss', LOSSES)
@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_and_huge_scores_stay_finite(loss, dtype):
    scores = (SCORES * 1e4).clamp(-6e4, 6e4).to(dtype).requires_grad_()
    values = loss(scores, LABELS)
    values.sum().backward()
    assert values.dtype == torch.float32 and values.isfinite().all() and scores.grad.isfinite().all()


@pytest.mark.parametrize(
    ('call', 'message'),
    [
        (lambda: generalized_cross_entropy(SCORES, LABELS, q=1.5), r'`q` must be in \[0, 1\], got 1.5'),
        (
            lambda: symmetric_cross_entropy(SCORES, LABELS, alpha=-1.0),
            '`alpha` and `beta` must be non-negative, got -1.0',
        ),
        (
            lambda: symmetric_cross_entropy(SCORES, LABELS, log_zero=0.0),
            '`log_zero`, the value for log 0, must be negative, got 0.0',
        ),
        (lambda: bootstrapped_cross_entropy(SCORES, LABELS, beta=-0.1), r'`beta` must be in \[0, 1\], got -0.1'),
        (lambda: smoothed_cross_entropy(SCORES, LABELS, 2.0), r'`smoothing` must be in \[0, 1\], got 2.0'),
    ],
)
def test_bad_settings(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize('loss', LOSSES)
def test_bad_labels(loss):
    with pytest.raises(ValueError, match=r'`labels` must be \(N, ...\) .* got \(2, 3\) for \(2, 4, 3, 3\)'):
        loss(SCORES, LABELS[:, 0])
    with pytest.raises(ValueError, match=r'classes 0 to 3 or ignore_index=255, got \[-1, 7\]'):
        loss(SCORES, LABELS.masked_fill(LABELS == 1, 7).masked_fill(LABELS == 2, -1))
