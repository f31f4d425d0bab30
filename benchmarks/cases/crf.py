"""Fully connected CRF: an image of 500 x 375 pixels, 10 iterations with the preset ``psa``, including lattices.

The reference is pydensecrf2 (C++). The compiled functions run where numba is installed. The table lists the variants of
torch that were tried, in CPU ms of one run on one thread, for the appearance kernel (187 500 points, 1.1 million corner
entries, 17 000 corners). The first variant of a line is the one in use. The last line would save a fifth of an
iteration, but needs a class that joins lattices:

=========================  =======================================================================================
order of the entries       numpy.sort of (key, position) in one integer 14, torch.sort 101
order of the fractions     comparisons with exclusive or 23 for all simplices, with torch.where 43
moving weights to entries  index_select 8, gather or fancy indexing 23 to 26
blur, one axis, 21 labels  embedding_bag of three 0.34, index_select 1.3, fancy indexing 1.9
softmax                    of 4 labels maximum, exp, sum 6, torch.softmax 19.5; of 21 torch.softmax 11.9, the other 18.7
filters of both kernels    one after the other 44 with 21 labels, 18 with 4; sliced in one embedding_bag 32 and 16
=========================  =======================================================================================
"""

from collections.abc import Callable
from unittest.mock import patch

import numpy as np
import skimage.data
import torch
from harness import Case
from PIL import Image
from torch.nn import functional as F

from mmwsl.functional import CRF_PRESETS, dense_crf

SIZE = (375, 500)


def make_image() -> np.ndarray:
    """Return an image of scikit-image, RGB, ``(375, 500, 3)``."""
    return np.array(Image.fromarray(skimage.data.astronaut()).resize(SIZE[::-1]))


def scores(labels: int) -> torch.Tensor:
    """Return smooth probabilities, like those of a coarse score map."""
    coarse = torch.randn(1, labels, 12, 16, generator=torch.Generator().manual_seed(0))
    return (5 * F.interpolate(coarse, SIZE, mode='bilinear'))[0].softmax(0)


def compiled(labels: int) -> Callable[[], torch.Tensor]:
    """Prepare mmwsl with numba; compiling is not timed."""
    from mmwsl.functional import crf_kernels  # versions before numba have none, see versions.py

    if crf_kernels.compiled_functions() is None:
        raise ImportError("No module named 'numba'")
    probs, image = scores(labels), torch.from_numpy(make_image()).permute(2, 0, 1).contiguous()
    return lambda: dense_crf(probs, image)


def uncompiled(labels: int) -> Callable[[], torch.Tensor]:
    """Prepare mmwsl as it is without numba."""
    from mmwsl.functional import crf_kernels

    probs, image = scores(labels), torch.from_numpy(make_image()).permute(2, 0, 1).contiguous()

    def call() -> torch.Tensor:
        with patch.object(crf_kernels, 'compiled_functions', return_value=None):
            return dense_crf(probs, image)

    return call


def pydensecrf(labels: int) -> Callable[[], np.ndarray]:
    """Prepare pydensecrf2; computing the logarithms is not timed."""
    from pydensecrf.densecrf import DenseCRF2D

    image, params = make_image(), CRF_PRESETS['psa']
    energy = np.ascontiguousarray(-scores(labels).clamp(min=1e-5).log().flatten(1).numpy())

    def call() -> np.ndarray:
        crf = DenseCRF2D(*SIZE[::-1], labels)
        crf.setUnaryEnergy(energy)
        crf.addPairwiseGaussian(sxy=params.gaussian_sxy, compat=params.gaussian_weight)
        crf.addPairwiseBilateral(
            sxy=params.bilateral_sxy, srgb=params.bilateral_srgb, rgbim=image, compat=params.bilateral_weight
        )
        return np.array(crf.inference(params.iterations)).reshape(labels, *SIZE)

    return call


def cases() -> list[Case]:
    """Return the cases for 21 and for 4 labels."""
    return [
        case
        for labels in (21, 4)
        for case in (
            Case(
                f'Dense CRF, {labels} labels', 'pydensecrf2', lambda labels=labels: pydensecrf(labels), reference=True
            ),
            Case(f'Dense CRF, {labels} labels', 'mmwsl with numba', lambda labels=labels: compiled(labels)),
            Case(f'Dense CRF, {labels} labels', 'mmwsl without numba', lambda labels=labels: uncompiled(labels)),
        )
    ]
