"""Pseudo-labels whose objects end too early before the border of the picture."""

import numpy as np
from mmcv.transforms import BaseTransform

from mmwsl.registry import TRANSFORMS


@TRANSFORMS.register_module()
class IgnoreBorderBackground(BaseTransform):
    """Ignore background along the border of a picture wherever the middle, continued outwards, shows none.

    Pseudo-labels miss most of what the picture's border cuts off: objectness and the location cue say background there,
    and with zero padding a network learns where the border is, and that nothing is there. With the labels of the middle
    continued to the border, each pixel has that of the nearest pixel of the middle; where that is an object, or
    undecided, and the label says background, it is not believed and becomes undecided. Other background at the border,
    and objects wherever they are, teach as before.

    It is for training on pseudo-labels; masks need it not. Stands after ``LoadAnnotations``, before anything that crops
    or pads.

    Required Keys:

    - gt_seg_map, (h, w), 0 for the background

    Modified Keys:

    - gt_seg_map

    Args:
        fraction (float): Width of the border on each side, as a fraction of the picture's height and width; 0 changes
            nothing. Defaults to 0.2.
        ignore_index (int): The label of undecided pixels. Defaults to 255.

    Raises:
        ValueError: ``fraction`` is not in [0, 0.5); or the picture has no mask.
    """

    def __init__(self, fraction: float = 0.2, ignore_index: int = 255) -> None:
        if not 0 <= fraction < 0.5:
            raise ValueError(f'`fraction` must lie in [0, 0.5), but got {fraction!r}.')
        self.fraction = fraction
        self.ignore_index = ignore_index

    def transform(self, results: dict) -> dict:
        """Change the mask."""
        if 'gt_seg_map' not in results:
            raise ValueError(f"picture {results.get('img_path')!r} has no mask `gt_seg_map`: put "
                             f'{type(self).__name__} after LoadAnnotations.')
        mask = results['gt_seg_map']
        # a picture one or two pixels thin keeps a middle
        rows, columns = (min(round(self.fraction * side), (side - 1) // 2) for side in mask.shape)
        middle = mask[rows:mask.shape[0] - rows, columns:mask.shape[1] - columns]
        continued = np.pad(middle, ((rows, rows), (columns, columns)), mode='edge')
        results['gt_seg_map'] = np.where((mask == 0) & (continued != 0), mask.dtype.type(self.ignore_index), mask)
        return results

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}(fraction={self.fraction}, ignore_index={self.ignore_index})'
