"""From a network with a stride to the same network at every pixel."""

import math
from collections.abc import Callable
from functools import reduce
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .tracing import Fields, Layer, Trace, copy_network, probe, tensors, trace, windows


def convert_to_dense(model: nn.Module, stride: int = 1) -> nn.Module:
    r"""Convert a network of stride S to stride t with dilated filters.

    Take a layer with the stride s and an input of stride n. In the dense network its input has the stride
    :math:`a = \gcd(n, t)`, its output the stride :math:`b = \gcd(n s, t)`. So it steps by :math:`b / a`, and its
    filter and padding are dilated by :math:`n / a`. Every location of the network is a location of the dense one, with
    the same receptive field. The locations between come from shifted images (Giusti et al., ICIP 2013; Chen et al.,
    ICLR 2015).

    The scores equal :func:`mmwsl.functional.shift_and_stitch` up to rounding, except at the first borders of a
    network with padding. There, shift-and-stitch pads with zeros an image without its first :math:`\delta` rows; the
    dense network has these rows. Location :math:`q` along an axis, of shift
    :math:`\delta = t q \bmod S`, may differ only if :math:`\delta \ge n` and :math:`t q - \delta < B`, n being the
    stride of the input of the first layer that pads and B :attr:`ReceptiveField.before`.

    The two add numbers in different orders: in float32 they differ by about 1e-6 of the largest score (3e-5 where a
    trained segmentor scores 27, 1e-5 in its probabilities), in float64 by about 1e-15. With both networks in
    :class:`Float64`, their float32 scores differ in the last bit at most.

    The result is in evaluation mode and shares parameters and buffers with the network, so that it follows training and
    loading. On a CPU it turns the inputs into ``channels_last`` if S / t is 4 or more, where that is faster.

    Args:
        model: Network, ``(N, C, H, W)`` to a map or a sequence of maps, of :class:`torch.nn.Conv2d`, ``MaxPool2d``,
            ``AvgPool2d`` and layers that work at each location alone. It is not changed.
        stride: Stride t of every map of the result in pixels; a divisor of S.

    Raises:
        ValueError: If ``stride`` does not divide S, or a layer has no dense equivalent; the message names it.
        RuntimeError: If a trial shows that the dense network does not give the network's scores at its locations.
    """
    traced = trace_with_stride(model, stride)
    dense = copy_network(model)
    dilate(dense, traced.layers, stride)
    if network_stride(traced) >= 4 * stride:  # below, most filters are not dilated much, and it does not pay
        dense.register_forward_pre_hook(_to_channels_last)
    _verify(copy_network(model), dense, traced.outputs, stride)
    return dense


def network_stride(traced: Trace) -> int:
    """Return the greatest common divisor of the strides of all maps of a network."""
    return math.gcd(*(field.stride for fields in traced.outputs for field in fields))


def trace_with_stride(model: nn.Module, stride: int) -> Trace:
    """Trace a network and check that ``stride`` divides its own; see :func:`convert_to_dense` for the errors."""
    traced = trace(model)
    total = network_stride(traced)
    if stride < 1 or total % stride:
        divisors = [n for n in range(1, total + 1) if total % n == 0]
        raise ValueError(f'`stride` must divide the stride {total} of the network, one of {divisors}, got {stride}.')
    return traced


def dilate(model: nn.Module, input_strides: dict[str, tuple[int, int]], stride: int) -> None:
    """Dilate the convolutions and poolings of a network in place; strides as in :attr:`Trace.layers`."""
    for name, strides in input_strides.items():
        layer: Any = model.get_submodule(name)
        dilated = []
        for n, (_, step, dilation, padding) in zip(strides, windows(layer), strict=True):
            a, b = math.gcd(n, stride), math.gcd(n * step, stride)
            dilated.append((b // a, dilation * n // a, padding * n // a))
        layer.stride, layer.dilation, layer.padding = zip(*dilated, strict=True)
        if isinstance(layer, nn.MaxPool2d):  # by its class, and so wherever the network refers to it
            layer.__class__ = DilatedMaxPool2d
        elif isinstance(layer, nn.AvgPool2d):
            layer.__class__ = DilatedAvgPool2d


class DilatedMaxPool2d(nn.MaxPool2d):
    """``nn.MaxPool2d`` without its bound on the padding."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the maximum of each window."""
        return _slide(x, self, torch.maximum, -torch.inf)


class DilatedAvgPool2d(nn.AvgPool2d):
    """``nn.AvgPool2d`` with the attribute ``dilation`` and without its bound on the padding."""

    dilation: int | tuple[int, int] = 1

    def extra_repr(self) -> str:
        """Describe the window."""
        return f'{super().extra_repr()}, dilation={self.dilation}'

    def forward(self, x: Tensor) -> Tensor:
        """Return the average of each window."""
        total = _slide(x, self, torch.add, 0.0)
        if self.divisor_override or self.count_include_pad:
            return total / (self.divisor_override or math.prod(kernel for kernel, *_ in windows(self)))
        return total / _slide(torch.ones_like(x[:1, :1]), self, torch.add, 0.0)


def _slide(x: Tensor, pool: Layer, combine: Callable[[Tensor, Tensor], Tensor], fill: float) -> Tensor:
    """Combine the values of each window by an associative function, first along the height, then the width.

    It combines whole shifted maps, four passes for a 3x3 window. On a CPU, torch's pooling takes ten times as long in
    the contiguous layout, and stores a map of indices.
    """
    (*_, top), (*_, left) = windows(pool)
    if top or left:
        x = F.pad(x, (left, left, top, top), value=fill)
    for dim, (kernel, stride, dilation, _) in zip((2, 3), windows(pool), strict=True):
        length = x.shape[dim] - dilation * (kernel - 1)  # before the stride
        if length < 1:
            raise RuntimeError(f'{pool}: the padded map must not be smaller than a window, got {tuple(x.shape)}.')
        shifted = (x.narrow(dim, i * dilation, length) for i in range(kernel))
        x = reduce(combine, (one[:, :, ::stride] if dim == 2 else one[..., ::stride] for one in shifted))
    return x


def _to_channels_last(model: nn.Module, args: tuple[Tensor]) -> Tensor:
    """Convert images to the layout in which dilated convolutions are fastest on a CPU."""
    return args[0] if args[0].is_cuda else args[0].contiguous(memory_format=torch.channels_last)


@torch.no_grad()
def _verify(coarse: nn.Module, dense: nn.Module, outputs: list[Fields], stride: int) -> None:
    """Raise RuntimeError if two networks differ at the locations of the first one, borders included."""
    # The smallest image with two rows and columns of locations, and pixels left over that make no location.
    rows, columns = (
        max(field.after - field.before, 0) + field.stride + 1 + field.stride // 2
        for field in max(outputs, key=lambda fields: fields[0].size)
    )
    image = probe(coarse, (rows, columns))
    with torch.autocast(image.device.type, enabled=False):
        maps = list(zip(tensors(coarse(image)), tensors(dense(image)), outputs, strict=True))
    for expected, scores, (height, width) in maps:
        allowed = torch.finfo(expected.dtype).eps ** 0.5 * float(expected.abs().max())
        scores = scores[..., :: height.stride // stride, :: width.stride // stride]
        try:
            torch.testing.assert_close(scores, expected, rtol=0, atol=allowed)
        except AssertionError as error:
            raise RuntimeError(
                f'The dense network does not give the scores of {type(coarse).__name__}. Remove layers that use the '
                'size of the map, or the values of all locations together.'
            ) from error
