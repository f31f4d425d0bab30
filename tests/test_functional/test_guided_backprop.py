"""Gradients at layers against an independent autograd function, and the state after a recording."""

import pytest
import torch
from torch import nn

from mmwsl.functional import recorded_layers


class GuidedReLU(torch.autograd.Function):
    """Definition: the gradient passes where the gradient and the input are positive."""

    @staticmethod
    def forward(ctx, x, most):
        ctx.save_for_backward(x)
        ctx.most = most
        return x.clamp(0, most)

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return grad * (x > 0) * (x < ctx.most) * (grad > 0), None


class Block(nn.Module):
    """Residual block, in which a layer has two consumers."""

    def __init__(self, inplace):
        super().__init__()
        self.conv1, self.conv2 = (nn.Conv2d(6, 6, 3, padding=1) for _ in range(2))
        self.relu1, self.relu2 = nn.ReLU6(inplace), nn.ReLU(inplace)

    def forward(self, x):
        return self.relu2(self.conv2(self.relu1(self.conv1(x))) + x)


def _network(inplace=False):
    torch.manual_seed(0)
    net = (
        nn.Sequential(
            nn.Conv2d(3, 6, 3),
            nn.ReLU(inplace),
            Block(inplace),
            nn.Conv2d(6, 8, 3),
            nn.ReLU(inplace),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(8, 4),
        )
        .double()
        .eval()
    )
    for p in net.parameters():
        p.data.mul_(2)
    return net


def _grad_outputs(*classes, images=2):
    grad_outputs = torch.zeros(len(classes), images, 4, dtype=torch.float64)
    for s, c in enumerate(classes):
        grad_outputs[s, :, c] = 1
    return grad_outputs


def _expected(net, x, layer, grad_output, guided):
    """Recompute by hand: the output of ``layer`` is a leaf, every ReLU after it is the function above."""
    relu = (lambda v: GuidedReLU.apply(v, float('inf'))) if guided else torch.relu
    relu6 = (lambda v: GuidedReLU.apply(v, 6.0)) if guided else (lambda v: v.clamp(0, 6))
    leaf = None

    def record(name, value):
        nonlocal leaf
        if name == layer:
            leaf = value = value.detach().requires_grad_()
        return value

    x = record('1', relu(record('0', net[0](x))))
    block = net[2]
    y = record('2.conv2', block.conv2(record('2.relu1', relu6(record('2.conv1', block.conv1(x))))))
    x = record('2', relu(y + x))
    x = record('4', relu(record('3', net[3](x))))
    scores = net[7](x.mean((2, 3)))
    return torch.autograd.grad(scores, leaf, grad_output)[0]


LAYERS = ('0', '1', '2.conv1', '2.relu1', '2.conv2', '2', '3', '4')


@pytest.mark.parametrize('inplace', [False, True])
@pytest.mark.parametrize('guided', [False, True])
@pytest.mark.parametrize('batched', [False, True])
def test_gradients_equal_the_definition(inplace, guided, batched):
    net, x, grad_outputs = _network(inplace), torch.randn(2, 3, 9, 8, dtype=torch.float64), _grad_outputs(1, 3, 0)
    with torch.no_grad(), recorded_layers(net, LAYERS, guided) as record:
        gradients = record.gradients(net(x), grad_outputs, batched)
    differ = 0
    for layer, gradient in zip(LAYERS, gradients, strict=True):
        for grad_output, ours in zip(grad_outputs, gradient, strict=True):
            torch.testing.assert_close(ours, _expected(_network(), x, layer, grad_output, guided))
            differ += not torch.allclose(ours, _expected(_network(), x, layer, grad_output, not guided))
    assert differ, 'guided and plain gradients must differ somewhere'


def test_images_do_not_mix_and_may_have_different_grad_outputs():
    net, x = _network(), torch.randn(2, 3, 9, 8, dtype=torch.float64)
    mixed = torch.stack([_grad_outputs(1, 2)[0], _grad_outputs(1, 2)[1]])
    mixed[0, 1] = mixed[1, 1].roll(1)  # class 3 for the second image
    with recorded_layers(net, ['0'], guided=True) as record:
        (both,) = record.gradients(net(x), mixed)
    for n, classes in enumerate([(1, 2), (3, 2)]):
        with recorded_layers(net, ['0'], guided=True) as record:
            (single,) = record.gradients(net(x[n : n + 1]), _grad_outputs(*classes, images=1))
        torch.testing.assert_close(both[:, n : n + 1], single)


def _hooked_modules(net):
    return [
        module
        for module in net.modules()
        if module._forward_hooks or module._forward_pre_hooks or module._backward_hooks
    ]


@pytest.mark.parametrize('error', [None, RuntimeError])
def test_hooks_are_removed_and_parameters_restored(error):
    net = _network()
    net[0].weight.requires_grad_(False)
    net[7].bias.grad = torch.full((4,), 7.0, dtype=torch.float64)
    before = [(p.requires_grad, p.grad, p.clone()) for p in net.parameters()]
    try:
        with recorded_layers(net, ['1', '4'], guided=True) as record:
            assert not any(p.requires_grad for p in net.parameters())
            record.gradients(net(torch.randn(2, 3, 9, 9, dtype=torch.float64)), _grad_outputs(1))
            if error:
                raise error('of the caller')
    except RuntimeError as raised:
        assert str(raised) == 'of the caller'
    assert not _hooked_modules(net)
    for p, (requires_grad, grad, value) in zip(net.parameters(), before, strict=True):
        assert p.requires_grad == requires_grad and p.grad is grad and torch.equal(p, value)
    assert (net[7].bias.grad == 7).all()


