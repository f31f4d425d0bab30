"""Average precision loss against a search of all rankings; focal and asymmetric losses; class-balanced weights."""

import itertools
import math

import pytest
import torch
from torch.nn import functional as F

from mmwsl.functional import asymmetric_loss, average_precision_loss, class_balanced_weights, sigmoid_focal_loss

from .helpers import random_scores


def _average_precision(ranking, positives):
    hits, total = 0, 0.0
    for position, image in enumerate(ranking, 1):
        if image in positives:
            hits += 1
            total += hits / position
    return total / len(positives)


def _by_search(scores, labels):
    """Compute the structural hinge loss of one class over every ranking of the images."""
    positives = [i for i, label in enumerate(labels) if label == 1]
    negatives = [i for i, label in enumerate(labels) if label == 0]

    def joint(ranking):
        rank = {image: position for position, image in enumerate(ranking)}
        signs = ((1 if rank[p] < rank[n] else -1) * (scores[p] - scores[n]) for p in positives for n in negatives)
        return sum(signs) / (len(positives) * len(negatives))

    maximum = max(
        1 - _average_precision(ranking, positives) + joint(ranking)
        for ranking in itertools.permutations(positives + negatives)
    )
    return maximum - joint(positives + negatives)


@pytest.mark.parametrize(
    'labels', [[1, 0], [1, 0, 0, 0, 0], [0, 1, 1, 1, 0], [0, 1, 0, 1, 0, 0], [1, 1, 1, 1, 0, 1], [0, 0, 1, -1, 1, 0]]
)
@pytest.mark.parametrize('scale', [0.05, 0.5, 3.0])
def test_average_precision_loss_is_the_maximum_over_all_rankings(labels, scale):
    scores = scale * random_scores(len(labels), 4, seed=len(labels))
    columns = torch.tensor(labels)[:, None].expand(-1, 4)
    expected = [_by_search(column, labels) for column in scores.T.tolist()]
    torch.testing.assert_close(average_precision_loss(scores, columns), torch.tensor(expected, dtype=torch.float64))


def test_average_precision_loss_bounds_one_minus_ap():
    scores, labels = random_scores(12, 6), torch.randint(0, 2, (12, 6), generator=torch.Generator().manual_seed(0))
    losses = average_precision_loss(scores, labels)
    for k in range(6):
        ranking = scores[:, k].argsort(descending=True).tolist()
        assert losses[k] >= 1 - _average_precision(ranking, labels[:, k].nonzero()[:, 0].tolist())


def test_average_precision_loss_limits():
    labels = torch.tensor([[1], [1], [0], [0]])
    far = torch.tensor([[50.0], [40.0], [-40.0], [-50.0]], requires_grad=True)
    value = average_precision_loss(far, labels)
    value.sum().backward()
    assert value == 0 and not far.grad.any()
    assert average_precision_loss(torch.zeros(4, 1), labels).item() == pytest.approx(1 - (1 / 3 + 2 / 4) / 2)
    wrong = average_precision_loss(-far.detach(), labels).item()
    assert wrong == pytest.approx(1 - (1 / 3 + 2 / 4) / 2 + 2 * 90.0)  # the mean difference of the pairs is 90


@pytest.mark.parametrize('column', [[1, 1, 1], [0, 0, 0], [-1, -1, -1], [1, -1, 1]])
def test_average_precision_loss_without_pairs_is_zero(column):
    scores = random_scores(3, 1).requires_grad_()
    value = average_precision_loss(scores, torch.tensor(column)[:, None])
    value.sum().backward()
    assert value == 0 and not scores.grad.any()


def test_average_precision_loss_of_unknown_labels_and_gradient():
    labels = torch.tensor([[1, 0], [0, -1], [-1, 1], [0, 0], [1, 1]])
    scores = (0.3 * random_scores(5, 2)).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: average_precision_loss(x, labels), scores)
    average_precision_loss(scores, labels).sum().backward()
    assert not scores.grad[labels == -1].any()
    assert (scores.grad[labels == 1] <= 0).all() and (scores.grad[labels == 0] >= 0).all() and scores.grad.any()
    changed = scores.detach().masked_fill(labels == -1, 90.0)
    torch.testing.assert_close(average_precision_loss(changed, labels), average_precision_loss(scores.detach(), labels))


