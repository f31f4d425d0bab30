"""Receptive fields of a network, traced without computing a value.

The network runs once on the ``meta`` device, whose tensors have a shape and no values. Convolutions and poolings change
the receptive field of a map, operations that keep height and width pass it on, and all other operations lose it.
"""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import torch
from mmengine.utils import to_2tuple
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

Layer = nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d
# Of many small divisors and different sides: networks that need even sizes run, and a transposed map is noticed.
PROBE_SIZE = (1152, 1536)


@dataclass(frozen=True)
class ReceptiveField:
    """Receptive field of the locations of a map along one axis.

    Location ``i`` depends on the pixels ``stride * i - before`` to ``stride * i + after``. Those outside the image are
    the zeros of the padding. Where branches meet, the receptive field is the union of theirs.
    """

    stride: int = 1
    before: int = 0  # the padding of all layers, in pixels
    after: int = 0

    @property
    def size(self) -> int:
        """Length of the receptive field in pixels."""
        return self.before + self.after + 1

    @property
    def center(self) -> float:
        """Index of the pixel at the center of location 0; may lie between two pixels."""
        return (self.after - self.before) / 2

    def locations(self, length: int) -> int:
        """Return the number of locations in an image of ``length`` pixels."""
        return max(0, (length - 1 + self.before - self.after) // self.stride + 1)


Fields = tuple[ReceptiveField, ...]  # along height and width


class Trace(NamedTuple):
    """Result of a traced run; all pairs are along height and width."""

    layers: dict[str, tuple[int, int]]  # stride of the input of each convolution and pooling, by its name
    outputs: list[Fields]  # receptive fields of each output map


def trace(model: nn.Module) -> Trace:
    """Find the receptive fields of a network's maps and the stride at which each of its layers works.

    Args:
        model: Network, ``(N, C, H, W)`` to a map or a sequence of maps. It is not changed.

    Raises:
        ValueError: If anything but a convolution, max or average pooling module changes height or width, or maps of
            different strides are combined. The message names the layer.
    """
    model = copy_network(model, 'meta')
    tracer = _Tracer(model)
    image = probe(model, PROBE_SIZE)
    tracer.found[image] = (ReceptiveField(), ReceptiveField())
    with torch.no_grad(), tracer:
        maps = tensors(model(image))
    return Trace(tracer.layers, [tracer.fields(one, 'the output') for one in maps])


def receptive_field(model: nn.Module) -> Fields:
    """Return the receptive fields of a network with one output map along height and width.

    Args:
        model: Network as in :func:`trace`, which may raise an error.

    Raises:
        ValueError: If the network has several maps.
    """
    outputs = trace(model).outputs
    if len(outputs) != 1:
        raise ValueError(f'`model` must give one map, but {type(model).__name__} gives {len(outputs)}.')
    return outputs[0]


def windows(layer: Layer) -> tuple[tuple[int, ...], ...]:
    """Return kernel, stride, dilation and padding of a convolution or pooling, along height and along width."""
    kernel, stride, dilation = map(to_2tuple, (layer.kernel_size, layer.stride, getattr(layer, 'dilation', 1)))
    padding = to_2tuple(0 if layer.padding == 'valid' else layer.padding)
    if layer.padding == 'same':
        padding = [d * (k - 1) // 2 for k, d in zip(kernel, dilation, strict=True)]
    return tuple(zip(kernel, stride, dilation, padding, strict=True))


def copy_network(model: nn.Module, device: str | None = None) -> nn.Module:
    """Return a copy in evaluation mode that shares parameters and buffers, or has its own on a device."""
    shared = (*model.parameters(), *model.buffers())
    network = copy.deepcopy(model, {id(t): t.detach().to(device) if device else t for t in shared})
    network.eval()  # not chained: some networks return None
    return network


def probe(model: nn.Module, size: tuple[int, int]) -> Tensor:
    """Return a random image with the channels and on the device of the network, without touching the random state."""
    channels = next((m.in_channels for m in model.modules() if isinstance(m, nn.Conv2d)), 3)
    like = next((p for p in model.parameters() if p.is_floating_point()), torch.empty(0))
    if like.is_meta:
        return like.new_empty(1, channels, *size)
    return torch.randn(1, channels, *size, generator=torch.Generator().manual_seed(0)).to(like)


def tensors(value: object) -> list[Tensor]:
    """Return the tensors of nested sequences and mappings."""
    if isinstance(value, dict):
        value = tuple(value.values())
    if isinstance(value, (list, tuple)):
        return [tensor for item in value for tensor in tensors(item)]
    return [value] if isinstance(value, Tensor) else []


class _Tracer(TorchFunctionMode):
    """Mode that keeps the receptive fields of every map, or the name of the operation that lost them."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.layers: dict[str, tuple[int, int]] = {}
        self.found: dict[Tensor, Fields | str] = {}  # keeps the maps alive, which take no memory without values
        self.stack = [type(model).__name__]  # the modules that run
        for name, module in model.named_modules():
            label = name or type(model).__name__
            module.register_forward_pre_hook(partial(self._enter, label))
            module.register_forward_hook(partial(self._leave, name))

    def __torch_function__(
        self, func: Callable, types: Sequence[type], args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        sources = [tensor for tensor in tensors((args, kwargs or {})) if tensor in self.found]
        sizes = {tensor.shape[-2:] for tensor in sources}  # before an operation in place
        out = func(*args, **(kwargs or {}))
        found: list[Any] = [self.found[tensor] for tensor in sources]
        name = getattr(func, '__name__', str(func))
        where = f'`{name}` in `{self.stack[-1]}`'
        for tensor in tensors(out) if sources else ():
            lost = [fields for fields in found if isinstance(fields, str)]
            if sizes != {tensor.shape[-2:]} or any(word in name for word in ('conv', 'pool', 'pad')):
                lost.append(where)
            self.found[tensor] = lost[0] if lost else _union(found, where)
        return out

    def fields(self, tensor: Tensor, user: str) -> Fields:
        """Return the receptive fields of a map that ``user`` needs."""
        fields = self.found.get(tensor, 'an operation that torch functions do not show')
        if isinstance(fields, str):
            raise ValueError(
                f'The receptive field is lost before {user}, by {fields}. Use only modules of type Conv2d, MaxPool2d '
                'and AvgPool2d to change height and width or to combine neighbors.'
            )
        return fields

    def _enter(self, label: str, module: nn.Module, args: tuple) -> None:
        if isinstance(module, Layer):
            _check(label, module)
        self.stack.append(label)

    def _leave(self, name: str, module: nn.Module, args: tuple, out: Tensor) -> None:
        label = self.stack.pop()
        if not isinstance(module, Layer):
            return
        fields = self.fields(args[0], f'`{label}`')
        strides = (fields[0].stride, fields[1].stride)
        if self.layers.setdefault(name, strides) != strides:
            raise ValueError(
                f'`{label}` is used at strides {self.layers[name]} and {strides}. Give each use its own module.'
            )
        self.found[out] = tuple(
            ReceptiveField(
                s * field.stride, field.before + p * field.stride, field.after + (d * (k - 1) - p) * field.stride
            )
            for field, (k, s, d, p) in zip(fields, windows(module), strict=True)
        )


def _union(maps: list[Fields], where: str) -> Fields:
    """Return the receptive fields of a map that combines maps location by location."""
    strides = [(rows.stride, columns.stride) for rows, columns in maps]
    if len(set(strides)) > 1:
        raise ValueError(f'{where} combines maps of strides {strides}, which has no dense equivalent.')
    return tuple(
        ReceptiveField(stride, max(field.before for field in fields), max(field.after for field in fields))
        for stride, fields in zip(strides[0], zip(*maps, strict=True), strict=True)
    )


def _check(label: str, layer: Layer) -> None:
    """Raise ValueError if a convolution or pooling has an option without a dense equivalent."""
    padding_mode = getattr(layer, 'padding_mode', 'zeros')
    ours = ('torch.', 'mmcv.cnn.bricks.wrappers', 'mmwsl.inference.dense')  # mmcv adds empty inputs for old torch
    for problem, found in (
        ('ceil_mode=True', getattr(layer, 'ceil_mode', False)),
        ('return_indices=True', getattr(layer, 'return_indices', False)),
        (f'padding_mode={padding_mode!r}', padding_mode != 'zeros'),
        ("padding='same' with an even kernel", layer.padding == 'same' and any(k % 2 == 0 for k, *_ in windows(layer))),
        ('a forward of its own', not type(layer).forward.__module__.startswith(ours)),
    ):
        if found:
            raise ValueError(f'`{label}` ({type(layer).__name__}) has {problem}, which has no dense equivalent.')
