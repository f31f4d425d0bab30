"""Losses of score maps against loops over locations, with unknown classes and padding."""

import math

import pytest
import torch

from mmwsl.functional import (
    mil_fcn_loss,
    score_map_binary_cross_entropy,
    score_map_cross_entropy,
    score_map_kl_divergence,
)

from .helpers import random_scores

LABELS = torch.tensor([[1, 1, 0, 0], [1, 0, 1, -1], [-1, -1, -1, -1]])


def _valid():
    valid = torch.ones(3, 4, 5, dtype=torch.bool)
    valid[1, :, 3:] = False
    return valid


def _log_probs(scores, labels):
    """Compute the log-softmax by loops: ``table[n][k][i][j]``, None for an unknown class."""
    table = []
    for n, image in enumerate(scores.tolist()):
        known = [k for k in range(len(image)) if labels[n, k] != -1] or [0]
        rows, columns = len(image[0]), len(image[0][0])
        total = [[math.log(sum(math.exp(image[k][i][j]) for k in known)) for j in range(columns)] for i in range(rows)]
        table.append(
            [
                [[image[k][i][j] - total[i][j] for j in range(columns)] for i in range(rows)] if k in known else None
                for k in range(len(image))
            ]
        )
    return table


def _targets(labels, seed=1):
    """Draw random distributions over the known classes."""
    logits = random_scores(3, 4, 4, 5, seed=seed).masked_fill((labels == -1)[:, :, None, None], -torch.inf)
    logits[(labels == -1).all(1)] = 0.0
    return logits.softmax(1)


def test_mil_fcn_loss_is_its_formula():
    scores, valid = random_scores(3, 4, 4, 5), _valid()
    table = _log_probs(scores, LABELS)
    expected = []
    for n in range(3):
        present = [k for k in range(4) if LABELS[n, k] == 1]
        highest = [max(table[n][k][i][j] for i in range(4) for j in range(5) if valid[n, i, j]) for k in present]
        expected.append(-sum(highest) / len(highest) if highest else 0.0)
    torch.testing.assert_close(mil_fcn_loss(scores, LABELS, valid), torch.tensor(expected, dtype=torch.float64))


def test_mil_fcn_gradient_reaches_one_location_for_each_class():
    scores = torch.zeros(1, 3, 2, 2, requires_grad=True)  # all locations are equal
    mil_fcn_loss(scores, torch.tensor([[1, 0, 0]])).sum().backward()
    assert (scores.grad.abs().sum(1) > 0).sum() == 1
    scores = random_scores(1, 3, 6, 6).requires_grad_()
    mil_fcn_loss(scores, torch.tensor([[1, 1, 0]])).sum().backward()
    gradient = scores.grad.abs().sum(1)[0]
    highest = scores.detach().softmax(1)[0, :2].flatten(1).argmax(1)
    assert set(gradient.flatten().nonzero()[:, 0].tolist()) == set(highest.tolist())


def test_mil_fcn_loss_limits():
    perfect = torch.full((1, 2, 2, 2), -50.0)
    perfect[0, 0, 0], perfect[0, 1, 1] = 50.0, 50.0
    assert mil_fcn_loss(perfect, torch.tensor([[1, 1]])) == 0
    uniform = mil_fcn_loss(torch.zeros(1, 4, 1, 1), torch.tensor([[1, 1, 0, 0]]))
    assert uniform.item() == pytest.approx(math.log(4))


def test_score_map_cross_entropy_is_its_formula():
    scores = random_scores(3, 4, 4, 5)
    labels = torch.randint(-1, 3, (3, 4, 5), generator=torch.Generator().manual_seed(0))
    labels[2] = -1
    image_labels = torch.tensor([[1, 1, 0, 0], [1, 0, 1, -1], [1, 1, 1, 1]])
    table = _log_probs(scores, image_labels)
    expected = []
    for n in range(3):
        values = [-table[n][labels[n, i, j]][i][j] for i in range(4) for j in range(5) if labels[n, i, j] >= 0]
        expected.append(sum(values) / len(values) if values else 0.0)
    losses = score_map_cross_entropy(scores, labels, image_labels)
    torch.testing.assert_close(losses, torch.tensor(expected, dtype=torch.float64))


def test_score_map_kl_divergence_is_its_formula():
    scores, targets, valid = random_scores(3, 4, 4, 5), _targets(LABELS), _valid()
    table = _log_probs(scores, LABELS)
    for n in range(2):
        values = [
            targets[n, k, i, j].item() * (math.log(targets[n, k, i, j]) - table[n][k][i][j])
            for k in range(4)
            if table[n][k] is not None
            for i in range(4)
            for j in range(5)
            if valid[n, i, j]
        ]
        value = score_map_kl_divergence(scores, targets, LABELS, valid)[n].item()
        assert value == pytest.approx(sum(values) / int(valid[n].sum()))


def test_divergence_is_zero_at_the_target_and_agrees_with_labels():
    scores = random_scores(2, 3, 4, 4)
    assert score_map_kl_divergence(scores, scores.softmax(1)).abs().max() < 1e-15
    labels = torch.randint(0, 3, (2, 4, 4), generator=torch.Generator().manual_seed(0))
    one_hot = torch.nn.functional.one_hot(labels, 3).movedim(3, 1).double()
    torch.testing.assert_close(score_map_kl_divergence(scores, one_hot), score_map_cross_entropy(scores, labels))


