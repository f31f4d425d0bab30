"""Follow the position of cells through any network, without computing anything.

The network runs once on the ``meta`` device, whose tensors have a shape and no values, while the receptive field of
every intermediate map is carried along: convolutions and poolings change it, operations that keep the height and
width pass it on, and everything else loses it.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from .pooling import DilatedAvgPool2d, DilatedMaxPool2d
from .receptive_field import ReceptiveField

SPATIAL = (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d, DilatedMaxPool2d, DilatedAvgPool2d)
# Of many small divisors and different sides: networks that need even sizes run, and a transposed map is noticed.
PROBE_SIZE = (1152, 1536)

Fields = tuple[ReceptiveField, ReceptiveField]


@dataclass
class Layer:
    """A convolution or pooling as the network runs it: height and width of each number."""

    module: nn.Module
    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    padding: tuple[int, int]
    input_stride: tuple[int, int]


@dataclass
class Trace:
    """What a run found out.

    Attributes:
        layers: The convolutions and poolings by name, in the order of their first run.
        outputs: Receptive fields of the output maps, along height and width.
    """

    layers: dict[str, Layer]
    outputs: list[Fields]


def trace(model: nn.Module) -> Trace:
    """Find the receptive field of a network's maps and the stride at which each of its layers works.

    Args:
        model: A network, ``(N, C, H, W)`` to a map or a sequence of maps. It is left as it is.

    Raises:
        ValueError: If a layer or operation is in the way, which the message names: one that changes height or width
            and is not a convolution, max- or average-pooling module, or one that combines maps of different stride.
    """
    model = on_meta(model)
    model.eval()  # not chained: some networks return None
    tracer = _Tracer(model)
    inputs = probe(model, PROBE_SIZE)
    inputs.position = (ReceptiveField(), ReceptiveField())
    with torch.no_grad(), tracer:
        outputs = list(tensors(model(inputs)))
    return Trace(tracer.layers, [tracer.position(output, 'the output') for output in outputs])


def receptive_field(model: nn.Module) -> Fields:
    """Return the receptive field of a network with one output map, along height and width.

    Arguments and errors as in :func:`trace`; ValueError also if it has several maps.
    """
    outputs = trace(model).outputs
    if len(outputs) != 1:
        raise ValueError(f'`model` must give one map, but {type(model).__name__} gives {len(outputs)}')
    return outputs[0]


def on_meta(model: nn.Module) -> nn.Module:
    """Return a copy without values."""
    memo = {id(p): nn.Parameter(p.detach().to('meta'), requires_grad=False) for p in model.parameters()}
    memo.update({id(b): b.to('meta') for b in model.buffers()})
    return copy.deepcopy(model, memo)


def probe(model: nn.Module, size: tuple[int, int]) -> Tensor:
    """Return an image for a network, with the channels of its first convolution, on its device.

    It is random, always the same, and does not advance the random numbers of the process.
    """
    channels = next((m.in_channels for m in model.modules() if isinstance(m, nn.Conv2d)), 3)
    like = next((p for p in model.parameters() if p.is_floating_point()), torch.empty(0))
    if like.is_meta:
        return like.new_empty(1, channels, *size)
    return torch.randn(1, channels, *size, generator=torch.Generator().manual_seed(0)).to(like)


def tensors(value: object) -> Iterator[Tensor]:
    """Yield the tensors of nested sequences and mappings."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from tensors(item)
    elif isinstance(value, dict):
        yield from tensors(tuple(value.values()))


def pair(value: int | tuple[int, ...]) -> tuple[int, int]:
    """Return height and width of a number that may be given once for both."""
    return (value, value) if isinstance(value, int) else tuple(value)


