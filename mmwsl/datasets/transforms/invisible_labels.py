"""Image-level labels of objects that a crop may have cut out."""

import numpy as np
from mmcv.transforms import BaseTransform

from mmwsl.registry import TRANSFORMS


@TRANSFORMS.register_module()
class MarkInvisibleLabelsUnknown(BaseTransform):
    """Make the image-level labels unknown whose class has no pixel in the mask.

    Place it after crops, which can cut a labeled object out of the image. A class without a pixel may still be among
    the ignored pixels of a pseudo-label, so that its label becomes unknown, not absent. Images without labels stay.

    Required Keys:

    - gt_seg_map
    - img_label, unknown_label, large_label, small_label (each optional)

    Modified Keys:

    - img_label
    - unknown_label
    - large_label, small_label, if there are any
    """

    def transform(self, results: dict) -> dict:
        """Move the labels of invisible classes from the present to the unknown ones."""
        if 'img_label' not in results:
            return results
        visible = set(np.unique(results['gt_seg_map']).tolist())
        hidden = {label for label in results['img_label'] if label not in visible}
        for key in ('img_label', 'large_label', 'small_label'):
            if key in results:
                results[key] = [label for label in results[key] if label not in hidden]
        results['unknown_label'] = sorted({*results.get('unknown_label', ()), *hidden})
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}()'
