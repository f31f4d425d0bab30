"""Tags from one folder per class."""

from collections.abc import Iterable

from .record import ImageLabelRecord, make_record


def read_class_folders(
    images: Iterable[str], background_folder: str | None = 'background', source: str = ''
) -> list[ImageLabelRecord]:
    """Read tags off paths ``{class}/.../image.jpg``, as ImageNet is laid out.

    Each image has the one tag of its folder; images of the same name in two folders are two images.

    Args:
        images (Iterable[str]): Paths relative to the folder of the class folders.
        background_folder (str, optional): The folder of background images. None if there is none.
        source (str): The folder, for error messages.

    Returns:
        list[ImageLabelRecord]: One record per image, sorted by path.

    Raises:
        ValueError: An image lies in no class folder.
    """
    images = sorted(image.replace('\\', '/') for image in images)
    stray = [image for image in images if '/' not in image]
    if stray:
        raise ValueError(
            f'{source}: {len(stray)} images lie in no class folder: {", ".join(stray[:5])}. '
            'Move them into the folder of their class.'
        )
    folders = ((image, image.split('/', 1)[0]) for image in images)
    return [
        make_record(image, () if folder == background_folder else (folder,), source=f'{source}/{image}')
        for image, folder in folders
    ]
