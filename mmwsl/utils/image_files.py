"""Survey of image files: size, content, readability."""

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from .images import ANIMATED, decode_bgr, open_image

LOW = 1 << 14
DARK = f'have 16 bits, but values below {LOW} only, and become dark: save them with 8 bits, scaled to 0..255'
"""What is odd about an image of 10, 12 or 14 bits in a file of 16: its high byte, which is read, is nearly 0."""
DRAFT = (256, 256)
"""A JPEG file is decoded at a fraction of its size, which reads all of its data in a quarter of the time."""


@dataclass(frozen=True)
class ImageFile:
    """An image file.

    Attributes:
        name: Path relative to the folder of images.
        width: Width of the upright image in pixels; 0 if it cannot be read.
        height: Height of the upright image in pixels; 0 if it cannot be read.
        digest: BLAKE2 of the file, equal for duplicates.
        error: Why the image cannot be read; '' if it can.
        frames: Number of frames or pages, of which the first is read.
        dark: Whether it has 16 bits and uses the low ones only.
    """

    name: str
    width: int
    height: int
    digest: str
    error: str = ''
    frames: int = 1
    dark: bool = False


def is_image(path: str | Path) -> bool:
    """Return whether a file has the header of an image."""
    try:
        open_image(path).close()
    except Exception:  # Pillow raises many types
        return False
    return True


def is_dark(image: Image.Image) -> bool:
    """Return whether an opened image has 16 bits and uses the low ones only, see ``DARK``. Its pixels are read."""
    return image.mode.startswith('I') and 255 < int(np.asarray(image).max()) < LOW


def survey_image(folder: Path, name: str) -> ImageFile:
    """Read an image file to its end."""
    digest = ''
    try:
        data = (folder / name).read_bytes()
        digest = hashlib.blake2b(data, digest_size=16).hexdigest()
        with open_image(folder / name) as image:
            rotated = image.getexif().get(0x0112) in (5, 6, 7, 8)
            width, height = image.size
            frames = getattr(image, 'n_frames', 1) if image.format in ANIMATED else 1
            if image.format == 'JPEG':
                image.draft(image.mode, DRAFT)
                image.load()
            else:
                decode_bgr(data)
            size = (height, width) if rotated else (width, height)
            return ImageFile(name, *size, digest, frames=frames, dark=is_dark(image))
    except Exception as error:  # Pillow raises many types; whatever it is, the image cannot be used
        return ImageFile(name, 0, 0, digest, f'{error or type(error).__name__}'.replace(str(folder / name), name))


def survey_images(folder: Path, names: Sequence[str], threads: int = 4) -> Iterator[ImageFile]:
    """Read image files to their end, several at a time; yields one entry per name, in order."""
    with ThreadPoolExecutor(threads) as pool:
        yield from pool.map(partial(survey_image, folder), names)
