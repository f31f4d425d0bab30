"""IoU of every class as a returned metric."""

from mmseg.evaluation import IoUMetric

from ...registry import METRICS


@METRICS.register_module()
class ClassIoUMetric(IoUMetric):
    """``IoUMetric`` that also returns ``IoU_CLASS`` of every class, in percent.

    The IoU of a class without a pixel in the ground truth and in the predictions is NaN. The parent only logs these
    values and returns their mean.
    """

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Compute the metrics over all images."""
        metrics = super().compute_metrics(results)
        if self.format_only:
            return metrics
        intersections, unions = (sum(areas) for areas in list(zip(*results, strict=True))[:2])
        classes = self.dataset_meta['classes']
        return metrics | {
            f'IoU_{name}': round(float(100 * hits / union), 2)
            for name, hits, union in zip(classes, intersections, unions, strict=True)
        }
