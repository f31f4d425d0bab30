"""Labels of pairs of neighboring locations, and the losses of affinities and displacements on them."""

from collections.abc import Sequence

import torch
from torch import Tensor

from .inputs import at_least_float32, numbers_on
from .neighbors import Offset, pair_slices, place_pairs

NO_PAIR, BACKGROUND_PAIR, FOREGROUND_PAIR, NEGATIVE_PAIR = -1, 0, 1, 2
"""Labels of pairs: ignored; both background; both of one foreground class; of two classes."""
EPSILON = 1e-5


def pair_labels(labels: Tensor, offsets: Sequence[Offset], ignore_index: int = 255, margin: int = 0) -> Tensor:
    """Label the pairs of neighbors in label maps: both background, both of one foreground class, or of two classes.

    Args:
        labels: Classes, 0 is background, ``(N, h, w)``. Pairs with ``ignore_index`` or a negative label are ignored.
        offsets: Offsets of the neighbors, such as :func:`mmwsl.functional.half_disc_offsets`.
        ignore_index: Label of ignored locations.
        margin: Ignore pairs whose first location is among the outer ``margin`` columns on both sides or the last
            ``margin`` rows. PSA and IRN train with ``radius - 1``, 0 uses all pairs inside the map.

    Returns:
        ``NO_PAIR``, ``BACKGROUND_PAIR``, ``FOREGROUND_PAIR`` or ``NEGATIVE_PAIR`` of each location with the location
        at each offset, ``(N, O, h, w)`` int8.
    """
    height, width = labels.shape[1:]
    known = (labels != ignore_index) & (labels >= 0)
    maps = []
    for offset in offsets:
        first, second = pair_slices((height, width), offset)
        here, there = labels[first], labels[second]
        kinds = torch.where(here == 0, BACKGROUND_PAIR, FOREGROUND_PAIR)
        kinds = kinds.masked_fill(here != there, NEGATIVE_PAIR)
        kinds = kinds.masked_fill(~(known[first] & known[second]), NO_PAIR)
        maps.append(place_pairs(kinds.to(torch.int8), (height, width), offset, NO_PAIR))
    pairs = torch.stack(maps, 1)
    if margin > 0:
        pairs[:, :, max(height - margin, 0) :] = NO_PAIR
        pairs[..., :margin] = NO_PAIR
        pairs[..., max(width - margin, 0) :] = NO_PAIR
    return pairs


def affinity_losses(affinities: Tensor, pairs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    r"""Compute the mean losses of affinities over pairs of background, of foreground, and of two classes.

    .. math:: \ell^+ = - \frac{\sum_{P^+} \log (a + \epsilon)}{|P^+| + \epsilon}, \quad
              \ell^- = - \frac{\sum_{P^-} \log (1 + \epsilon - a)}{|P^-| + \epsilon}, \quad \epsilon = 10^{-5}

    The loss of PSA (Ahn & Kwak, CVPR 2018) and IRN (Ahn et al., CVPR 2019, Eq. 5) is
    :math:`\ell^+_{bg} / 4 + \ell^+_{fg} / 4 + \ell^- / 2`. A kind without a pair has the loss 0.

    Args:
        affinities: Affinities in [0, 1], ``(N, O, h, w)``.
        pairs: Labels of :func:`pair_labels`, of the same shape.

    Returns:
        Losses of background, foreground and negative pairs, scalars.

    Raises:
        ValueError: If the shapes differ.
    """
    if affinities.shape != pairs.shape:
        raise ValueError(
            f'`pairs` must have the shape {tuple(affinities.shape)} of `affinities`, got {tuple(pairs.shape)}.'
        )
    affinities = at_least_float32(affinities)
    attract, repel = -(affinities + EPSILON).log(), -(1 + EPSILON - affinities).log()
    background, foreground = (_mean(attract, pairs == kind) for kind in (BACKGROUND_PAIR, FOREGROUND_PAIR))
    return background, foreground, _mean(repel, pairs == NEGATIVE_PAIR)


def displacement_losses(displacements: Tensor, pairs: Tensor, offsets: Sequence[Offset]) -> tuple[Tensor, Tensor]:
    r"""Compute the losses of a displacement field over pairs of background and of foreground (IRN, CVPR 2019).

    .. math:: \ell_{fg} = \frac{\sum_{P^+_{fg}} \| D_i - D_j - (x_j - x_i) \|_1}{2 (|P^+_{fg}| + \epsilon)}, \quad
              \ell_{bg} = \frac{\sum_{P^+_{bg}} \| D_i - D_j \|_1}{2 (|P^+_{bg}| + \epsilon)}

    Where :math:`\ell_{fg} = 0`, all locations of a connected piece of a class point to one center. The loss of IRN has
    the mean of both. A kind without a pair has the loss 0.

    Args:
        displacements: Rows and columns to move by, in locations, ``(N, 2, h, w)``.
        pairs: Labels of :func:`pair_labels`, ``(N, O, h, w)``.
        offsets: The offsets of the pairs.

    Returns:
        Losses of background and foreground pairs, scalars.

    Raises:
        ValueError: If the shapes do not agree.
    """
    count, _, *size = displacements.shape
    if displacements.shape[1] != 2 or pairs.shape != (count, len(offsets), *size):
        raise ValueError(
            f'`displacements` must be (N, 2, h, w) and `pairs` (N, {len(offsets)}, h, w), got '
            f'{tuple(displacements.shape)} and {tuple(pairs.shape)}.'
        )
    field = at_least_float32(displacements)
    sums, counts = [field.new_zeros(()), field.new_zeros(())], [field.new_zeros(()), field.new_zeros(())]
    for index, offset in enumerate(offsets):
        first, second = pair_slices(size, offset)
        difference = field[first] - field[second]
        kinds = pairs[:, index][first]
        moves = field.new_zeros(2), numbers_on(field.device, offset, field.dtype)
        for kind, move in zip((BACKGROUND_PAIR, FOREGROUND_PAIR), moves, strict=True):
            chosen = kinds == kind
            errors = (difference - move.view(2, 1, 1)).abs().sum(1)
            sums[kind] = sums[kind] + errors.masked_fill(~chosen, 0.0).sum()
            counts[kind] = counts[kind] + chosen.sum()
    background, foreground = (total / (2 * (number + EPSILON)) for total, number in zip(sums, counts, strict=True))
    return background, foreground


def _mean(values: Tensor, chosen: Tensor) -> Tensor:
    return values.masked_fill(~chosen, 0.0).sum() / (chosen.sum() + EPSILON)
