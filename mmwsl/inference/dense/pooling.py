"""Poolings with dilation, by whole shifted maps.

Max- and average-pooling are separable: first along the height, then along the width. Each combines ``kernel`` shifted
views of the map, so a 3x3 window costs four passes over the map, and no map of indices is written.
"""

from collections.abc import Callable
from functools import reduce

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def slide(
    x: Tensor,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
    combine: Callable[[Tensor, Tensor], Tensor],
) -> Tensor:
    """Combine the values of each window of ``(N, C, H, W)`` by an associative function."""
    for dim, k, s, d in zip((2, 3), kernel, stride, dilation, strict=True):
        length = x.shape[dim] - d * (k - 1)  # before the stride
        if length < 1:
            raise RuntimeError(f'a window of {d * (k - 1) + 1} cells is larger than the padded map {tuple(x.shape)}')
        if k > 1 or s > 1:
            x = reduce(combine, (_every(x.narrow(dim, i * d, length), dim, s) for i in range(k)))
    return x


def _every(x: Tensor, dim: int, step: int) -> Tensor:
    return x[(slice(None),) * dim + (slice(None, None, step),)]


class _DilatedPool2d(nn.Module):
    """Base of both poolings; see there."""

    ceil_mode = False

    def __init__(
        self, kernel_size: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int], padding: tuple[int, int]
    ) -> None:
        super().__init__()
        self.kernel_size, self.stride, self.dilation, self.padding = kernel_size, stride, dilation, padding

    def extra_repr(self) -> str:
        """Describe the window."""
        return f'kernel_size={self.kernel_size}, stride={self.stride}, dilation={self.dilation}, padding={self.padding}'

    def _pad(self, x: Tensor, value: float) -> Tensor:
        (top, left) = self.padding
        return F.pad(x, (left, left, top, top), value=value) if top or left else x


class DilatedMaxPool2d(_DilatedPool2d):
    """``nn.MaxPool2d`` without its bound on the padding; all arguments as (height, width).

    Args:
        kernel_size: Cells of a window.
        stride: Cells from window to window.
        dilation: Cells from one cell of a window to the next.
        padding: Cells added at each border; they never are the maximum.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Take the maximum of each window."""
        return slide(self._pad(x, -torch.inf), self.kernel_size, self.stride, self.dilation, torch.maximum)


class DilatedAvgPool2d(_DilatedPool2d):
    """``nn.AvgPool2d`` with dilation; other arguments as in :class:`DilatedMaxPool2d`.

    Args:
        count_include_pad: Divide by all cells of the window; otherwise by those inside the map.
        divisor_override: Divide by this instead, if not None.
    """

    def __init__(self, *args, count_include_pad: bool = True, divisor_override: int | None = None, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.count_include_pad, self.divisor_override = count_include_pad, divisor_override

    def forward(self, x: Tensor) -> Tensor:
        """Average each window."""
        window = self.kernel_size, self.stride, self.dilation, torch.add
        total = slide(self._pad(x, 0.0), *window)
        if self.divisor_override or self.count_include_pad:
            return total / (self.divisor_override or self.kernel_size[0] * self.kernel_size[1])
        return total / slide(self._pad(torch.ones_like(x[:1, :1]), 0.0), *window)
