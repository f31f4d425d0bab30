"""Latent labels of each loss of score maps."""

import pytest
import torch

from mmwsl.functional import adaptive_bias, score_map_cross_entropy
from mmwsl.models.losses import CCNNLoss, EMAdaptLoss, EMFixedLoss, WeakSupervision

from .test_losses_score_map import LABELS, SUPERVISION, VALID, _scores


def test_em_fixed_is_its_definition():
    scores = _scores(2, 4, 6, 6)
    labels = torch.full((2, 6, 6), -1)
    for n, i, j in VALID.nonzero().tolist():
        biased = {k: scores[n, k, i, j].item() + (1.0 if k == 0 else 2.5) for k in range(4) if LABELS[n, k] == 1}
        labels[n, i, j] = max(biased, key=biased.get)
    expected = score_map_cross_entropy(scores, labels, LABELS).mean()
    torch.testing.assert_close(EMFixedLoss(2.5, 1.0)(scores, SUPERVISION), expected)
    plain = EMFixedLoss(1.5, 0.0)(scores, SUPERVISION)
    torch.testing.assert_close(plain, expected, msg='only the difference of the biases matters')


def test_em_adapt_trains_the_fractions():
    """Gradient steps end with 40% background, though the network began with background everywhere."""
    scores = _scores(1, 3, 10, 10)
    scores[:, 0] += 12
    scores.requires_grad_()
    optimizer = torch.optim.Adam([scores], lr=0.5)
    supervision = WeakSupervision(torch.tensor([[1.0, 1.0, 0.0]]), torch.ones(1, 10, 10, dtype=torch.bool))
    torch.manual_seed(0)
    for _ in range(60):
        optimizer.zero_grad()
        EMAdaptLoss(foreground_portion=0.6, background_portion=0.4)(scores, supervision).backward()
        optimizer.step()
    areas = scores.detach().argmax(1).flatten().bincount(minlength=3) / 100
    torch.testing.assert_close(areas, torch.tensor([0.4, 0.6, 0.0]), atol=0.03, rtol=0)


def test_em_adapt_gives_the_papers_portions():
    scores = _scores(2, 4, 6, 6)
    loss = EMAdaptLoss()
    torch.manual_seed(0)
    biases = loss.biases(scores, LABELS == 1, VALID)
    torch.manual_seed(0)
    torch.testing.assert_close(biases, adaptive_bias(scores, LABELS == 1, [0.4, 0.2, 0.2, 0.2], VALID, sweeps=5))


def test_ccnn_trains_the_bounds():
    """Small steps from a network that predicts background everywhere end at the violated bound."""
    scores = _scores(1, 3, 10, 10)
    scores[:, 0] += 6
    scores.requires_grad_()
    optimizer = torch.optim.SGD([scores], lr=100.0)  # 1 for each of the 100 locations
    supervision = WeakSupervision(torch.tensor([[1.0, 1.0, 0.0]]), torch.ones(1, 10, 10, dtype=torch.bool))
    first = CCNNLoss()(scores, supervision).item()
    for _ in range(400):  # the absent class remains, whose area decays as 1 / step
        optimizer.zero_grad()
        value = CCNNLoss()(scores, supervision)
        value.backward()
        optimizer.step()
    areas = scores.detach().softmax(1).mean((0, 2, 3))
    torch.testing.assert_close(areas, torch.tensor([0.7, 0.3, 0.0], dtype=torch.float64), atol=0.01, rtol=0)
    assert value < 1e-3 < first


def test_ccnn_is_zero_where_bounds_hold():
    scores = torch.full((1, 3, 4, 4), -30.0)
    scores[0, 0, :2], scores[0, 1, 2:] = 30.0, 30.0
    supervision = WeakSupervision(torch.tensor([[1.0, 1.0, 0.0]]), torch.ones(1, 4, 4, dtype=torch.bool))
    value = CCNNLoss()(scores, supervision)
    assert value.abs() < 1e-6


def test_size_labels_replace_the_bounds():
    loss = CCNNLoss(background_area=(0.2, 0.6), slack=3.0)
    lower, upper, slack = loss.bounds(torch.ones(1, 5), torch.tensor([[-1.0, 1.0, 0.0, -1.0, -1.0]]))
    torch.testing.assert_close(lower, torch.tensor([[0.2, 0.1, 0.0, 0.05, 0.05]]))
    torch.testing.assert_close(upper, torch.tensor([[0.6, 1.0, 0.01, 1.0, 1.0]]))
    assert slack.tolist() == [[float('inf'), 3.0, 3.0, 3.0, 3.0]]
    with pytest.raises(ValueError, match=r'`sizes` must have the shape of `image_labels` \(1, 5\), got \(1, 4\)'):
        loss.bounds(torch.ones(1, 5), torch.ones(1, 4))


def test_hardness_assigns_each_location_to_one_class():
    """The latent labels, to which the gradient points, are nearly hard and keep the bounds as counts of locations."""
    scores, labels = _scores(1, 4, 10, 10), torch.tensor([[1.0, 1.0, 1.0, 0.0]])
    scores[:, 0] += 3
    valid, sizes = torch.ones(1, 10, 10, dtype=torch.bool), torch.tensor([[-1.0, 1.0, 0.0, -1.0]])
    supervision = WeakSupervision(labels, valid, sizes=sizes)
    settings = dict(background_area=(0.2, 0.7), small_area=0.01, large_area=0.1, slack=10.0)
    entropies = []
    for hardness in (1.0, 1000.0):
        inputs = scores.clone().requires_grad_()
        value = CCNNLoss(**settings, hardness=hardness)(inputs, supervision)
        latent = inputs.detach().softmax(1) - 100 * torch.autograd.grad(value, inputs)[0]
        entropies.append(-torch.xlogy(latent.clamp(0), latent.clamp(0)).sum(1).mean().item())
        areas = latent.mean((0, 2, 3))
        assert value > 0 and 0.199 < areas[0] < 0.701 and areas[1] > 0.099 and areas[2] < 0.011
        torch.testing.assert_close(areas[3], torch.zeros_like(areas[3]), rtol=0, atol=1e-9)
    assert entropies[1] < 0.03 < 0.3 < entropies[0]


@pytest.mark.parametrize('hardness', [0.0, -1.0, float('inf'), float('nan')])
def test_hardness_is_positive(hardness):
    with pytest.raises(ValueError, match=f'`hardness` must be positive and finite, got {hardness}'):
        CCNNLoss(hardness=hardness)
