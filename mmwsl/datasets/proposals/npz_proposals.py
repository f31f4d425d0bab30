"""Proposals from disk, one ``.npz`` file per image."""

import io
import zipfile

import numpy as np
from mmengine import fileio

from mmwsl.registry import PROPOSALS

from .base import Proposals, ProposalSource, RLEMasks
from .checks import check_proposals, image_name
from .rle import mask_boxes, mask_runs


@PROPOSALS.register_module()
class NpzProposals(ProposalSource):
    """Read the proposals of image ``NAME.jpg`` from ``folder/NAME.npz``.

    The file has, for n proposals of an image of H x W pixels:

    - ``scores`` (n,), any range, larger is more like an object;
    - ``boxes`` (n, 4), half open ``x1, y1, x2, y2`` in pixels; may be missing if there are masks;
    - ``masks`` (n, H, W) bool, or ``packed_masks`` (n, H, ceil(W / 8)) uint8 made by ``np.packbits(masks, axis=-1)``;
      may be missing.

    Boxes are clipped to the image.

    Args:
        folder (str): The folder.
        suffix (str): What follows the image's name without suffix. Defaults to '.npz'.
        backend_args (dict, optional): See :mod:`mmengine.fileio`.

    Raises:
        FileNotFoundError: An image has no file.
        ValueError: A file is broken, empty or of an image of another size; the message names it. Pickled objects are
            not loaded.
    """

    def __init__(self, folder: str, suffix: str = '.npz', backend_args: dict | None = None) -> None:
        self.folder = str(folder)
        self.suffix = suffix
        self.backend_args = backend_args

    def __call__(self, image: np.ndarray, results: dict) -> Proposals:
        """Read the image's file."""
        name = image_name(results, 'NpzProposals')
        path = fileio.join_path(self.folder, name + self.suffix, backend_args=self.backend_args)
        arrays = self._read(path, name)
        shape = image.shape[:2]
        if 'scores' not in arrays or arrays.keys().isdisjoint(('boxes', 'masks', 'packed_masks')):
            raise ValueError(
                f'{path}: expected the arrays `scores`, and `boxes` or `masks` or `packed_masks`, got {sorted(arrays)}.'
            )
        masks = self._masks(arrays, shape, path)
        if masks is not None and len(masks) != len(np.atleast_1d(arrays['scores'])):
            raise ValueError(f'{path}: {len(masks)} masks for {len(np.atleast_1d(arrays["scores"]))} scores.')
        boxes = arrays['boxes'] if 'boxes' in arrays else mask_boxes(masks.runs, shape)
        boxes = check_proposals(boxes, arrays['scores'], shape, path)
        return Proposals(boxes, arrays['scores'].astype(np.float64), shape, masks)

    def _read(self, path: str, name: str) -> dict[str, np.ndarray]:
        try:
            content = fileio.get(path, backend_args=self.backend_args)
        except FileNotFoundError as error:
            raise FileNotFoundError(
                f'no proposals for image {name!r}: {path!r} does not exist. Check `folder` and `suffix`.'
            ) from error
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as archive:
                return {key: archive[key] for key in archive.files}
        except (ValueError, EOFError, OSError, AttributeError, TypeError, zipfile.BadZipFile) as error:
            raise ValueError(
                f'{path}: cannot be read as .npz ({error}). Write it with np.savez_compressed, from arrays of numbers.'
            ) from error

    @staticmethod
    def _masks(arrays: dict[str, np.ndarray], shape: tuple[int, int], path: str) -> RLEMasks | None:
        if 'packed_masks' in arrays:
            packed = arrays['packed_masks']
            if packed.dtype != np.uint8 or packed.ndim != 3 or packed.shape[1:] != (shape[0], -(-shape[1] // 8)):
                raise ValueError(
                    f'{path}: `packed_masks` must be uint8 (n, {shape[0]}, {-(-shape[1] // 8)}) for a '
                    f'image of {shape[0]}x{shape[1]}, got {packed.dtype} {packed.shape}.'
                )
            # one at a time: unpacked, thousands of masks would not fit
            masks = (np.unpackbits(mask, axis=-1, count=shape[1]).astype(bool) for mask in packed)
        elif 'masks' in arrays:
            masks = arrays['masks']
            if masks.dtype != np.bool_ or masks.ndim != 3 or masks.shape[1:] != tuple(shape):
                raise ValueError(
                    f'{path}: `masks` must be bool (n, {shape[0]}, {shape[1]}) like the image, got '
                    f'{masks.dtype} {masks.shape}.'
                )
        else:
            return None
        return RLEMasks([mask_runs(mask) for mask in masks], shape)

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}(folder={self.folder!r}, suffix={self.suffix!r})'
