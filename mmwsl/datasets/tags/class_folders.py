"""Tags from one folder per class."""

from collections.abc import Iterable

from .record import TagRecord, make_record


def read_class_folders(
    pictures: Iterable[str], background_folder: str | None = 'background', source: str = ''
) -> list[TagRecord]:
    """Read tags off paths ``{class}/.../picture.jpg``, as ImageNet is laid out.

    Each picture has the one tag of its folder; pictures of the same name in two folders are two pictures.

    Args:
        pictures (Iterable[str]): Paths relative to the folder of the class folders.
        background_folder (str, optional): The folder of background pictures. None if there is none.
        source (str): The folder, for error messages.

    Returns:
        list[TagRecord]: One record per picture, sorted by path.

    Raises:
        ValueError: A picture lies in no class folder.
    """
    pictures = sorted(picture.replace('\\', '/') for picture in pictures)
    stray = [picture for picture in pictures if '/' not in picture]
    if stray:
        raise ValueError(
            f'{source}: {len(stray)} pictures lie in no class folder: {", ".join(stray[:5])}. '
            'Move them into the folder of their class.'
        )
    folders = ((picture, picture.split('/', 1)[0]) for picture in pictures)
    return [
        make_record(picture, () if folder == background_folder else (folder,), source=f'{source}/{picture}')
        for picture, folder in folders
    ]
