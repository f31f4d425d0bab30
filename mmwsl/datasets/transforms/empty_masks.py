"""Pseudo-labels in which the labeled classes have no pixel."""

import numpy as np
from mmcv.transforms import BaseTransform

from mmwsl.registry import TRANSFORMS


@TRANSFORMS.register_module()
class IgnoreEmptyMasks(BaseTransform):
    """Ignore all pixels of a mask without foreground if the image has image-level labels.

    Such a pseudo-label contradicts the labels. Place it after ``LoadAnnotations`` and before crops.

    Required Keys:

    - gt_seg_map
    - img_label

    Modified Keys:

    - gt_seg_map

    Args:
        ignore_index: Value of ignored pixels, which are no foreground either.
    """

    def __init__(self, ignore_index: int = 255) -> None:
        self.ignore_index = ignore_index

    def transform(self, results: dict) -> dict:
        """Ignore the mask if it has no foreground."""
        if 'img_label' not in results:
            raise ValueError(
                f'IgnoreEmptyMasks: image {results.get("img_path")!r} must have image-level labels, got none. Set the '
                '`label_file` of the dataset.'
            )
        mask = results['gt_seg_map']
        if results['img_label'] and not np.any((mask != 0) & (mask != self.ignore_index)):
            results['gt_seg_map'] = np.full_like(mask, self.ignore_index)
        return results

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}(ignore_index={self.ignore_index})'
