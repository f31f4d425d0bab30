"""Image files: found by one listing of their folder, and decoded whatever their mode."""

import io
import os
import warnings
from collections.abc import Container, Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO
from unicodedata import normalize

import numpy as np
from mmengine import fileio
from PIL import Image, ImageOps, UnidentifiedImageError

from .files import read_bytes
from .text import first_five, is_utf8, plain

IMG_EXTENSIONS = ('.jpg', '.jpeg', '.png', '.bmp', '.tif', '.tiff', '.webp', '.ppm', '.pgm')
SYSTEM_FOLDERS = ('@eaDir', '__MACOSX')
"""Folders of thumbnails and attributes that Synology and macOS make beside files."""
OTHER_EXTENSIONS = tuple(
    '.gif .heic .heif .avif .jp2 .j2k .jfif .jpe .mpo .jxl .svg .psd .tga .exr .dng .raw .cr2 .cr3 .nef .arw .orf '
    '.rw2'.split()
)
"""Suffixes of images that are not read unless they are asked for."""
IMAGENET_MEAN_COLOR = (124, 117, 104)
FORMATS = ('JPEG', 'PNG', 'BMP', 'TIFF', 'WEBP', 'PPM', 'GIF', 'MPO', 'JPEG2000', 'AVIF')
"""Formats that are decoded, whatever the suffix says. Pillow has others, and one of them (EPS) starts a program."""
ANIMATED = ('PNG', 'WEBP', 'TIFF', 'GIF')
"""Formats of several frames or pages in a file. A second image in a JPEG file is a preview."""
MAX_PIXELS = 2 * (Image.MAX_IMAGE_PIXELS or 1 << 27)
"""Pillow's limit: larger images are not decoded."""
TRANSPARENT_MODES = ('RGBA', 'LA', 'PA', 'RGBa', 'La')


def list_images(folder: str, suffixes: tuple[str, ...] = IMG_EXTENSIONS, backend_args: dict | None = None) -> list[str]:
    """List the images in ``folder`` and its subfolders, except hidden files and folders.

    Args:
        folder: The folder.
        suffixes: Suffixes of images in lower case; the case of a file's suffix does not matter.
        backend_args: See :mod:`mmengine.fileio`.

    Returns:
        Sorted paths relative to ``folder``.

    Raises:
        FileNotFoundError: If ``folder`` is not a folder.
        ValueError: If the name of an image is not UTF-8.
    """
    return select_images(list_files(folder, backend_args), suffixes, folder)


def select_images(listing: Iterable[str], suffixes: tuple[str, ...], folder: str) -> list[str]:
    """Return the images of a listing of a folder; see :func:`list_images`, also for the errors."""
    names = [name for name in listing if name.lower().endswith(suffixes)]
    check_names(names, str(folder))
    return names


def check_names(names: Iterable[str], place: str) -> None:
    """Check that lists, tables and archives can hold the names of images.

    Args:
        names: The names.
        place: Where they were found, for the error.

    Raises:
        ValueError: If some are not UTF-8: Python then writes their bytes as surrogates.
    """
    wrong = [name for name in names if not is_utf8(name)]
    if wrong and is_utf8(wrong[0], 'surrogateescape'):
        raise ValueError(
            f'{place}: the names of images must be readable, but the locale is not UTF-8. Set the environment variable '
            f'PYTHONUTF8=1 to read {first_five(map(ascii, wrong))}.'
        )
    if wrong:
        raise ValueError(
            f'{place}: the names of images must be UTF-8, got {len(wrong)} others: {first_five(map(ascii, wrong))}. '
            'Rename the files.'
        )


def skipped_images(listing: Iterable[str], suffixes: tuple[str, ...] = IMG_EXTENSIONS) -> list[str]:
    """Return the files of a listing that have the suffix of an image, but none of ``suffixes``."""
    images = tuple({*IMG_EXTENSIONS, *OTHER_EXTENSIONS})
    return [name for name in listing if name.lower().endswith(images) and not name.lower().endswith(suffixes)]


