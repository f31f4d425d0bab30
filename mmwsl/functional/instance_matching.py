"""Comparison of predicted instances with ground truth: VOC's matching for the AP, and the average best overlap."""

from collections.abc import Sequence

import numpy as np
from torch import Tensor


def mask_ious(predictions: Tensor, targets: Tensor) -> Tensor:
    """Compute the IoU of every pair of masks.

    Args:
        predictions: Masks, ``(P, H, W)`` bool.
        targets: Masks, ``(G, H, W)`` bool.

    Returns:
        IoU, ``(P, G)`` float64; 0 for two empty masks.

    Raises:
        ValueError: If the sizes differ.
    """
    if predictions.dim() != 3 or targets.dim() != 3 or predictions.shape[1:] != targets.shape[1:]:
        raise ValueError(
            '`predictions` and `targets` must be masks (n, H, W) of one size, got '
            f'{tuple(predictions.shape)} and {tuple(targets.shape)}.'
        )
    # float32 counts exactly up to 2^24 pixels of an image; the ratio is in float64, so that 1/2 stays 1/2
    first, second = (masks.flatten(1).float() for masks in (predictions, targets))
    both = (first @ second.T).double()
    union = first.sum(1).double()[:, None] + second.sum(1).double() - both
    return both / union.clamp(min=1)


def match_instances(ious: np.ndarray, scores: np.ndarray, threshold: float = 0.5) -> np.ndarray:
    """Tell which predictions of one class in one image are correct, as in VOC (Hariharan et al., ECCV 2014).

    In descending order of the score, a prediction is correct if its best ground truth has an IoU above the threshold
    and was not matched before. Otherwise it is wrong, even if another ground truth would be free: this differs from
    COCO. The results of all images, ranked by score, give the AP, see :func:`.average_precision` with ``all_points``.

    Args:
        ious: IoU with each ground truth, ``(P, G)``.
        scores: Confidence, ``(P,)``. Equal scores keep their order.
        threshold: IoU that a match exceeds, in [0, 1).

    Returns:
        Whether each prediction is correct, ``(P,)`` bool.

    Raises:
        ValueError: If the sizes differ, or ``threshold`` is out of range.
    """
    if ious.ndim != 2 or scores.shape != ious.shape[:1]:
        raise ValueError(f'`ious` must be (P, G) for `scores` (P,), got {ious.shape} and {scores.shape}.')
    if not 0 <= threshold < 1:
        raise ValueError(f'`threshold` must be in [0, 1), got {threshold}.')
    correct = np.zeros(len(ious), bool)
    if not ious.size:
        return correct
    order = np.argsort(-scores, kind='stable')
    best = np.where(ious.max(1) > threshold, ious.argmax(1), -1)[order]
    _, first = np.unique(best, return_index=True)  # the first prediction of each ground truth
    correct[order[first[best[first] >= 0]]] = True
    return correct


def average_best_overlap(ious: Sequence[np.ndarray]) -> float:
    r"""Compute the average best overlap of one class (ABO; Uijlings et al., IJCV 2013, Eq. 4, with masks).

    .. math:: \mathrm{ABO} = \frac{1}{|G|} \sum_{g \in G} \max_j \mathrm{IoU}(g, p_j)

    Scores take no part, so a further prediction never lowers it: state the number of predictions beside it.

    Args:
        ious: IoU of the predictions and the ground truths of each image, ``(P, G)``. Without predictions, ``(0, G)``,
            the best overlap is 0.

    Returns:
        A value in [0, 1]; NaN without ground truth.
    """
    best = [value for image in ious for value in image.max(axis=0, initial=0.0).tolist()]
    return float(np.mean(best)) if best else float('nan')
