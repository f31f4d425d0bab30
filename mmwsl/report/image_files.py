"""Files of one image in the report: thumbnail, masks, and a script with its codes and counts."""

import io
import json
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from PIL import Image, ImageOps

from mmwsl.annotations import read_mask
from mmwsl.utils.files import atomic_write
from mmwsl.utils.images import decode_bgr, open_image

from .data import ReportImage
from .maps import IGNORE_INDEX, count_areas, encode_mask, mean_iou, pack_codes, scaled_size, winner_histograms
from .overlaps import count_overlaps

FORMAT = 2
"""Version of the files; a file of another version is written anew."""
SIDE = 360
CODE_SIDE = 160
TITLES = {'pseudo_label': 'pseudo-label', 'prediction': 'prediction', 'ground_truth': 'ground truth'}
MASKS = tuple(TITLES)
HEAD, TAIL = b'mmwsl.add(', b');\n'
BROKEN = (OSError, EOFError, KeyError, SyntaxError, ValueError, BadZipFile, zlib.error, Image.DecompressionBombError)
"""What Pillow and numpy raise for files that are missing or broken."""
Palette = Sequence[Sequence[int]]
ReadScores = Callable[[Path], np.ndarray]


def script_json(content: object) -> bytes:
    """Encode a value as JSON that is safe within a script: ASCII, and no character that HTML reads."""
    text = json.dumps(content, separators=(',', ':'), allow_nan=False)
    for character in '<>&':
        text = text.replace(character, f'\\u{ord(character):04x}')
    return text.encode('ascii')


def update_image(image: ReportImage, number: int, folder: Path, palette: Palette, read: ReadScores) -> dict[str, Any]:
    """Write the files of an image unless they are up to date.

    Args:
        image: The image.
        number: Name of its files.
        folder: Folder of the report.
        palette: Color of each class.
        read: Function that reads its scores.

    Returns:
        Facts, counted in the files at their full size: ``size`` (width, height), ``histograms``, see
        :func:`mmwsl.report.maps.winner_histograms`, ``areas`` and ``iou`` of each mask, ``overlaps`` of scores and
        ground truth, see :func:`mmwsl.report.overlaps.count_overlaps`, ``errors``: parts that could not be read.
    """
    script = folder / 'data' / f'{number}.js'
    key = fingerprint(image, palette)
    if (known := read_facts(script)) is not None and known['key'] == key:
        return known
    errors: list[str] = []
    facts: dict[str, Any] = dict(key=key, errors=errors, size=None, histograms={}, areas={}, iou={})
    content: dict[str, Any] = dict(facts=facts)

    def attempt(part: str, function: Callable[[Path], Any], path: Path | None) -> Any:
        """Read a file, or note why that is not possible."""
        try:
            return None if path is None else function(path)
        except BROKEN as error:
            errors.append(f'{part} cannot be read ({type(error).__name__})')
            return None

    thumbnail = attempt('image', encode_thumbnail, image.path)
    if thumbnail is not None:
        facts['size'] = thumbnail[1]
    write_or_remove(folder / 'images' / f'{number}.jpg', thumbnail and thumbnail[0])
    masks = {kind: attempt(TITLES[kind], read_mask, getattr(image, kind)) for kind in MASKS}
    for kind, mask in masks.items():
        path = folder / 'masks' / f'{number}_{kind}.png'
        write_or_remove(path, None if mask is None else encode_mask(mask, palette, SIDE))
        if mask is not None:
            facts['areas'][kind] = areas = count_areas(mask)
            if unknown := [k for k in areas if len(palette) <= k != IGNORE_INDEX]:
                errors.append(f'{TITLES[kind]} has index {unknown[0]}, beyond the {len(palette)} classes')
            if kind != 'ground_truth' and masks['ground_truth'] is not None:
                facts['iou'][kind] = mean_iou(mask, masks['ground_truth'])
    codes = attempt('scores', read, image.scores)
    if codes is not None:
        facts['histograms'], facts['pixels'] = winner_histograms(codes), codes[0].size
        if masks['ground_truth'] is not None:
            facts['overlaps'] = count_overlaps(codes, masks['ground_truth'])
        content['codes'] = pack_codes(codes, CODE_SIDE)
    with atomic_write(script) as file:  # the last file: its key says that all are complete
        file.write(HEAD + script_json(number) + b',' + script_json(content) + TAIL)
    return facts


def fingerprint(image: ReportImage, palette: Palette) -> str:
    """Describe the sources of the files of an image: they are up to date as long as the description is the same."""
    states = []
    for path in (image.path, image.scores, *(getattr(image, kind) for kind in MASKS)):
        stat = path.stat() if path is not None and path.exists() else None
        states.append(stat and [stat.st_mtime_ns, stat.st_size])
    return json.dumps([FORMAT, SIDE, CODE_SIDE, np.asarray(palette).tolist(), states], separators=(',', ':'))


def read_facts(script: Path) -> dict[str, Any] | None:
    """Read the facts in the script of an image; None if the file does not exist or is of another kind."""
    try:
        content = script.read_bytes()
        start = content.index(b',', len(HEAD)) + 1
        facts: dict[str, Any] = json.loads(content[start : -len(TAIL)])['facts']
    except (OSError, ValueError, KeyError, TypeError):
        return None
    facts['histograms'] = {int(k): counts for k, counts in facts['histograms'].items()}  # JSON has text keys only
    facts['areas'] = {kind: {int(k): n for k, n in areas.items()} for kind, areas in facts['areas'].items()}
    if 'overlaps' in facts:
        facts['overlaps'] = {key: {int(k): n for k, n in part.items()} for key, part in facts['overlaps'].items()}
    return facts


def encode_thumbnail(path: Path, side: int = SIDE) -> tuple[bytes, tuple[int, int]]:
    """Encode an image, upright and scaled down, as JPEG; also return its width and height."""
    with open_image(path) as file:
        if file.format == 'JPEG' and file.mode == 'RGB':
            size = file.size
            file.draft('RGB', scaled_size(*size, side))  # decodes at 1/2, 1/4 or 1/8 of the size
            image = ImageOps.exif_transpose(file)
            turned = (image.width > image.height) != (file.width > file.height)
            size = size[::-1] if turned else size
        else:
            image = Image.fromarray(np.ascontiguousarray(decode_bgr(path.read_bytes())[..., ::-1]))
            size = image.size
    target = scaled_size(*size, side)
    image = image.resize(target, Image.Resampling.BILINEAR, reducing_gap=2.0)
    content = io.BytesIO()
    image.save(content, 'JPEG', quality=82)
    return content.getvalue(), size


def write_or_remove(path: Path, content: bytes | None) -> None:
    """Write a file, or remove the one of an earlier report if there is nothing to write."""
    if content is None:
        path.unlink(missing_ok=True)
        return
    with atomic_write(path) as file:
        file.write(content)
