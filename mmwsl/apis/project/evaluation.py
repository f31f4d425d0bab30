"""Evaluation of a project on its validation images."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mmwsl.apis.config import load_config
from mmwsl.apis.testing import test, write_predictions
from mmwsl.utils.console import Console

from .layout import Project
from .progress import ProgressHook


def evaluate(project: Project, masks: dict[str, Path], num_images: int, console: Console) -> dict[str, Any]:
    """Predict the validation images with the segmentor, and compare them with their masks.

    Args:
        project: The project, with a trained segmentor.
        masks: Ground-truth mask of each validation image that has one, by name.
        num_images: Number of validation images.
        console: Where progress is shown.

    Returns:
        ``mIoU`` and the ``IoU`` of each class in percent, over the images with a mask; empty without masks.
    """
    summary = project.read_summary()
    cfg = load_config(project.segmentor_config, work_dir=str(project.segmentor / 'test'))
    write_predictions(cfg, str(project.predictions))
    with console.progress(num_images, 'prediction') as bar:
        test(cfg, str(project.root / summary['segmentor']['checkpoint']), hooks=[ProgressHook(bar)])
    return compare_masks(project, masks, summary['classes']) if masks else {}


def compare_masks(project: Project, masks: dict[str, Path], classes: list[str]) -> dict[str, Any]:
    """Return ``mIoU``, ``IoU`` of each class and ``mean_image_IoU``, in percent, of the predictions of a project."""
    pairs = np.zeros((len(classes), len(classes)), np.int64)
    per_image = []
    for path in masks.values():
        truth = np.asarray(Image.open(path)).astype(int)
        predicted = np.asarray(Image.open(project.predictions / path.name)).astype(int)
        counted = truth < len(classes)
        image = np.bincount(len(classes) * truth[counted] + predicted[counted], minlength=pairs.size).reshape(
            pairs.shape
        )
        pairs += image
        per_image.append(np.nanmean(intersection_over_union(image)))
    ious = intersection_over_union(pairs)
    by_class = {name: None if np.isnan(iou) else round(float(iou), 2) for name, iou in zip(classes, ious, strict=True)}
    return dict(
        mIoU=round(float(np.nanmean(ious)), 2),
        mean_image_mIoU=round(float(np.mean(per_image)), 2),
        IoU=by_class,
        images=len(masks),
    )


def intersection_over_union(pairs: np.ndarray) -> np.ndarray:
    """Return the IoU of each class in percent, NaN for an absent one, of a confusion matrix ``(K, K)``."""
    union = pairs.sum(0) + pairs.sum(1) - pairs.diagonal()
    with np.errstate(invalid='ignore'):
        result: np.ndarray = 100 * pairs.diagonal() / union
    return result
