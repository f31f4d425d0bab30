"""Inputs of post-processing at the original image size: the image, and maps from disk."""

from abc import abstractmethod
from pathlib import Path

import numpy as np
from mmcv.transforms import BaseTransform

from mmwsl.annotations.score_file import read_codes
from mmwsl.functional.quantization import DEQUANTIZED
from mmwsl.registry import TRANSFORMS
from mmwsl.utils.arrays import load_npy
from mmwsl.utils.images import read_image
from mmwsl.utils.text import check_choice

MAP_KEYS = ('objectness', 'saliency')


def check_map_key(key: str) -> None:
    """Raise an error unless ``key`` is a map that is packed for post-processing."""
    check_choice('key', key, MAP_KEYS)


@TRANSFORMS.register_module()
class KeepOriginalImage(BaseTransform):
    """Store the original image for post-processors that use its colors. Place it before ``Resize``.

    Required Keys:

    - img

    Added Keys:

    - ori_img, (H, W, 3) uint8
    """

    def transform(self, results: dict) -> dict:
        """Store the image."""
        results['ori_img'] = results['img']
        return results


class _LoadMap(BaseTransform):
    """Load a file named after the image.

    Args:
        folder: The folder of the maps.
        suffix: ``.npy``, or ``.png`` of one channel with 8 or 16 bits.
        key: Name of the map.
    """

    suffixes: tuple[str, ...] = ('.npy', '.png')
    first_class = 1  # of scores, the highest foreground score is the map

    def __init__(self, folder: str, suffix: str, key: str) -> None:
        check_choice('suffix', suffix, self.suffixes)
        self.folder, self.suffix, self.key = folder, suffix, key

    def transform(self, results: dict) -> dict:
        """Load the map of the image."""
        path = Path(self.folder, Path(results['img_path']).stem + self.suffix)
        if not path.is_file():
            raise FileNotFoundError(f'{path} does not exist: {self!r} needs one file per image, named after it.')
        if self.suffix == '.npy':
            values = load_npy(path)
        elif self.suffix == '.npz':
            values = DEQUANTIZED[read_codes(path)[self.first_class :].max(0, initial=0)]
        else:
            file = read_image(path)
            if file.mode not in ('1', 'L') and not file.mode.startswith('I'):
                raise ValueError(f'{path} must be a gray image of 8 or 16 bits, got the mode {file.mode}.')
            values = np.asarray(file)
        if values.shape != results['img'].shape[:2]:
            raise ValueError(
                f'{path} must have the shape {results["img"].shape[:2]} of its image, got {values.shape}. '
                'Place this transform before Resize.'
            )
        results[self.key] = self._convert(values, path)
        return results

    @abstractmethod
    def _convert(self, values: np.ndarray, path: Path) -> np.ndarray:
        """Check the values of a file and convert them to the type of the map."""

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}(folder={self.folder!r}, suffix={self.suffix!r}, key={self.key!r})'


@TRANSFORMS.register_module()
class LoadSuperpixels(_LoadMap):
    """Load superpixels from files named after the images. Place it before ``Resize``.

    Required Keys:

    - img
    - img_path

    Added Keys:

    - superpixels, (H, W) int64 from 0

    Args:
        folder: The folder of the files.
        suffix: ``.png`` of one channel with 8 or 16 bits, or ``.npy`` with integers.

    Raises:
        FileNotFoundError: If an image has no file.
        ValueError: If a file has another size than its image, or does not contain ids.
    """

    def __init__(self, folder: str, suffix: str = '.png') -> None:
        super().__init__(folder, suffix, 'superpixels')

    def _convert(self, values: np.ndarray, path: Path) -> np.ndarray:
        if values.dtype.kind not in 'iu' or values.min() < 0:
            raise ValueError(f'{path} must contain ids, integers from 0, got {values.dtype} from {values.min()}.')
        return values.astype(np.int64)


@TRANSFORMS.register_module()
class LoadObjectness(_LoadMap):
    """Load objectness or saliency maps from files named after the images. Place it before ``Resize``.

    Required Keys:

    - img
    - img_path

    Added Keys:

    - ``key``, (H, W) float32 in [0, 1]

    Args:
        folder: The folder of the files.
        suffix: ``.png`` of one channel with 8 or 16 bits, whose largest value means 1; ``.npy`` with floating point
            numbers in [0, 1]; or ``.npz``, scores of ``tools/generate_pseudo_labels.py``, of which the highest
            foreground score is the map.
        key: Name of the map, 'objectness' or 'saliency'.

    Raises:
        FileNotFoundError: If an image has no file.
        ValueError: If a file has another size than its image, or values outside [0, 1].
    """

    suffixes = ('.npy', '.npz', '.png')

    def __init__(self, folder: str, suffix: str = '.png', key: str = 'objectness') -> None:
        check_map_key(key)
        super().__init__(folder, suffix, key)

    def _convert(self, values: np.ndarray, path: Path) -> np.ndarray:
        if values.dtype == bool:
            return values.astype(np.float32)
        if values.dtype.kind in 'iu' and self.suffix == '.png':
            # Pillow opens 16-bit gray files as int32 or uint16, depending on its version.
            values = values / (255 if values.dtype == np.uint8 else 65535)
        elif values.dtype.kind != 'f':
            raise ValueError(f'{path} must contain floating point numbers, got {values.dtype}.')
        if not (values.min() >= 0 and values.max() <= 1):  # false for NaN too
            raise ValueError(f'{path} must contain values in [0, 1], got {values.min()} to {values.max()}.')
        return values.astype(np.float32)


@TRANSFORMS.register_module()
class LoadConfidence(_LoadMap):
    """Load the confidence of pseudo-labels: the highest of the scores that each pixel was labeled by.

    Geometric transforms change it together with the mask, by nearest values. Place it after ``LoadAnnotations`` and
    before ``Resize``; :class:`PackSegInputsWithMaps` packs it for :class:`mmwsl.models.ConfidenceWeightedSegmentor`.

    Required Keys:

    - img
    - img_path
    - seg_fields

    Added Keys:

    - confidence, (H, W) float32 in [0, 1], also named in ``seg_fields``

    Args:
        folder: The folder ``scores`` of ``tools/generate_pseudo_labels.py``, with one ``.npz`` for each image.

    Raises:
        FileNotFoundError: If an image has no file.
        ValueError: If a file has another size than its image.
    """

    suffixes = ('.npz',)
    first_class = 0

    def __init__(self, folder: str) -> None:
        super().__init__(folder, '.npz', 'confidence')

    def transform(self, results: dict) -> dict:
        """Load the map of the image."""
        results = super().transform(results)
        results['seg_fields'] = [*results['seg_fields'], self.key]
        return results

    def _convert(self, values: np.ndarray, path: Path) -> np.ndarray:
        return values.astype(np.float32)

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}(folder={self.folder!r})'