def test_an_error_in_the_forward_pass_removes_hooks():
    net = _network()
    with pytest.raises(RuntimeError, match='channels'), recorded_layers(net, ['2'], guided=True):
        net(torch.randn(1, 5, 9, 9, dtype=torch.float64))
    assert not _hooked_modules(net) and all(p.requires_grad for p in net.parameters())


def test_nothing_below_the_lowest_layer_is_recorded():
    net, requires_grad = _network(), {}
    for name in ('0', '2', '3'):
        net.get_submodule(name).register_forward_hook(
            lambda module, args, output, name=name: requires_grad.update({name: output.requires_grad})
        )
    with recorded_layers(net, ['2']):
        net(torch.randn(1, 3, 9, 9, dtype=torch.float64))
    assert requires_grad == {'0': False, '2': False, '3': True}


def test_inference_mode_of_the_caller_does_not_matter():
    net, x = _network(), torch.randn(2, 3, 9, 9, dtype=torch.float64)
    results = []
    for mode in (torch.inference_mode, torch.no_grad, torch.enable_grad):
        with mode():
            inputs = x.clone()
            with recorded_layers(net, ['0', '4'], guided=True) as record:
                results.append(record.gradients(net(inputs), _grad_outputs(2)))
    for result in results[1:]:
        torch.testing.assert_close(result, results[0], rtol=0, atol=0)


class Functional(nn.Module):
    """Two layers with an activation in between, a module or a function."""

    def __init__(self, activation):
        super().__init__()
        self.first, self.second, self.activation = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 1), activation

    def forward(self, x):
        return self.second(self.activation(self.first(x))).mean((2, 3))


@pytest.mark.parametrize(
    'activation, message',
    [
        (nn.functional.relu, r'got one that the network calls as a function \(ReluBackward0\)'),
        (torch.relu_, 'as a function'),
        (nn.functional.relu6, r'calls as a function \(HardtanhBackward0\)'),
        (nn.functional.silu, 'needs activations of the ReLU family, got Silu above the layers'),
        (nn.SiLU(), 'got Silu'),
        (nn.GELU(), 'got Gelu'),
        (nn.LeakyReLU(), 'got LeakyRelu'),
        (nn.PReLU(), 'got Prelu'),
        (nn.ELU(), 'got Elu'),
        (nn.Hardswish(), 'got Hardswish'),
        (nn.Mish(), 'got Mish'),
    ],
)
def test_activations_that_cannot_be_guided_are_rejected_above_the_layers(activation, message):
    net, x = Functional(activation).eval(), torch.randn(2, 3, 4, 4)
    with recorded_layers(net, ['first'], guided=True) as record, pytest.raises(ValueError, match=message):
        record.gradients(net(x), _grad_outputs(1).float())
    for layers, guided in ((['first'], False), (['second'], True)):
        with recorded_layers(net, layers, guided) as record:
            record.gradients(net(x), _grad_outputs(1).float())


@pytest.mark.parametrize(
    'layers, error, message',
    [
        ([], ValueError, 'must be a list of at least one module name'),
        (['bakcbone'], ValueError, r"must be names of modules such as \['backbone'.*got 'bakcbone'"),
        ([''], ValueError, "got ''"),
        (['twice'], ValueError, "'twice', which runs more than once"),
        (['backbone'], ValueError, "return one tensor, got 'backbone', which returns tuple"),
        (['unused'], RuntimeError, r"did not run \['unused'\]"),
        (['aside', 'twice.0'], RuntimeError, r"do not depend on the layers \['aside'\]"),
        (['aside'], RuntimeError, 'do not depend on any of the layers'),
    ],
)
def test_bad_layers(layers, error, message):
    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.backbone = nn.Identity()
            self.backbone.forward = lambda x: (x,)
            self.twice, self.unused, self.aside = (nn.Sequential(nn.Conv2d(3, 3, 1)) for _ in range(3))
            self.last = nn.Conv2d(3, 4, 1)

        def forward(self, x):
            (x,) = self.backbone(x)
            self.aside(x)
            x = self.twice(x)
            return self.last(x if layers == ['aside', 'twice.0'] else self.twice(x)).mean((2, 3))

    net = Network()
    with pytest.raises(error, match=message), recorded_layers(net, layers) as record:
        record.gradients(net(torch.randn(2, 3, 4, 4)), _grad_outputs(1).float())
    assert not _hooked_modules(net)


def test_grad_outputs_have_the_shape_of_the_scores():
    net = _network()
    with recorded_layers(net, ['4']) as record, pytest.raises(ValueError, match=r'\(S, 2, 4\).*got \(2, 4\)'):
        record.gradients(net(torch.randn(2, 3, 9, 9, dtype=torch.float64)), _grad_outputs(1)[0])
