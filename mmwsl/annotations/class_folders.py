"""Image-level labels from one folder per class."""

from collections.abc import Iterable
from pathlib import PurePosixPath

from mmwsl.utils.files import is_inside
from mmwsl.utils.text import first_five

from .record import ImageLabelRecord, make_record


def read_class_folders(
    images: Iterable[str], background_folder: str | None = 'background', source: str = ''
) -> list[ImageLabelRecord]:
    """Read labels off paths ``{class}/.../image.jpg``, the layout of ImageNet.

    Each image has one label, its first folder. Images of the same name in two folders are two images.

    Args:
        images: Paths relative to the folder of the class folders.
        background_folder: The folder of background images, or None.
        source: The folder, for error messages.

    Returns:
        One record per image, sorted by path.

    Raises:
        ValueError: If an image is in no class folder, or outside the folder.
    """
    images = sorted(image.replace('\\', '/') for image in images)
    if outside := [image for image in images if not is_inside(image)]:
        raise ValueError(f'{source}: images must be paths below the folder, got {first_five(outside)}.')
    parts = {image: PurePosixPath(image).parts for image in images}
    stray = [image for image in images if len(parts[image]) < 2]
    if stray:
        raise ValueError(
            f'{source}: {len(stray)} images are in no class folder: {first_five(stray)}. '
            'Move them into the folder of their class.'
        )
    folders = ((image, parts[image][0]) for image in images)
    return [
        make_record(image, () if folder == background_folder else (folder,), source=f'{source}/{image}')
        for image, folder in folders
    ]
