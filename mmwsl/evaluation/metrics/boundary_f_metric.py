"""How well the boundaries of the predicted masks follow the true ones."""

from collections.abc import Sequence

import cv2
import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger, print_log
from prettytable import PrettyTable

from ...registry import METRICS


def mask_boundary(mask: np.ndarray) -> np.ndarray:
    """Return the pixels of a mask, ``(H, W)`` bool, that have one of their 4 neighbors outside of it.

    The frame of the image is no boundary.
    """
    padded = np.pad(mask, 1, mode='edge')
    inside = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return mask & ~inside


def near(boundary: np.ndarray, radius: float) -> np.ndarray:
    """Return the pixels whose Euclidean distance to a boundary, ``(H, W)`` bool, is at most ``radius``."""
    if not boundary.any():
        return np.zeros_like(boundary)
    distance = cv2.distanceTransform((~boundary).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return distance <= radius + 1e-3  # distances are float32 roots of whole numbers


def boundary_f(predicted: np.ndarray, truth: np.ndarray, void: np.ndarray, radius: float) -> float:
    r"""Boundary F-score of one mask.

    With :math:`P` the share of the predicted boundary that lies within ``radius`` of the true one, and :math:`R` the
    share of the true boundary that lies within ``radius`` of the predicted one, :math:`F = 2 P R / (P + R)`.

    Args:
        predicted: Predicted mask, bool, ``(H, W)``.
        truth: True mask, bool, ``(H, W)``.
        void: Pixels without a true class, bool, ``(H, W)``. A predicted boundary there counts where it is right, and
            does not where it is wrong: VOC's contours are void, so the right place is in it.
        radius: In pixels.

    Returns:
        A value in [0, 1]: 0 if only one of the masks has a boundary, NaN if none has.
    """
    predicted, truth = mask_boundary(predicted), mask_boundary(truth)
    right = predicted & near(truth, radius)
    counted = (right | (predicted & ~void)).sum()
    if not counted and not truth.any():
        return float('nan')
    if not right.any():
        return 0.0
    precision = right.sum() / counted
    recall = (truth & near(predicted, radius)).sum() / truth.sum()
    return float(2 * precision * recall / (precision + recall))


@METRICS.register_module()
class BoundaryFMetric(BaseMetric):
    """Mean boundary F-score of ``pred_sem_seg`` (Csurka et al., BMVC 2013; Perazzi et al., CVPR 2016), in percent.

    See :func:`boundary_f`. The score of a class is the mean over the images where its predicted or true mask has a
    boundary; ``mBoundaryF`` is the mean over classes, background included as in the mean IoU.

    Args:
        tolerance: Radius as a share of the image's diagonal, positive.
        **kwargs: Of :class:`mmengine.evaluator.BaseMetric`.

    Raises:
        KeyError: In evaluation, if a sample lacks a field.
        ValueError: If ``tolerance`` is not in (0, 1); in evaluation, if the masks differ in size.
    """

    default_prefix = None

    def __init__(self, tolerance: float = 0.0075, **kwargs) -> None:
        super().__init__(**kwargs)
        if not 0 < tolerance < 1:
            raise ValueError(
                f'`tolerance` must be a share of the diagonal in (0, 1), got {tolerance!r}: 0.0075 is 0.75 %'
            )
        self.tolerance = tolerance

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Keep the score of every class of a batch, and whether it has one, ``(2, K)``."""
        for sample in data_samples:
            for field, source in (
                ('pred_sem_seg', 'a segmentor'),
                ('gt_sem_seg', "the transform type='LoadAnnotations'"),
            ):
                if field not in sample:
                    raise KeyError(f'BoundaryFMetric needs the field `{field}` of the data sample: add {source}')
            predicted, truth = (
                sample[field]['data'].squeeze(0).cpu().numpy() for field in ('pred_sem_seg', 'gt_sem_seg')
            )
            if predicted.shape != truth.shape:
                raise ValueError(
                    f'`gt_sem_seg` must have the size of `pred_sem_seg`, got {truth.shape} for '
                    f"{predicted.shape}: load the mask after the transform type='Resize'"
                )
            classes = len(self.dataset_meta['classes'])
            void = (truth < 0) | (truth >= classes)
            radius = self.tolerance * float(np.hypot(*truth.shape))
            scores = np.full(classes, np.nan)
            for k in np.union1d(predicted, truth[~void]):
                scores[k] = boundary_f(predicted == k, truth == k, void, radius)
            self.results.append(np.stack([np.nan_to_num(scores), ~np.isnan(scores)]))

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Compute the score of each class, print them, and return their mean."""
        total, images = np.sum(results, axis=0)
        with np.errstate(invalid='ignore'):
            scores = 100 * total / images
        table = PrettyTable(['Class', 'Boundary F', 'Images'])
        table.add_rows(
            [
                [name, f'{score:.2f}', int(count)]
                for name, score, count in zip(self.dataset_meta['classes'], scores, images, strict=True)
            ]
        )
        print_log(
            f'boundary F-score within {100 * self.tolerance:g} % of the diagonal:\n{table}',
            MMLogger.get_current_instance(),
        )
        return dict(mBoundaryF=round(float(np.nanmean(scores)), 2) if images.any() else float('nan'))
