"""Labels of pixels from scores, with room for doubt."""

import numpy as np


def double_threshold(
    scores: np.ndarray, bg_threshold: float, fg_threshold: float, ignore_index: int = 255
) -> np.ndarray:
    r"""Label sure foreground and sure background, and leave the rest undecided.

    .. math:: y = \begin{cases} k^* & s(k^*) > fg_threshold \\ 0 & s(k^*) \le bg_threshold \\ \text{ignore_index} & \text{else} \end{cases},
              \quad k^* = \arg\max_{k \ge 1} s(k)

    IRN (Ahn et al., CVPR 2019) labels seeds so, with 0.30 and 0.05 on normalized activation maps. Equal thresholds
    leave nothing undecided. Channel 0 is not used.

    Args:
        scores: Scores of the classes, ``(K, H, W)``, of any ordered type.
        bg_threshold: Background up to here.
        fg_threshold: Foreground from beyond here, at least ``bg_threshold``.
        ignore_index: Label of the pixels between.

    Returns:
        Labels, ``(H, W)`` uint8.

    Raises:
        ValueError: If ``bg_threshold`` exceeds ``fg_threshold``, or there is no foreground class.
    """
    if scores.ndim != 3 or len(scores) < 2:
        raise ValueError(f'`scores` must be (K, H, W) with a background and at least one class, got {scores.shape}')
    if not bg_threshold <= fg_threshold:
        raise ValueError(
            f'`bg_threshold` must not exceed `fg_threshold`, got bg_threshold={bg_threshold} and fg_threshold={fg_threshold}'
        )
    best = scores[1:].max(0)
    labels = (scores[1:].argmax(0) + 1).astype(np.uint8)
    labels[best <= fg_threshold] = ignore_index
    labels[best <= bg_threshold] = 0
    return labels
