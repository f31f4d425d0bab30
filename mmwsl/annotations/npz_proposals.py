"""Proposals in ``.npz`` files, one per image."""

import numpy as np

from mmwsl.utils.arrays import load_npz

from .proposals import ProposalRecord, make_proposals
from .rle import mask_runs, rle_boxes


def read_npz_proposals(path: str, shape: tuple[int, int], backend_args: dict | None = None) -> ProposalRecord:
    """Read the proposals of one image of H x W pixels.

    The file has, for n proposals:

    - ``scores`` ``(n,)``, any range, larger is more like an object;
    - ``boxes`` ``(n, 4)``, half open ``x1, y1, x2, y2`` in pixels; optional if there are masks;
    - ``masks`` ``(n, H, W)`` bool, or ``packed_masks`` ``(n, H, ceil(W / 8))`` uint8 made by
      ``np.packbits(masks, axis=-1)``; optional.

    Args:
        path: The file.
        shape: Height and width of the image.
        backend_args: See :mod:`mmengine.fileio`.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file is damaged, empty or of an image of another size. Pickled objects are not loaded.
    """
    arrays = load_npz(path, ('scores', 'boxes', 'masks', 'packed_masks'), 'proposal file', backend_args)
    if 'scores' not in arrays or arrays.keys().isdisjoint(('boxes', 'masks', 'packed_masks')):
        raise ValueError(
            f'{path}: expected the arrays `scores`, and `boxes` or `masks` or `packed_masks`, got {sorted(arrays)}.'
        )
    runs = _mask_runs(arrays, shape, path)
    scores = arrays['scores']
    if runs is not None and len(runs) != len(np.atleast_1d(scores)):
        raise ValueError(f'{path}: {len(runs)} masks for {len(np.atleast_1d(scores))} scores.')
    boxes = arrays['boxes'] if runs is None or 'boxes' in arrays else rle_boxes(runs, shape)
    return make_proposals(boxes, scores, runs, shape, path)


def _mask_runs(arrays: dict[str, np.ndarray], shape: tuple[int, int], path: str) -> list[np.ndarray] | None:
    if 'packed_masks' in arrays:
        packed, width = arrays['packed_masks'], -(-shape[1] // 8)
        if packed.dtype != np.uint8 or packed.ndim != 3 or packed.shape[1:] != (shape[0], width):
            raise ValueError(
                f'{path}: `packed_masks` must be uint8 (n, {shape[0]}, {width}) for an image of '
                f'{shape[0]}x{shape[1]}, got {packed.dtype} {packed.shape}.'
            )
        # one at a time: thousands of unpacked masks would not fit into memory
        return [mask_runs(np.unpackbits(mask, axis=-1, count=shape[1]).astype(bool)) for mask in packed]
    if 'masks' in arrays:
        masks = arrays['masks']
        if masks.dtype != np.bool_ or masks.ndim != 3 or masks.shape[1:] != tuple(shape):
            raise ValueError(
                f'{path}: `masks` must be bool (n, {shape[0]}, {shape[1]}) like the image, got '
                f'{masks.dtype} {masks.shape}.'
            )
        return [mask_runs(mask) for mask in masks]
    return None
