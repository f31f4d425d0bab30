"""A border of the picture's own mirror image."""

import numpy as np
from mmcv.transforms import BaseTransform

from mmwsl.registry import TRANSFORMS


@TRANSFORMS.register_module()
class MirrorBorder(BaseTransform):
    """Surround the picture by its mirror image, for prediction; the segmentor cuts the border off its scores.

    A network with zero padding knows where a picture ends, and learns that objects are seldom there. With the border,
    whatever the picture's end cuts off is whole to it. As one of the views of test-time augmentation it balances the
    plain ones. Stands after ``Resize`` and before the picture is packed, with ``img_padding_size`` among the
    ``meta_keys``; masks and other maps stay as they are, at the picture's own size.

    The data preprocessor must not pad test pictures to a common size (mmseg's ``test_cfg`` of it), which takes the
    same key.

    Required Keys:

    - img, (h, w, c)

    Modified Keys:

    - img, (h + 2 fraction h, w + 2 fraction w, c), rounded
    - img_shape, pad_shape

    Added Keys:

    - img_padding_size, the pixels added (left, right, top, bottom)

    Args:
        fraction (float): Width of the border, as a fraction of the picture's height and width; 0 adds none.

    Raises:
        ValueError: If ``fraction`` is not in [0, 1].
    """

    def __init__(self, fraction: float = 0.3) -> None:
        if not 0 <= fraction <= 1:
            raise ValueError(f'`fraction` must lie in [0, 1], but got {fraction!r}.')
        self.fraction = fraction

    def transform(self, results: dict) -> dict:
        """Add the border."""
        image = results['img']
        rows, columns = (round(self.fraction * side) for side in image.shape[:2])
        border = ((rows, rows), (columns, columns)) + ((0, 0), ) * (image.ndim - 2)
        image = np.pad(image, border, mode='reflect')
        results.update(img=image, img_shape=image.shape[:2], pad_shape=image.shape[:2],
                       img_padding_size=(columns, columns, rows, rows))
        return results

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}(fraction={self.fraction})'
