r"""Quality of a ranked list of mask proposals: best overlaps, recall and average best overlap.

With :math:`m_1, m_2, \ldots` the proposals of an image by descending score and :math:`g` an object of it, the best
overlap of the first :math:`n` proposals is

.. math:: \mathrm{BO}_n(g) = \max_{i \le n} \frac{|m_i \cap g|}{|m_i \cup g|} .

The recall at a threshold is the fraction of objects whose best overlap reaches it, and the average best overlap (ABO)
is the mean of the best overlaps (Uijlings et al., IJCV 2013, section 5; there averaged class by class, here over all
objects).
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike


def mask_overlaps(masks: Iterable[np.ndarray], objects: np.ndarray) -> np.ndarray:
    """Compute the intersection over union of each mask with each object.

    Args:
        masks: The n masks, each ``(H, W)`` bool.
        objects: Object of each pixel, ``(H, W)`` int: 1 to G, 0 for background, -1 for a pixel that counts for
            neither intersection nor union.

    Returns:
        ``(n, G)`` float64 in [0, 1].

    Raises:
        ValueError: If a mask is not boolean or of another size.
    """
    labels = objects + 1  # ignored pixels become 0, background 1
    sizes = np.bincount(labels.reshape(-1), minlength=2)
    rows = []
    for mask in masks:
        if mask.shape != objects.shape or mask.dtype != np.bool_:
            raise ValueError(
                f'`masks` must be boolean of shape {objects.shape}, the shape of `objects`, got {mask.dtype} of shape '
                f'{mask.shape}.'
            )
        inside = np.bincount(labels[mask], minlength=len(sizes))
        rows.append(inside[2:] / np.maximum(inside[1:].sum() + sizes[2:] - inside[2:], 1))
    return np.stack(rows) if rows else np.zeros((0, len(sizes) - 2))


def best_overlaps(overlaps: ArrayLike, scores: ArrayLike, counts: Sequence[int]) -> np.ndarray:
    """Return the best overlap of each object among the highest-scoring proposals.

    Args:
        overlaps: Intersections over union, ``(n, G)``.
        scores: Scores of the proposals, ``(n,)``; equal scores keep their order.
        counts: Numbers of proposals, ``(C,)``; a list with fewer proposals is used whole.

    Returns:
        ``(C, G)``; 0 without proposals.

    Raises:
        ValueError: If shapes do not agree or a count is not positive.
    """
    overlaps, scores = np.asarray(overlaps, np.float64), np.asarray(scores, np.float64)
    if overlaps.ndim != 2 or scores.shape != overlaps.shape[:1]:
        raise ValueError(
            f'`overlaps` must be (n, G) and `scores` (n,), got shapes {overlaps.shape} and {scores.shape}.'
        )
    if min(counts, default=1) < 1:
        raise ValueError(f'`counts` must be positive, got {list(counts)}.')
    ranked = overlaps[np.argsort(-scores, kind='stable')]
    return np.stack([ranked[:count].max(0, initial=0.0) for count in counts])


def proposal_recall(best: ArrayLike, thresholds: Sequence[float]) -> np.ndarray:
    """Compute the fraction of objects whose best overlap reaches each threshold.

    The average best overlap is ``best.mean(-1)``.

    Args:
        best: Best overlaps of the G objects of all images, ``(..., G)``, see :func:`best_overlaps`.
        thresholds: Intersections over union, ``(T,)``.

    Returns:
        ``(..., T)``; NaN without objects.
    """
    best = np.asarray(best, np.float64)
    if not best.shape[-1]:
        return np.full((*best.shape[:-1], len(thresholds)), np.nan)
    return (best[..., None, :] >= np.asarray(thresholds)[:, None]).mean(-1)
