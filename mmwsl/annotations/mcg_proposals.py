"""Proposals of MCG in MATLAB files, one per image."""

import io
import math
import struct
import zlib

import numpy as np

from mmwsl.utils.files import read_bytes
from mmwsl.utils.text import plain, shorten

from .proposals import ProposalRecord, make_proposals

COMPRESSED = 15
"""Type of a compressed element of a file of MATLAB 5."""
MAX_UNPACKED = 1 << 28
"""Limit of the unpacked bytes of a file, which a thousandth of them can fill."""
MAX_MEMBERS = 1 << 30
"""Limit of the masks times the superpixels."""
NAMES = ('superpixels', 'labels', 'scores', 'bboxes', 'boxes', 'bboxes_scores')


def read_mcg_proposals(path: str, shape: tuple[int, int], backend_args: dict | None = None) -> ProposalRecord:
    """Read the proposals of one image of H x W pixels, as MCG (Arbelaez et al., CVPR 2014) writes them.

    Masks are unions of superpixels: ``superpixels`` ``(H, W)`` numbered from 1, ``labels``, a cell of n lists of
    superpixels, and ``scores`` ``(n,)``; their boxes are computed. A file of boxes has ``bboxes`` or ``boxes``
    ``(n, 4)``, rows of ``up, left, down, right`` numbered from 1, the last included, with ``bboxes_scores`` or
    ``scores``. MCG reduces boxes and masks separately: a file with both is read as masks.

    Args:
        path: The file, of MATLAB 5 (``save -v7`` or earlier).
        shape: Height and width of the image.
        backend_args: See :mod:`mmengine.fileio`.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file is damaged, of MATLAB 7.3, empty or of an image of another size.
    """
    from scipy.io import loadmat, whosmat  # here: a third of a second that no other format needs

    content = read_bytes(path, 'proposal file', backend_args)
    if content.startswith(b'\x89HDF') or b'MATLAB 7.3' in content[:128]:
        raise ValueError(f'{path}: the file must be of MATLAB 5, got MATLAB 7.3. Save it with `save(..., "-v7")`.')
    try:
        # The sizes are read first: a small file can unpack to a map of any size.
        unpacked = _unpacked_bytes(content)
        sizes = {name: size for name, size, _ in whosmat(io.BytesIO(content))}
        if unpacked > MAX_UNPACKED:
            raise ValueError(f'the file must unpack to at most {MAX_UNPACKED} bytes, got more')
        large = [name for name in sizes if name in NAMES and math.prod(sizes[name]) > unpacked]
        if large:
            raise ValueError(f'`{large[0]}` must have as many values as the file, got {sizes[large[0]]}')
        if sizes.get('superpixels', shape) != tuple(shape):
            raise ValueError(f'`superpixels` must be {shape[0]}x{shape[1]} like the image, got {sizes["superpixels"]}')
        arrays = loadmat(io.BytesIO(content), variable_names=NAMES)
        if {'superpixels', 'labels', 'scores'} <= arrays.keys():
            lists = [np.asarray(part).ravel().astype(np.int64) - 1 for part in arrays['labels'].ravel()]
            superpixels = arrays['superpixels'].astype(np.int64) - 1
    except Exception as error:  # scipy and zlib raise many types; whatever it is, the file cannot be used
        raise ValueError(f'{path}: the file must be proposals of MCG, got {plain(error)}.') from error
    if {'superpixels', 'labels', 'scores'} <= arrays.keys():
        return _masks(superpixels, lists, arrays['scores'].ravel(), path)
    name = next((name for name in ('bboxes', 'boxes') if name in arrays), None)
    scores = arrays.get('bboxes_scores', arrays.get('scores'))
    if name is None or scores is None:
        found = sorted(set(arrays) & set(NAMES))
        raise ValueError(f'{path}: the file must have `superpixels`, `labels`, `scores`, or `bboxes`, got {found}.')
    boxes = arrays[name]
    if not isinstance(boxes, np.ndarray) or boxes.dtype.kind not in 'iuf' or boxes.shape[1:] != (4,):
        raise ValueError(f'{path}: `{name}` must be numbers (n, 4), got {boxes.dtype} {boxes.shape}.')
    if not isinstance(scores, np.ndarray):
        raise ValueError(f'{path}: the scores must be numbers (n,), got a {type(scores).__name__}.')
    up, left, down, right = boxes.astype(np.float64).T
    return make_proposals(np.stack([left - 1, up - 1, right, down], axis=1), scores.ravel(), None, shape, path)


def _unpacked_bytes(content: bytes) -> int:
    """Return the size of the elements of a file of MATLAB 5, unpacked; more than the limit if it is exceeded."""
    order = {b'IM': '<', b'MI': '>'}.get(content[126:128])
    if order is None:  # MATLAB 4, which packs nothing
        return len(content)
    total, place = 0, 128
    while place + 8 <= len(content) and total <= MAX_UNPACKED:
        kind, size = struct.unpack_from(f'{order}2I', content, place)
        packed = content[place + 8 : place + 8 + size]
        place += 8 + size
        if kind != COMPRESSED:
            total += len(packed)
            continue
        stream = zlib.decompressobj()
        while packed and total <= MAX_UNPACKED:
            total += len(stream.decompress(packed, 1 << 20))
            packed = stream.unconsumed_tail
    return total


def _masks(superpixels: np.ndarray, lists: list[np.ndarray], scores: np.ndarray, path: str) -> ProposalRecord:
    count = int(superpixels.max()) + 1
    if superpixels.min() < 0 or count > superpixels.size:
        raise ValueError(f'{path}: `superpixels` must be numbered from 1, got {superpixels.min() + 1} to {count}.')
    if len(lists) * count > MAX_MEMBERS:
        raise ValueError(f'{path}: `labels` must be at most {MAX_MEMBERS // count} masks, got {len(lists)}.')
    members = np.zeros((len(lists), count), bool)
    for number, part in enumerate(lists):
        if not len(part) or part.min() < 0 or part.max() >= count:
            found = shorten((part + 1).tolist())
            raise ValueError(f'{path}: `labels` must be superpixels from 1 to {count}, got {found}.')
        members[number, part] = True
    return make_proposals(_boxes(superpixels, members), scores, (superpixels, members), superpixels.shape, path)


def _boxes(superpixels: np.ndarray, members: np.ndarray) -> np.ndarray:
    """Return the tight box of each mask, half open ``(x1, y1, x2, y2)``."""
    sides = []
    for positions in np.indices(superpixels.shape)[::-1]:
        low = np.full(members.shape[1], np.inf)
        high = np.full(members.shape[1], -np.inf)
        np.minimum.at(low, superpixels, positions)
        np.maximum.at(high, superpixels, positions + 1)
        sides.append((np.where(members, low, np.inf).min(1), np.where(members, high, -np.inf).max(1)))
    (x1, x2), (y1, y2) = sides
    return np.stack([x1, y1, x2, y2], axis=1)
