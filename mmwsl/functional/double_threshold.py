"""Pixel labels from scores, with ignored pixels between two thresholds."""

import numpy as np


def double_threshold(
    scores: np.ndarray, bg_threshold: float, fg_threshold: float, ignore_index: int = 255
) -> np.ndarray:
    r"""Label confident foreground and background pixels; uncertain pixels become ``ignore_index``.

    .. math:: y = \begin{cases} k^* & s(k^*) > \delta_\mathrm{fg} \\ 0 & s(k^*) \le \delta_\mathrm{bg} \\
              \mathrm{ignore} & \text{else} \end{cases}, \quad k^* = \arg\max_{k \ge 1} s(k)

    IRN (Ahn et al., CVPR 2019) labels CAM seeds this way, with 0.30 and 0.05 on normalized class activation maps. With
    equal thresholds no pixel is ignored, except where a score is NaN. Channel 0 is not used.

    Args:
        scores: Class scores, ``(K, H, W)``, of any ordered dtype.
        bg_threshold: Threshold :math:`\delta_\mathrm{bg}`; scores up to it are background.
        fg_threshold: Threshold :math:`\delta_\mathrm{fg}`, at least ``bg_threshold``; scores above it are foreground.
        ignore_index: Label of the uncertain pixels, with scores between the thresholds.

    Returns:
        Mask, ``(H, W)`` uint8.

    Raises:
        ValueError: If ``bg_threshold`` exceeds ``fg_threshold``, or there is no foreground class.
    """
    if scores.ndim != 3 or len(scores) < 2:
        raise ValueError(f'`scores` must be (K, H, W) with a background and at least one class, got {scores.shape}.')
    if not bg_threshold <= fg_threshold:
        raise ValueError(
            f'`bg_threshold` must not exceed `fg_threshold`, got bg_threshold={bg_threshold} and '
            f'fg_threshold={fg_threshold}.'
        )
    highest = scores[1:].max(0)
    labels = (scores[1:].argmax(0) + 1).astype(np.uint8)
    labels[~(highest > fg_threshold)] = ignore_index  # NaN is neither above nor below
    labels[highest <= bg_threshold] = 0
    return labels
