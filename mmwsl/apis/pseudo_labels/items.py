"""Images that get pseudo-labels, and the files of these."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mmengine.dataset import BaseDataset


@dataclass(frozen=True)
class ImageItem:
    """An image and the files of its pseudo-labels.

    Attributes:
        index: Index of the image in the dataset.
        img_path: Path of the image, as the dataset gives it.
        name: Path below the image folder, without suffix.
        labels: Ids of the classes present; None if the dataset has no image-level labels.
        unknown: Ids of the classes whose presence is unknown.
        scores: File of the scores.
        mask: File of the mask.
    """

    index: int
    img_path: str
    name: str
    labels: tuple[int, ...] | None
    unknown: tuple[int, ...]
    scores: Path
    mask: Path


def list_items(dataset: BaseDataset, folder: Path) -> list[ImageItem]:
    """List the images of a dataset.

    Args:
        dataset: The dataset of :func:`.settings.image_dataset`.
        folder: Output folder.

    Raises:
        ValueError: If two images would have the same mask file.
    """
    root = folder.absolute() / 'masks'
    items = []
    for index in range(len(dataset)):
        info = dataset.get_data_info(index)
        # A synthetic dataset has no files, only names.
        mask = Path(info.get('seg_map_path') or root / Path(info['img_path']).with_suffix('.png').name)
        name = mask.relative_to(root).with_suffix('')
        items.append(
            ImageItem(
                index=index,
                img_path=info['img_path'],
                name=str(name),
                labels=tuple(info['img_label']) if 'img_label' in info else None,
                unknown=tuple(info.get('unknown_label', ())),
                scores=folder / 'scores' / f'{name}.npz',
                mask=mask,
            )
        )
    if doubles := [name for name, count in Counter(item.name for item in items).items() if count > 1]:
        raise ValueError(
            f'the names of images must be unique without suffix, got {len(doubles)} repeated ones: {doubles[:5]}. '
            'Rename the images.'
        )
    return items


def describe_list(items: Sequence[ImageItem], ann_file: str) -> dict:
    """Describe the list of images for the manifest."""
    names = '\n'.join(sorted(item.name for item in items))
    return dict(list=ann_file, count=len(items), sha256=hashlib.sha256(names.encode()).hexdigest())
