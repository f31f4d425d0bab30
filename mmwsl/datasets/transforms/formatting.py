"""Transforms that pack an image with its image-level labels and with the maps of the inference pipeline."""

from collections.abc import Sequence

import numpy as np
import torch
from mmengine.structures import BaseDataElement, LabelData, PixelData
from mmseg.datasets.transforms import PackSegInputs

from mmwsl.registry import TRANSFORMS


def multi_hot_labels(present: Sequence[int], unknown: Sequence[int], num_classes: int) -> np.ndarray:
    """Encode image-level labels as 1 (present), 0 (absent) or -1 (unknown) per class.

    Class 0, the background, is always unknown: image-level labels name foreground classes only, and the background
    model of the head decides what the losses train channel 0 on.

    Args:
        present: Ids of the foreground classes present.
        unknown: Ids of the foreground classes whose presence is unknown.
        num_classes: Number of classes with background.

    Returns:
        Labels, ``(num_classes,)`` float32.

    Raises:
        ValueError: If an id is not a foreground class.
    """
    wrong = [label for label in (*present, *unknown) if not 0 < label < num_classes]
    if wrong:
        raise ValueError(
            f'image-level labels must be ids of foreground classes, 1 to {num_classes - 1}, got {wrong}. '
            'Remove the background (0): an image without labels is a background image.'
        )
    score = np.zeros(num_classes, dtype=np.float32)
    score[[0, *unknown]] = -1
    score[list(present)] = 1
    return score


@TRANSFORMS.register_module()
class PackSegInputsWithMaps(PackSegInputs):
    """mmseg's ``PackSegInputs`` that also packs the maps of the inference pipeline, if there are any.

    Required Keys:

    - the keys of ``PackSegInputs``
    - ori_img, superpixels, regions, objectness, saliency, confidence (each optional)

    Added Keys:

    - inputs
    - data_samples, with the fields ``image``, (3, H, W) uint8, ``superpixels``, (1, H, W) int64, ``objectness`` and
      ``saliency``, (1, H, W) float32, all at the original image size; ``regions`` has ``superpixels``, (H, W) int64,
      and ``members``, the superpixels of each region, (n, R) bool; ``confidence``, (1, H, W) float32, has the size of
      the transformed mask
    """

    def transform(self, results: dict) -> dict:
        """Pack the image, and its mask and maps if there are any."""
        packed = super().transform(results)
        for key, field in dict(
            ori_img='image',
            superpixels='superpixels',
            objectness='objectness',
            saliency='saliency',
            confidence='confidence',
        ).items():
            if key in results:
                data = torch.from_numpy(np.ascontiguousarray(results[key]))
                data = data.permute(2, 0, 1) if key == 'ori_img' else data[None]
                packed['data_samples'].set_field(PixelData(data=data.contiguous()), field, dtype=PixelData)
        if (regions := results.get('regions')) is not None:
            data = BaseDataElement(
                superpixels=torch.from_numpy(regions.superpixels.astype(np.int64)),
                members=torch.from_numpy(regions.members),
            )
            packed['data_samples'].set_field(data, 'regions', dtype=BaseDataElement)
        return packed


@TRANSFORMS.register_module()
class PackImageLabelInputs(PackSegInputsWithMaps):
    """:class:`PackSegInputsWithMaps` that also packs the image-level labels as ``data_samples.gt_label``.

    ``gt_label`` is a ``LabelData`` with ``label``, the ids of the foreground classes present, ``(n,)`` int64, and
    ``score``, 1 (present), 0 (absent) or -1 (unknown), ``(num_classes,)`` float32; see :func:`multi_hot_labels`. If the
    dataset has size labels, it also has ``size``, 1 (large), 0 (small) or -1 (unknown), ``(num_classes,)`` float32. An
    unlabeled image has no ``gt_label``; training on it raises an error.

    Required Keys:

    - img
    - img_label, with num_classes (optional)
    - unknown_label, large_label, small_label (each optional)
    - the keys of :class:`PackSegInputsWithMaps`

    Added Keys:

    - inputs
    - data_samples
    """

    def transform(self, results: dict) -> dict:
        """Pack the image, and its mask, maps and image-level labels if there are any."""
        packed = super().transform(results)
        if 'img_label' not in results:
            return packed
        present, num_classes = results['img_label'], results['num_classes']
        score = multi_hot_labels(present, results.get('unknown_label', ()), num_classes)
        packed['data_samples'].gt_label = LabelData(
            label=torch.tensor(present, dtype=torch.int64), score=torch.from_numpy(score)
        )
        if 'large_label' in results:
            size = torch.full((num_classes,), -1.0)
            size[results['large_label']] = 1
            size[results['small_label']] = 0
            packed['data_samples'].gt_label.size = size
        return packed
