"""Superpixels, computed in the workers of the loader."""

from typing import Any, ClassVar

import numpy as np
from mmcv.transforms import BaseTransform
from skimage.segmentation import felzenszwalb, slic

from mmwsl.registry import TRANSFORMS
from mmwsl.utils.text import check_choice


@TRANSFORMS.register_module()
class ComputeSuperpixels(BaseTransform):
    """Compute superpixels with scikit-image.

    Place it before ``Resize``, so that the superpixels have the original image size.

    Required Keys:

    - img

    Added Keys:

    - superpixels, (H, W) int64 from 0

    Args:
        method: ``'felzenszwalb'`` (Felzenszwalb & Huttenlocher, IJCV 2004) or ``'slic'`` (Achanta et al., PAMI 2012).
        **options: Passed to the function of that name in ``skimage.segmentation``; without them ``scale=100,
            sigma=0.8, min_size=50``, for SLIC ``n_segments=600``.

    Raises:
        ValueError: If the method is unknown, or an image is not (H, W, 3) uint8.
    """

    methods: ClassVar[dict] = dict(
        felzenszwalb=(felzenszwalb, dict(scale=100, sigma=0.8, min_size=50)),
        slic=(slic, dict(n_segments=600, start_label=0)),
    )

    def __init__(self, method: str = 'felzenszwalb', **options: Any) -> None:
        check_choice('method', method, sorted(self.methods))
        self.method = method
        self.options = {**self.methods[method][1], **options}

    def transform(self, results: dict) -> dict:
        """Compute the superpixels."""
        img = results['img']
        if img.ndim != 3 or img.shape[2] != 3 or img.dtype != np.uint8:
            raise ValueError(
                f'`img` must be (H, W, 3) uint8, got {img.shape} {img.dtype}. Use mmwsl.LoadImageAsBGR, and place '
                'ComputeSuperpixels right after it.'
            )
        # SLIC converts from RGB to Lab
        results['superpixels'] = self.methods[self.method][0](img[..., ::-1], **self.options).astype(np.int64)
        return results

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}(method={self.method!r}, {self.options})'
