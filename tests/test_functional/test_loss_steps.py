"""Steps between the losses of pixels and their mean: balance, limits, noisy labels."""

import numpy as np
import pytest
import torch

from mmwsl.functional import clip_losses, foreground_balanced_mean, noisy_pixels

LOSSES = torch.tensor([[[0.5, 1.0, 3.0], [2.0, 8.0, 7.0]]], dtype=torch.float64)
LABELS = torch.tensor([[[0, 0, 2], [1, 255, 0]]])


def test_half_of_the_mean_of_background_and_of_foreground():
    used = LABELS != 255
    expected = ((0.5 + 1.0 + 7.0) / 3 + (3.0 + 2.0) / 2) / 2
    assert foreground_balanced_mean(LOSSES, LABELS, used).item() == pytest.approx(expected)


def test_equal_halves_are_the_mean():
    losses = torch.rand(2, 3, 4)
    labels = torch.tensor([0, 3] * 12).view(2, 3, 4)
    torch.testing.assert_close(foreground_balanced_mean(losses, labels, labels >= 0), losses.mean())


@pytest.mark.parametrize('labels, expected', [([0, 0], 0.75), ([1, 2], 0.75), ([255, 255], 0.0), ([255, 1], 1.0)])
def test_an_empty_half_contributes_zero(labels, expected):
    losses = torch.tensor([1.0, 2.0], requires_grad=True)
    labels = torch.tensor(labels)
    loss = foreground_balanced_mean(losses, labels, labels != 255)
    loss.backward()
    assert loss.item() == expected and losses.grad.isfinite().all()
    assert losses.grad[labels == 255].tolist() == [0.0] * int((labels == 255).sum())


def _clip(values, block=2, start=1.2, ignored=()):
    losses = torch.tensor(values).requires_grad_()
    used = torch.ones_like(losses, dtype=torch.bool)
    for place in ignored:
        used[place] = False
    clipped = clip_losses(losses, used, block, start)
    clipped.sum().backward()
    return clipped, losses.grad


def test_a_loss_above_the_mean_of_its_block_is_limited_and_has_no_gradient():
    clipped, grad = _clip([[[0.0, 0.2], [0.4, 3.0]]])
    torch.testing.assert_close(clipped.detach(), torch.tensor([[[0.0, 0.2], [0.4, 0.9]]]))
    assert clipped.mean().item() == pytest.approx(0.375)
    assert grad.tolist() == [[[1.0, 1.0], [1.0, 0.0]]]


def test_no_loss_is_limited_while_the_mean_exceeds_the_start():
    clipped, grad = _clip([[[0.0, 1.0], [2.0, 5.0]]])
    assert clipped.mean() == 2 and (grad == 1).all()
    clipped, grad = _clip([[[0.0, 1.0], [2.0, 5.0]]], start=2.0)
    assert clipped.mean().item() == pytest.approx((0 + 1 + 2 + 2) / 4) and grad.tolist() == [[[1, 1], [1, 0]]]


def test_a_block_has_its_mean_over_the_images_of_the_batch():
    """By loops; blocks of 2 x 3 and 5 x 7 pixels: the last ones are smaller."""
    torch.manual_seed(0)
    losses, used = torch.rand(2, 5, 7, dtype=torch.float64) ** 4, torch.rand(2, 5, 7) > 0.3
    for block in (1, 2, 3, 7, 120):
        clipped = clip_losses(losses, used, block, 10.0)
        mean = losses[used].mean()
        for top in range(0, 5, block):
            for left in range(0, 7, block):
                part = (slice(None), slice(top, top + block), slice(left, left + block))
                inside = losses[part][used[part]]
                limit = max(mean, inside.mean() if len(inside) else 0)
                torch.testing.assert_close(clipped[part], losses[part].clamp(max=limit))


def test_ignored_pixels_do_not_lower_the_means():
    clipped, _ = _clip([[[0.0, 0.5], [0.4, 0.9]]], ignored=[(0, 0, 0)])
    torch.testing.assert_close(clipped.detach(), torch.tensor([[[0.0, 0.5], [0.4, 0.6]]]))


