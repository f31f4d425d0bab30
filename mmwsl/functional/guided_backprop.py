"""Plain and guided gradients of class scores at intermediate layers, from one forward pass."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from difflib import get_close_matches

import torch
from torch import Tensor, nn
from torch.autograd.graph import Node

GUIDED = (nn.ReLU, nn.ReLU6)
"""Modules that are guided; their own backward pass keeps the gradient where the input was positive."""

# Autograd's names of the functions behind GUIDED, which must belong to modules ...
_RELUS = ('Relu', 'Hardtanh')
# ... and of activations that pass a gradient back through negative inputs. Gates (sigmoid, tanh) are not among them.
_OTHERS = (
    'Celu',
    'Elu',
    'Gelu',
    'Hardswish',
    'LeakyRelu',
    'Mish',
    'PreluKernel',
    'RreluWithNoise',
    'Silu',
    'Threshold',
)


class LayerRecord:
    """Outputs of layers and the gradients of scores at them, created by :func:`recorded_layers`.

    Attributes:
        outputs: Output of each layer by name, ``(N, C, h, w)`` for a convolution. Empty before the forward pass.
    """

    def __init__(self, layers: Sequence[str], guided: bool) -> None:
        self.layers, self.guided = tuple(layers), guided
        self.outputs: dict[str, Tensor] = {}
        self._relus: set[Node] = set()

    def gradients(self, scores: Tensor, grad_outputs: Tensor, batched: bool = False) -> list[Tensor]:
        r"""Propagate gradients of the scores back to the layers.

        .. math:: v_{l,s} = \sum_{n,k} g_{s,n,k} \, \frac{\partial S_{n,k}}{\partial L_l}

        The gradient of a class has :math:`g` = 1 for this class and 0 for all other classes. All :math:`g_s` share the
        forward pass, and nothing below the lowest layer is computed.

        Args:
            scores: Scores of the recorded forward pass, usually ``(N, K)``.
            grad_outputs: Gradients :math:`g` with respect to the scores, ``(S, *scores.shape)``.
            batched: Propagate all gradients at once (vectorized) instead of one after another. This needs more memory
                and is slower on a CPU.

        Returns:
            The gradient at each layer, in the order of the names, ``(S, *output.shape)``.

        Raises:
            RuntimeError: If a layer did not run, or the scores do not depend on it.
            ValueError: If ``grad_outputs`` has another shape, or an activation cannot be guided because it is called
                as a function or is not in :data:`GUIDED`.
        """
        if grad_outputs.dim() != scores.dim() + 1 or grad_outputs.shape[1:] != scores.shape:
            raise ValueError(
                f'`grad_outputs` must be (S, {", ".join(map(str, scores.shape))}) for the shape of `scores`, '
                f'got {tuple(grad_outputs.shape)}.'
            )
        missing = [name for name in self.layers if name not in self.outputs]
        if missing:
            raise RuntimeError(f'the forward pass did not run {missing}. Name layers that are used at test time.')
        outputs = [self.outputs[name] for name in self.layers]
        if scores.grad_fn is None:
            raise RuntimeError(f'the scores do not depend on any of the layers {list(self.layers)}.')
        if self.guided:
            self._check_activations(scores)
        if batched:
            results = [
                torch.autograd.grad(scores, outputs, grad_outputs, True, is_grads_batched=True, allow_unused=True)
            ]
        else:
            results = [torch.autograd.grad(scores, outputs, grad, True, allow_unused=True) for grad in grad_outputs]
        unused = [name for name, gradient in zip(self.layers, results[0], strict=True) if gradient is None]
        if unused:
            raise RuntimeError(f'the scores do not depend on the layers {unused}.')
        return list(results[0]) if batched else [torch.stack(layer) for layer in zip(*results, strict=True)]

    def _guide(self, module: nn.Module, args: tuple[object, ...], output: Tensor) -> None:
        if output.grad_fn is not None:
            output.register_hook(lambda gradient: gradient.clamp(min=0))
            self._relus.add(output.grad_fn)

    def _check_activations(self, scores: Tensor) -> None:
        nodes: list[Node | None] = [scores.grad_fn]
        seen: set[Node] = set()
        while nodes:
            node = nodes.pop()
            if node is None or node in seen:
                continue
            seen.add(node)
            nodes.extend(following for following, _ in node.next_functions)
            name = node.name().split('Backward')[0]
            if name in _RELUS and node not in self._relus:
                raise ValueError(
                    'guided back-propagation needs ReLU modules, got one that the network calls as a function '
                    f'({node.name()}). Use nn.ReLU or nn.ReLU6, or set guided=False.'
                )
            if name in _OTHERS:
                raise ValueError(
                    f'guided back-propagation needs activations of the ReLU family, got {name} above the layers. '
                    'Set guided=False for plain gradients, or name layers above it.'
                )


def check_layers(layers: Sequence[str], network: nn.Module | None = None) -> None:
    """Raise ValueError unless ``layers`` is a list of at least one module name, and ``network`` has these modules."""
    if isinstance(layers, str) or not layers:
        raise ValueError(f'`layers` must be a list of at least one module name, got {layers!r}.')
    modules = [] if network is None else [name for name, _ in network.named_modules() if name]
    for name in layers if network is not None else ():
        if name not in modules:
            close = get_close_matches(name, modules) or modules
            raise ValueError(f'`layers` must be names of modules such as {close[:5]}, got {name!r}.')


@contextmanager
def recorded_layers(network: nn.Module, layers: Sequence[str], guided: bool = False) -> Iterator[LayerRecord]:
    r"""Record the outputs of layers so that gradients reach these layers, but no lower layer and no parameter.

    The context records one forward pass. It enables gradients even if the caller has disabled them. The autograd graph
    starts at the lowest layers. Parameters are frozen and hooks installed until the block ends or raises an exception;
    the ``grad`` of parameters does not change.

    With ``guided`` (Springenberg et al., ICLR 2015 workshop), every ReLU above the layers passes a gradient back only
    where both the gradient and the ReLU's input :math:`x` are positive:

    .. math:: R_{in} = 1[x > 0] \, 1[R_{out} > 0] \, R_{out}

    The gradient at a layer that ends in a ReLU is not guided by this ReLU, so it may be negative.

    Args:
        network: The network, in evaluation mode: in training mode, batch normalization mixes the images of a batch.
        layers: Names of modules, as in ``network.named_modules()``. Each must return one tensor and run once.
        guided: Guide the modules in :data:`GUIDED`. Other activations raise an error in
            :meth:`LayerRecord.gradients`, but ``x.clamp(min=0)`` cannot be distinguished from arithmetic.

    Yields:
        The record, whose outputs the forward pass fills.

    Raises:
        ValueError: If ``layers`` is empty or has an unknown name; in the forward pass, if a layer runs twice or does
            not return one tensor.
    """
    check_layers(layers, network)
    modules = dict(network.named_modules())
    record = LayerRecord(layers, guided)

    def capture(name: str, output: object) -> Tensor:
        if not isinstance(output, Tensor):
            raise ValueError(
                f'`layers` must name modules that return one tensor, got {name!r}, which returns '
                f'{type(output).__name__}. Name a module inside of it.'
            )
        if name in record.outputs:
            raise ValueError(f'`layers` must name modules that run once, got {name!r}, which runs more than once.')
        # A separate tensor, so that its gradient is taken before the hook of a ReLU that made the output.
        captured = output.view_as(output) if output.requires_grad else output.detach().requires_grad_()
        record.outputs[name] = captured
        return captured.clone()  # later modules may work in place

    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        for parameter in network.parameters():
            stack.callback(parameter.requires_grad_, parameter.requires_grad)
            parameter.requires_grad_(False)
        for module in modules.values() if guided else ():
            if isinstance(module, GUIDED):
                stack.callback(module.register_forward_hook(record._guide).remove)
        for name in layers:
            hook = modules[name].register_forward_hook(lambda module, args, output, name=name: capture(name, output))
            stack.callback(hook.remove)
        stack.callback(record._relus.clear)
        yield record
