"""A border of the picture's own mirror image."""

import numpy as np
from mmcv.transforms import BaseTransform

from mmwsl.registry import TRANSFORMS


@TRANSFORMS.register_module()
class MirrorBorder(BaseTransform):
    """Surround the picture by its mirror image, for prediction; the segmentor cuts the border off its scores.

    A network with zero padding knows where a picture ends, and learns that objects are seldom there. With the border,
    what the picture's end cuts off looks whole to it. As one of the views of test-time augmentation it balances the
    plain ones; it should not be the first, which pictures of the result are drawn over. Stands after ``Resize`` and
    before ``mmwsl.PackImageLabelInputs`` or ``mmwsl.PackPriorInputs``; masks and other maps stay as they are, at the
    picture's own size.

    The data preprocessor must not pad test pictures to a common size (mmseg's ``test_cfg`` of it): it writes the same
    key.

    Required Keys:

    - img, (h, w, c)

    Modified Keys:

    - img, (h + 2 r, w + 2 s, c) with r = round(fraction h) and s = round(fraction w)
    - img_shape, pad_shape

    Added Keys:

    - img_padding_size, the pixels added, (s, s, r, r): left, right, top, bottom

    Args:
        fraction (float): Width of the border, as a fraction of the picture's height and width; 0 adds none. Defaults
            to 0.3.

    Raises:
        ValueError: ``fraction`` is not in [0, 1]; or the picture has been padded before.
    """

    def __init__(self, fraction: float = 0.3) -> None:
        if not 0 <= fraction <= 1:
            raise ValueError(f'`fraction` must lie in [0, 1], but got {fraction!r}.')
        self.fraction = fraction

    def transform(self, results: dict) -> dict:
        """Add the border."""
        if 'img_padding_size' in results:
            raise ValueError(f"the picture has been padded before, by {results['img_padding_size']} pixels (left, "
                             'right, top, bottom), which prediction could not cut off: keep one of the steps.')
        image = results['img']
        rows, columns = (round(self.fraction * side) for side in image.shape[:2])
        border = ((rows, rows), (columns, columns)) + ((0, 0), ) * (image.ndim - 2)
        image = np.pad(image, border, mode='reflect')
        results.update(img=image, img_shape=image.shape[:2], pad_shape=image.shape[:2],
                       img_padding_size=(columns, columns, rows, rows))
        return results

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}(fraction={self.fraction})'
