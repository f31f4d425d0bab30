"""Random smooth deformation of an image and its masks."""

import cv2
import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness

from mmwsl.functional import elastic_displacement
from mmwsl.registry import TRANSFORMS


@TRANSFORMS.register_module()
class RandomElasticDeformation(BaseTransform):
    """Displace pixels smoothly and randomly, as the augmentation of U-Net (Ronneberger et al., MICCAI 2015).

    Vectors with normally distributed components stand at the points of a coarse grid; the displacement of a pixel is
    interpolated from them, see :func:`mmwsl.functional.elastic_displacement`. The image is sampled bilinearly, masks at
    the nearest pixel, both mirrored at the border.

    Required Keys:

    - img
    - the keys named in seg_fields (optional)

    Modified Keys:

    - img
    - the keys named in seg_fields (optional)

    Args:
        std: Standard deviation of the components in pixels; 0 deforms nothing.
        points: Grid points along each side.

    Raises:
        ValueError: If ``std`` is negative or not finite, or ``points`` is less than 2.
    """

    def __init__(self, std: float = 10.0, points: int = 3) -> None:
        if not 0 <= std < float('inf'):
            raise ValueError(f'`std` must be a non-negative finite number, got {std!r}.')
        if points < 2:
            raise ValueError(f'`points` must be at least 2, got {points!r}.')
        self.std, self.points = std, points

    @cache_randomness
    def draw(self) -> np.ndarray:
        """Draw the displacements (vertical, horizontal) of the grid points, ``(2, points, points)``."""
        return np.random.normal(scale=self.std, size=(2, self.points, self.points))

    def transform(self, results: dict) -> dict:
        """Deform the image and its masks."""
        height, width = results['img'].shape[:2]
        moved = elastic_displacement(torch.from_numpy(self.draw()), (height, width)).numpy()
        rows, columns = (np.mgrid[:height, :width] + moved).astype(np.float32)
        for key in ('img', *results.get('seg_fields', ())):
            interpolation = cv2.INTER_LINEAR if key == 'img' else cv2.INTER_NEAREST
            results[key] = cv2.remap(results[key], columns, rows, interpolation, borderMode=cv2.BORDER_REFLECT_101)
        return results

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}(std={self.std}, points={self.points})'
