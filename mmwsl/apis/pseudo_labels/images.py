"""Which images get pseudo-labels, and where these go."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mmengine.config import Config
from mmengine.dataset import BaseDataset

from mmwsl.apis.registered import is_mask_loader, without


@dataclass(frozen=True)
class ImageItem:
    """An image, and the files of its pseudo-labels.

    Args:
        index: Its number in the dataset.
        img_path: The image, as the dataset names it.
        name: Path below the folder of images, without suffix.
        labels: Ids of the classes present; None if the dataset has no tags.
        unknown: Ids of the classes of which nothing is known.
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


def select_images(
    cfg: Config, folder: Path, split: str = 'train', ann_file: str | None = None, indices: int | None = None
) -> None:
    """Turn the test set of a config into the dataset to label, without its masks.

    Images, list and tags are those of the split, the pipeline that of the test set without the steps that load
    masks. The place of the masks is that of the pseudo-labels.

    Args:
        cfg: The config, changed in place.
        folder: The folder of pseudo-labels.
        split: ``'train'``, ``'val'`` or ``'test'``.
        ann_file: Another list of images. None is the list of the split.
        indices: How many of the images to label. None is all.

    Raises:
        ValueError: If the dataset of the split is not one set, or names no files that end in ``.png`` as masks.
    """
    dataset = cfg[f'{split}_dataloader'].dataset
    while 'dataset' in dataset:  # RepeatDataset, ClassBalancedDataset
        dataset = dataset.dataset
    if 'datasets' in dataset:
        raise ValueError(
            f'{split}_dataloader.dataset joins several datasets, and pseudo-labels are for one folder of '
            'images. Give one of them, in a config of its own or by --cfg-options.'
        )
    suffix = dataset.get('seg_map_suffix', '.png')
    if not suffix.endswith('.png'):
        raise ValueError(
            f'pseudo-labels are PNG files, but {split}_dataloader.dataset has seg_map_suffix={suffix!r}. '
            'Set one that ends in .png.'
        )
    dataset = dataset.copy()
    dataset.update(test_mode=True, pipeline=without(cfg.test_dataloader.dataset.pipeline, is_mask_loader))
    dataset.data_prefix = dict(dataset.get('data_prefix') or {}, seg_map_path=str((folder / 'masks').absolute()))
    if ann_file:
        dataset.ann_file = ann_file
    if indices:
        dataset.indices = indices
    cfg.test_dataloader = dict(cfg.test_dataloader, dataset=dataset)


def list_items(dataset: BaseDataset, folder: Path) -> list[ImageItem]:
    """List the images of a dataset that :func:`select_images` configured.

    Raises:
        ValueError: If two images would share a mask.
    """
    root = folder.absolute() / 'masks'
    images = []
    for index in range(len(dataset)):
        info = dataset.get_data_info(index)
        # A dataset without files names none: its images have mere names.
        mask = Path(info.get('seg_map_path') or root / Path(info['img_path']).with_suffix('.png').name)
        name = mask.relative_to(root).with_suffix('')
        labels = tuple(info['img_label']) if 'img_label' in info else None
        images.append(
            ImageItem(
                index,
                info['img_path'],
                str(name),
                labels,
                tuple(info.get('unknown_label', ())),
                folder / 'scores' / f'{name}.npz',
                mask,
            )
        )
    if doubles := [name for name, count in Counter(image.name for image in images).items() if count > 1]:
        raise ValueError(
            f'{len(doubles)} names belong to several images, which differ in their suffix alone and '
            f'would share a mask: {doubles[:5]}. Rename the images.'
        )
    return images


def identity(dataset: dict) -> dict:
    """Return what a dataset does to an image, for the manifest: its config without the choice of images."""
    prefix = {key: value for key, value in dataset['data_prefix'].items() if key != 'seg_map_path'}
    kept = {key: value for key, value in dataset.items() if key not in ('indices', 'ann_file')}
    return dict(kept, data_prefix=prefix)


def describe_list(images: Sequence[ImageItem], ann_file: str) -> dict:
    """Describe the list for the manifest."""
    names = '\n'.join(sorted(image.name for image in images))
    return dict(list=ann_file, count=len(images), sha256=hashlib.sha256(names.encode()).hexdigest())