class _Tracer(TorchFunctionMode):
    """Writes onto every tensor its ``position``: receptive fields, or a text that says why they are lost."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.layers: dict[str, Layer] = {}
        self.stack = [type(model).__name__]
        for name, module in model.named_modules():
            module.register_forward_pre_hook(lambda module, args, name=name: self._enter(name, module, args))
            module.register_forward_hook(lambda module, args, out: self._leave(module, args, out))

    def __torch_function__(self, func, types, args=(), kwargs=None):
        sources = [t for t in tensors((args, kwargs or {})) if hasattr(t, 'position')]
        positions, shapes = [t.position for t in sources], [t.shape[-2:] for t in sources]
        out = func(*args, **(kwargs or {}))
        if positions:
            name = getattr(func, '__name__', str(func))
            for tensor in tensors(out):
                tensor.position = self._combine(name, positions, shapes, tensor.shape[-2:])
        return out

    def _combine(self, func: str, positions: list, shapes: list, shape: torch.Size) -> Fields | str:
        lost = next((p for p in positions if isinstance(p, str)), None)
        if lost:
            return lost
        where = f'`{func}` in `{self.stack[-1]}`'
        if any(word in func for word in ('conv', 'pool', 'pad')) or any(s != shape for s in shapes):
            return where
        fields = positions[0]
        for other in positions[1:]:
            try:
                fields = tuple(a.union(b) for a, b in zip(fields, other, strict=True))
            except ValueError as error:
                raise ValueError(f'{where}: {error}, which has no dense equivalent') from None
        return fields

    def position(self, tensor: Tensor, name: str) -> Fields:
        """Return the fields of a tensor that ``name`` uses."""
        position = getattr(tensor, 'position', 'an operation that torch functions do not show')
        if isinstance(position, str):
            raise ValueError(
                f'the positions of cells are lost before {name}, by {position}: only modules of type '
                'Conv2d, MaxPool2d and AvgPool2d may change height and width or combine neighbors'
            )
        return position

    def _enter(self, name: str, module: nn.Module, args: tuple) -> None:
        if isinstance(module, SPATIAL):
            _check(name, module)
        self.stack.append(name or type(module).__name__)

    def _leave(self, module: nn.Module, args: tuple, out: object) -> None:
        name = self.stack.pop()
        if not isinstance(module, SPATIAL):
            return
        fields = self.position(args[0], f'`{name}`')
        strides = (fields[0].stride, fields[1].stride)
        known = self.layers.setdefault(name, _layer(module, strides))
        if known.input_stride != strides:
            raise ValueError(
                f'`{name}` is used at strides {known.input_stride} and {strides}: give each its own module'
            )
        numbers = zip(known.kernel, known.stride, known.dilation, known.padding, strict=True)
        out.position = tuple(f.through(*n) for f, n in zip(fields, numbers, strict=True))


def _check(name: str, module: nn.Module) -> None:
    """Raise ValueError if a convolution or pooling works in a way that cannot be made dense."""
    problems = {
        'ceil_mode=True': getattr(module, 'ceil_mode', False),
        'return_indices=True': getattr(module, 'return_indices', False),
        f'padding_mode={getattr(module, "padding_mode", "")!r}': getattr(module, 'padding_mode', 'zeros') != 'zeros',
        "padding='same' with an even kernel": module.__dict__.get('padding') == 'same'
        and any(k % 2 == 0 for k in pair(module.kernel_size)),
        'a forward of its own': type(module).forward not in _FORWARDS
        and not type(module).__module__.startswith('mmcv.cnn.bricks.wrappers'),
    }
    for problem, found in problems.items():
        if found:
            raise ValueError(f'`{name}` ({type(module).__name__}) has {problem}, which has no dense equivalent')


_FORWARDS = {cls.forward for cls in SPATIAL}


def _layer(module: nn.Module, input_stride: tuple[int, int]) -> Layer:
    kernel, dilation = pair(module.kernel_size), pair(getattr(module, 'dilation', 1))
    if isinstance(module.padding, str):
        same = module.padding == 'same'
        padding = tuple(d * (k - 1) // 2 if same else 0 for k, d in zip(kernel, dilation, strict=True))
    else:
        padding = pair(module.padding)
    stride = pair(module.stride if module.stride is not None else module.kernel_size)
    return Layer(module, kernel, stride, dilation, padding, input_stride)
