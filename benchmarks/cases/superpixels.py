"""Superpixels, and votes over superpixels, at 500 x 375 pixels."""

from collections.abc import Callable

import numpy as np
import torch
from harness import Case
from skimage.data import astronaut
from skimage.transform import resize

from mmwsl.datasets.transforms import ComputeSuperpixels
from mmwsl.functional import superpixel_majority, superpixel_mean

LABELS = 21


def make_image() -> np.ndarray:
    """Return an image of scikit-image, ``(375, 500, 3)`` uint8."""
    return (255 * resize(astronaut(), (375, 500))).round().astype(np.uint8)


def segment(method: str) -> Callable[[], np.ndarray]:
    """Return the call that computes superpixels and returns their count, because their ids are arbitrary."""
    image, transform = make_image(), ComputeSuperpixels(method)
    return lambda: np.array([len(np.unique(transform(dict(img=image))['superpixels']))], dtype=float)


def contrib_felzenszwalb() -> Callable[[], np.ndarray]:
    """Return the call of OpenCV's contributed implementation."""
    import cv2

    if not hasattr(cv2, 'ximgproc'):
        raise ImportError('cv2.ximgproc. Install opencv-contrib-python-headless.')
    image = make_image()
    segmentation = cv2.ximgproc.segmentation.createGraphSegmentation(0.8, 100, 50)
    return lambda: np.array([len(np.unique(segmentation.processImage(image)))], dtype=float)


def vote(function: Callable) -> Callable[[], torch.Tensor]:
    """Return the call of a vote."""
    probs = torch.rand(LABELS, 375, 500, generator=torch.Generator().manual_seed(0))
    superpixels = torch.from_numpy(ComputeSuperpixels()(dict(img=make_image()))['superpixels'])
    return lambda: function(probs, superpixels)


def scipy_mean() -> Callable[[], np.ndarray]:
    """Return the call of the mean with scipy.ndimage."""
    from scipy import ndimage

    probs = torch.rand(LABELS, 375, 500, generator=torch.Generator().manual_seed(0)).numpy()
    superpixels = ComputeSuperpixels()(dict(img=make_image()))['superpixels']
    ids = np.arange(superpixels.max() + 1)
    return lambda: np.stack([ndimage.mean(plane, superpixels, ids)[superpixels] for plane in probs])


def cases() -> list[Case]:
    """Return the cases."""
    return [
        Case('number of superpixels, 375x500', 'felzenszwalb', lambda: segment('felzenszwalb')),
        Case('number of superpixels, 375x500', 'slic', lambda: segment('slic')),
        Case('number of superpixels, 375x500', 'opencv-contrib, felzenszwalb', contrib_felzenszwalb, reference=True),
        Case(f'mean over superpixels, {LABELS} labels', 'mmwsl', lambda: vote(superpixel_mean)),
        Case(f'mean over superpixels, {LABELS} labels', 'scipy.ndimage.mean', scipy_mean, reference=True),
        Case(f'majority of superpixels, {LABELS} labels', 'mmwsl', lambda: vote(superpixel_majority)),
    ]
