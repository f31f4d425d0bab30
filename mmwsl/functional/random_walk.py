"""Random walks of scores between neighboring locations, with an affinity of colors or a given one."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from .inputs import at_least_float32, check_finite, check_image, check_score_map, numbers_on
from .neighbor_average import average_neighbors, neighbor_indices
from .neighbors import Offset, half_disc, pair_slices, place_pairs


def sparse_random_walk(
    scores: Tensor, affinities: Tensor, offsets: Sequence[Offset], beta: float = 8.0, log_steps: int = 8
) -> Tensor:
    r"""Propagate scores between neighboring locations with given affinities (Ahn & Kwak, CVPR 2018).

    .. math:: s \leftarrow T^{t} s, \quad T = D^{-1} A^{\circ \beta}, \quad D_{ii} = \sum_j A_{ij}^\beta

    A is symmetric, with :math:`A_{ii} = 1` and :math:`A_{ij} = 0` unless j is a neighbor of i; :math:`t` is
    :math:`2^{log\_steps}`. The authors multiply T, a dense matrix of all pairs of locations, with itself. Here T
    multiplies the scores step by step. The result is the same, and needs memory for the pairs of neighbors only.

    A step averages, so the result stays within the range of each class, and sums over classes do not change. Zero
    affinities isolate the areas that they separate.

    Args:
        scores: Scores, ``(K, H, W)``, finite. Half precision is computed and returned in float32. A location is the
            mean of the pixels that it covers.
        affinities: Affinity in [0, 1] of each location to the location at each offset, ``(O, h, w)``. Entries whose
            neighbor lies outside of the map are not used.
        offsets: Offsets (dy, dx), one of each pair of opposite ones, such as :func:`half_disc_offsets`.
        beta: Exponent, non-negative. A larger exponent propagates less over weak affinities.
        log_steps: Binary logarithm of the number of steps, non-negative.

    Returns:
        Scores, ``(K, H, W)``, at the resolution of the locations, bilinearly interpolated.

    Raises:
        ValueError: If shapes do not agree, values are out of range, or an argument is.
    """
    check_score_map(scores, 'scores')
    check_finite(scores=scores)
    if affinities.dim() != 3 or 0 in affinities.shape[1:] or len(affinities) != len(offsets):
        raise ValueError(
            f'`affinities` must be (O, h, w) with one map for each of {len(offsets)} offsets, got '
            f'{tuple(affinities.shape)}.'
        )
    if affinities.numel() and not (affinities.amin() >= 0 and affinities.amax() <= 1):  # false for NaN too
        raise ValueError(
            f'`affinities` must be in [0, 1], got {affinities.amin().item()} to {affinities.amax().item()}.'
        )
    check_walk(beta=beta, log_steps=log_steps)
    scores = at_least_float32(scores)
    steps, transition = _transition(affinities.to(scores), offsets, beta)
    maps = F.interpolate(scores[None], affinities.shape[1:], mode='area')[0]
    walked = average_neighbors(maps, transition, steps, 2**log_steps)
    # Rounded weights do not sum to 1 exactly; after hundreds of steps, scores would exceed 1 by more than 1e-4.
    lowest, highest = (bound[:, None, None] for bound in maps.detach().flatten(1).aminmax(dim=1))
    walked = walked.clamp(lowest, highest)
    return F.interpolate(walked[None], scores.shape[1:], mode='bilinear', align_corners=False)[0]


def affinity_random_walk(
    scores: Tensor, image: Tensor, radius: int = 5, stride: int = 8, beta: float = 8.0, log_steps: int = 8
) -> Tensor:
    r"""Propagate scores between locations of similar color: :func:`sparse_random_walk` without a learned affinity.

    .. math:: A_{ij} = \exp \Big( - \frac{\| x_i - x_j \|^2}{2 \langle \| x - x' \|^2 \rangle} \Big)

    for locations at most ``radius`` locations apart. A location is the mean of ``stride`` x ``stride`` pixels. The
    affinity uses the image colors x, relative to their mean square difference over all such pairs, the contrast of
    GrabCut (Rother et al., SIGGRAPH 2004).

    The defaults are those of PSA (Ahn & Kwak, CVPR 2018): radius 5 (69 locations with a smaller distance, here 81 with
    the distance 5), stride 8, :math:`\beta = 8` and 256 steps. IRN (Ahn et al., CVPR 2019) uses radius 5, stride 4,
    :math:`\beta = 10` and 256 steps. Refine the result afterwards along edges, as both papers do.

    Args:
        scores: Scores, ``(K, H, W)``, finite. Half precision is computed and returned in float32.
        image: The image, ``(C, H, W)``, in any range of values.
        radius: Maximum distance of a step in locations, at least 1.
        stride: Side of a location in pixels, at least 1.
        beta: Exponent, non-negative. A larger exponent propagates less over edges.
        log_steps: Binary logarithm of the number of steps, non-negative.

    Returns:
        Scores, ``(K, H, W)``.

    Raises:
        ValueError: If sizes do not agree, values are not finite, or an argument is out of range.
    """
    check_score_map(scores, 'scores')
    check_image(image, scores, 'scores')
    check_finite(scores=scores, image=image)
    check_walk(radius=radius, stride=stride, beta=beta, log_steps=log_steps)
    size = [-(-length // stride) for length in scores.shape[1:]]
    offsets = half_disc(radius**2)
    with torch.no_grad():
        colors = F.interpolate(image.to(at_least_float32(scores))[None], size, mode='area')[0]
        affinities = _color_affinities(colors, offsets)
    return sparse_random_walk(scores, affinities, offsets, beta, log_steps)


def check_walk(**arguments: float) -> None:
    """Check the arguments of a random walk by name: ``radius``, ``stride``, ``beta`` and ``log_steps``.

    Raises:
        ValueError: If one is out of range.
    """
    for name, value in arguments.items():
        least = 0 if name == 'log_steps' else 1
        if name == 'beta':
            if not 0 <= value < float('inf'):
                raise ValueError(f'`beta` must be a non-negative finite number, got {value}.')
        elif not isinstance(value, int) or value < least:
            raise ValueError(f'`{name}` must be an integer of at least {least}, got {value!r}.')


def _color_affinities(colors: Tensor, offsets: Sequence[Offset]) -> Tensor:
    """Return the affinities ``(O, h, w)`` of colors ``(C, h, w)``."""
    size = (colors.shape[1], colors.shape[2])
    differences, pairs = [], 0
    for offset in offsets:
        anchor, neighbor = pair_slices(size, offset)
        difference = (colors[anchor] - colors[neighbor]).square().sum(0)
        differences.append(place_pairs(difference, size, offset))
        pairs += difference.numel()
    stacked = torch.stack(differences)
    contrast = stacked.sum() / max(pairs, 1)
    # A map of one color has no contrast, and all its differences are 0.
    return torch.exp(-stacked * torch.where(contrast > 0, 1 / (2 * contrast), 0.0))


def _transition(affinities: Tensor, offsets: Sequence[Offset], beta: float) -> tuple[list[Offset], Tensor]:
    """Return the offsets of all neighbors of a location and their entries of T, ``(2 O + 1, h, w)``."""
    height, width = affinities.shape[1:]
    steps = [(0, 0), *offsets, *((-dy, -dx) for dy, dx in offsets)]
    dy, dx = numbers_on(affinities.device, steps).T[:, :, None]
    y = torch.arange(height, device=affinities.device) + dy
    x = torch.arange(width, device=affinities.device) + dx
    inside = ((y >= 0) & (y < height))[:, :, None] & ((x >= 0) & (x < width))[:, None]
    neighbors = neighbor_indices(steps, height, width, affinities.device).T[len(offsets) + 1 :].long()
    back = affinities.flatten(1).gather(1, neighbors).view_as(affinities)  # the pair belongs to the neighbor
    weights = torch.cat([torch.ones_like(affinities[:1]), affinities, back]) ** beta * inside
    return steps, weights / weights.sum(0, keepdim=True)
