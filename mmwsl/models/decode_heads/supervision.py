"""Supervision of a batch, collected from its data samples."""

from collections.abc import Sequence

import torch
from mmseg.utils import SampleList
from torch import Tensor
from torch.nn import functional as F

from ...utils.metainfo import image_padding
from ..losses import WeakSupervision


def collect_supervision(
    data_samples: SampleList, num_classes: int, valid: Tensor, *, use_masks: bool, ignore_index: int = 255
) -> WeakSupervision:
    """Collect the image-level labels, size labels and saliency maps of a batch and, if asked for, its masks.

    Args:
        data_samples: The batch; masks are padded like the inputs.
        num_classes: Classes K of the head, background included.
        valid: Boolean map of the locations inside each image, ``(N, H, W)``, of the size of the score map.
        use_masks: Use the masks. A sample with a mask may then lack image-level labels, which are unknown.
        ignore_index: Value of the ignored pixels of the masks.

    Raises:
        KeyError: If a sample has neither image-level labels nor a mask to use.
        ValueError: If the dataset has another number of classes, or a saliency map another size than its image.
    """
    labels = _image_labels(data_samples, num_classes, use_masks)
    return WeakSupervision(
        image_labels=labels,
        valid=valid,
        masks=masks_at_locations(data_samples, valid.shape[1:], ignore_index) if use_masks else None,
        sizes=_size_labels(data_samples, labels),
        saliency=_saliency_at_locations(data_samples, valid.shape[1:]),
    )


def _image_labels(data_samples: SampleList, num_classes: int, masks_suffice: bool) -> Tensor:
    """Stack the image-level labels, ``gt_label.score``, to ``(N, K)``."""
    scores = []
    for sample in data_samples:
        if 'gt_label' in sample:
            scores.append(sample.gt_label.score)
        elif masks_suffice and 'gt_sem_seg' in sample:
            scores.append(torch.full((num_classes,), -1.0, device=sample.gt_sem_seg.data.device))
        else:
            raise KeyError(
                'a training sample has no field `gt_label`. End the training pipeline with '
                "dict(type='mmwsl.PackImageLabelInputs') and set the `label_file` of the dataset."
            )
        if len(scores[-1]) != num_classes:
            raise ValueError(
                f'`decode_head.num_classes` must be {len(scores[-1])}, the number of classes of the dataset with the '
                f'background, got {num_classes}.'
            )
    return torch.stack(scores)


def masks_at_locations(data_samples: SampleList, size: Sequence[int], ignore_index: int) -> list[Tensor | None]:
    """Sample the masks, ``gt_sem_seg``, at the centers of a score map's locations; -1 at ignored locations."""
    masks: list[Tensor | None] = []
    for sample in data_samples:
        mask = None
        if 'gt_sem_seg' in sample:
            mask = sample.gt_sem_seg.data  # (1, H, W)
            # Float32 holds every class exactly; interpolate has no int64 version.
            mask = F.interpolate(mask[None].float(), tuple(size), mode='nearest-exact')[0, 0].long()
            mask = mask.masked_fill(mask == ignore_index, -1)
        masks.append(mask)
    return masks


def _saliency_at_locations(data_samples: SampleList, size: Sequence[int]) -> list[Tensor | None]:
    """Resize saliency maps, ``saliency``, of the size of the images before padding, to the size of the score map."""
    maps: list[Tensor | None] = []
    for sample in data_samples:
        saliency = None
        if 'saliency' in sample:
            shape = tuple(sample.saliency.data.shape[1:])
            if shape != tuple(sample.img_shape[:2]):
                raise ValueError(
                    f'`saliency` must have the size {tuple(sample.img_shape[:2])} of its training image, got {shape}. '
                    'Put Resize, RandomFlip and crops into a mmwsl.TransformWithMaps.'
                )
            # The score map covers the padded image. Zeros would make the last locations of the image less salient.
            padded = F.pad(sample.saliency.data[None], image_padding(sample.metainfo), mode='replicate')
            saliency = F.interpolate(padded, tuple(size), mode='bilinear', antialias=True)[0, 0].clamp(0, 1)
        maps.append(saliency)
    return maps


def _size_labels(data_samples: SampleList, image_labels: Tensor) -> Tensor | None:
    """Stack the size labels, ``gt_label.size``, to ``(N, K)``; None if no sample has them."""
    sizes = [sample.gt_label.get('size') if 'gt_label' in sample else None for sample in data_samples]
    if all(size is None for size in sizes):
        return None
    return torch.stack(
        [
            torch.full_like(labels, -1) if size is None else size.to(labels)
            for size, labels in zip(sizes, image_labels, strict=True)
        ]
    )
