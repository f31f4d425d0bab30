"""Find images in a folder with one listing instead of one file-system call per image."""

from collections.abc import Iterable

from mmengine import fileio

from mmwsl.annotations.record import read_text

IMG_EXTENSIONS = ('.jpg', '.jpeg', '.png', '.bmp', '.tif', '.tiff', '.webp', '.ppm', '.pgm')


def list_images(folder: str, suffixes: tuple[str, ...] = IMG_EXTENSIONS, backend_args: dict | None = None) -> list[str]:
    """List the images under ``folder``, sub-folders included; hidden files and folders are left out.

    Args:
        folder (str): The folder.
        suffixes (tuple[str, ...]): Suffixes of images, lower case; files may have them in any case.
        backend_args (dict, optional): See :mod:`mmengine.fileio`.

    Returns:
        list[str]: Sorted paths relative to ``folder``.

    Raises:
        FileNotFoundError: ``folder`` is not a folder.
    """
    if not fileio.isdir(folder, backend_args=backend_args):
        raise FileNotFoundError(f'folder {folder!r} does not exist. Check `data_root` and `data_prefix`.')
    listing = fileio.list_dir_or_file(folder, list_dir=False, recursive=True, backend_args=backend_args)
    images = (name.replace('\\', '/') for name in listing if name.lower().endswith(suffixes))
    return sorted(name for name in images if '/.' not in f'/{name}')


def stem(image: str, suffixes: tuple[str, ...] = IMG_EXTENSIONS) -> str:
    """Path without its suffix, if that is in ``suffixes`` (lower case): ``a/b.JPG`` -> ``a/b``; ``2007.0063`` stays.

    A suffix may be more than an extension, as ``_leftImg8bit.png`` is; of several that fit, the longest is taken off.
    """
    fitting = [len(suffix) for suffix in suffixes if image.lower().endswith(suffix)]
    return image[: len(image) - max(fitting, default=0)]


def locate(names: Iterable[str], listing: Iterable[str], suffixes: tuple[str, ...] = IMG_EXTENSIONS) -> dict[str, str]:
    """Find the file of each name.

    A name is a path of the listing, or one without its suffix.

    Args:
        names (Iterable[str]): Names as lists and tables write them.
        listing (Iterable[str]): Paths relative to the folder of images.
        suffixes (tuple[str, ...]): Suffixes an image may have, lower case.

    Returns:
        dict[str, str]: Name to path; a name that is nowhere has no entry.

    Raises:
        ValueError: A name without suffix fits several files.
    """
    files = set(listing)
    by_stem: dict[str, list[str]] = {}
    for path in files:
        by_stem.setdefault(stem(path, suffixes), []).append(path)
    found = {}
    for name in names:
        if name in files:
            found[name] = name
            continue
        candidates = by_stem.get(name, ())
        if len(candidates) > 1:
            raise ValueError(
                f'image {name!r} fits several files: {", ".join(sorted(candidates))}. '
                'Write the suffix in the list or table.'
            )
        if candidates:
            found[name] = candidates[0]
    return found


def read_names(path: str, backend_args: dict | None = None) -> list[str]:
    """Read a list of images, one name per line; empty lines are skipped.

    Args:
        path (str): The list.
        backend_args (dict, optional): See :mod:`mmengine.fileio`.

    Raises:
        FileNotFoundError: ``path`` does not exist.
        ValueError: A name comes twice, or there is none.
    """
    numbers: dict[str, int] = {}
    for number, line in enumerate(read_text(path, '`ann_file`', backend_args).splitlines(), 1):
        name = line.strip()
        if name in numbers:
            raise ValueError(f'{path}:{number}: image {name!r} is listed twice (first in line {numbers[name]}).')
        if name:
            numbers[name] = number
    if not numbers:
        raise ValueError(f'`ann_file` {path!r} is empty: no image is listed.')
    return list(numbers)


def first_five(names: Iterable[str]) -> str:
    """The first five names, for messages."""
    names = list(names)
    return ', '.join(map(str, names[:5])) + (' ...' if len(names) > 5 else '')
