"""Thresholds from the image-level labels: scores of absent classes, and labels that the masks imply."""

import numpy as np

from .estimate import ThresholdEstimate, best_of_curve, no_answer


def absent_class_threshold(maxima: np.ndarray, false_alarms: float = 0.01) -> ThresholdEstimate:
    r"""Choose the threshold that absent classes exceed in few images only.

    .. math:: t = \min \{ t : \mathrm{P}(\max_{ij} s_{ij} > t \mid \text{class absent}) \le \alpha \}

    The scores must be comparable between images: a max-normalized map of an absent class reaches 1 as well.

    Args:
        maxima: Highest score of a class in each image without the class, ``(N,)``.
        false_alarms: Fraction :math:`\alpha` of these images in which a pixel may exceed the threshold, in [0, 1).

    Returns:
        The estimate; its curve is minus the difference between the fraction of false alarms and ``false_alarms``.

    Raises:
        ValueError: If ``false_alarms`` is not in [0, 1), or a maximum is not finite.
    """
    if not 0 <= false_alarms < 1:
        raise ValueError(f'`false_alarms` must be in [0, 1), got {false_alarms}.')
    maxima = np.asarray(maxima, float).ravel()
    if not np.isfinite(maxima).all():
        raise ValueError('`maxima` must be finite, got NaN or infinity. Check the network that predicted them.')
    if not len(maxima):
        return no_answer('no image lacks the class')
    grid, counts = np.unique(maxima, return_counts=True)
    above = 1 - counts.cumsum() / len(maxima)
    index = int(np.argmax(above <= false_alarms + 1e-12))
    note = 'the scores of absent classes are constant' if len(grid) == 1 else ''
    return ThresholdEstimate(float(grid[index]), grid, -np.abs(above - false_alarms), note)


def label_consistency_threshold(
    areas: np.ndarray, labels: np.ndarray, grid: np.ndarray, min_area: float = 0.005
) -> ThresholdEstimate:
    r"""Choose the threshold whose masks imply the image-level labels best, by the macro-averaged F1.

    A mask implies a class that covers at least a fraction :math:`a` of the image:

    .. math:: t = \arg\max_t \frac{1}{K} \sum_k F_1 \big( [\, A_{nk}(t) \ge a \,]_n, \; y_{nk} \big)

    A few pixels are enough for a class, so the rule tends to a high threshold. The masks must be predicted without the
    image-level labels.

    Args:
        areas: Fraction of the pixels of each image that each class covers at each threshold, ``(N, K, T)``.
        labels: Whether a class is present, ``(N, K)`` bool. A class without a present image is not averaged.
        grid: The thresholds, ascending, ``(T,)``.
        min_area: The fraction :math:`a`, above 0.

    Returns:
        The estimate; its curve is the mean F1.

    Raises:
        ValueError: If the shapes differ, or ``min_area`` is not above 0.
    """
    areas, labels = np.asarray(areas, float), np.asarray(labels, bool)
    if areas.shape != (*labels.shape, len(grid)):
        raise ValueError(
            f'`areas` must be (N, K, T) for `labels` (N, K) and `grid` (T,), got {areas.shape}, {labels.shape} and '
            f'{np.shape(grid)}.'
        )
    if not min_area > 0:
        raise ValueError(f'`min_area` must be above 0, got {min_area}.')
    used = labels.any(0)
    if not used.any():
        return no_answer('no class is present in an image', grid)
    implied = areas[:, used] >= min_area
    hits = (implied & labels[:, used, None]).sum(0)
    f1 = 2 * hits / (implied.sum(0) + labels[:, used].sum(0)[:, None])
    return best_of_curve(grid, f1.mean(0))
