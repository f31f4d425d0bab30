"""Learned affinities of neighboring locations: from features (PSA) and from a boundary map (IRN)."""

from collections.abc import Sequence
from functools import cache

import torch
from torch import Tensor

from .inputs import at_least_float32, numbers_on
from .neighbors import Offset, pair_slices, place_pairs


def feature_affinities(features: Tensor, offsets: Sequence[Offset]) -> Tensor:
    r"""Compute the affinity of neighbors from their features, PSA (Ahn & Kwak, CVPR 2018).

    .. math:: a_{ij} = \exp \Big( - \frac{1}{C} \sum_k | f_{ik} - f_{jk} | \Big)

    The mean over channels, not their sum, is that of the authors' code.

    Args:
        features: Features, ``(N, C, h, w)``. Half precision is computed in float32.
        offsets: Offsets of the neighbors, such as :func:`mmwsl.functional.half_disc_offsets`.

    Returns:
        Affinities in (0, 1], ``(N, O, h, w)``; 0 where the neighbor lies outside of the map.
    """
    features, size = at_least_float32(features), features.shape[2:]
    maps = []
    for offset in offsets:
        first, second = pair_slices(size, offset)
        distance = (features[first] - features[second]).abs().mean(1)
        maps.append(place_pairs((-distance).exp(), size, offset))
    return torch.stack(maps, 1)


def boundary_affinities(boundaries: Tensor, offsets: Sequence[Offset]) -> Tensor:
    r"""Compute the affinity of neighbors from the boundary between them, IRN (Ahn et al., CVPR 2019).

    .. math:: a_{ij} = 1 - \max_{k \in \Pi_{ij}} b_k

    with the path :math:`\Pi_{ij}` of :func:`path_locations`, both ends included. The gradient reaches the location of
    the maximum only.

    Args:
        boundaries: Boundary probabilities in [0, 1], ``(N, h, w)``. Half precision is computed in float32.
        offsets: Offsets of the neighbors, such as :func:`mmwsl.functional.half_disc_offsets`.

    Returns:
        Affinities in [0, 1], ``(N, O, h, w)``; 0 where the neighbor lies outside of the map. This is the same as the
        authors' padding of the map with boundaries of 1.
    """
    boundaries, size = at_least_float32(boundaries), boundaries.shape[1:]
    flat = boundaries.flatten(1)
    index = torch.arange(flat.shape[1], device=flat.device).view(*size)
    maps = []
    for offset in offsets:
        first, _ = pair_slices(size, offset)
        anchors, path = index[first], path_locations(*offset)
        steps = [y * size[1] + x for y, x in path]
        if anchors.numel() == 0:
            values = boundaries.new_zeros(len(boundaries), *anchors.shape)
        else:
            # Only the index of the maximum is kept for the gradient, not the path.
            with torch.no_grad():
                on_path = torch.stack([flat[:, (anchors + step).flatten()] for step in steps])
                highest = anchors.flatten() + numbers_on(flat.device, steps)[on_path.argmax(0)]
            values = 1 - flat.gather(1, highest).view(len(flat), *anchors.shape)
        maps.append(place_pairs(values, size, offset))
    return torch.stack(maps, 1)


@cache
def path_locations(dy: int, dx: int) -> tuple[Offset, ...]:
    """Return the locations on the way from (0, 0) to (dy, dx), IRN.

    These are the locations of the bounding rectangle whose squared distance to the line is smaller than 1, both ends
    included. The authors' code has this rule.
    """
    columns = range(min(dx, 0), max(dx, 0) + 1)
    return tuple((y, x) for y in range(dy + 1) for x in columns if (dy * x - dx * y) ** 2 < dy**2 + dx**2)
