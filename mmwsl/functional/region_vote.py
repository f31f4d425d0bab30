"""Masks that follow regions, such as those of SAM, of proposals or of superpixels."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

BLOCK = 256
BITS = 62
"""Masks that one int64 encodes."""


def region_vote(
    labels: Tensor,
    superpixels: Tensor,
    members: Tensor | None = None,
    precision: float = 0.5,
    coverage: float = 0.85,
    min_precision: float = 0.0,
    ignore_index: int = 255,
) -> Tensor:
    r"""Replace the foreground of a mask by regions that agree with it (SEPL, Chen et al., 2023).

    With :math:`P_c` the pixels of foreground class :math:`c`, a region :math:`r` votes for the class with the largest
    :math:`|r \cap P_c|`, the lowest one of a tie. It is taken if

    .. math:: \frac{|r \cap P_c|}{|r|} > \mathrm{precision} \quad\text{or}\quad
              \frac{|r \cap P_c|}{|P_c|} \ge \mathrm{coverage} \text{ and }
              \frac{|r \cap P_c|}{|r|} \ge \mathrm{min\_precision}

    The taken regions get their classes, the largest first: a smaller one within them remains visible. A pixel that only
    regions cover that are not taken becomes background. A pixel without a region keeps its label. Ignored pixels take
    no part, and remain ignored.

    The tests and 0.5 and 0.85 are those of SEPL's code. There, the result depends on the order of the classes: a taken
    region is not offered to the next class, and a later class overwrites an earlier one. Here it depends on no order.
    A region that covers the whole image passes the test of coverage: ``min_precision``, which SEPL does not have,
    prevents that.

    Regions are unions of superpixels, or the superpixels themselves. For these, with ``coverage`` above 1, the result
    is a majority vote of foreground and background.

    Args:
        labels: Classes, ``(H, W)`` int; 0 is the background.
        superpixels: Superpixel of each pixel, ``(H, W)`` int, 0 to R - 1.
        members: Superpixels of each region, ``(n, R)`` bool. None: each superpixel is a region.
        precision: Fraction of a region that its class must exceed, non-negative.
        coverage: Fraction of a class that the region must reach, positive; above 1, no region does.
        min_precision: Fraction of a region that its class must reach for the test of coverage, non-negative.
        ignore_index: Label of ignored pixels.

    Returns:
        Labels, ``(H, W)``, with the dtype of ``labels``.

    Raises:
        ValueError: If shapes do not agree, a superpixel has no column in ``members``, a label is negative, or an
            argument is out of range.
    """
    if precision < 0 or min_precision < 0 or not coverage > 0:
        raise ValueError(
            '`precision` and `min_precision` must be non-negative and `coverage` positive, got '
            f'{precision}, {min_precision} and {coverage}.'
        )
    if labels.dim() != 2 or labels.shape != superpixels.shape:
        raise ValueError(
            f'`labels` and `superpixels` must be (H, W), got {tuple(labels.shape)} and {tuple(superpixels.shape)}.'
        )
    if members is not None and (members.dim() != 2 or members.dtype != torch.bool):
        raise ValueError(f'`members` must be boolean (n, R), got {members.dtype} of shape {tuple(members.shape)}.')
    atoms = superpixels.flatten().long()
    total = members.shape[1] if members is not None else int(atoms.max()) + 1 if len(atoms) else 0
    if len(atoms) and not 0 <= atoms.min() <= atoms.max() < total:
        raise ValueError(
            f'`superpixels` must be 0 to {total - 1}, the columns of `members`, got '
            f'{atoms.min().item()} to {atoms.max().item()}.'
        )
    flat = labels.flatten().long()
    valid = flat != ignore_index
    if (flat[valid] < 0).any():
        raise ValueError(f'`labels` must be non-negative, got {flat[valid].min().item()}.')
    classes = int(flat[valid].max()) + 1 if valid.any() else 1
    if classes == 1 or (members is not None and not len(members)):
        return labels.clone()
    counts = torch.bincount(atoms[valid] * classes + flat[valid], minlength=total * classes).view(total, classes)
    taken, winners, sizes = _elect(counts, members, precision, coverage, min_precision)
    if members is None:
        votes = torch.where(taken, winners, 0)
    else:
        votes = torch.where(members.any(0), 0, -1)
        # The last one is visible: the smallest region, and of equal sizes the lowest class.
        regions = zip(sizes[taken].tolist(), winners[taken].tolist(), taken.nonzero()[:, 0].tolist(), strict=True)
        for _, winner, index in sorted(regions, reverse=True):
            votes[members[index]] = winner
    voted = votes[atoms]
    return torch.where(valid & (voted >= 0), voted, flat).view(labels.shape).to(labels.dtype)


def _elect(
    counts: Tensor, members: Tensor | None, precision: float, coverage: float, min_precision: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Return which regions are taken, their classes and their sizes, ``(n,)`` each; see :func:`region_vote`.

    ``counts`` are the pixels of each class in each superpixel, ``(R, K)``.
    """
    if members is None:
        overlaps = counts.double()
    else:
        # Integers below 2^53 are exact in float64. In blocks, because the product works on a copy of the members.
        overlaps = torch.cat([block.double() @ counts.double() for block in members.split(BLOCK)])
    sizes = overlaps.sum(1)
    overlap = overlaps[:, 1:].amax(1)
    winners = (overlaps[:, 1:] == overlap[:, None]).int().argmax(1) + 1  # the lowest class of a tie
    fractions = overlap / sizes.clamp(min=1)
    covered = overlap / counts.sum(0)[winners].clamp(min=1)
    taken = (overlap > 0) & ((fractions > precision) | ((covered >= coverage) & (fractions >= min_precision)))
    return taken, winners, sizes


def masks_to_superpixels(masks: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Convert masks to unions of superpixels: a superpixel has the pixels that lie in the same masks.

    Args:
        masks: At least one mask, ``(H, W)`` bool. They may overlap. Each is read twice, so they can be decoded one at a
            time.

    Returns:
        The superpixels, ``(H, W)`` int64, and the superpixels of each mask, ``(n, R)`` bool; see :func:`region_vote`.

    Raises:
        ValueError: If there is no mask.
    """
    if not len(masks):
        raise ValueError('`masks` must have at least one mask, got none.')
    atoms = np.zeros(masks[0].size, np.int64)
    for start in range(0, len(masks), BITS):
        codes = np.zeros_like(atoms)
        for bit, index in enumerate(range(start, min(start + BITS, len(masks)))):
            codes |= masks[index].reshape(-1).astype(np.int64) << bit
        different, codes = np.unique(codes, return_inverse=True)
        # Renumbered, so that the product does not overflow.
        _, firsts, atoms = np.unique(atoms * len(different) + codes, return_index=True, return_inverse=True)
    members = np.stack([masks[index].reshape(-1)[firsts] for index in range(len(masks))])
    return atoms.reshape(masks[0].shape), members
