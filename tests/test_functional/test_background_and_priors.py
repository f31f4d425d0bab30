"""Background models and the image-level prior against values computed by hand."""

import pytest
import torch

from mmwsl.functional import constant_background, image_level_prior, logit_softmax, power_background


def test_constant_background_is_a_threshold():
    foreground = torch.rand(2, 5, 6)
    probs = constant_background(foreground, 0.6)
    confident = foreground.amax(0) > 0.6
    assert ((probs.argmax(0) != 0) == confident).all()
    assert torch.equal(probs[1:], foreground)
    assert 0 < confident.sum() < confident.numel()


def test_power_background_by_hand_and_in_batches():
    probs = power_background(torch.tensor([0.7, 0.2])[:, None, None], 2.0)
    torch.testing.assert_close(probs.flatten(), torch.tensor([0.3**2, 0.7, 0.2]))
    batch = torch.rand(2, 3, 4, 4)
    torch.testing.assert_close(power_background(batch, 3.0)[1], power_background(batch[1], 3.0))


def test_larger_alpha_gives_less_background():
    foreground = torch.rand(3, 16, 16)
    areas = [(power_background(foreground, alpha).argmax(0) == 0).sum() for alpha in (0.5, 1.0, 4.0)]
    assert areas[0] > areas[1] > areas[2]


def test_image_level_prior_is_a_product():
    probs, image_probs = torch.rand(3, 4, 5), torch.tensor([1.0, 0.5, 0.0])
    expected = torch.stack([probs[0], probs[1] / 2, torch.zeros(4, 5)])
    torch.testing.assert_close(image_level_prior(probs, image_probs), expected)


def test_image_level_prior_is_a_shift_of_logits():
    logits, image_probs = torch.randn(3, 4, 5), torch.tensor([0.2, 0.7, 0.1])
    shifted = (logits + image_probs.log()[:, None, None]).softmax(0)
    weighted = image_level_prior(logits.softmax(0), image_probs)
    torch.testing.assert_close(weighted / weighted.sum(0), shifted)


@pytest.mark.parametrize(
    ('call', 'message'),
    [
        (lambda: image_level_prior(torch.rand(3, 4, 4), torch.rand(4)), 'one value for each of the 3 classes'),
        (lambda: constant_background(torch.rand(0, 4, 4), 0.5), 'at least one class'),
        (lambda: power_background(torch.rand(4, 4), 0.5), r'got \(4, 4\)'),
    ],
)
def test_bad_shapes(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_logit_softmax_is_a_distribution_with_the_same_argmax():
    torch.manual_seed(0)
    scores = torch.rand(4, 6, 5, dtype=torch.float64)
    odds = scores / (1 - scores)
    probs = logit_softmax(scores)
    torch.testing.assert_close(probs, odds / odds.sum(0))
    torch.testing.assert_close(logit_softmax(scores, 2.0), odds.sqrt() / odds.sqrt().sum(0))
    assert torch.equal(probs.argmax(0), scores.argmax(0))


def test_logit_softmax_of_certain_scores_is_finite():
    probs = logit_softmax(torch.tensor([0.0, 0.5, 1.0]).view(3, 1, 1))
    assert probs.isfinite().all() and probs[2] > 0.999


@pytest.mark.parametrize(
    ('score', 'temperature', 'message'),
    [
        (1.5, 1.0, r'in \[0, 1\], got 1.5'),
        (float('nan'), 1.0, r'got nan'),
        (0.5, 0.0, 'positive finite number, got 0.0'),
    ],
)
def test_logit_softmax_rejects_bad_input(score, temperature, message):
    with pytest.raises(ValueError, match=message):
        logit_softmax(torch.full((2, 1, 1), score), temperature)
