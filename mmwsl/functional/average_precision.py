"""Average precision of a ranking, the area and VOC 2007's eleven points."""

import numpy as np


def average_precision(
    scores: np.ndarray, labels: np.ndarray, positives: int | None = None, eleven_point: bool = False
) -> float:
    r"""Average precision of images ranked by score.

    :math:`P_n` and :math:`R_n` are precision and recall of the images that score at least the n-th best threshold.
    The area under their curve, without interpolation, is

    .. math:: \mathrm{AP} = \sum_n (R_n - R_{n-1}) P_n

    and VOC 2007's is the mean over eleven recalls of the best precision that reaches them (Everingham et al., IJCV
    2010, Eq. 1-2):

    .. math:: \mathrm{AP}_{11} = \frac{1}{11} \sum_{r \in \{0, 0.1, \ldots, 1\}} \max_{n: R_n \ge r} P_n

    Args:
        scores: Confidences, ``(N,)``. Equal scores are one threshold, so their order does not matter.
        labels: 1 (right), 0 (wrong) or -1 (unknown, left out), ``(N,)``.
        positives: How many are to be found, at least the number of labels 1. None is that number; it is more where
            an image may hold the class and yet be wrong, because the class was looked for in the wrong place.
        eleven_point: Return :math:`\mathrm{AP}_{11}`.

    Returns:
        A value in [0, 1]; NaN if there is nothing to find.

    Raises:
        ValueError: If shapes differ, a score that counts is NaN, or ``positives`` is too small.
    """
    if scores.ndim != 1 or scores.shape != labels.shape:
        raise ValueError(f'`scores` and `labels` must both be (N,), got {scores.shape} and {labels.shape}')
    scores, labels = scores[labels >= 0], labels[labels >= 0]
    if np.isnan(scores).any():
        raise ValueError(
            f'`scores` must be numbers to rank by, got NaN in {int(np.isnan(scores).sum())} of '
            f'{len(scores)}: has the training diverged?'
        )
    found = int((labels == 1).sum())
    positives = found if positives is None else positives
    if positives < found:
        raise ValueError(f'`positives` must be at least the number of labels 1, got {positives} for {found}')
    if not positives:
        return float('nan')
    order = np.argsort(-scores, kind='stable')
    scores, hits = scores[order], np.cumsum(labels[order] == 1)
    last = np.append(scores[1:] != scores[:-1], True)[: len(scores)]  # the last image at each threshold
    hits, picked = hits[last], np.flatnonzero(last) + 1
    if eleven_point:
        # In whole numbers, 10 hits >= step positives: 0.1 * 3 is not 0.3 for a computer.
        precisions = [(hits / picked)[10 * hits >= step * positives].max(initial=0.0) for step in range(11)]
        return float(np.mean(precisions))
    return float(np.sum(np.diff(hits, prepend=0) * hits / picked) / positives)
