"""Per-class pixel accuracy, with and without background."""

import numpy as np
from mmseg.evaluation import IoUMetric

from ...registry import METRICS
from .base import class_mean


@METRICS.register_module()
class ClassAccuracyMetric(IoUMetric):
    r"""``IoUMetric`` that also returns ``mAcc_foreground``, the mean per-class accuracy without background.

    The accuracy of a class is the fraction of its pixels that are predicted as it, :math:`TP / (TP + FN)`. Pinheiro &
    Collobert (CVPR 2015, Table 2) compare by its mean over classes on VOC 2008, 2009 and 2010. Whether background is
    one of the classes is not printed; the parent's ``mAcc`` includes it. A class without a pixel in the ground truth
    does not count.

    The accuracy rewards predicting too much foreground: a mask of one class everywhere has 100 for this class. Compare
    the IoU, which the parent returns as well.
    """

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Compute the metrics over all images."""
        metrics = super().compute_metrics(results)
        if self.format_only:
            return metrics
        intersections, _, _, pixels = (sum(areas) for areas in zip(*results, strict=True))
        with np.errstate(invalid='ignore'):
            accuracies = 100 * np.asarray(intersections[1:]) / np.asarray(pixels[1:])
        return metrics | dict(mAcc_foreground=class_mean(accuracies))
