"""The central crop of Pinheiro & Collobert (CVPR 2015)."""

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