def can_list(folder: str, backend_args: dict | None = None) -> bool:
    """Return whether the file backend of a folder lists its files; that of ``http://`` does not."""
    return hasattr(fileio.get_file_backend(folder, backend_args=backend_args), 'list_dir_or_file')


def list_files(folder: str, backend_args: dict | None = None) -> list[str]:
    """List all files in ``folder`` as :func:`list_images` does."""
    if not fileio.isdir(folder, backend_args=backend_args):
        raise FileNotFoundError(f'folder {folder!r} does not exist. Check `data_root` and `data_prefix`.')
    if type(fileio.get_file_backend(folder, backend_args=backend_args)) is fileio.LocalBackend:
        pipes: list[str] = []
        listing: Iterable[str] = list(_walk(folder, pipes))
        if pipes:
            warnings.warn(
                f'{folder}: {len(pipes)} pipes or devices are no files and are left out: {first_five(sorted(pipes))}. '
                'Save them as files.',
                stacklevel=2,
            )
    else:
        listing = fileio.list_dir_or_file(folder, list_dir=False, recursive=True, backend_args=backend_args)
    names = (name.replace('\\', '/') for name in listing)
    return sorted(name for name in names if '/.' not in f'/{name}')


def _walk(folder: str, pipes: list[str]) -> Iterator[str]:
    """Yield the files below a folder; links are followed, but not back to a folder above, as mmengine does.

    Pipes, sockets and devices are added to ``pipes``.
    """
    parts: list[tuple[str, frozenset[str]]] = [(os.fspath(folder), frozenset())]
    while parts:
        place, above = parts.pop()
        if (real := os.path.realpath(place)) in above:
            continue
        for entry in os.scandir(place):
            # A link to nothing is named when it is read, not left out.
            if entry.is_file() or entry.is_symlink() and not os.path.exists(entry.path):
                yield os.path.relpath(entry.path, folder)
            elif entry.name.startswith('.') or entry.name in SYSTEM_FOLDERS:
                continue
            elif entry.is_dir():
                parts.append((entry.path, above | {real}))
            else:
                pipes.append(os.path.relpath(entry.path, folder))


def stem(image: str, suffixes: tuple[str, ...] = IMG_EXTENSIONS) -> str:
    """Remove the suffix of a path if it is in ``suffixes`` (lower case): ``a/b.JPG`` -> ``a/b``; ``2007.0063`` stays.

    A suffix may be longer than an extension, such as ``_leftImg8bit.png``. If several match, the longest is removed.
    """
    lower = image.lower()
    if not lower.endswith(suffixes):
        return image
    return image[: len(image) - max(map(len, filter(lower.endswith, suffixes)))]


def unique_stem(image: str, stems: Mapping[str, int], suffixes: tuple[str, ...] = IMG_EXTENSIONS) -> str:
    """Name the files that belong to an image: its path without suffix, or with it if another image has this stem.

    Args:
        image: Path of the image.
        stems: Number of images with each stem.
        suffixes: Suffixes of images in lower case.
    """
    name = stem(image, suffixes)
    return image if stems[name] > 1 else name


def names_in_folder(names: Iterable[str], folder: str, backend_args: dict | None = None) -> dict[str, str]:
    """Find the files of a folder whose names are equal in another Unicode form only, as macOS writes them.

    Args:
        names: Names of files; ASCII has one form only.
        folder: The folder, which is listed if there is another name.
        backend_args: See :mod:`mmengine.fileio`.

    Returns:
        Name to the name of the file; names of files that exist, or have no file in any form, have no entry.
    """
    wanted = [name for name in names if not name.isascii()]
    if not wanted or not can_list(folder, backend_args) or not fileio.isdir(folder, backend_args=backend_args):
        return {}
    listing = set(list_files(folder, backend_args))
    files = {normalize('NFC', name): name for name in listing}
    keys = {name: normalize('NFC', name) for name in wanted if name not in listing}
    return {name: files[key] for name, key in keys.items() if key in files}