def test_a_loss_equal_to_its_limit_keeps_its_gradient():
    _, grad = _clip([[[0.5, 0.5], [0.5, 0.5]]])
    assert (grad == 1).all()


def test_no_used_pixel_is_finite():
    clipped, grad = _clip([[[0.0, 0.0]]], ignored=[(0, 0, 0), (0, 0, 1)])
    assert not clipped.any() and grad.isfinite().all()


def _two_modes(low=0.5, high=3.0, count=1500, seed=0):
    rng = np.random.default_rng(seed)
    values = np.concatenate([rng.normal(low, 0.1, count), rng.normal(high, 0.3, count)])
    losses = torch.from_numpy(values).clamp(min=0.11).view(1, 2, count)
    return losses, torch.ones(1, 2, count, dtype=torch.long)


def test_the_higher_of_two_modes_is_noisy():
    losses, labels = _two_modes()
    noisy = noisy_pixels(losses, labels, labels != 255)
    # Modes that are 25 standard deviations of the lower one apart do not overlap.
    assert not noisy[0, 0].any() and noisy[0, 1].all()


def test_background_ignored_and_small_losses_take_no_part():
    losses, labels = _two_modes()
    labels[0, 1, :100] = 0
    labels[0, 1, 100:200] = 255
    losses[0, 1, 200:300] = 0.1
    noisy = noisy_pixels(losses, labels, labels != 255)
    assert not noisy[0, 1, :300].any() and noisy[0, 1, 300:].all()


@pytest.mark.parametrize(
    'losses, labels',
    [_two_modes(count=499), _two_modes(high=1.4), _two_modes(low=1.0, high=1.0)],
    ids=['few pixels', 'small gap', 'one mode'],
)
def test_nothing_is_noisy_without_two_modes_of_enough_pixels(losses, labels):
    assert not noisy_pixels(losses, labels, labels != 255).any()


def test_a_gap_of_the_means_is_compared_with_the_limit():
    losses, labels = _two_modes(low=0.5, high=1.6)
    used = labels != 255
    assert noisy_pixels(losses, labels, used, min_gap=1.05).any()
    assert not noisy_pixels(losses, labels, used, min_gap=1.15).any()


def test_a_low_loss_is_not_noisy_under_a_wide_higher_mode():
    rng = np.random.default_rng(0)
    narrow, wide = rng.normal(1.0, 0.03, 3000), rng.normal(3.0, 1.5, 3000)
    losses = torch.from_numpy(np.concatenate([narrow, wide])).clamp(min=0.0).view(1, 1, -1)
    labels = torch.ones_like(losses, dtype=torch.long)
    noisy = noisy_pixels(losses, labels, labels != 255)
    assert noisy.any() and not noisy[losses < 0.95].any()


def test_each_image_has_its_own_modes():
    losses, labels = _two_modes()
    alone = noisy_pixels(losses, labels, labels != 255)
    other = torch.full_like(losses, 2.0)
    both = noisy_pixels(torch.cat([other, losses]), torch.cat([labels, labels]), torch.cat([labels, labels]) != 255)
    assert not both[0].any() and torch.equal(both[1:], alone)


@pytest.mark.parametrize(
    'call, message',
    [
        (lambda: foreground_balanced_mean(torch.rand(2), torch.zeros(3), torch.ones(2) > 0), '`labels` must have'),
        (lambda: foreground_balanced_mean(torch.rand(2), torch.zeros(2), torch.ones(2)), '`used` must be boolean'),
        (lambda: clip_losses(torch.rand(2), torch.ones(2) > 0), r'`losses` must be \(N, H, W\)'),
        (lambda: clip_losses(torch.rand(1, 2, 2), torch.ones(1, 2, 2) > 0, block=0), '`block` must be an integer'),
        (lambda: clip_losses(torch.rand(1, 2, 2), torch.ones(1, 2, 2) > 0, start=0.0), '`start` positive, got 120 and'),
        (lambda: noisy_pixels(*[torch.ones(1, 2, 2) > 0] * 3, min_prob=2.0), '`min_prob` in'),
    ],
)
def test_wrong_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()
