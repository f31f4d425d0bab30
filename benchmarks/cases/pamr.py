"""Pixel-adaptive refinement: an image of 500 x 375 pixels, 10 iterations, dilations 1 to 24.

No package provides it. The references are two plain implementations of the paper's definition: a sum of shifted maps,
and convolutions that copy the neighbors (48 copies of the map, which take half a minute for 21 labels: only 4 are
measured).
"""

from collections.abc import Callable

import torch
from harness import Case
from torch import Tensor
from torch.nn import functional as F

from mmwsl.functional import pixel_adaptive_refinement

from .crf import SIZE, make_image, scores

DILATIONS = (1, 2, 4, 8, 12, 24)


def neighbors(maps: Tensor, center: bool = False) -> Tensor:
    """Shift ``maps (K, H, W)`` to each neighbor, ``(K, O, H, W)``."""
    kernel = torch.eye(9).view(9, 1, 3, 3)
    kernel = kernel if center else kernel[torch.arange(9) != 4]
    return torch.cat(
        [F.conv2d(F.pad(maps[:, None], [d] * 4, mode='replicate'), kernel, dilation=d) for d in DILATIONS], 1
    )


def affinity(image: Tensor) -> Tensor:
    """Return the weights of the neighbors, ``(O, H, W)``."""
    std = neighbors(image, center=True).std(1, keepdim=True)
    distance = (neighbors(image) - image[:, None]).abs() / (0.1 * std + 1e-8)
    return (-distance.mean(0)).softmax(0)


def by_convolution(labels: int) -> Callable[[], Tensor]:
    """Prepare the definition as convolutions."""
    probs, image = scores(labels), torch.from_numpy(make_image()).permute(2, 0, 1).float()

    def call() -> Tensor:
        weights, result = affinity(image), probs
        for _ in range(10):
            result = (neighbors(result) * weights).sum(1)
        return result

    return call


def by_shifts(labels: int) -> Callable[[], Tensor]:
    """Prepare the definition as a sum of shifted maps."""
    probs, image = scores(labels), torch.from_numpy(make_image()).permute(2, 0, 1).float()
    height, width = SIZE
    offsets = [(y * d, x * d) for d in DILATIONS for y in (-1, 0, 1) for x in (-1, 0, 1) if y or x]

    def call() -> Tensor:
        weights, result = affinity(image), probs
        for _ in range(10):
            padded = F.pad(result[None], [24] * 4, mode='replicate')[0]
            result = torch.zeros_like(probs)
            for weight, (y, x) in zip(weights, offsets, strict=True):
                result.addcmul_(padded[:, 24 + y : 24 + y + height, 24 + x : 24 + x + width], weight)
        return result

    return call


def ours(labels: int) -> Callable[[], Tensor]:
    """Prepare mmwsl."""
    probs, image = scores(labels), torch.from_numpy(make_image()).permute(2, 0, 1).contiguous()
    return lambda: pixel_adaptive_refinement(probs, image, DILATIONS)


def cases() -> list[Case]:
    """Return the cases for 21 and for 4 labels."""
    implementations = {'sum of shifted maps': by_shifts, 'mmwsl': ours}
    listed = [
        Case(f'PAMR, {labels} labels', name, lambda build=build, labels=labels: build(labels))
        for labels in (21, 4)
        for name, build in implementations.items()
    ]
    return [*listed, Case('PAMR, 4 labels', 'neighbors by convolution', lambda: by_convolution(4))]