def shorten_path(path: str, files: Container[str]) -> str:
    """Remove the first folders of a path until it is one of the files; unchanged if it never is."""
    parts = path.replace('\\', '/').split('/')
    endings = ('/'.join(parts[start:]) for start in range(len(parts)))
    return next((ending for ending in endings if ending in files), path)


def open_image(source: str | Path | IO[bytes]) -> Image.Image:
    """Open an image file in one of :data:`FORMATS`; its pixels are not read yet.

    Raises:
        UnidentifiedImageError: If it is another file; the message does not name it.
    """
    Image.init()
    try:
        return Image.open(source, formats=[name for name in FORMATS if name in Image.OPEN])
    except UnidentifiedImageError as error:
        size = os.stat(source).st_size if isinstance(source, str | Path) else source.seek(0, io.SEEK_END)
        raise UnidentifiedImageError(f'must be an image, got {"another" if size else "an empty"} file') from error


def read_image(path: str | Path) -> Image.Image:
    """Read an image file to its end, with its own mode.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If it cannot be decoded, or has more than :data:`MAX_PIXELS` pixels.
    """
    try:
        with open_image(path) as image:
            image.load()
            return image
    except FileNotFoundError:
        raise
    except Exception as error:  # Pillow raises many types; whatever it is, the image cannot be used
        raise ValueError(f'{path}: cannot be read as an image ({plain(error)}). Replace the file.') from error


def read_bgr(path: str | Path) -> np.ndarray:
    """Read an image file as upright BGR, see :func:`decode_bgr`.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If it cannot be decoded; the message names the file.
    """
    content = read_bytes(path, 'image')
    try:
        return decode_bgr(content)
    except Exception as error:
        raise ValueError(f'{path}: cannot be read as an image ({plain(error)}). Replace the file.') from error


def decode_bgr(data: bytes, alpha_color: tuple[int, int, int] = IMAGENET_MEAN_COLOR) -> np.ndarray:
    """Decode an image file to upright BGR.

    Gray, palette, CMYK and other modes are converted. Transparent pixels are composited onto ``alpha_color``. The EXIF
    orientation is applied. Only the first frame of an animation is decoded.

    The range of 16- or 32-bit gray values is read off the image, since Pillow may open a 16-bit file with either
    width: values up to 255 stay unchanged; otherwise, up to 65535, ``v`` becomes ``v // 256``, without normalization.

    Args:
        data: Content of the file.
        alpha_color: RGB color behind transparent pixels.

    Returns:
        The image, ``(H, W, 3)`` uint8, BGR.

    Raises:
        Exception: If Pillow cannot read the file to its end; the type is Pillow's.
        ValueError: If the range of the pixels is unknown: floating point numbers, and integers outside 0..65535.
    """
    with open_image(io.BytesIO(data)) as file:
        file.load()
        image = ImageOps.exif_transpose(file)
    if image.mode == 'F':
        raise ValueError('pixels are floating point numbers of unknown range. Save the image with 8 bits.')
    if image.mode.startswith('I'):
        # convert('RGB') would clip at 255
        gray = np.asarray(image).astype(np.int64)
        low, high = gray.min(), gray.max()
        if low < 0 or high > 65535:
            raise ValueError(f'pixels must be in 0..65535, got {low}..{high}. Save the image with 8 bits.')
        if high > 255:
            gray //= 256
        return np.repeat(gray.astype(np.uint8)[..., None], 3, axis=-1)
    if image.mode in TRANSPARENT_MODES or 'transparency' in image.info:
        layer = image.convert('RGBA')
        canvas = Image.new('RGBA', layer.size, (*alpha_color, 255))
        image = Image.alpha_composite(canvas, layer)
    return np.ascontiguousarray(np.asarray(image.convert('RGB'))[..., ::-1])
