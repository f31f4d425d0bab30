"""Accuracy of the predicted class of images with one class each."""

from typing import Any

import numpy as np

from ...registry import METRICS
from .base import class_mean, log_table
from .image_label_metric import ImageLevelMetric


@METRICS.register_module()
class ImageAccuracyMetric(ImageLevelMetric):
    """Top-1 accuracy of the image-level prediction, in percent: for datasets with one class per image.

    The prediction is the foreground class of the highest score; among equal scores, the first. Returned are

    - ``accuracy``: the fraction of correct images, as for MIT67;
    - ``mean_class_accuracy``: the mean over classes of the fraction of their images that are correct, as for 15-Scene.
      Classes without an image do not count.

    The two are equal if all classes have the same number of images.

    Raises:
        KeyError: In evaluation, if a data sample lacks a field.
        ValueError: In evaluation, if an image does not have exactly one class.
    """

    def process_sample(self, sample: dict[str, Any]) -> tuple[int, int]:
        """Return the predicted and the labeled class of one image."""
        scores, labels = self.scores_and_labels(sample)
        present = np.flatnonzero(labels[1:] == 1)
        if len(present) != 1:
            raise ValueError(
                f'ImageAccuracyMetric: `gt_label` must have one class per image, got {len(present)} classes for '
                f'{sample.get("img_path", "an image")!r}. Use ImageLabelMetric for several labels.'
            )
        return int(scores[1:].argmax()), int(present[0])

    def compute_metrics(self, results: list[tuple[int, int]]) -> dict[str, float]:
        """Log the accuracy of each class and return both means."""
        predicted, labeled = np.array(results).T
        names = self.dataset_meta['classes'][1:]
        correct, images = (np.bincount(x, minlength=len(names)) for x in (labeled[predicted == labeled], labeled))
        with np.errstate(invalid='ignore'):
            accuracies = 100 * correct / images
        log_table(
            'accuracy per class',
            ['Class', 'Accuracy', 'Images'],
            ((name, f'{value:.2f}', count) for name, value, count in zip(names, accuracies, images, strict=True)),
        )
        mean = round(float(100 * correct.sum() / len(results)), 2)
        return dict(accuracy=mean, mean_class_accuracy=class_mean(accuracies))
