"""Files that a dataset will read: its images, and the masks that its pipeline loads."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import mmcv
import numpy as np
from mmcv.transforms import LoadImageFromFile
from mmengine import fileio
from mmengine.dataset import BaseDataset
from mmseg.datasets.transforms import LoadAnnotations

from mmwsl.utils.mask_facts import Decode, decode_mask, label_converter

from .transforms import LoadImageAsBGR, RenderShapesImage
from .transforms.mask_loaders import all_transforms, opens_masks


@dataclass(frozen=True)
class MaskFile:
    """A mask that a dataset will read.

    Attributes:
        path: The file.
        image: The file of its image.
        convert: Conversion of a value in the file to a class index.
    """

    path: str
    image: str
    convert: Callable[[int], int]


def leaf_datasets(dataset: Any) -> Iterator[BaseDataset]:
    """Yield the datasets in a list or in wrappers such as ``ConcatDataset``, as far as they are mmengine's."""
    if isinstance(dataset, BaseDataset):
        yield dataset
    elif isinstance(dataset, list):
        for part in dataset:
            yield from leaf_datasets(part)
    elif dataset is not None:
        yield from leaf_datasets([*getattr(dataset, 'datasets', ()), getattr(dataset, 'dataset', None)])


def data_infos(dataset: BaseDataset) -> Iterator[dict]:
    """Yield the data info of every image that a dataset has, after the choice of ``indices``."""
    dataset.full_init()
    for index in range(len(dataset)):
        yield dataset.get_data_info(index)


def mask_loader(dataset: BaseDataset) -> LoadAnnotations | None:
    """Return the transform that loads the masks of a dataset.

    None without one, and for a loader of another kind: its class decides which files it reads, and what they mean.
    """
    loaders = [step for step in all_transforms(dataset.pipeline.transforms) if opens_masks(type(step))]
    known = [
        step
        for step in loaders
        if isinstance(step, LoadAnnotations)
        and type(step).transform is LoadAnnotations.transform
        and type(step)._load_seg_map is LoadAnnotations._load_seg_map
    ]
    return known[0] if loaders and loaders == known else None


def mask_files(dataset: BaseDataset) -> list[MaskFile]:
    """List the masks that a dataset will read from local files; none if their loader is of another kind."""
    loader = mask_loader(dataset)
    if loader is None:
        return []
    files = []
    for info in data_infos(dataset):
        path = info.get('seg_map_path')
        if path is None or not is_local(path, loader.backend_args):
            return []
        reduced = loader.reduce_zero_label
        reduced = info.get('reduce_zero_label') if reduced is None else reduced
        files.append(MaskFile(path, info.get('img_path', ''), label_converter(reduced, info.get('label_map'))))
    return files


def mask_decoder(dataset: BaseDataset) -> tuple[str, Decode]:
    """Return the backend that decodes the masks of a dataset, and its function."""
    loader = mask_loader(dataset)
    backend = loader.imdecode_backend if loader else 'pillow'
    return backend, decode_mask if backend == 'pillow' else partial(_decode, backend)


def image_files(dataset: BaseDataset) -> list[str]:
    """List the images that a dataset will read from local files; none if they are rendered or of another kind."""
    steps = list(all_transforms(dataset.pipeline.transforms))
    loaders = [step for step in steps if isinstance(step, LoadImageFromFile)]
    if not all(map(_is_upright, loaders)) or any(isinstance(step, RenderShapesImage) for step in steps):
        return []
    paths = [info.get('img_path') for info in data_infos(dataset)]
    backend_args = loaders[0].backend_args if loaders else None
    return [path for path in paths if isinstance(path, str) and is_local(path, backend_args)]


def stops_at(dataset: BaseDataset) -> str:
    """Return the images at which the pipeline stops: ``'damaged'`` or ``'empty'`` ones, or '' if it stops at none."""
    loaders = [step for step in all_transforms(dataset.pipeline.transforms) if isinstance(step, LoadImageFromFile)]
    if any(isinstance(loader, LoadImageAsBGR) for loader in loaders):
        return 'damaged' if any(getattr(loader, 'on_bad_image', '') == 'error' for loader in loaders) else ''
    return 'empty' if any(not loader.ignore_empty for loader in loaders) else ''  # OpenCV has more formats


def _is_upright(loader: LoadImageFromFile) -> bool:
    """Return whether a transform loads an image as it is in its file, and upright."""
    if type(loader).transform not in (LoadImageFromFile.transform, LoadImageAsBGR.transform):
        return False
    return loader.imdecode_backend in ('cv2', 'pillow') and loader.color_type in ('color', 'grayscale')


def is_local(path: str, backend_args: dict | None) -> bool:
    """Return whether a path names a local file for a file backend of mmengine."""
    return isinstance(fileio.get_file_backend(path, backend_args=backend_args), fileio.LocalBackend)


def _decode(backend: str, data: bytes) -> np.ndarray:
    image = mmcv.imfrombytes(data, flag='unchanged', backend=backend) if data else None
    if image is None:
        raise ValueError(f'must be an image that {backend!r} decodes, got {"another" if data else "an empty"} file')
    return image
