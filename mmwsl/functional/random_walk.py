"""Random walk of scores between locations of similar color."""

import torch
from torch import Tensor
from torch.nn import functional as F

from .inputs import at_least_float32, check_finite, check_image, check_score_map
from .neighbor_average import average_neighbors, neighbor_indices


def affinity_random_walk(
    scores: Tensor, image: Tensor, radius: int = 5, stride: int = 8, beta: float = 8.0, log_steps: int = 8
) -> Tensor:
    r"""Propagate scores between locations of similar color, as PSA (Ahn & Kwak, CVPR 2018) with a learned affinity.

    .. math:: s \leftarrow T^{t} s, \quad T = D^{-1} A^{\circ \beta}, \quad D_{ii} = \sum_j A_{ij}^\beta, \quad
              A_{ij} = \exp \Big( - \frac{\| x_i - x_j \|^2}{2 \langle \| x - x' \|^2 \rangle} \Big)

    for locations at most ``radius`` locations apart, including :math:`i = j`, and :math:`A_{ij} = 0` beyond; :math:`t`
    is :math:`2^{log\_steps}`. A location is the mean of ``stride`` x ``stride`` pixels. The affinity uses the image
    colors x, relative to their mean square difference over all such pairs, the contrast of GrabCut (Rother et al.,
    SIGGRAPH 2004). Unlike AffinityNet, it is not learned.

    The defaults are PSA's: radius 5 (69 locations with a smaller distance), stride 8, :math:`\beta = 8` and 256
    steps. IRN (Ahn et al., CVPR 2019) uses radius 5, stride 4, :math:`\beta = 10` and 256 steps. Both multiply T, a
    dense matrix of all pairs of locations, with itself. Here T multiplies the scores step by step, which needs memory
    for the pairs within the radius only, 81 for each location.

    A step averages, so the result stays within the range of each class, and sums over classes do not change. The result
    has the resolution of the locations. Refine it afterwards along edges, as both papers do.

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
    for name, value, least in (('radius', radius, 1), ('stride', stride, 1), ('log_steps', log_steps, 0)):
        if not isinstance(value, int) or value < least:
            raise ValueError(f'`{name}` must be an integer of at least {least}, got {value!r}.')
    if not 0 <= beta < float('inf'):
        raise ValueError(f'`beta` must be a non-negative finite number, got {beta}.')
    scores = at_least_float32(scores)
    size = [-(-length // stride) for length in scores.shape[1:]]
    offsets = [
        (dy, dx) for dy in range(-radius, radius + 1) for dx in range(-radius, radius + 1) if dy**2 + dx**2 <= radius**2
    ]
    with torch.no_grad():
        colors = F.interpolate(image.to(scores)[None], size, mode='area')[0]
        transition = _transition(colors, offsets, beta)
    maps = F.interpolate(scores[None], size, mode='area')[0]
    walked = average_neighbors(maps, transition, offsets, 2**log_steps)
    return F.interpolate(walked[None], scores.shape[1:], mode='bilinear', align_corners=False)[0]


def _transition(colors: Tensor, offsets: list[tuple[int, int]], beta: float) -> Tensor:
    """Return the entries of T for the neighbors of each location, ``(O, H, W)``; 0 for neighbors outside the map."""
    height, width = colors.shape[1:]
    dy, dx = torch.tensor(offsets, device=colors.device).T[:, :, None]
    y = torch.arange(height, device=colors.device) + dy
    x = torch.arange(width, device=colors.device) + dx
    inside = ((y >= 0) & (y < height))[:, :, None] & ((x >= 0) & (x < width))[:, None]
    neighbors = neighbor_indices(offsets, height, width, colors.device).T.contiguous()
    # One channel after the other, because all together need several times the memory.
    flat = colors.flatten(1)
    difference = sum(channel.take(neighbors.long()).sub_(channel).square_() for channel in flat)
    difference = difference.view(inside.shape)
    pairs = (inside.sum() - height * width).clamp(min=1)  # without pairs i = j
    contrast = (difference * inside).sum() / pairs
    # A map of one color has no contrast, and all its differences are 0.
    scale = torch.where(contrast > 0, beta / (2 * contrast), 0.0)
    weights = torch.exp(-difference * scale) * inside
    return weights / weights.sum(0, keepdim=True)
