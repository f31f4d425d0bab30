"""What the data samples of a batch say about it: tags, masks, sizes."""

from collections.abc import Sequence

import torch
from mmseg.utils import SampleList
from torch import Tensor
from torch.nn import functional as F


def image_labels(data_samples: SampleList, num_classes: int, masks_suffice: bool = False) -> Tensor:
    """Stack the tags, ``gt_label.score``.

    Args:
        data_samples: The batch.
        num_classes: Classes K of the head, background included.
        masks_suffice: A sample with a mask may have no tags: they are unknown.

    Returns:
        1 present, 0 absent, -1 unknown, ``(N, K)``.

    Raises:
        KeyError: If a sample has no tags.
        ValueError: If the dataset has another number of classes.
    """
    scores = []
    for sample in data_samples:
        if 'gt_label' in sample:
            scores.append(sample.gt_label.score)
        elif masks_suffice and 'gt_sem_seg' in sample:
            scores.append(torch.full((num_classes,), -1.0, device=sample.gt_sem_seg.data.device))
        else:
            raise KeyError(
                'a data sample has no field `gt_label`: end the training pipeline with '
                "dict(type='mmwsl.PackImageLabelInputs') and give the dataset a `label_file`"
            )
        if len(scores[-1]) != num_classes:
            raise ValueError(
                f'`num_classes` of the head is {num_classes}, but the dataset has {len(scores[-1])} '
                'classes (background included)'
            )
    return torch.stack(scores)


def cell_masks(data_samples: SampleList, size: Sequence[int], ignore_index: int) -> list[Tensor | None]:
    """Sample the masks, ``gt_sem_seg``, at the centers of the cells of a score map.

    Args:
        data_samples: The batch; masks are padded like the inputs.
        size: Height and width of the score map, which covers the padded input evenly.
        ignore_index: Value of the pixels to leave out.

    Returns:
        For each image its int64 mask of that size with -1 where a cell is to be left out, or None without a mask.
    """
    masks = []
    for sample in data_samples:
        mask = None
        if 'gt_sem_seg' in sample:
            mask = sample.gt_sem_seg.data  # (1, H, W)
            # Float32 holds every class exactly; interpolation knows no int64.
            mask = F.interpolate(mask[None].float(), tuple(size), mode='nearest-exact')[0, 0].long()
            mask = mask.masked_fill(mask == ignore_index, -1)
        masks.append(mask)
    return masks


def size_labels(data_samples: SampleList, image_labels: Tensor) -> Tensor | None:
    """Stack the sizes of objects, ``gt_label.size``: 1 large, 0 small, -1 not known, like ``image_labels (N, K)``.

    A sample without them has -1 everywhere; None if no sample has them.
    """
    sizes = [sample.gt_label.get('size') if 'gt_label' in sample else None for sample in data_samples]
    if all(size is None for size in sizes):
        return None
    return torch.stack(
        [
            torch.full_like(labels, -1) if size is None else size.to(labels)
            for size, labels in zip(sizes, image_labels, strict=True)
        ]
    )
