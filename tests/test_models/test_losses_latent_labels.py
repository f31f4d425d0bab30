"""Losses of score maps one at a time: the latent labels that each teaches."""

import pytest
import torch

from mmwsl.functional import adaptive_bias, score_map_cross_entropy
from mmwsl.models.losses import CCNNLoss, EMAdaptLoss, EMFixedLoss

from .test_losses_score_map import TAGS, VALID, _scores


def test_em_fixed_is_its_definition():
    scores = _scores(2, 4, 6, 6)
    labels = torch.full((2, 6, 6), -1)
    for n, i, j in VALID.nonzero().tolist():
        biased = {k: scores[n, k, i, j].item() + (1.0 if k == 0 else 2.5) for k in range(4) if TAGS[n, k] == 1}
        labels[n, i, j] = max(biased, key=biased.get)
    expected = score_map_cross_entropy(scores, labels, TAGS).mean()
    torch.testing.assert_close(EMFixedLoss(2.5, 1.0)(scores, TAGS, VALID), expected)
    plain = EMFixedLoss(1.5, 0.0)(scores, TAGS, VALID)
    torch.testing.assert_close(plain, expected, msg='only the difference of the biases matters')


def test_em_adapt_teaches_the_shares():
    """Steps along the gradient end with labels of 40 % background, though the network began sure of background."""
    scores = _scores(1, 3, 10, 10)
    scores[:, 0] += 12
    scores.requires_grad_()
    optimizer = torch.optim.Adam([scores], lr=0.5)
    valid, tags = torch.ones(1, 10, 10, dtype=torch.bool), torch.tensor([[1.0, 1.0, 0.0]])
    torch.manual_seed(0)
    for _ in range(60):
        optimizer.zero_grad()
        EMAdaptLoss(foreground_portion=0.6, background_portion=0.4)(scores, tags, valid).backward()
        optimizer.step()
    areas = scores.detach().argmax(1).flatten().bincount(minlength=3) / 100
    torch.testing.assert_close(areas, torch.tensor([0.4, 0.6, 0.0]), atol=0.03, rtol=0)


def test_em_adapt_gives_the_papers_portions():
    scores = _scores(2, 4, 6, 6)
    loss = EMAdaptLoss()
    torch.manual_seed(0)
    biases = loss.biases(scores, TAGS == 1, VALID)
    torch.manual_seed(0)
    torch.testing.assert_close(biases, adaptive_bias(scores, TAGS == 1, [0.4, 0.2, 0.2, 0.2], VALID, sweeps=5))


def test_area_loss_teaches_the_bounds():
    """Small steps from a network that is sure of background everywhere end at the bound that was broken."""
    scores = _scores(1, 3, 10, 10)
    scores[:, 0] += 6
    scores.requires_grad_()
    optimizer = torch.optim.SGD([scores], lr=100.0)  # 1 for each of the 100 cells
    valid, tags = torch.ones(1, 10, 10, dtype=torch.bool), torch.tensor([[1.0, 1.0, 0.0]])
    first = CCNNLoss()(scores, tags, valid).item()
    for _ in range(400):  # what is left is the absent class, which fades as 1 / step
        optimizer.zero_grad()
        value = CCNNLoss()(scores, tags, valid)
        value.backward()
        optimizer.step()
    areas = scores.detach().softmax(1).mean((0, 2, 3))
    torch.testing.assert_close(areas, torch.tensor([0.7, 0.3, 0.0], dtype=torch.float64), atol=0.01, rtol=0)
    assert value < 1e-3 < first


def test_area_loss_is_zero_where_bounds_hold():
    scores = torch.full((1, 3, 4, 4), -30.0)
    scores[0, 0, :2], scores[0, 1, 2:] = 30.0, 30.0
    value = CCNNLoss()(scores, torch.tensor([[1.0, 1.0, 0.0]]), torch.ones(1, 4, 4, dtype=torch.bool))
    assert value.abs() < 1e-6


def test_sizes_replace_the_bounds():
    loss = CCNNLoss(background_area=(0.2, 0.6), slack=3.0)
    lower, upper, slack = loss.bounds(torch.ones(1, 5), torch.tensor([[-1.0, 1.0, 0.0, -1.0, -1.0]]))
    torch.testing.assert_close(lower, torch.tensor([[0.2, 0.1, 0.0, 0.05, 0.05]]))
    torch.testing.assert_close(upper, torch.tensor([[0.6, 1.0, 0.01, 1.0, 1.0]]))
    assert slack.tolist() == [[float('inf'), 3.0, 3.0, 3.0, 3.0]]
    with pytest.raises(ValueError, match=r'`sizes` must have the shape of `image_labels` \(1, 5\), got \(1, 4\)'):
        loss.bounds(torch.ones(1, 5), torch.ones(1, 4))


def test_hardness_gives_each_cell_to_one_class_and_counts_cells():
    """The latent labels, which are what the gradient points to, are nearly hard and keep the bounds as cells."""
    scores, tags = _scores(1, 4, 10, 10), torch.tensor([[1.0, 1.0, 1.0, 0.0]])
    scores[:, 0] += 3
    valid, sizes = torch.ones(1, 10, 10, dtype=torch.bool), torch.tensor([[-1.0, 1.0, 0.0, -1.0]])
    settings = dict(background_area=(0.2, 0.7), small_area=0.01, large_area=0.1, slack=10.0)
    entropies = []
    for hardness in (1.0, 1000.0):
        inputs = scores.clone().requires_grad_()
        value = CCNNLoss(**settings, hardness=hardness)(inputs, tags, valid, sizes=sizes)
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
