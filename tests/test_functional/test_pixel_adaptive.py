"""Pixel-adaptive refinement against its definition, pixel by pixel."""

import math
import statistics

import pytest
import torch

from mmwsl.functional import pixel_adaptive_refinement


def definition(probs, image, dilations, iterations, variant):
    """Compute the definition with loops over pixels and neighbors."""
    channels, height, width = image.shape
    offsets = [(dy * d, dx * d) for d in dilations for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    moves = [offset for offset in offsets if offset != (0, 0)]

    def at(values, y, x):
        return values[:, min(max(y, 0), height - 1), min(max(x, 0), width - 1)]

    def softmax(logits):
        terms = [math.exp(logit) for logit in logits]
        return [term / sum(terms) for term in terms]

    distance = [math.hypot(*move) for move in moves]
    near = softmax([-((d / statistics.stdev(distance) / 0.3) ** 2) for d in distance])
    weights = {}
    for y in range(height):
        for x in range(width):
            around = offsets if variant == 'pamr' else moves
            std = [statistics.stdev(at(image, y + dy, x + dx)[c].item() for dy, dx in around) for c in range(channels)]
            logits = []
            for dy, dx in moves:
                steps = [abs(at(image, y + dy, x + dx)[c] - image[c, y, x]).item() for c in range(channels)]
                if variant == 'pamr':
                    logits.append(-sum(step / (0.1 * s + 1e-8) for step, s in zip(steps, std, strict=True)) / channels)
                else:
                    logits.append(
                        -sum((step / (s + 1e-8) / 0.3) ** 2 for step, s in zip(steps, std, strict=True)) / channels
                    )
            weights[y, x] = softmax(logits)
            if variant == 'par':
                weights[y, x] = [w + 0.01 * n for w, n in zip(weights[y, x], near, strict=True)]
    for _ in range(iterations):
        new = torch.zeros_like(probs)
        for (y, x), row in weights.items():
            new[:, y, x] = sum(w * at(probs, y + dy, x + dx) for w, (dy, dx) in zip(row, moves, strict=True))
        probs = new
    return probs


def case(labels=3, height=7, width=9):
    generator = torch.Generator().manual_seed(0)
    image = torch.randint(0, 256, (3, height, width), generator=generator, dtype=torch.uint8)
    image[:, :4, :5] = 90  # a constant corner with standard deviation zero
    return torch.rand(labels, height, width, generator=generator, dtype=torch.float64), image


@pytest.mark.parametrize('variant', ['pamr', 'par'])
@pytest.mark.parametrize('dilations', [(1, 3), (1, 2, 12)])  # the last dilation exceeds the image
def test_equals_the_definition(variant, dilations):
    probs, image = case()
    torch.testing.assert_close(
        pixel_adaptive_refinement(probs, image, dilations, 2, variant),
        definition(probs, image.double(), dilations, 2, variant),
    )


def test_float32_is_close_to_float64_where_the_image_is_nearly_constant():
    probs, image = case()
    image = 250 + image // 200  # steps of 1 on a bright image
    torch.testing.assert_close(
        pixel_adaptive_refinement(probs.float(), image), pixel_adaptive_refinement(probs, image).float()
    )


def test_scores_propagate_within_a_color_but_not_over_an_edge():
    image = torch.zeros(3, 12, 20)
    image[:, :, 10:] = 255.0
    probs = torch.zeros(2, 12, 20)
    probs[0, 3:9, 2:4], probs[1, 3:9, 16:18] = 1.0, 1.0
    result = pixel_adaptive_refinement(probs, image, iterations=20)
    assert result[0, :, :10].min() > 0 and result[1, :, 10:].min() > 0
    assert result[0, :, 10:].max() < 1e-3 * result[0, :, :10].min()
    assert result[1, :, :10].max() < 1e-3 * result[1, :, 10:].min()


def test_a_constant_map_is_unchanged_by_pamr_and_grows_by_one_percent_in_par():
    image = case()[1]
    ones = torch.ones(2, 7, 9)
    torch.testing.assert_close(pixel_adaptive_refinement(ones, image), ones)
    torch.testing.assert_close(pixel_adaptive_refinement(ones, image, iterations=3, variant='par'), ones * 1.01**3)


def test_zero_iterations_change_nothing():
    probs, image = case()
    assert torch.equal(pixel_adaptive_refinement(probs, image, iterations=0), probs)


@pytest.mark.parametrize('variant', ['pamr', 'par'])
def test_gradient(variant):
    probs, image = case(2, 4, 5)
    probs.requires_grad_()
    assert torch.autograd.gradcheck(lambda p: pixel_adaptive_refinement(p, image, (1, 2), 2, variant), probs)


@pytest.mark.parametrize('shape', [(3, 1, 8), (3, 8, 1), (3, 1, 1), (1, 4, 4), (200, 3, 3)])
def test_extreme_shapes(shape):
    probs, image = case(*shape)
    torch.testing.assert_close(
        pixel_adaptive_refinement(probs, image, (1, 24), 1), definition(probs, image.double(), (1, 24), 1, 'pamr')
    )


def test_half_precision_is_computed_in_float32():
    probs, image = case()
    result = pixel_adaptive_refinement(probs.bfloat16(), image)
    assert torch.equal(result, pixel_adaptive_refinement(probs.bfloat16().float(), image))


GOOD = dict(probs=torch.rand(3, 4, 5), image=torch.zeros(3, 4, 5))


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(probs=torch.rand(3, 4)), r'`probs` must be \(K, H, W\)'),
        (dict(probs=torch.rand(0, 4, 5)), 'at least one class'),
        (dict(probs=torch.full((3, 4, 5), float('nan'))), '`probs` must be finite'),
        (dict(image=torch.zeros(3, 5, 4)), r'`image` must be \(C, 4, 5\).*\(3, 5, 4\)'),
        (dict(image=torch.full((3, 4, 5), float('inf'))), '`image` must be finite'),
        (dict(dilations=()), '`dilations` must be positive integers, at least one'),
        (dict(dilations=(1, 0)), r'`dilations`.*\(1, 0\)'),
        (dict(dilations=(1.5,)), '`dilations`'),
        (dict(iterations=-1), '`iterations`.*-1'),
        (dict(iterations=1.0), '`iterations`'),
        (dict(variant='crf'), "`variant`.*'crf'"),
    ],
)
def test_bad_input(changes, message):
    with pytest.raises(ValueError, match=message):
        pixel_adaptive_refinement(**{**GOOD, **changes})
