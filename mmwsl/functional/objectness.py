r"""Objectness map of an image from scored proposals.

The definition is from Pinheiro & Collobert (CVPR 2015, section 3.3, SP-bb and SP-seg). With :math:`B_{ij}` the
proposals that cover pixel :math:`ij`, and :math:`s_b` in [0, 1] the score of a proposal,

.. math:: p(ij \in \mathrm{Obj}) = \frac{1}{|B_{ij}|} \sum_{b \in B_{ij}} s_b .

It is 0 for a pixel that no proposal covers. Every function computes in float64 and returns ``(H, W)`` float32 in
[0, 1]. Its memory does not grow with the number of proposals times the number of pixels.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

BLOCK = 256


def min_max_normalize(scores: ArrayLike) -> np.ndarray:
    r"""Normalize scores to [0, 1], :math:`(s - \min s) / (\max s - \min s)` (Pinheiro & Collobert, section 3.3).

    Equal scores all become 1.

    Args:
        scores: Scores of any range, ``(n,)``.

    Returns:
        Normalized scores, ``(n,)`` float64.

    Raises:
        ValueError: If a score is not finite.
    """
    scores = _finite(scores)
    low, high = (scores.min(), scores.max()) if len(scores) else (0.0, 0.0)
    # Halved before the difference, which could overflow.
    return np.ones_like(scores) if low == high else (scores / 2 - low / 2) / (high / 2 - low / 2)


def box_objectness(boxes: ArrayLike, scores: ArrayLike, shape: tuple[int, int]) -> np.ndarray:
    """Average the scores of the boxes that cover each pixel, by integral images.

    A box ``(x1, y1, x2, y2)`` is half open, in pixels from the upper left corner of the image. It covers the pixel in
    row i and column j if it contains its center, ``x1 <= j + 0.5 < x2`` and ``y1 <= i + 0.5 < y2``. The whole image is
    ``(0, 0, W, H)``. Parts outside the image are ignored; a box without a pixel center has no effect.

    Args:
        boxes: Boxes, ``(n, 4)`` float.
        scores: Scores in [0, 1], ``(n,)``.
        shape: Height and width of the image.

    Returns:
        Objectness, ``(H, W)`` float32.

    Raises:
        ValueError: If shapes do not agree, a value is not finite, or a score is not in [0, 1].
    """
    scores = _unit(scores)
    boxes = np.asarray(boxes, dtype=np.float64)
    if boxes.shape != (len(scores), 4):
        raise ValueError(f'`boxes` must be ({len(scores)}, 4), one for each of the `scores`, got shape {boxes.shape}.')
    if not np.isfinite(boxes).all():
        raise ValueError(f'`boxes` must be finite numbers, got {boxes[~np.isfinite(boxes).all(1)][0]}.')
    height, width = shape
    left, top, right, bottom = np.ceil(boxes.clip(-1, max(shape) + 1) - 0.5).astype(np.int64).T
    left, right = left.clip(0, width), right.clip(0, width)
    top, bottom = top.clip(0, height), bottom.clip(0, height)
    covers = (left < right) & (top < bottom)
    left, top, right, bottom = (side[covers] for side in (left, top, right, bottom))
    corners = np.concatenate(
        [rows * (width + 1) + columns for rows, columns in ((top, left), (bottom, right), (top, right), (bottom, left))]
    )
    signs = np.repeat((1.0, 1.0, -1.0, -1.0), covers.sum())

    def cover(weights: np.ndarray) -> np.ndarray:
        jumps = np.bincount(corners, weights, minlength=(height + 1) * (width + 1))
        return jumps.reshape(height + 1, width + 1).cumsum(0).cumsum(1)[:height, :width]

    return _mean(cover(signs * np.tile(scores[covers], 4)), cover(signs))


def rle_objectness(runs: Sequence[np.ndarray], scores: ArrayLike, shape: tuple[int, int]) -> np.ndarray:
    """Average the scores of the masks that cover each pixel, from their run-length codes.

    Pixels are numbered down the columns, as in COCO's run-length encoding: the pixel in row i and column j has the
    number ``j * H + i``. A run ``(start, stop)`` covers the numbers ``start <= number < stop``.

    Args:
        runs: Disjoint runs of each mask, ``(k, 2)`` int. A mask may be empty.
        scores: Scores in [0, 1], ``(n,)``.
        shape: Height and width of the image.

    Returns:
        Objectness, ``(H, W)`` float32.

    Raises:
        ValueError: If shapes do not agree, a run leaves the image, or a score is not in [0, 1].
    """
    scores = _unit(scores)
    if len(runs) != len(scores):
        raise ValueError(f'`runs` must have one entry for each of the {len(scores)} `scores`, got {len(runs)}.')
    weights = np.repeat(scores, [len(mask) for mask in runs])
    ends = np.concatenate([np.zeros((0, 2), np.int64), *runs]).astype(np.int64)
    pixels = shape[0] * shape[1]
    if len(ends) and not 0 <= ends.min() <= ends.max() <= pixels:
        raise ValueError(
            f'`runs` must be within the {pixels} pixels of an image of {shape[0]} x {shape[1]}, got runs '
            f'from {ends.min()} to {ends.max()}.'
        )

    def cover(values: np.ndarray) -> np.ndarray:
        jumps = np.bincount(ends.T.reshape(-1), np.concatenate([values, -values]), minlength=pixels + 1)
        return jumps.cumsum()[:pixels].reshape(shape[::-1]).T

    return _mean(cover(weights), cover(np.ones_like(weights)))


def region_objectness(members: ArrayLike, scores: ArrayLike, superpixels: np.ndarray) -> np.ndarray:
    """Average the scores of the regions, unions of superpixels, that cover each pixel.

    Args:
        members: Superpixels of each region, ``(n, R)`` bool.
        scores: Scores in [0, 1], ``(n,)``.
        superpixels: Superpixel of each pixel, ``(H, W)`` int, 0 to R - 1.

    Returns:
        Objectness, ``(H, W)`` float32.

    Raises:
        ValueError: If shapes do not agree, a superpixel has no column in ``members``, or a score is not in [0, 1].
    """
    scores = _unit(scores)
    members = np.asarray(members)
    if members.ndim != 2 or len(members) != len(scores) or members.dtype != np.bool_:
        raise ValueError(
            f'`members` must be boolean (n, R) with one row for each of the {len(scores)} `scores`, got '
            f'{members.dtype} of shape {members.shape}.'
        )
    if superpixels.size and not 0 <= superpixels.min() <= superpixels.max() < members.shape[1]:
        raise ValueError(
            f'`superpixels` must be 0 to {members.shape[1] - 1}, the columns of `members`, got '
            f'{superpixels.min()} to {superpixels.max()}.'
        )
    # In blocks, because the product works on a float64 copy of the members.
    totals = sum(
        (scores[start : start + BLOCK] @ members[start : start + BLOCK] for start in range(0, len(scores), BLOCK)),
        start=np.zeros(members.shape[1]),
    )
    return _mean(totals, members.sum(0))[superpixels]


def _mean(totals: np.ndarray, counts: np.ndarray) -> np.ndarray:
    # The counts are integers, exact in float64; the sums have rounding errors, so 0 is written, not computed.
    mean = np.where(counts > 0, totals / np.maximum(counts, 1), 0.0)
    return mean.clip(0, 1).astype(np.float32)


def _unit(scores: ArrayLike) -> np.ndarray:
    scores = _finite(scores)
    if len(scores) and not 0 <= scores.min() <= scores.max() <= 1:
        raise ValueError(
            f'`scores` must be in [0, 1], got {scores.min():g} to {scores.max():g}. '
            'Normalize them with min_max_normalize.'
        )
    return scores


def _finite(scores: ArrayLike) -> np.ndarray:
    scores = np.asarray(scores, dtype=np.float64)
    if scores.ndim != 1:
        raise ValueError(f'`scores` must be (n,), got shape {scores.shape}.')
    if not np.isfinite(scores).all():
        raise ValueError(
            f'`scores` must be finite numbers, got {scores[~np.isfinite(scores)][0]} as number '
            f'{np.flatnonzero(~np.isfinite(scores))[0]} of {len(scores)}.'
        )
    return scores
