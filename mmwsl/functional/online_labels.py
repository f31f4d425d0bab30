"""Pixel labels from the class maps of a network that is being trained."""

import torch
from torch import Tensor

from .pixel_adaptive import pixel_adaptive_refinement


def threshold_softmax(maps: Tensor, thresholds: Tensor) -> Tensor:
    r"""Compare class maps with a threshold in one distribution (AFA, Ru et al., CVPR 2022).

    .. math:: p = \mathrm{softmax}(t_{k^*}, M_1, \dots, M_C), \quad k^* = \arg\max_k M_k

    The argmax is the background, channel 0, where no map exceeds the threshold of its class.

    Args:
        maps: Class maps, ``(C, H, W)``, at least one.
        thresholds: Threshold of each class, ``(C,)``.

    Returns:
        Probabilities, ``(1 + C, H, W)``.
    """
    return torch.cat([thresholds.to(maps)[maps.argmax(0)][None], maps]).softmax(0)


def merge_threshold_labels(high: Tensor, low: Tensor, ignore_index: int = 255) -> Tensor:
    """Merge labels of a high and of a low threshold; what only the low one calls foreground is ignored.

    Args:
        high: Labels of the high threshold, any shape; 0 is the background.
        low: Labels of the low threshold, same shape.
        ignore_index: Label of the pixels on which the two disagree.

    Returns:
        Labels of the same shape.
    """
    return high.masked_fill((high == 0) & (low != 0), ignore_index)


def online_labels(
    maps: Tensor,
    image: Tensor,
    present: Tensor,
    bg_thresholds: Tensor,
    fg_thresholds: Tensor,
    iterations: int = 10,
    ignore_index: int = 255,
) -> Tensor:
    """Label the pixels of one image by refined class maps and two thresholds (ToCo, Ru et al., CVPR 2023).

    The maps of the present classes are compared with both thresholds, :func:`threshold_softmax`, refined by colors,
    :func:`pixel_adaptive_refinement` with ``'par'``, and merged, :func:`merge_threshold_labels`. Without refinement
    these are the labels of :func:`double_threshold`. An image without present classes is background.

    Args:
        maps: Class maps in [0, 1], without background, ``(C, H, W)``.
        image: The image, ``(3, H, W)``, in any range of values.
        present: Whether the image has the class, boolean ``(C,)``.
        bg_thresholds: Scores up to it are background, ``(C,)``.
        fg_thresholds: Scores above it are foreground, ``(C,)``, at least ``bg_thresholds``.
        iterations: Iterations of the refinement; 0 does not refine.
        ignore_index: Label of the uncertain pixels.

    Returns:
        Labels, ``(H, W)`` int64; 0 is the background.

    Raises:
        ValueError: If a background threshold exceeds that of the foreground, or see :func:`pixel_adaptive_refinement`.
    """
    if (bg_thresholds > fg_thresholds).any():
        raise ValueError(
            f'`bg_thresholds` must not exceed `fg_thresholds`, got {bg_thresholds.tolist()} and '
            f'{fg_thresholds.tolist()}.'
        )
    classes = present.nonzero()[:, 0]
    if not len(classes):
        return torch.zeros(maps.shape[1:], dtype=torch.int64, device=maps.device)
    # Both thresholds in one call: the weights of the neighbors are computed once.
    scores = torch.cat([threshold_softmax(maps[classes], t[classes]) for t in (fg_thresholds, bg_thresholds)])
    if iterations:
        scores = pixel_adaptive_refinement(scores, image, iterations=iterations, variant='par')
    ids = torch.cat([classes.new_zeros(1), classes + 1])
    high, low = (ids[part.argmax(0)] for part in scores.chunk(2))
    return merge_threshold_labels(high, low, ignore_index)
