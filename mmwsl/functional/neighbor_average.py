"""Repeated weighted sums over the neighbors of each pixel."""

import os
import warnings
from functools import cache
from types import ModuleType

import torch
from torch import Tensor
from torch.nn import functional as F

from .inputs import numbers_on

FEW_LABELS = 8
"""Below, whole shifted maps are faster on a CPU than rows of labels: 0.3 to 0.9 times as long for 2 to 7 labels."""
LARGE = 2**14
"""Pixels from which this holds; smaller maps take longer to start the operations than to run them."""


def neighbor_indices(offsets: list[tuple[int, int]], height: int, width: int, device: torch.device) -> Tensor:
    """Return the indices of each pixel's neighbors in the flat image, ``(H*W, O)``.

    The nearest pixel replaces neighbors outside the image.
    """
    dy, dx = numbers_on(device, offsets, torch.int32).unbind(1)
    y = (torch.arange(height, dtype=torch.int32, device=device)[:, None] + dy).clamp_(0, height - 1)
    x = (torch.arange(width, dtype=torch.int32, device=device)[:, None] + dx).clamp_(0, width - 1)
    return (y[:, None] * width + x).flatten(0, 1)


def average_neighbors(maps: Tensor, weights: Tensor, offsets: list[tuple[int, int]], iterations: int) -> Tensor:
    r"""Replace each value repeatedly by a weighted sum over the neighbors of its pixel.

    .. math:: p_i \leftarrow \sum_o w_{o,i} \, p_{i + o}

    The nearest pixel replaces neighbors outside the image. On a GPU, with ``MMWSL_TRITON=1`` in the environment, one
    Triton kernel computes an iteration if no gradient is needed; its results differ by rounding errors.

    Args:
        maps: Values p, ``(K, H, W)``; the result is differentiable in them, not in the weights.
        weights: Weights w, ``(O, H, W)``, of the same dtype.
        offsets: Offsets o of the neighbors, y and x.
        iterations: Number of replacements.

    Returns:
        The values, ``(K, H, W)``.
    """
    needs_gradient = torch.is_grad_enabled() and maps.requires_grad
    if maps.device.type == 'cuda' and not needs_gradient and (kernels := triton_kernels()):
        return kernels.average_neighbors(maps, weights, offsets, iterations)
    if maps.device.type == 'cpu' and len(maps) < FEW_LABELS and maps[0].numel() >= LARGE:
        return _sum_shifted(maps, weights, offsets, iterations)
    return _sum_rows(maps, weights, offsets, iterations)


def _sum_rows(maps: Tensor, weights: Tensor, offsets: list[tuple[int, int]], iterations: int) -> Tensor:
    """Gather a row of labels for each neighbor."""
    neighbors = neighbor_indices(offsets, maps.shape[1], maps.shape[2], maps.device)
    weights = weights.flatten(1).T.contiguous()
    rows = maps.flatten(1).T.contiguous()
    for _ in range(iterations):
        rows = F.embedding_bag(neighbors, rows, mode='sum', per_sample_weights=weights)
    return rows.T.reshape(maps.shape)


def _sum_shifted(maps: Tensor, weights: Tensor, offsets: list[tuple[int, int]], iterations: int) -> Tensor:
    """Add a shifted map of each label for each neighbor."""
    height, width = maps.shape[1:]
    reach = max(abs(step) for offset in offsets for step in offset)
    for _ in range(iterations):
        padded = F.pad(maps[None], [reach] * 4, mode='replicate')[0]
        maps = torch.zeros_like(maps)
        for (dy, dx), weight in zip(offsets, weights, strict=True):
            maps.addcmul_(padded[:, reach + dy : reach + dy + height, reach + dx : reach + dx + width], weight)
    return maps


def triton_kernels() -> ModuleType | None:
    """Return the module of the Triton kernels where ``MMWSL_TRITON=1`` is set and Triton can run, else None.

    The first call warns where it is set and Triton cannot run.
    """
    return _load_kernels() if os.environ.get('MMWSL_TRITON') == '1' else None


@cache
def _load_kernels() -> ModuleType | None:
    try:
        from . import triton_neighbors

        one = torch.ones(1, 1, 1, device='cuda')
        triton_neighbors.average_neighbors(one, one, [(0, 0)], 1)
    except Exception as error:  # no Triton, no C compiler, an old GPU: Triton does not list what it raises
        reason = (str(error).splitlines() or [''])[0]
        text = f'MMWSL_TRITON=1 has no effect, torch computes instead: {type(error).__name__}: {reason}'
        warnings.warn(text, stacklevel=4)
        return None
    return triton_neighbors
