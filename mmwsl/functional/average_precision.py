"""Average precision of a ranking: area under the curve, or VOC 2007's eleven points."""

import numpy as np


def average_precision(
    scores: np.ndarray,
    labels: np.ndarray,
    positives: int | None = None,
    eleven_point: bool = False,
    monotone: bool = False,
) -> float:
    r"""Compute the average precision of images ranked by score.

    :math:`P_n` and :math:`R_n` are precision and recall of the images that reach the n-th highest threshold. The area
    under their curve, without interpolation, is

    .. math:: \mathrm{AP} = \sum_n (R_n - R_{n-1}) P_n

    VOC 2007 averages, over eleven recalls, the highest precision at that recall or above (Everingham et al., IJCV 2010,
    Eq. 1-2):

    .. math:: \mathrm{AP}_{11} = \frac{1}{11} \sum_{r \in \{0, 0.1, \ldots, 1\}} \max_{n: R_n \ge r} P_n

    From 2010 on VOC uses all recalls, and for each the highest precision at that recall or above (``monotone``):

    .. math:: \mathrm{AP}_\text{all} = \sum_n (R_n - R_{n-1}) \max_{m \ge n} P_m

    Args:
        scores: Confidences, ``(N,)``. Equal scores are one threshold, so their order does not matter.
        labels: 1 (correct), 0 (wrong) or -1 (unknown, ignored), ``(N,)``.
        positives: Number of positives, at least the number of labels 1. None uses that number. It is larger if an
            image can contain the class and still be wrong, because the class was predicted at the wrong location.
        eleven_point: Return :math:`\mathrm{AP}_{11}`.
        monotone: Return :math:`\mathrm{AP}_\text{all}`, which is at least :math:`\mathrm{AP}`.

    Returns:
        A value in [0, 1]; NaN without positives.

    Raises:
        ValueError: If shapes differ, the score of a known label is NaN, or ``positives`` is too small.
    """
    if scores.ndim != 1 or scores.shape != labels.shape:
        raise ValueError(f'`scores` and `labels` must both be (N,), got {scores.shape} and {labels.shape}.')
    scores, labels = scores[labels >= 0], labels[labels >= 0]
    if np.isnan(scores).any():
        raise ValueError(
            f'`scores` must not be NaN, got NaN in {int(np.isnan(scores).sum())} of {len(scores)}. '
            'Check whether the training diverged.'
        )
    found = int((labels == 1).sum())
    positives = found if positives is None else positives
    if positives < found:
        raise ValueError(f'`positives` must be at least the number of labels 1, got {positives} for {found}.')
    if not positives:
        return float('nan')
    order = np.argsort(-scores, kind='stable')
    scores, hits = scores[order], np.cumsum(labels[order] == 1)
    last = np.append(scores[1:] != scores[:-1], True)[: len(scores)]  # the last image at each threshold
    hits, picked = hits[last], np.flatnonzero(last) + 1
    precisions = hits / picked
    if eleven_point:
        # In integers, 10 hits >= step positives, because 0.1 * 3 is not 0.3 in floating point.
        return float(np.mean([precisions[10 * hits >= step * positives].max(initial=0.0) for step in range(11)]))
    if monotone:
        precisions = np.maximum.accumulate(precisions[::-1])[::-1]
    return float(np.sum(np.diff(hits, prepend=0) * precisions) / positives)
