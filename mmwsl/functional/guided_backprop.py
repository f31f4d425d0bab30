"""Gradients of class scores at intermediate layers, plain and guided, many classes from one forward pass."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from difflib import get_close_matches

import torch
from torch import Tensor, nn

GUIDED = (nn.ReLU, nn.ReLU6)
"""Modules that are guided: their own backward pass keeps the gradient where the input was positive."""

# Autograd's names of the functions behind GUIDED, which must be found in the graph as modules ...
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
    """Outputs of layers, and the gradients of scores at them; made by :func:`recorded_layers`.

    Attributes:
        outputs: What each layer gave, by name, ``(N, C, h, w)`` for a convolution; empty before the forward pass.
    """

    def __init__(self, layers: Sequence[str], guided: bool) -> None:
        self.layers, self.guided = tuple(layers), guided
        self.outputs: dict[str, Tensor] = {}
        self._relus = set()

    def gradients(self, scores: Tensor, signals: Tensor, batched: bool = False) -> list[Tensor]:
        r"""Propagate signals from the scores back to the layers.

        .. math:: v_{l,s} = \sum_{n,k} g_{s,n,k} \, \frac{\partial S_{n,k}}{\partial L_l}

        A signal is 1 for one class of each image and 0 for all others to have that class's gradient. Signals share
        the forward pass, and nothing below the lowest layer is computed.

        Args:
            scores: Scores of the recorded forward pass, usually ``(N, K)``.
            signals: Signals, ``(S, *scores.shape)``.
            batched: Propagate all signals at once (vectorised) and not one after another: more memory; on a CPU slower.

        Returns:
            The gradient at each layer, in the order of the names, ``(S, *output.shape)``.

        Raises:
            RuntimeError: If a layer did not run, or the scores do not depend on it.
            ValueError: If ``signals`` has another shape, or an activation cannot be guided: it was called as a
                function and not as a module, or it is no :data:`GUIDED`.
        """
        if signals.dim() != scores.dim() + 1 or signals.shape[1:] != scores.shape:
            raise ValueError(
                f'`signals` must be (S, {", ".join(map(str, scores.shape))}), one signal for each score, '
                f'got {tuple(signals.shape)}'
            )
        missing = [name for name in self.layers if name not in self.outputs]
        if missing:
            raise RuntimeError(f'the forward pass did not run {missing}: name layers that prediction uses')
        outputs = [self.outputs[name] for name in self.layers]
        if scores.grad_fn is None:
            raise RuntimeError(f'the scores do not depend on any of the layers {list(self.layers)}')
        if self.guided:
            self._check_activations(scores)
        if batched:
            results = [torch.autograd.grad(scores, outputs, signals, True, is_grads_batched=True, allow_unused=True)]
        else:
            results = [torch.autograd.grad(scores, outputs, signal, True, allow_unused=True) for signal in signals]
        unused = [name for name, gradient in zip(self.layers, results[0], strict=True) if gradient is None]
        if unused:
            raise RuntimeError(f'the scores do not depend on the layers {unused}')
        return list(results[0]) if batched else [torch.stack(layer) for layer in zip(*results, strict=True)]

    def _guide(self, module: nn.Module, args: tuple, output: Tensor) -> None:
        if output.requires_grad:
            output.register_hook(lambda gradient: gradient.clamp(min=0))
            self._relus.add(output.grad_fn)

    def _check_activations(self, scores: Tensor) -> None:
        nodes, seen = [scores.grad_fn], set()
        while nodes:
            node = nodes.pop()
            if node is None or node in seen:
                continue
            seen.add(node)
            nodes.extend(following for following, _ in node.next_functions)
            name = node.name().split('Backward')[0]
            if name in _RELUS and node not in self._relus:
                raise ValueError(
                    f'guided back-propagation cannot reach a ReLU ({node.name()}) that the network calls '
                    'as a function: make it a module, nn.ReLU or nn.ReLU6, or set guided=False'
                )
            if name in _OTHERS:
                raise ValueError(
                    f'guided back-propagation needs activations of the ReLU family, but the network has '
                    f'{name} above the layers, which lets gradients pass negative inputs: set '
                    'guided=False for plain gradients, or name layers above it'
                )


@contextmanager
def recorded_layers(network: nn.Module, layers: Sequence[str], guided: bool = False) -> Iterator[LayerRecord]:
    r"""Record layers of a network such that gradients reach them and go no lower, and no parameter.

    One forward pass inside the block is recorded; gradients are enabled even where the caller has disabled them.
    Autograd's graph begins at the lowest layers. Parameters are frozen and hooks installed until the block ends, also
    by an exception; no parameter has its ``grad`` touched.

    With ``guided`` (Springenberg et al., ICLR 2015 workshop), every ReLU above the layers passes a gradient back only
    where it is positive, as well as the ReLU's input :math:`x`:

    .. math:: R_{in} = 1[x > 0] \, 1[R_{out} > 0] \, R_{out}

    The gradient at a layer that ends in a ReLU is that before this ReLU: it may be negative.

    Args:
        network: The network, in evaluation mode: in training, batch normalization mixes the images of a batch.
        layers: Names of modules, as in ``network.named_modules()``, each of which gives one map and runs once.
        guided: Whether ReLUs are guided, see :data:`GUIDED`. Other activations raise in
            :meth:`LayerRecord.gradients`, but ``x.clamp(min=0)`` cannot be told from arithmetic.

    Raises:
        ValueError: If there is no layer of a name, or none at all; in the forward pass, if a layer runs twice or does
            not give one tensor.
    """
    modules = dict(network.named_modules())
    if not layers:
        raise ValueError('`layers` is empty: name at least one module of the network')
    for name in layers:
        if name not in modules or not name:
            close = get_close_matches(name, modules) or list(modules)[1:]
            raise ValueError(f'`layers` names {name!r}, which the network does not have; it has e.g. {close[:5]}')
    record = LayerRecord(layers, guided)

    def capture(name: str, output: object) -> Tensor:
        if not isinstance(output, Tensor):
            raise ValueError(
                f'`layers` names {name!r}, which gives {type(output).__name__} and not one tensor: name '
                'a module inside of it'
            )
        if name in record.outputs:
            raise ValueError(f'`layers` names {name!r}, which runs more than once: name a module that runs once')
        # A tensor of its own: gradients are taken before the hook of a ReLU that made the output.
        captured = output.view_as(output) if output.requires_grad else output.detach().requires_grad_()
        record.outputs[name] = captured
        return captured.clone()  # what follows may work in place

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
