"""Kernels of the fully connected CRF of an image or of a batch."""

import math
from functools import cache
from types import ModuleType

import numpy as np
import torch
from torch import Tensor

from .crf_params import CRFParams
from .permutohedral import PermutohedralLattice, lattice_coordinates

FIRST_LIMIT = 2**16
"""Space for the corners of a lattice in the first attempt to build it; each further attempt has four times as much."""


class CRFKernels:
    """Normalized and weighted kernels of the fully connected CRF of images, for any number of score maps.

    Lattices are built when they are used for the first time, by :meth:`lattice` one for all images of a batch.

    Args:
        image: The image, ``(C, H, W)``, or images, ``(B, C, H, W)``, values 0 to 255, in RGB. They must not change
            afterwards.
        params: Widths and weights of the kernels; the other parameters are not used.
    """

    def __init__(self, image: Tensor, params: CRFParams) -> None:
        self.image = image
        self.params = params
        self._lattices: dict[tuple, PermutohedralLattice] = {}
        self._compiled: CompiledKernels | None = None
        self._of_images: list[CRFKernels] = []

    def lattice(self, like: Tensor) -> PermutohedralLattice:
        """Return the sum of all kernels, of which at least one has a weight, of the dtype and device of ``like``."""
        key = like.dtype, like.device
        if key not in self._lattices:
            images = self._images.to(like)
            self._lattices[key] = PermutohedralLattice.sum_of(
                [
                    _normalized(features, weight, len(images))
                    for weight, features in _weighted_features(images, self.params)
                ]
            )
        return self._lattices[key]

    def compiled(self) -> 'CompiledKernels | None':
        """Return the kernels for the compiled mean field, in float32, or None where numba is not installed."""
        functions = compiled_functions()
        if self._compiled is None and functions is not None:
            self._compiled = CompiledKernels(_weighted_features(self._images.float(), self.params), functions)
        return self._compiled

    def of_images(self) -> 'list[CRFKernels]':
        """Return the kernels of each image of a batch."""
        if not self._of_images:
            self._of_images = [CRFKernels(image, self.params) for image in self.image]
        return self._of_images

    @property
    def _images(self) -> Tensor:
        return self.image if self.image.dim() == 4 else self.image[None]


class CompiledKernels:
    """Lattices of all kernels in the same tables, for the functions of :mod:`mmwsl.functional.compiled_crf`.

    Args:
        weighted_features: Weight and points ``(N, d)`` of each kernel, float32 on the CPU.
        functions: The module of the compiled functions.
    """

    def __init__(self, weighted_features: list[tuple[float, Tensor]], functions: ModuleType) -> None:
        self._functions = functions
        points = len(weighted_features[0][1])
        columns = sum(features.shape[1] + 1 for _, features in weighted_features)
        self._rows = np.empty((points, columns), np.int32)
        self._weights = np.empty((points, columns), np.float32)
        self._blurs: list[tuple[np.ndarray, int]] = []
        self._end = 1
        column = 0
        for weight, features in weighted_features:
            coordinates, _, lowest, strides = lattice_coordinates(features)
            arguments = (
                coordinates.contiguous().numpy(),
                lowest.flatten().long().numpy(),
                np.array(strides[1:], np.int64),
                self._rows,
                self._weights,
                column,
                self._end,
            )
            limit = FIRST_LIMIT
            while not len(neighbors := self._functions.build_lattice(*arguments, limit)):
                limit *= 4
            self._functions.normalize(self._rows, self._weights, neighbors, column, self._end, weight)
            self._blurs.append((neighbors, self._end))
            self._end += neighbors.shape[1]
            column += neighbors.shape[0]

    def mean_field(self, log_unary: Tensor, iterations: int) -> Tensor:
        """Run mean-field inference in the Potts model on a unary term ``(K, N)``; return probabilities ``(K, N)``."""
        labels, points = log_unary.shape
        lanes = self._functions.LANES
        width = math.ceil(labels / lanes) * lanes
        # Probability zero of the labels that only fill the row; fast mathematics does not know infinity.
        unary = torch.full((points, width), -1e30)
        unary[:, :labels] = log_unary.T
        table, splat = (np.zeros((self._end, width), np.float32) for _ in range(2))
        probs = torch.empty(labels, points)
        arguments = unary.numpy(), self._rows, self._weights
        for _ in range(iterations):
            splat.fill(0)
            self._functions.update(*arguments, table, splat, probs.numpy())
            for neighbors, base in self._blurs:
                self._functions.blur(neighbors, splat, table, base)
            table, splat = splat, table
        self._functions.update(*arguments, table, splat[:0], probs.numpy())
        return probs


@cache
def compiled_functions() -> ModuleType | None:
    """Return the module of the compiled functions, or None where numba is not installed."""
    try:
        from . import compiled_crf
    except ImportError:
        return None
    return compiled_crf


def _weighted_features(images: Tensor, params: CRFParams) -> list[tuple[float, Tensor]]:
    """Return weight and points ``(B * H * W, d)`` of each kernel that is not disabled, for ``(B, C, H, W)``."""
    grid = torch.meshgrid(*(torch.arange(length, device=images.device) for length in images.shape[2:]), indexing='ij')
    position = torch.stack(grid[::-1], -1).reshape(-1, 2).to(images).repeat(len(images), 1)
    color = images.permute(0, 2, 3, 1).reshape(-1, images.shape[1])
    kernels = []
    if params.gaussian_weight:
        kernels.append((params.gaussian_weight, position / params.gaussian_sxy))
    if params.bilateral_weight:
        features = torch.cat([position / params.bilateral_sxy, color / params.bilateral_srgb], 1)
        kernels.append((params.bilateral_weight, features))
    return kernels


def _normalized(features: Tensor, weight: float, images: int) -> PermutohedralLattice:
    lattice = PermutohedralLattice(features, images)
    total = lattice.apply(torch.ones_like(features[:, :1])).squeeze(1)
    return lattice.scale_((weight / total) ** 0.5)
