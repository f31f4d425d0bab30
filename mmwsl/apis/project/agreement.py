"""Agreement of the masks of an image and of its mirror image, a quality that needs no ground truth."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from mmwsl.annotations.score_file import read_codes
from mmwsl.apis.config import load_config
from mmwsl.apis.inferencer import WeakSegInferencer
from mmwsl.apis.pseudo_labels.items import ImageItem
from mmwsl.functional import class_thresholds
from mmwsl.inference.class_maps import ClassMaps
from mmwsl.inference.step import build_step
from mmwsl.registry import CLASS_MAPS
from mmwsl.utils.console import Console
from mmwsl.utils.files import write_json
from mmwsl.utils.images import read_bgr

from .layout import Project

MAX_IMAGES = 200


def measure_agreement(
    project: Project, items: Sequence[ImageItem], thresholds: Sequence[float], console: Console
) -> dict[str, float]:
    """Compare the masks of images by their thresholds, before any refinement, with the masks of the mirrored images.

    Args:
        project: The project; the result is written to ``agreement.json`` of the labels.
        items: The training images, of which at most ``MAX_IMAGES`` are predicted, evenly spread.
        thresholds: Thresholds of the foreground classes.
        console: Where progress is shown.

    Returns:
        Mean IoU over the classes of either mask, by name of the image, in [0, 1].
    """
    indices = np.unique(np.linspace(0, len(items) - 1, min(MAX_IMAGES, len(items))).astype(int))
    config, checkpoint = project.labeler()
    cfg = load_config(config)
    # Maps that are normalized by class need the labels: they are made below, where these are known.
    class_maps = cfg.model.inference.pop('class_maps', dict(type='mmwsl.Probabilities'))
    maps: ClassMaps = build_step(CLASS_MAPS, class_maps, ClassMaps)
    inferencer = WeakSegInferencer(cfg, checkpoint)
    values = torch.as_tensor(thresholds, dtype=torch.float32)
    agreement: dict[str, float] = {}
    with console.progress(len(indices), 'mirrored images') as bar:
        for item in (items[index] for index in indices):
            absent = ~torch.from_numpy(read_codes(item.scores)[1:].any((1, 2)))
            image = read_bgr(item.img_path)
            masks = []
            for step in (1, -1):  # the stored scores are the mean of several views
                view = np.ascontiguousarray(image[:, ::step])
                prediction: dict[str, Any] = inferencer(view, return_scores=True)['predictions'][0]
                scores = torch.from_numpy(prediction['scores'])
                scores[1:][absent] = 0  # classes that the image-level labels exclude
                masks.append(class_thresholds(maps.merge([scores]), values).argmax(0).numpy()[:, ::step])
            agreement[item.name] = round(mask_agreement(*masks), 4)
            bar.advance()
    write_json(project.labels / 'agreement.json', agreement)
    return agreement


def mask_agreement(one: np.ndarray, other: np.ndarray) -> float:
    """Return the mean IoU over the classes of either mask, in [0, 1]."""
    classes = np.union1d(one, other)
    return float(np.mean([((one == k) & (other == k)).sum() / ((one == k) | (other == k)).sum() for k in classes]))
