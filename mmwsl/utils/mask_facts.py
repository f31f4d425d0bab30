"""Facts about the files of images and masks, and what is wrong with a mask."""

import io
import os
import re
from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from .file_facts import Facts
from .image_files import is_dark
from .images import ANIMATED, open_image
from .text import plain

CHANNELS, SIZE, CLASSES, FILE, LOSSY = 'channels', 'size', 'classes', 'file', 'lossy'
FIXES = {
    FILE: 'Replace the files.',
    CHANNELS: 'Convert colors to class indices: one channel, or a palette.',
    SIZE: 'Save a mask at the size of its image, or correct the folder.',
    CLASSES: 'Convert the values to class indices.',
    LOSSY: 'Export the masks again, as PNG: a copy of these files has the same wrong indices.',
}
"""Kinds of problems of a mask, and what to do."""
OTHERS = 5
"""Number of values outside 0..255 that are kept."""

LOSSY_STARTS = {'JPEG': re.compile(rb'\xff\xd8\xff'), 'lossy WebP': re.compile(rb'RIFF....WEBPVP8 ', re.DOTALL)}
"""First bytes of files whose pixels are not those that were saved."""
ENDS = {'JPEG': b'\xff\xd9', 'PNG': b'IEND'}
"""Marker among the last bytes of a complete file."""
TAIL = 32
TRUNCATED = 'truncated'

Decode = Callable[[bytes], np.ndarray]


def decode_mask(data: bytes) -> np.ndarray:
    """Decode a mask with its own mode."""
    with open_image(io.BytesIO(data)) as image:
        return np.asarray(image)


def read_mask_facts(path: str, decode: Decode = decode_mask) -> Facts:
    """Read a mask: its ``shape``, and its ``values`` if it has one channel, at most five outside 0..255.

    One channel in a file of a format that changes the values, whatever the name of the file, is ``lossy``: the format.
    """
    try:
        data = Path(path).read_bytes()
        mask = decode(data)
    except Exception as error:  # decoders raise many types; whatever it is, the mask cannot be used
        return dict(error=_reason(error))
    if mask.ndim != 2:
        return dict(shape=list(mask.shape))
    if lossy := next((name for name, start in LOSSY_STARTS.items() if start.match(data)), ''):
        return dict(lossy=lossy)
    if mask.dtype in (np.uint8, bool):
        values = np.bincount(mask.ravel(), minlength=256).nonzero()[0].tolist()
    else:
        found = np.unique(mask)
        usual = np.isin(found, np.arange(256))
        values = [int(value) for value in found[usual]] + found[~usual][:OTHERS].tolist()
    return dict(shape=list(mask.shape), values=values)


def read_header(path: str) -> Facts:
    """Read facts about an image from the header and the last bytes of its file.

    It is decoded only if it does not end as its format demands: then it is truncated, or followed by other data; or if
    its format has no end.

    Returns:
        ``size`` of the upright image, width and height; ``frames`` if it has several, of which the first is read;
        ``dark`` if it has 16 bits and uses the low ones only.
    """
    try:
        with open_image(path) as image:
            end = ENDS.get(image.format or '')
            if (end is None or end not in _last_bytes(path)) and (error := _decoding_error(image)):
                return dict(error=f'{TRUNCATED}: {error}')
        with open_image(path) as image:
            rotated = image.getexif().get(0x0112) in (5, 6, 7, 8)
            facts: Facts = dict(size=list(image.size[::-1] if rotated else image.size))
            frames = getattr(image, 'n_frames', 1) if image.format in ANIMATED else 1
            facts |= dict(frames=frames) if frames > 1 else {}
            return facts | (dict(dark=True) if is_dark(image) else {})
    except Exception as error:  # Pillow raises many types
        return dict(error=_reason(error))


def _decoding_error(image: Image.Image) -> str:
    try:
        image.load()
    except Exception as error:
        return _reason(error)
    return ''


def _last_bytes(path: str) -> bytes:
    with open(path, 'rb') as file:
        file.seek(max(os.path.getsize(path) - TAIL, 0))
        return file.read()


def mask_problem(
    facts: Facts,
    size: tuple[int, int] | None,
    num_classes: int | None,
    ignored: Collection[int] = (255,),
    convert: Callable[[int], int] | None = None,
) -> tuple[str, str] | None:
    """Return what is wrong with a mask, a key of ``FIXES`` and a text; None if it can be used.

    Args:
        facts: Facts of :func:`read_mask_facts`.
        size: Width and height of the image; None if unknown.
        num_classes: Number of classes; None if unknown.
        ignored: Values that are ignored, after the conversion.
        convert: Conversion of a value in the file to a class index, of the loader.
    """
    if 'error' in facts:
        return FILE, f'cannot be read ({facts["error"]})'
    if 'lossy' in facts:
        return LOSSY, f'is a {facts["lossy"]} file, which stores other class indices along every border'
    shape = facts['shape']
    if len(shape) != 2:
        return CHANNELS, f'must have one channel of class indices, got {shape[-1]}'
    if size is not None and (shape[1], shape[0]) != tuple(size):
        return SIZE, f'must have the size {size[0]} x {size[1]} of its image, got {shape[1]} x {shape[0]}'
    if 1 in shape:
        return SIZE, f'must have sides of at least 2 pixels, got {shape[1]} x {shape[0]}'
    if num_classes is None:
        return None
    fitting = {*range(num_classes), *ignored}
    wrong = [
        value for value in facts['values'] if value not in range(256) or (convert or int)(int(value)) not in fitting
    ]
    if not wrong:
        return None
    shown = ', '.join(map(str, wrong[:OTHERS])) + (' ...' if len(wrong) > OTHERS else '')
    known = [value for value in range(256) if (convert or int)(value) in fitting - set(ignored)]
    return CLASSES, f'must have the values {_ranges(known)}, or 255 to ignore, got {shown}'


def label_converter(reduce_zero_label: bool | None, label_map: Mapping[int, int] | None) -> Callable[[int], int]:
    """Return the conversion of a value that MMSegmentation's ``LoadAnnotations`` does."""
    return partial(_convert, bool(reduce_zero_label), label_map or {})


def _convert(reduce_zero_label: bool, label_map: Mapping[int, int], value: int) -> int:
    if reduce_zero_label:
        value = 255 if value in (0, 255) else value - 1
    return label_map.get(value, value)


def _ranges(values: list[int]) -> str:
    """Return sorted integers as ``0..6, 9``."""
    starts = [value for value in values if value - 1 not in values]
    ends = [value for value in values if value + 1 not in values]
    return ', '.join(f'{start}..{end}' if end > start else str(start) for start, end in zip(starts, ends, strict=True))


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return 'it is a link to a missing file' if os.path.islink(error.filename or '') else 'there is no such file'
    return plain(error.strerror or error if isinstance(error, OSError) else error) or type(error).__name__
