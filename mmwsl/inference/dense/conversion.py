"""From a network with a stride to the same network at every pixel."""

import copy
import math

import torch
from torch import Tensor, nn

from .pooling import DilatedAvgPool2d, DilatedMaxPool2d
from .tracing import Layer, probe, tensors, trace


def convert_to_dense(model: nn.Module, stride: int = 1) -> nn.Module:
    r"""Convert a network of stride S to stride t with dilated filters: the scores of shift-and-stitch, for less.

    A layer whose input has the stride n in the network, and its own stride s, works at the stride
    :math:`a = \gcd(n, t)` of its input and :math:`b = \gcd(n s, t)` of its output instead: it steps by :math:`b / a`,
    and its filter and padding are dilated by :math:`n / a`. So every cell of the network is a cell of the dense one,
    with the same field, and the cells between are those of the shifted images (the algorithme a trous of wavelets;
    Chen et al., ICLR 2015; Giusti et al., ICIP 2013).

    The scores equal those of :func:`mmwsl.functional.shift_and_stitch`, up to rounding, wherever
    :meth:`ReceptiveField.stitching_differs` does not mark them: in all of the map without padding, and away from the
    first borders with it. Rounding is that of the network itself, which adds numbers in the one order or the other: in
    float32 about 1e-6 of the largest score, which is 3e-5 where a trained segmentor scores 27, and 1e-5 in its
    probabilities; in float64 about 1e-15 of it. With both networks in :class:`mmwsl.models.Float64`, their float32
    scores differ in the last bit at most.

    The copy shares parameters and buffers with the network, so that it follows training and loading, and is in
    evaluation mode. On a CPU it turns the inputs into ``channels_last`` if S / t is 4 or more, where that is faster.

    Args:
        model: A network, ``(N, C, H, W)`` to a map or a sequence of maps, of :class:`torch.nn.Conv2d`,
            ``MaxPool2d``, ``AvgPool2d`` and layers that work at each cell alone. It is left as it is.
        stride: Stride t of the result in pixels, of every map; a divisor of S.

    Returns:
        The dense network.

    Raises:
        ValueError: If ``stride`` does not divide S, or a layer has no dense equivalent; the message names it.
        RuntimeError: If the dense network does not give the network's own scores at its own cells, which is tried.
    """
    found = trace(model)
    strides = {field.stride for fields in found.outputs for field in fields}
    total = math.gcd(*strides)
    if stride < 1 or total % stride:
        divisors = [n for n in range(1, total + 1) if total % n == 0]
        raise ValueError(f'`stride` must divide the stride {total} of the network, one of {divisors}, got {stride}')
    shared = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
    coarse, dense = (copy.deepcopy(model, dict(shared)) for _ in range(2))
    coarse.eval()
    dense.eval()
    convert(dense, found.layers, stride)
    if total >= 4 * stride:  # below, most filters are not dilated much, and it does not pay
        dense.register_forward_pre_hook(_to_channels_last)
    verify(coarse, dense, found.outputs, stride)
    return dense


def convert(model: nn.Module, layers: dict[str, Layer], stride: int) -> None:
    """Change the convolutions and poolings of a network in place."""
    modules = dict(model.named_modules())
    poolings = {}
    for name, layer in layers.items():
        module = modules[name]
        inner = [math.gcd(n, stride) for n in layer.input_stride]
        outer = [math.gcd(n * s, stride) for n, s in zip(layer.input_stride, layer.stride, strict=True)]
        factors = [n // a for n, a in zip(layer.input_stride, inner, strict=True)]
        window = dict(
            stride=tuple(b // a for a, b in zip(inner, outer, strict=True)),
            dilation=tuple(d * f for d, f in zip(layer.dilation, factors, strict=True)),
            padding=tuple(p * f for p, f in zip(layer.padding, factors, strict=True)),
        )
        if isinstance(module, nn.Conv2d):
            module.stride, module.dilation, module.padding = window['stride'], window['dilation'], window['padding']
        elif isinstance(module, (nn.MaxPool2d, DilatedMaxPool2d)):
            poolings[module] = DilatedMaxPool2d(layer.kernel, **window)
        else:
            poolings[module] = DilatedAvgPool2d(
                layer.kernel,
                **window,
                count_include_pad=module.count_include_pad,
                divisor_override=module.divisor_override,
            )
    for module in list(model.modules()):
        for name, child in module._modules.items():
            if child in poolings:
                module._modules[name] = poolings[child]


def _to_channels_last(model: nn.Module, args: tuple) -> tuple:
    """Bring images into the layout in which dilated convolutions are fastest on a CPU."""
    return tuple(
        x.contiguous(memory_format=torch.channels_last)
        if isinstance(x, Tensor) and x.dim() == 4 and not x.is_cuda
        else x
        for x in args
    )


@torch.no_grad()
def verify(coarse: nn.Module, dense: nn.Module, outputs: list, stride: int) -> None:
    """Raise RuntimeError if two networks differ at the cells of the first one, borders included."""
    # The smallest image with two rows and columns of cells, and pixels left over that make no cell.
    size = tuple(
        max(field.after - field.before, 0) + field.stride + 1 + field.stride // 2
        for field in max(outputs, key=lambda fields: fields[0].size)
    )
    image = probe(coarse, size)
    with torch.autocast(image.device.type, enabled=False):
        pairs = list(zip(tensors(coarse(image)), tensors(dense(image)), outputs, strict=True))
    for expected, found, fields in pairs:
        steps = [field.stride // stride for field in fields]
        cells = found[..., :: steps[0], :: steps[1]]
        error = math.inf
        if cells.shape == expected.shape:
            error = float((cells - expected).abs().max() / expected.abs().max().clamp(min=1e-30))
        if not error < torch.finfo(expected.dtype).eps ** 0.5:
            raise RuntimeError(
                f'the dense network does not give the scores of {type(coarse).__name__}: at its cells, maps '
                f'{tuple(cells.shape)} and {tuple(expected.shape)}, they differ by {error:.1e} of the largest. Does a '
                'layer use the size of the map, or the values of all cells together?'
            )
