"""Superpixels, computed in the loader's workers."""

from typing import ClassVar

import numpy as np
from mmcv.transforms import BaseTransform
from skimage.segmentation import felzenszwalb, slic

from mmwsl.registry import TRANSFORMS


@TRANSFORMS.register_module()
class ComputeSuperpixels(BaseTransform):
    """Divide the image into superpixels with scikit-image.

    Stands before ``Resize``, so that the superpixels have the size of the image.

    Required Keys:

    - img

    Added Keys:

    - superpixels, (H, W) int64 from 0

    Args:
        method (str): ``'felzenszwalb'`` (Felzenszwalb & Huttenlocher, IJCV 2004) or ``'slic'`` (Achanta et al., PAMI
            2012). Defaults to 'felzenszwalb'.
        **options: Arguments of the function of that name in ``skimage.segmentation``. Defaults: ``scale=100,
            sigma=0.8, min_size=50``; for SLIC ``n_segments=600``.

    Raises:
        ValueError: The method is unknown, or an image is not (H, W, 3) uint8.
    """

    methods: ClassVar[dict] = dict(
        felzenszwalb=(felzenszwalb, dict(scale=100, sigma=0.8, min_size=50)),
        slic=(slic, dict(n_segments=600, start_label=0)),
    )

    def __init__(self, method: str = 'felzenszwalb', **options) -> None:
        if method not in self.methods:
            raise ValueError(f'`method` must be one of {sorted(self.methods)}, but got {method!r}.')
        self.method = method
        self.options = {**self.methods[method][1], **options}

    def transform(self, results: dict) -> dict:
        """Compute the superpixels."""
        img = results['img']
        if img.ndim != 3 or img.shape[2] != 3 or img.dtype != np.uint8:
            raise ValueError(
                f'`img` must be (H, W, 3) uint8, but got {img.shape} {img.dtype}: load it with '
                'mmwsl.LoadImageAsBGR and compute superpixels first.'
            )
        # RGB: SLIC converts to Lab.
        results['superpixels'] = self.methods[self.method][0](img[..., ::-1], **self.options).astype(np.int64)
        return results

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}(method={self.method!r}, {self.options})'
