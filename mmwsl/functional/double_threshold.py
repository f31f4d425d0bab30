"""Labels of pixels from scores, with room for doubt."""

import numpy as np


def double_threshold(scores: np.ndarray, low: float, high: float, undecided: int = 255) -> np.ndarray:
    r"""Label sure foreground and sure background, and leave the rest undecided.

    .. math:: y = \begin{cases} k^* & s(k^*) > high \\ 0 & s(k^*) \le low \\ \text{undecided} & \text{else} \end{cases},
              \quad k^* = \arg\max_{k \ge 1} s(k)

    IRN (Ahn et al., CVPR 2019) labels seeds so, with 0.30 and 0.05 on normalised activation maps. Equal thresholds
    leave nothing undecided. Channel 0 is not used.

    Args:
        scores: Scores of the classes, ``(K, H, W)``, of any ordered type.
        low: Background up to here.
        high: Foreground from beyond here, at least ``low``.
        undecided: Label of the pixels between.

    Returns:
        Labels, ``(H, W)`` uint8.

    Raises:
        ValueError: If ``low`` exceeds ``high``, or there is no foreground class.
    """
    if scores.ndim != 3 or len(scores) < 2:
        raise ValueError(f'`scores` must be (K, H, W) with a background and at least one class, got {scores.shape}')
    if not low <= high:
        raise ValueError(f'`low` must not exceed `high`, got low={low} and high={high}')
    best = scores[1:].max(0)
    labels = (scores[1:].argmax(0) + 1).astype(np.uint8)
    labels[best <= high] = undecided
    labels[best <= low] = 0
    return labels
