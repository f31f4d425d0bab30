"""Crops: near the center (Pinheiro & Collobert, CVPR 2015), or the box of an object."""

import mmcv
import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness

from mmwsl.registry import TRANSFORMS


@TRANSFORMS.register_module()
class RandomCentralCrop(BaseTransform):
    """Crop a random patch near the center of the image, after enlarging an image that is too small.

    "Random central 400x400 patch of the deformed image; if smaller, rescale so that the short side is 400"
    (Pinheiro & Collobert, CVPR 2015). The paper does not give the distance from the center. Here, along each side, the
    offset from the central position is uniform in ``[-jitter, jitter]`` times the largest possible one. ``jitter=0`` is
    a center crop, ``jitter=1`` a random crop. Near the center, a crop seldom loses the labeled object. Use mmseg's
    ``RandomCrop`` to pad small images instead.

    Required Keys:

    - img
    - the keys named in seg_fields (optional)

    Added Keys:

    - scale_factor (only if enlarged)

    Modified Keys:

    - img
    - img_shape
    - the keys named in seg_fields (optional)

    Args:
        crop_size: Height and width of the patch.
        jitter: Range of the offset, in [0, 1].

    Raises:
        ValueError: If an argument is out of range.
    """

    def __init__(self, crop_size: int | tuple[int, int], jitter: float = 0.5) -> None:
        size = (crop_size, crop_size) if isinstance(crop_size, int) else tuple(crop_size)
        if len(size) != 2 or min(size) <= 0:
            raise ValueError(f'`crop_size` must be a positive integer or (height, width), got {crop_size!r}.')
        if not 0 <= jitter <= 1:
            raise ValueError(f'`jitter` must be in [0, 1], got {jitter!r}.')
        self.crop_size = size
        self.jitter = jitter

    @cache_randomness
    def draw(self) -> np.ndarray:
        """Draw the relative offsets (vertical, horizontal) from the central position."""
        return np.random.uniform(-self.jitter, self.jitter, size=2)

    def transform(self, results: dict) -> dict:
        """Enlarge the image if needed, then crop it and its masks."""
        shape = results['img'].shape[:2]
        scale = max(1.0, self.crop_size[0] / shape[0], self.crop_size[1] / shape[1])
        if scale > 1:
            shape = tuple(max(round(side * scale), crop) for side, crop in zip(shape, self.crop_size, strict=True))
            results['scale_factor'] = self._resize(results, shape)
        margins = np.subtract(shape, self.crop_size)
        top, left = np.rint(margins / 2 * (1 + self.draw())).astype(int)
        window = (slice(top, top + self.crop_size[0]), slice(left, left + self.crop_size[1]))
        for key in ('img', *results.get('seg_fields', ())):
            results[key] = results[key][window]
        results['img_shape'] = results['img'].shape[:2]
        return results

    @staticmethod
    def _resize(results: dict, shape: tuple[int, int]) -> tuple[float, float]:
        before = results['img'].shape[:2]
        size = (shape[1], shape[0])
        results['img'] = mmcv.imresize(results['img'], size)
        for key in results.get('seg_fields', ()):
            results[key] = mmcv.imresize(results[key], size, interpolation='nearest')
        earlier = results.get('scale_factor', (1.0, 1.0))
        return earlier[0] * shape[1] / before[1], earlier[1] * shape[0] / before[0]

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}(crop_size={self.crop_size}, jitter={self.jitter})'


@TRANSFORMS.register_module()
class CropBox(BaseTransform):
    """Crop the box of an object, enlarged about its center and clipped to the image; the crop becomes the image.

    Place it before ``Resize``. For the persons of :class:`mmwsl.datasets.VOCActionDataset`, factors of 1 and 1.5 are
    both in use.

    Required Keys:

    - img
    - img_path
    - box: first and last pixels, counted from 0, ``(left, top, right, bottom)``
    - the keys named in seg_fields (optional)

    Modified Keys:

    - img
    - img_shape
    - ori_shape
    - the keys named in seg_fields (optional)

    Args:
        factor: Factor of the sides of the box, at least 1.

    Raises:
        ValueError: If ``factor`` is less than 1, or a box is outside its image.
    """

    def __init__(self, factor: float = 1.5) -> None:
        if not 1 <= factor < np.inf:
            raise ValueError(f'CropBox: `factor` must be at least 1, got {factor!r}.')
        self.factor = factor

    def transform(self, results: dict) -> dict:
        """Crop the image and its masks."""
        shape = results['img'].shape[:2]
        left, top, right, bottom = results['box']
        sides = []
        for first, last, length in ((top, bottom, shape[0]), (left, right, shape[1])):
            margin = (self.factor - 1) / 2 * (last + 1 - first)
            sides.append(slice(max(round(first - margin), 0), min(round(last + 1 + margin), length)))
        if any(side.start >= side.stop for side in sides):
            raise ValueError(
                f'CropBox: the box of an object must be inside its image of {shape[1]} x {shape[0]} pixels, got '
                f'{results["box"]} for {results["img_path"]!r}. Correct its XML file.'
            )
        for key in ('img', *results.get('seg_fields', ())):
            results[key] = results[key][tuple(sides)]
        results['img_shape'] = results['ori_shape'] = results['img'].shape[:2]
        return results

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}(factor={self.factor})'