def test_divergence_gradient_is_difference_of_probabilities():
    scores, targets = random_scores(1, 4, 4, 5).requires_grad_(), _targets(LABELS)[:1].requires_grad_()
    score_map_kl_divergence(scores, targets).sum().backward()
    torch.testing.assert_close(scores.grad, (scores.softmax(1) - targets).detach() / 20)
    assert targets.grad is None


LOSSES = dict(
    mil_fcn=lambda scores: mil_fcn_loss(scores, LABELS, _valid()),
    cross_entropy=lambda scores: score_map_cross_entropy(scores, torch.where(_valid(), 0, -1), LABELS),
    kl_divergence=lambda scores: score_map_kl_divergence(scores, _targets(LABELS), LABELS, _valid()),
)


@pytest.mark.parametrize('loss', LOSSES.values(), ids=LOSSES)
def test_gradients(loss):
    assert torch.autograd.gradcheck(lambda scores: loss(scores)[:2], random_scores(3, 4, 4, 5).requires_grad_())


@pytest.mark.parametrize('loss', LOSSES.values(), ids=LOSSES)
def test_unknown_classes_and_padding_do_not_contribute(loss):
    scores = random_scores(3, 4, 4, 5).requires_grad_()
    value = loss(scores)[:2]
    value.sum().backward()
    assert not scores.grad[1, 3].any() and not scores.grad[1, :, :, 3:].any() and scores.grad[1, :3].any()
    changed = scores.detach().clone()
    changed[1, 3] += 30.0
    changed[1, :, :, 3:] = 40.0
    torch.testing.assert_close(loss(changed)[:2], value.detach())
    assert loss(scores).isfinite().all()


@pytest.mark.parametrize('loss', LOSSES.values(), ids=LOSSES)
def test_half_precision_computes_in_float32(loss):
    scores = (30 * random_scores(3, 4, 4, 5)).bfloat16()
    value = loss(scores)
    assert value.dtype in (torch.float32, torch.float64)
    torch.testing.assert_close(value, loss(scores.float()), rtol=0, atol=0)


@pytest.mark.parametrize(
    ('call', 'message'),
    [
        (lambda: mil_fcn_loss(torch.zeros(2, 3), torch.zeros(2, 3)), r'`scores` must be \(N, K, H, W\)'),
        (lambda: mil_fcn_loss(torch.zeros(2, 3, 0, 4), torch.zeros(2, 3)), 'with at least one location'),
        (lambda: mil_fcn_loss(torch.zeros(2, 3, 1, 1), torch.zeros(2, 4)), r'`image_labels` must be \(N, K\)'),
        (
            lambda: mil_fcn_loss(torch.zeros(2, 3, 1, 1), torch.zeros(2, 3), torch.ones(2, 1, 1)),
            r'`valid` must be boolean of shape \(2, 1, 1\)',
        ),
        (
            lambda: score_map_cross_entropy(torch.zeros(1, 3, 2, 2), torch.zeros(1, 2, 1, dtype=torch.long)),
            '`labels` must be',
        ),
        (
            lambda: score_map_cross_entropy(torch.zeros(1, 3, 2, 2), torch.full((1, 2, 2), 3)),
            'classes 0 to 2, or -1 for unlabeled locations',
        ),
        (
            lambda: score_map_kl_divergence(torch.zeros(1, 3, 2, 2), torch.zeros(1, 2, 2, 2)),
            '`targets` must have the shape',
        ),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_score_map_binary_cross_entropy_is_its_formula():
    generator = torch.Generator().manual_seed(0)
    scores = torch.randn(2, 4, 3, 5, generator=generator, dtype=torch.float64).requires_grad_()
    labels = torch.randint(-1, 4, (2, 3, 5), generator=generator)
    labels[1] = -1
    losses = score_map_binary_cross_entropy(scores, labels)
    total, count = 0.0, 0
    for i, j in (labels[0] >= 0).nonzero().tolist():
        count += 1
        for k in range(1, 4):
            prob = 1 / (1 + math.exp(-scores[0, k, i, j].item()))
            total -= math.log(prob if labels[0, i, j] == k else 1 - prob)
    assert losses.tolist() == pytest.approx([total / (3 * count), 0])
    losses.sum().backward()
    assert not scores.grad[:, 0].any() and not scores.grad[1].any()
    assert not scores.grad[0, :, labels[0] < 0].any() and scores.grad[0, 1:, labels[0] >= 0].all()


@pytest.mark.parametrize('loss', [score_map_cross_entropy, score_map_binary_cross_entropy])
@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_losses_of_masks_are_finite_in_half_precision(loss, dtype):
    scores = torch.tensor([6e4, -6e4, 0.0]).to(dtype)[None, :, None, None].repeat(1, 1, 2, 2)
    value = loss(scores, torch.tensor([[[0, 1], [2, -1]]]))
    assert value.dtype == torch.float32 and value.isfinite().all()


@pytest.mark.parametrize('loss', [score_map_cross_entropy, score_map_binary_cross_entropy])
@pytest.mark.parametrize('labels', [torch.full((1, 2, 2), 3), torch.zeros(1, 2, 3, dtype=torch.int64)])
def test_labels_that_do_not_fit_the_scores(loss, labels):
    with pytest.raises(ValueError, match='`labels` must be'):
        loss(torch.zeros(1, 3, 2, 2), labels)
