"""IoU of every class as a number, not only in the log."""

from mmseg.evaluation import IoUMetric

from ...registry import METRICS


@METRICS.register_module()
class ClassIoUMetric(IoUMetric):
    """``IoUMetric`` that also returns ``IoU_CLASS`` of every class, in percent.

    It is NaN for a class in no true and no predicted mask. ``IoUMetric`` prints the table and returns the mean alone.
    """

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Compute the metrics of all images."""
        metrics = super().compute_metrics(results)
        if self.format_only:
            return metrics
        intersections, unions = (sum(areas) for areas in list(zip(*results, strict=True))[:2])
        classes = self.dataset_meta['classes']
        return metrics | {
            f'IoU_{name}': round(float(100 * hits / union), 2)
            for name, hits, union in zip(classes, intersections, unions, strict=True)
        }
