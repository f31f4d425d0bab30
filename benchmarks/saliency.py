"""Guided back-propagation of several classes, compared with captum and pytorch-grad-cam.

A ResNet-18 with random weights, an image of 224 x 224 pixels, 3 and 20 classes. Compared are the gradients with respect
to the image, and those of the four stages, for saliency of intermediate layers. The references propagate one class
after another to the image, with one forward pass each, while hooks record the gradients of the stages. CPU time on one
thread.

    pip install -e '.[test]'
    pip install --no-deps grad-cam ttach    # it imports torchvision: install one built for your torch
    python benchmarks/saliency.py [--classes 3 20] [--size 224] [--repeats 5] [--out saliency.json]
"""

import argparse
from collections.abc import Callable, Sequence
from functools import partial

import torch
from harness import Case, compare, write
from mmseg.models.backbones import ResNet
from torch import Tensor, nn

from mmwsl.functional import channel_saliency, recorded_layers

STAGES = ('backbone.layer1', 'backbone.layer2', 'backbone.layer3', 'backbone.layer4')


class Classifier(nn.Module):
    """ResNet-18 with global average pooling and a linear layer of 20 classes."""

    def __init__(self) -> None:
        super().__init__()
        self.image = nn.Identity()  # its gradient is the gradient of the image
        self.backbone = ResNet(depth=18, out_indices=(3,))
        self.fc = nn.Linear(512, 20)

    def forward(self, x: Tensor) -> Tensor:
        """Score images, ``(N, 3, H, W)`` to ``(N, 20)``."""
        return self.fc(self.backbone(self.image(x))[0].mean((2, 3)))


def network() -> Classifier:
    """Return the network, with the same weights at each call; captum cannot hook in-place ReLUs."""
    torch.manual_seed(0)
    net = Classifier().eval()
    for module in net.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = False
    return net


def image(size: int) -> Tensor:
    """Return an image of noise."""
    return torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(1))


def maps(gradients: Sequence[Tensor]) -> Tensor:
    """Reduce the gradients of a class at all layers to one row."""
    return torch.cat([channel_saliency(gradient).flatten() for gradient in gradients])


def ours(classes: int, size: int, layers: Sequence[str], batched: bool = False) -> Callable[[], Tensor]:
    """Prepare mmwsl, one class after another or all at once."""
    net, x = network(), image(size)
    grad_outputs = torch.eye(20)[:classes, None]

    def call() -> Tensor:
        with recorded_layers(net, layers, guided=True) as record:
            gradients = record.gradients(net(x), grad_outputs, batched)
        return torch.stack([maps(of_class) for of_class in zip(*gradients, strict=True)])

    return call


def one_by_one(
    attribute: Callable[[int], object], net: nn.Module, classes: int, layers: Sequence[str]
) -> Callable[[], Tensor]:
    """Prepare a reference that propagates one class at a time to the image.

    Args:
        attribute: Propagates a class; its result is not used.
        net: The network.
        classes: Number of classes.
        layers: Names of the layers whose gradients are recorded.
    """
    gradients = {}

    def record(name: str, output: Tensor) -> None:
        output.register_hook(lambda gradient: gradients.update({name: gradient.clone()}))

    def call() -> Tensor:
        hooks = [
            net.get_submodule(name).register_forward_hook(lambda module, args, output, name=name: record(name, output))
            for name in layers
        ]
        rows = []
        for c in range(classes):
            attribute(c)
            rows.append(maps([gradients[name] for name in layers]))
        for hook in hooks:
            hook.remove()
        return torch.stack(rows)

    return call


def captum(classes: int, size: int, layers: Sequence[str]) -> Callable[[], Tensor]:
    """Prepare captum."""
    from captum.attr import GuidedBackprop

    net, x = network(), image(size)
    method = GuidedBackprop(net)
    return one_by_one(lambda c: method.attribute(x.clone().requires_grad_(), target=c), net, classes, layers)


def grad_cam(classes: int, size: int, layers: Sequence[str]) -> Callable[[], Tensor]:
    """Prepare pytorch-grad-cam."""
    from pytorch_grad_cam import GuidedBackpropReLUModel

    net, x = network(), image(size)
    method = GuidedBackpropReLUModel(net, 'cpu')
    return one_by_one(lambda c: method(x.clone(), c), net, classes, layers)


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--classes', type=int, nargs='+', default=[3, 20], help='numbers of classes, at most 20')
    parser.add_argument('--size', type=int, default=224, help='side of the image in pixels')
    parser.add_argument('--repeats', type=int, default=5, help='turns of each case; the median counts')
    parser.add_argument('--out', default='saliency.json', help='JSON file for the rows')
    arguments = parser.parse_args()
    implementations = {
        'captum': captum,
        'pytorch-grad-cam': grad_cam,
        'mmwsl': ours,
        'mmwsl, classes batched': partial(ours, batched=True),
    }
    cases = [
        Case(
            f'{count} classes, gradients of {what}',
            name,
            lambda build=build, count=count, layers=layers: build(count, arguments.size, layers),
            reference='mmwsl' not in name,
        )
        for what, layers in (('the image', ('image',)), ('the four stages', STAGES))
        for count in arguments.classes
        for name, build in implementations.items()
    ]
    write(compare(cases, arguments.repeats), arguments.out)


if __name__ == '__main__':
    main()