def test_average_precision_loss_does_not_depend_on_the_order():
    scores, labels = random_scores(7, 3), torch.randint(-1, 2, (7, 3), generator=torch.Generator().manual_seed(1))
    order = torch.randperm(7, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(
        average_precision_loss(scores[order], labels[order]), average_precision_loss(scores, labels)
    )


def test_shapes_of_average_precision_loss():
    with pytest.raises(ValueError, match=r'must both be \(N, K\), got \(3, 2\) and \(3, 1\)'):
        average_precision_loss(torch.zeros(3, 2), torch.zeros(3, 1))


# Focal and asymmetric losses

LABELS = torch.tensor([[1, 0, 1], [0, 0, 1]])


@pytest.mark.parametrize(('gamma_pos', 'gamma_neg', 'clip'), [(0.0, 4.0, 0.05), (1.0, 2.0, 0.0), (0.5, 0.5, 0.2)])
def test_asymmetric_loss_is_its_formula(gamma_pos, gamma_neg, clip):
    logits = 2 * random_scores(2, 3)
    losses = asymmetric_loss(logits, LABELS, gamma_pos, gamma_neg, clip)
    for logit, label, loss in zip(logits.flatten().tolist(), LABELS.flatten().tolist(), losses.flatten(), strict=True):
        p = 1 / (1 + math.exp(-logit))
        shifted = max(p - clip, 0.0)
        expected = -((1 - p) ** gamma_pos) * math.log(p) if label else -(shifted**gamma_neg) * math.log(1 - shifted)
        assert loss.item() == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize('alpha', [None, 0.25])
def test_focal_loss_is_its_formula(alpha):
    logits = 2 * random_scores(2, 3)
    losses = sigmoid_focal_loss(logits, LABELS, 2.0, alpha)
    for logit, label, loss in zip(logits.flatten().tolist(), LABELS.flatten().tolist(), losses.flatten(), strict=True):
        p = 1 / (1 + math.exp(-logit))
        p_t, alpha_t = (p, alpha) if label else (1 - p, None if alpha is None else 1 - alpha)
        assert loss.item() == pytest.approx(-(alpha_t or 1.0) * (1 - p_t) ** 2 * math.log(p_t))


def test_without_focus_both_are_the_logistic_loss():
    logits = 3 * random_scores(2, 3)
    expected = F.binary_cross_entropy_with_logits(logits, LABELS.double(), reduction='none')
    torch.testing.assert_close(sigmoid_focal_loss(logits, LABELS, 0.0), expected)
    torch.testing.assert_close(asymmetric_loss(logits, LABELS, 0.0, 0.0, 0.0), expected)


@pytest.mark.parametrize(
    'loss',
    [
        lambda x: sigmoid_focal_loss(x, LABELS),
        lambda x: asymmetric_loss(x, LABELS),
        lambda x: asymmetric_loss(x, LABELS, 1.0, 2.0, 0.0),
    ],
)
def test_gradients(loss):
    assert torch.autograd.gradcheck(loss, (2 * random_scores(2, 3)).requires_grad_())


def test_easy_labels_have_small_weights():
    logits = torch.tensor([-4.0, -1.0], requires_grad=True)
    asymmetric_loss(logits, torch.zeros(2)).sum().backward()
    assert logits.grad[0] == 0, 'below the clip'
    assert logits.grad[1] > 0
    plain, focal = (sigmoid_focal_loss(torch.tensor([3.0, -3.0]), torch.ones(2), gamma) for gamma in (0.0, 2.0))
    assert focal[0] / plain[0] < 0.01 < 0.8 < focal[1] / plain[1]


@pytest.mark.parametrize('gamma', [0.0, 0.5, 1.0, 4.0])
@pytest.mark.parametrize('clip', [0.0, 1e-9, 0.05])
@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16])
def test_large_scores_give_finite_losses_and_gradients(gamma, clip, dtype):
    logits = torch.tensor([-1e4, -100.0, 0.0, 100.0, 1e4] * 2, dtype=dtype, requires_grad=True)
    losses = asymmetric_loss(logits, torch.tensor([0] * 5 + [1] * 5), gamma, gamma, clip)
    losses.sum().backward()
    assert losses.dtype == torch.float32 and losses.isfinite().all() and (losses >= 0).all()
    assert logits.grad.isfinite().all()


def test_class_balanced_weights_are_their_formula():
    weights = class_balanced_weights([10, 100, 0, 1000], beta=0.99)
    effective = [(1 - 0.99**n) / (1 - 0.99) for n in (10, 100, 1000)]
    total = sum(1 / n for n in effective)
    expected = [3 / effective[0] / total, 3 / effective[1] / total, 0.0, 3 / effective[2] / total]
    torch.testing.assert_close(weights, torch.tensor(expected))


def test_class_balanced_weights_limits():
    assert class_balanced_weights([5, 50, 500], beta=0.0).tolist() == [1.0, 1.0, 1.0]
    weights = class_balanced_weights([5, 50, 500], beta=1 - 1e-9)
    torch.testing.assert_close(weights / weights[2], torch.tensor([100.0, 10.0, 1.0]), rtol=1e-5, atol=0)


@pytest.mark.parametrize(
    ('call', 'message'),
    [
        (
            lambda: sigmoid_focal_loss(torch.zeros(1), torch.zeros(1), -1.0),
            '`gamma` must be a non-negative finite number',
        ),
        (
            lambda: sigmoid_focal_loss(torch.zeros(1), torch.zeros(1), alpha=2.0),
            r'`alpha` must be in \[0, 1\] or None, got 2.0',
        ),
        (lambda: asymmetric_loss(torch.zeros(1), torch.zeros(1), gamma_neg=math.inf), '`gamma_neg` must be'),
        (lambda: asymmetric_loss(torch.zeros(1), torch.zeros(1), clip=1.0), r'`clip` must be in \[0, 1\), got 1.0'),
        (lambda: class_balanced_weights([1, 2], beta=1.0), r'`beta` must be in \[0, 1\), got 1.0'),
        (lambda: class_balanced_weights([0, 0]), '`counts` must be non-negative, one for each class and not all 0'),
        (lambda: class_balanced_weights([1, -2]), '`counts` must be'),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
