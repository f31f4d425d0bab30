"""The test pipeline of a config for images that have neither masks nor image-level labels."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

import cv2
import numpy as np
from mmcv.transforms import Compose, LoadImageFromFile
from mmseg.structures import SegDataSample
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from mmwsl.apis.image_inputs import ImageInput
from mmwsl.apis.registered import is_mask_loader, is_subclass, without
from mmwsl.datasets.transforms import RenderShapesImage
from mmwsl.datasets.transforms.loading import BadImageError
from mmwsl.engine.loader_workers import report_unsent
from mmwsl.registry import TRANSFORMS
from mmwsl.utils.errors import ADVICE, error_text
from mmwsl.utils.text import opencv_reason


class LoadedImage(NamedTuple):
    """An image after the pipeline, or the reason why there is none.

    Attributes:
        name: Name of the image.
        inputs: Input of the data preprocessor, ``(3, h, w)``; with test-time augmentation a list, one for each view.
        data_sample: Sample with the meta information and the maps of the inference pipeline, or a list of them.
        image: The image at its original size, RGB ``(H, W, 3)`` uint8, if asked for.
        error: Why the image could not be loaded; None if it was.
    """

    name: str
    inputs: Tensor | list[Tensor] | None = None
    data_sample: SegDataSample | list[SegDataSample] | None = None
    image: np.ndarray | None = None
    error: str | None = None


def is_image_loader(step: dict) -> bool:
    """Return whether a transform loads or renders the image."""
    return is_subclass(step, TRANSFORMS, (LoadImageFromFile, RenderShapesImage))


class ImagePipeline:
    """The test pipeline of a config for unlabeled images: without the transforms that load masks.

    Args:
        transforms: Configs of the transforms; the first one loads the image. One that renders synthetic images is
            replaced by :class:`mmwsl.datasets.transforms.LoadImageAsBGR`.
        keep_image: Whether to keep the image at its original size.

    Raises:
        ValueError: If the first transform does not load the image.
    """

    def __init__(self, transforms: Sequence[dict], keep_image: bool = False) -> None:
        load, *others = without(transforms, is_mask_loader)
        if not is_image_loader(load):
            raise ValueError(
                f'`test_dataloader.dataset.pipeline` must begin with the transform that loads the image, got {load}. '
                "Begin with dict(type='mmwsl.LoadImageAsBGR')."
            )
        if is_subclass(load, TRANSFORMS, RenderShapesImage):
            load = dict(type='mmwsl.LoadImageAsBGR')
        self.load = TRANSFORMS.build(load)
        self.prepare = Compose(others)
        self.keep_image = keep_image

    def __call__(self, image: ImageInput) -> LoadedImage:
        """Load and transform an image."""
        try:
            results = self._read(image)
            original = np.ascontiguousarray(results['img'][..., ::-1]).astype(np.uint8) if self.keep_image else None
            packed = self.prepare(results)
        except Exception as error:  # decoders raise many types on broken data
            return LoadedImage(image.name, error=describe(error))
        return LoadedImage(image.name, packed['inputs'], packed['data_samples'], original)

    def _read(self, image: ImageInput) -> dict[str, Any]:
        if isinstance(image.source, str):
            results = self.load(dict(img_path=image.source))
            if results is None:
                raise ValueError(f'image {image.source!r} cannot be read.')
            return results
        pixels = image.source.astype(np.float32) if self.load.to_float32 else image.source
        shape = pixels.shape[:2]
        return dict(img=pixels, img_path=image.name, img_shape=shape, ori_shape=shape)


def describe(error: BaseException) -> str:
    """Return the type and message of an error in one line; of one of the operating system what to do about it."""
    if isinstance(error, OSError) and error.errno in ADVICE:
        return error_text(error)
    if isinstance(error, BadImageError):
        return ' '.join(error.reason.split())
    if isinstance(error, cv2.error):
        return f'cannot be transformed ({opencv_reason(error)}). Is it too small or too narrow?'
    return f'{type(error).__name__}: {" ".join(str(error).split())}'


class _Images(Dataset):
    def __init__(self, images: Sequence[ImageInput], pipeline: ImagePipeline) -> None:
        self.images, self.pipeline = images, pipeline

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> LoadedImage:
        return self.pipeline(self.images[index])


def load_images(images: Sequence[ImageInput], pipeline: ImagePipeline, num_workers: int = 0) -> Iterable[LoadedImage]:
    """Load images in order, one after another, in worker processes if there are any."""
    workers = min(num_workers, len(images))
    loader = DataLoader(_Images(images, pipeline), batch_size=None, num_workers=workers, collate_fn=_unchanged)
    return report_unsent(loader)


def _unchanged(loaded: Any) -> Any:
    return loaded


def windows(images: Iterable[LoadedImage], size: int) -> Iterator[list[LoadedImage]]:
    """Split a stream of images into lists of consecutive ones, at most ``size`` each."""
    remaining = iter(images)
    while window := list(islice(remaining, size)):
        yield window


def equal_size_batches(images: Sequence[LoadedImage], batch_size: int) -> list[list[LoadedImage]]:
    """Group images into batches of equal input size.

    Padding an image to the size of another would change its scores.

    Args:
        images: The images; those that could not be loaded are left out.
        batch_size: Maximum number of images in a batch.
    """
    groups: dict[tuple[tuple[int, ...], ...], list[LoadedImage]] = {}
    for image in images:
        if image.inputs is not None:
            views = image.inputs if isinstance(image.inputs, list) else [image.inputs]
            groups.setdefault(tuple(tuple(view.shape) for view in views), []).append(image)
    return [group[i : i + batch_size] for group in groups.values() for i in range(0, len(group), batch_size)]
