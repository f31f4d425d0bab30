"""Geometric transforms of an image together with its maps."""

from collections.abc import Sequence

import numpy as np
from mmcv.transforms import BaseTransform
from mmengine.dataset import Compose

from mmwsl.registry import TRANSFORMS

from .maps import check_map_key


@TRANSFORMS.register_module()
class TransformWithMaps(BaseTransform):
    """Apply geometric transforms to an image and its soft maps alike: resize bilinearly, flip, crop.

    mmseg's transforms treat whatever is not the image as a mask, which is resized to its nearest values. Here, the maps
    are more channels of the image. Place color transforms outside. In an image of uint8, a map has steps of 1 / 255.

    Required Keys:

    - img
    - the keys of ``keys``, (H, W) float32 in [0, 1]
    - the keys of the transforms

    Modified Keys:

    - img
    - the keys of ``keys``
    - the keys of the transforms

    Args:
        transforms: Configs of the transforms.
        keys: Names of the maps.

    Raises:
        ValueError: If a map does not have the size of its image, or there is no such map.
    """

    def __init__(self, transforms: Sequence[dict], keys: Sequence[str] = ('saliency',)) -> None:
        for key in keys:
            check_map_key(key)
        self.transforms = Compose(transforms)
        self.keys = tuple(keys)

    def transform(self, results: dict) -> dict | None:
        """Transform the image and its maps; return None if a transform skips the image."""
        img = results['img']
        channels = img.shape[2]
        is_uint8 = img.dtype == np.uint8
        for key in self.keys:
            shape = results[key].shape if key in results else None
            if shape != img.shape[:2]:
                raise ValueError(
                    f'`{key}` must have the size {img.shape[:2]} of its image, got {shape}. Compute or load it right '
                    'before TransformWithMaps.'
                )
        maps = np.stack([results[key] for key in self.keys], -1)
        maps = np.rint(255 * maps).astype(np.uint8) if is_uint8 else maps.astype(img.dtype)
        transformed: dict | None = self.transforms(dict(results, img=np.concatenate([img, maps], -1)))
        if transformed is None:
            return None
        stacked = transformed['img']
        transformed['img'] = np.ascontiguousarray(stacked[..., :channels])
        for index, key in enumerate(self.keys, channels):
            values = stacked[..., index].astype(np.float32)
            transformed[key] = values / 255 if is_uint8 else values.clip(0, 1)
        return transformed

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}(transforms={self.transforms}, keys={self.keys})'
