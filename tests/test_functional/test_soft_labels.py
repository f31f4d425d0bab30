"""The multi-label cross-entropy of STC, from its definition."""

import math

import pytest
import torch
from torch.nn import functional as F

from mmwsl.functional import saliency_targets, score_map_kl_divergence, soft_label_cross_entropy

LABELS = torch.tensor([[-1.0, 0.0, 1.0, 0.0], [-1.0, 1.0, 0.0, 0.0]])


def _rand(*shape, seed=0):
    return torch.rand(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def test_targets_are_those_of_the_paper_and_sum_to_one():
    saliency = _rand(2, 3, 5)
    targets = saliency_targets(saliency, LABELS)
    torch.testing.assert_close(targets.sum(1), torch.ones(2, 3, 5, dtype=torch.float64))
    for n, c in ((0, 2), (1, 1)):
        assert torch.equal(targets[n, c], saliency[n]) and torch.equal(targets[n, 0], 1 - saliency[n])
        assert not targets[n, [k for k in (1, 2, 3) if k != c]].any()


def test_several_present_classes_share_the_saliency_and_none_is_background():
    saliency = _rand(2, 2, 2)
    targets = saliency_targets(saliency, torch.tensor([[0.0, 1.0, 1.0, -1.0], [1.0, 0.0, 0.0, -1.0]]))
    torch.testing.assert_close(targets[0], torch.stack([1 - saliency[0], *[saliency[0] / 2] * 2, 0 * saliency[0]]))
    assert (targets[1, 0] == 1).all() and not targets[1, 1:].any()


def test_binary_saliency_is_the_cross_entropy_of_a_mask():
    scores, saliency = 3 * _rand(2, 4, 3, 5), _rand(2, 3, 5, seed=1).round()
    masks = torch.where(saliency == 1, torch.tensor([2, 1])[:, None, None], 0)
    found = soft_label_cross_entropy(scores, saliency_targets(saliency, LABELS))
    torch.testing.assert_close(found, F.cross_entropy(scores, masks, reduction='none').mean((1, 2)))


def test_the_gradient_is_probability_minus_target():
    scores, valid = (3 * _rand(2, 4, 3, 5)).requires_grad_(), torch.ones(2, 3, 5, dtype=torch.bool)
    valid[1, 2:] = False
    targets = saliency_targets(_rand(2, 3, 5, seed=1), LABELS)
    soft_label_cross_entropy(scores, targets, valid=valid).sum().backward()
    expected = (scores.detach().softmax(1) - targets) * valid[:, None] / valid.sum((1, 2))[:, None, None, None]
    torch.testing.assert_close(scores.grad, expected)
    assert torch.autograd.gradcheck(lambda x: soft_label_cross_entropy(x, targets, valid=valid), scores)


def test_the_minimum_of_the_half_is_log_two():
    targets = saliency_targets(torch.full((2, 2, 2), 0.5), LABELS)
    scores = torch.where(targets > 0, 0.0, -1e4)
    torch.testing.assert_close(soft_label_cross_entropy(scores, targets), torch.full((2,), math.log(2)))
    for step in (-1.0, 1.0):
        moved = scores + step * torch.eye(4)[0][None, :, None, None]
        assert (soft_label_cross_entropy(moved, targets) > math.log(2)).all()


def test_it_differs_from_the_divergence_by_the_entropy():
    scores, targets = 5 * _rand(2, 4, 3, 5), _rand(2, 4, 3, 5, seed=1).softmax(1)
    entropy = -(targets * targets.log()).sum(1).mean((1, 2))
    found = soft_label_cross_entropy(scores, targets) - score_map_kl_divergence(scores, targets)
    torch.testing.assert_close(found, entropy)


def test_unknown_classes_get_no_gradient_and_half_precision_stays_finite():
    scores = (1e4 * _rand(2, 4, 3, 5)).bfloat16().requires_grad_()
    labels = LABELS.clone()
    labels[:, 3] = -1
    targets = saliency_targets(_rand(2, 3, 5).float(), labels)
    labels[:, 0] = 1
    loss = soft_label_cross_entropy(scores, targets, labels)
    loss.sum().backward()
    assert loss.dtype == torch.float32 and loss.isfinite().all() and scores.grad.isfinite().all()
    assert not scores.grad[:, 3].any() and scores.grad[:, :3].any()


@pytest.mark.parametrize(
    ('call', 'message'),
    [
        (lambda: saliency_targets(torch.zeros(2, 3), LABELS), r'must be \(N, H, W\) and \(N, K\), got \(2, 3\)'),
        (lambda: saliency_targets(torch.zeros(3, 2, 2), LABELS), r'got \(3, 2, 2\) and \(2, 4\)'),
        (lambda: saliency_targets(torch.full((2, 2, 2), 1.1), LABELS), r'must be in \[0, 1\], got 1.1'),
        (lambda: saliency_targets(torch.full((2, 2, 2), torch.nan), LABELS), r'must be in \[0, 1\], got nan'),
        (lambda: soft_label_cross_entropy(torch.zeros(1, 3, 2, 2), torch.zeros(1, 3, 1, 2)), '`targets` must'),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()
