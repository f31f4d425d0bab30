"""Softmax over prompts and Grad-CAM."""

import math

import pytest
import torch

from mmwsl.functional import gradient_class_maps, min_max_maps, prompt_probabilities


def test_probabilities_of_present_classes():
    probs = prompt_probabilities(torch.tensor([1.0, 2.0]), torch.tensor([0.0]))
    total = math.e + math.e**2 + 1
    torch.testing.assert_close(probs, torch.tensor([math.e / total, math.e**2 / total]))
    torch.testing.assert_close(prompt_probabilities(torch.ones(2), torch.ones(0)), torch.full((2,), 0.5))


def test_another_background_word_lowers_every_class():
    classes, background = torch.randn(3), torch.randn(4)
    assert (prompt_probabilities(classes, background) < prompt_probabilities(classes, background[:3])).all()


def test_the_order_of_classes_permutes_and_that_of_background_words_does_not_matter():
    classes, background, order = torch.randn(3), torch.randn(4), [2, 0, 1]
    found = prompt_probabilities(classes[order], background[[3, 1, 0, 2]])
    torch.testing.assert_close(found, prompt_probabilities(classes, background)[order])


def test_weights_of_a_linear_head_are_its_matrix():
    """With the score mean_x (V A(x))_c, the gradient is V / N everywhere, and the map relu(V A)."""
    activations = torch.randn(4, 3, 5, dtype=torch.float64, requires_grad=True)
    matrix = torch.randn(2, 4, dtype=torch.float64)
    scores = matrix @ activations.flatten(1).mean(1)
    gradients = torch.stack([torch.autograd.grad(score, activations, retain_graph=True)[0] for score in scores])
    maps = gradient_class_maps(activations.detach(), gradients)
    expected = (matrix @ activations.detach().flatten(1)).relu().view(2, 3, 5) / 15
    assert (expected > 0).any() and (expected == 0).any()
    low, high = expected.amin((1, 2), True), expected.amax((1, 2), True)
    torch.testing.assert_close(maps, (expected - low) / (high - low + 1e-7))


def test_locations_outside_of_the_image_take_no_part():
    torch.manual_seed(1)
    activations, gradients = torch.randn(4, 3, 5), torch.randn(2, 4, 3, 5)
    valid = torch.zeros(3, 5, dtype=torch.bool)
    valid[:2, :4] = True
    found = gradient_class_maps(activations, gradients, valid)
    torch.testing.assert_close(found[:, :2, :4], gradient_class_maps(activations[:, :2, :4], gradients[:, :, :2, :4]))
    assert not found[:, ~valid].any()


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype):
    activations, gradients = torch.randn(4, 3, 5).to(dtype), torch.randn(2, 4, 3, 5).to(dtype)
    found = gradient_class_maps(activations, gradients)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, gradient_class_maps(activations.float(), gradients.float()))


def test_a_constant_map_is_zero():
    assert not min_max_maps(torch.full((2, 3, 4), 5.0)).any()
    assert not gradient_class_maps(torch.ones(4, 3, 5), -torch.ones(1, 4, 3, 5)).any()
    assert gradient_class_maps(torch.ones(4, 3, 5), torch.ones(0, 4, 3, 5)).shape == (0, 3, 5)


def test_errors():
    with pytest.raises(ValueError, match='`gradients` must be'):
        gradient_class_maps(torch.ones(4, 3, 5), torch.ones(1, 4, 3, 4))
    with pytest.raises(ValueError, match='at least one location'):
        gradient_class_maps(torch.ones(4, 3, 5), torch.ones(1, 4, 3, 5), torch.zeros(3, 5, dtype=torch.bool))
