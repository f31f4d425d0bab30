"""Evaluation of a project on its validation images."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmseg.evaluation import IoUMetric

from mmwsl.annotations import IGNORE_INDEX, read_mask
from mmwsl.apis.predict import Predicted, digest_model, predict_images
from mmwsl.apis.supervision import read_manifest
from mmwsl.apis.trained_model import find_model
from mmwsl.utils.console import Console

from .layout import Project


def predict_validation(project: Project, folder: Path, names: list[str], console: Console) -> Predicted:
    """Predict the validation images of a project with its segmentor into ``predictions/``, or resume.

    Predictions of another network or config are made again.
    """
    paths = [str(folder / name) for name in names]
    manifest = read_manifest(project.predictions)
    # The config of the segmentor inherits from one that another version of mmwsl may have changed.
    changed = manifest is not None and manifest.get('digest') != digest_model(*find_model(project.root))
    return predict_images(project.root, paths, project.predictions, names=names, console=console, overwrite=changed)


def compare_masks(
    project: Project, predicted: Predicted, masks: Mapping[str, Path], classes: list[str]
) -> dict[str, Any]:
    """Compare predicted masks with the ground truth.

    Args:
        project: The project.
        predicted: The predictions.
        masks: Ground-truth mask of each image that has one.
        classes: Names of the classes.

    Returns:
        In percent, ``mIoU`` and the ``IoU`` of each class over all pixels, and ``mean_image_mIoU``, in which a large
        image counts as much as a small one, and one without a labeled pixel nothing; the number of ``images``.
    """
    areas = []
    for name, path in masks.items():
        pair = [project.predictions / predicted.entries[name]['mask'], path]
        prediction, ground_truth = (torch.from_numpy(read_mask(file).astype(np.int64)) for file in pair)
        areas.append(
            torch.stack(IoUMetric.intersect_and_union(prediction, ground_truth, len(classes), IGNORE_INDEX)[:2])
        )
    ious = _ious(torch.stack(areas).sum(0))
    return dict(
        mIoU=round(float(ious.nanmean()), 2),
        mean_image_mIoU=round(float(torch.stack([_ious(area).nanmean() for area in areas]).nanmean()), 2),
        IoU={name: None if iou.isnan() else round(float(iou), 2) for name, iou in zip(classes, ious, strict=True)},
        images=len(masks),
    )


def _ious(areas: torch.Tensor) -> torch.Tensor:
    """Return the IoU of each class in percent, NaN for an absent one, of intersections and unions ``(2, K)``."""
    return 100 * areas[0] / areas[1]
