"""Scores at every pixel from a network of three poolings, stride 8, 400 x 400 pixels."""

import copy
from collections.abc import Callable

import torch
from harness import Case
from torch import Tensor, nn

from mmwsl.functional import shift_and_stitch
from mmwsl.models import dense_scores, to_dense
from mmwsl.models.dense.conversion import convert
from mmwsl.models.dense.tracing import trace

GROUP = 'dense scores: three poolings, 400 x 400 to 363 x 363 x 21'


def network() -> nn.Module:
    """The same network and weights each time."""
    torch.manual_seed(0)
    layers = []
    for before, after in ((3, 32), (32, 64), (64, 64)):
        layers += [nn.Conv2d(before, after, 3), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.Conv2d(64, 21, 3)).eval()


def case(name: str, build: Callable[[nn.Module], Callable[[Tensor], Tensor]]) -> Case:
    """Return a case of the group; ``build`` makes the call from the network."""

    def prepare() -> Callable[[], Tensor]:
        torch.manual_seed(1)
        score, picture = build(network()), torch.randn(1, 3, 400, 400)

        def call() -> Tensor:
            with torch.no_grad():
                return score(picture)[0]

        return call

    return Case(GROUP, name, prepare)


def planar(model: nn.Module) -> nn.Module:
    """Return the dense network in torch's usual layout."""
    dense = copy.deepcopy(model)
    convert(dense, trace(model).layers, 1)
    return dense


def tiled(model: nn.Module) -> Callable[[Tensor], Tensor]:
    """Return dense scoring in 30 MiB."""
    dense = to_dense(model)
    return lambda picture: dense_scores(dense, picture, max_memory=30 * 2**20)


def cases() -> list[Case]:
    """Return the cases; the first is what the others are compared with."""
    return [
        case('shift-and-stitch', lambda model: lambda picture: shift_and_stitch(model, picture, stride=8)),
        case('a-trous (to_dense)', to_dense),
        case('a-trous, not channels_last', planar),
        case('a-trous, max_memory=30 MiB', tiled),
    ]
