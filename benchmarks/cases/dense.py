"""Scores at every pixel from a network of three poolings, stride 8, 400 x 400 pixels."""

import copy
from collections.abc import Callable

import torch
from harness import Case
from torch import Tensor, nn

from mmwsl.functional import shift_and_stitch
from mmwsl.inference.dense import convert_to_dense, dense_scores, trace
from mmwsl.inference.dense.conversion import dilate

GROUP = 'dense scores: three poolings, 400 x 400 to 363 x 363 x 21'


def network() -> nn.Module:
    """Return the network, with the same weights at each call."""
    torch.manual_seed(0)
    layers = []
    for before, after in ((3, 32), (32, 64), (64, 64)):
        layers += [nn.Conv2d(before, after, 3), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.Conv2d(64, 21, 3)).eval()


def case(name: str, build: Callable[[nn.Module], Callable[[Tensor], Tensor]]) -> Case:
    """Return a case of the group; ``build`` returns the timed call of the network."""

    def prepare() -> Callable[[], Tensor]:
        torch.manual_seed(1)
        score, image = build(network()), torch.randn(1, 3, 400, 400)

        def call() -> Tensor:
            with torch.no_grad():
                return score(image)[0]

        return call

    return Case(GROUP, name, prepare)


def planar(model: nn.Module) -> nn.Module:
    """Return the dense network in torch's usual layout."""
    dense = copy.deepcopy(model)
    dilate(dense, trace(model).layers, 1)
    return dense


def tiled(model: nn.Module) -> Callable[[Tensor], Tensor]:
    """Return dense inference in 30 MiB."""
    dense = convert_to_dense(model)
    return lambda image: dense_scores(dense, image, max_memory=30 * 2**20)


def cases() -> list[Case]:
    """Return the cases; the others are compared with the first."""
    return [
        case('shift-and-stitch', lambda model: lambda image: shift_and_stitch(model, image, stride=8)),
        case('dilated (convert_to_dense)', convert_to_dense),
        case('dilated, not channels_last', planar),
        case('dilated, max_memory=30 MiB', tiled),
    ]
