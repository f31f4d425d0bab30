"""What post-processing needs at the original image size: the image, and maps from disk."""

from abc import abstractmethod
from pathlib import Path

import numpy as np
from mmcv.transforms import BaseTransform
from PIL import Image

from mmwsl.registry import TRANSFORMS

MAP_KEYS = ('objectness', 'saliency')


def check_map_key(key: str) -> None:
    """Raise ValueError if maps of that name are not packed."""
    if key not in MAP_KEYS:
        raise ValueError(f'`key` must be one of {MAP_KEYS}, which are packed for post-processing, but got {key!r}.')


@TRANSFORMS.register_module()
class KeepOriginalImage(BaseTransform):
    """Keep the image at its own size, for steps that look at its colors. Stands before ``Resize``.

    Required Keys:

    - img

    Added Keys:

    - ori_img, (H, W, 3) uint8
    """

    def transform(self, results: dict) -> dict:
        """Keep the image."""
        results['ori_img'] = results['img']
        return results


class _LoadMap(BaseTransform):
    """Load a file named after the image.

    Args:
        folder (str): Where the files are.
        suffix (str): Their ending: ``.npy``, or ``.png`` of one channel with 8 or 16 bits.
        key (str): Name of the map.
    """

    def __init__(self, folder: str, suffix: str, key: str) -> None:
        if suffix not in ('.npy', '.png'):
            raise ValueError(f"`suffix` must be '.npy' or '.png', but got {suffix!r}.")
        self.folder, self.suffix, self.key = folder, suffix, key

    def transform(self, results: dict) -> dict:
        """Load the map of the image."""
        path = Path(self.folder, Path(results['img_path']).stem + self.suffix)
        if not path.is_file():
            raise FileNotFoundError(f'{path} does not exist: {self!r} needs one file for each image, named after it.')
        if self.suffix == '.npy':
            values = np.load(path, allow_pickle=False)
        else:
            with Image.open(path) as file:
                if file.mode not in ('1', 'L') and not file.mode.startswith('I'):
                    raise ValueError(f'{path} must be a gray image of 8 or 16 bits, but has the mode {file.mode}.')
                values = np.asarray(file)
        if values.shape != results['img'].shape[:2]:
            raise ValueError(
                f'{path} has the shape {values.shape}, its image {results["img"].shape[:2]}. Both must '
                'have one size; this transform stands before Resize.'
            )
        results[self.key] = self._convert(values, path)
        return results

    @abstractmethod
    def _convert(self, values: np.ndarray, path: Path) -> np.ndarray:
        """Check the values of a file and bring them to the type of the map."""

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}(folder={self.folder!r}, suffix={self.suffix!r}, key={self.key!r})'


@TRANSFORMS.register_module()
class LoadSuperpixels(_LoadMap):
    """Load superpixels from files named after the images. Stands before ``Resize``.

    Required Keys:

    - img
    - img_path

    Added Keys:

    - superpixels, (H, W) int64 from 0

    Args:
        folder (str): Where the files are.
        suffix (str): ``.png`` of one channel with 8 or 16 bits, or ``.npy`` with integers. Defaults to '.png'.

    Raises:
        FileNotFoundError: An image has no file.
        ValueError: A file has another size than its image, or is not made of ids.
    """

    def __init__(self, folder: str, suffix: str = '.png') -> None:
        super().__init__(folder, suffix, 'superpixels')

    def _convert(self, values: np.ndarray, path: Path) -> np.ndarray:
        if values.dtype.kind not in 'iu' or values.min() < 0:
            raise ValueError(f'{path} must hold ids, integers from 0, but has {values.dtype} from {values.min()}.')
        return values.astype(np.int64)


@TRANSFORMS.register_module()
class LoadObjectness(_LoadMap):
    """Load a map of objectness or saliency from files named after the images. Stands before ``Resize``.

    Required Keys:

    - img
    - img_path

    Added Keys:

    - ``key``, (H, W) float32 in [0, 1]

    Args:
        folder (str): Where the files are.
        suffix (str): ``.png`` of one channel with 8 or 16 bits, whose largest value means 1, or ``.npy`` with floating
            point numbers in [0, 1]. Defaults to '.png'.
        key (str): Name of the map, 'objectness' or 'saliency'. Defaults to 'objectness'.

    Raises:
        FileNotFoundError: An image has no file.
        ValueError: A file has another size than its image, or values outside [0, 1].
    """

    def __init__(self, folder: str, suffix: str = '.png', key: str = 'objectness') -> None:
        check_map_key(key)
        super().__init__(folder, suffix, key)

    def _convert(self, values: np.ndarray, path: Path) -> np.ndarray:
        if values.dtype == bool:
            return values.astype(np.float32)
        if values.dtype.kind in 'iu' and self.suffix == '.png':
            # Pillow opens 16-bit gray files as int32 or uint16, by version.
            values = values / (255 if values.dtype == np.uint8 else 65535)
        elif values.dtype.kind != 'f':
            raise ValueError(f'{path} must hold floating point numbers, but has {values.dtype}.')
        if not (values.min() >= 0 and values.max() <= 1):  # false for NaN too
            raise ValueError(f'{path} must hold values in [0, 1], but has {values.min()} to {values.max()}.')
        return values.astype(np.float32)
