"""Random walk of scores over the image."""

import torch
from torch import Tensor
from torch.nn import functional as F


def affinity_random_walk(
    scores: Tensor, image: Tensor, radius: int = 5, stride: int = 8, beta: float = 8.0, log_steps: int = 8
) -> Tensor:
    r"""Spread scores between places of similar color, as PSA (Ahn & Kwak, CVPR 2018) does by a learned affinity.

    .. math:: s \leftarrow T^{t} s, \quad T = D^{-1} A^{\circ \beta}, \quad D_{ii} = \sum_j A_{ij}^\beta, \quad
              A_{ij} = \exp \Big( - \frac{\| x_i - x_j \|^2}{2 \langle \| x - x' \|^2 \rangle} \Big)

    for cells at most ``radius`` cells apart, themselves included, and :math:`A_{ij} = 0` beyond; :math:`t` is
    :math:`2^{log\_steps}`. Cells are the means of ``stride`` x ``stride`` pixels. The affinity is that of the image's
    colors x, relative to their mean square difference over all such pairs, the contrast of GrabCut (Rother et al.,
    SIGGRAPH 2004). It is not AffinityNet: nothing is learned.

    PSA has radius 5 (cells nearer than that, 69 of them), stride 8, :math:`\beta = 8` and 256 steps, the defaults; IRN
    (Ahn et al., CVPR 2019) radius 5, stride 4, :math:`\beta = 10` and 256 steps. Both multiply T with itself, a dense
    matrix of all pairs of cells. Here the scores are multiplied, step by step: memory is that of the pairs within the
    radius, 81 for each cell.

    A step averages: the result stays within the range of each class, and sums over classes are kept. It is as coarse
    as the cells; follow it with a step that finds edges, as both papers do.

    Args:
        scores: Scores, ``(K, H, W)``, finite. Half precision is computed and returned in float32.
        image: The image, ``(C, H, W)``, in any range of values.
        radius: Reach of a step in cells, at least 1.
        stride: Side of a cell in pixels, at least 1.
        beta: Exponent, 0 or more: the larger, the less passes over an edge.
        log_steps: Binary logarithm of the number of steps, 0 or more.

    Returns:
        Scores, ``(K, H, W)``.

    Raises:
        ValueError: If sizes do not agree, values are not finite, or an argument is out of range.
    """
    _check(scores, image, radius, stride, beta, log_steps)
    if scores.dtype in (torch.float16, torch.bfloat16):
        scores = scores.float()
    size = [-(-length // stride) for length in scores.shape[1:]]
    offsets = [
        (dy, dx) for dy in range(-radius, radius + 1) for dx in range(-radius, radius + 1) if dy**2 + dx**2 <= radius**2
    ]
    with torch.no_grad():
        cells = F.interpolate(image.to(scores)[None], size, mode='area')[0]
        neighbors, transition = _transition(cells, offsets, beta)
    rows = F.interpolate(scores[None], size, mode='area')[0].flatten(1).T.contiguous()
    for _ in range(2**log_steps):
        rows = F.embedding_bag(neighbors, rows, mode='sum', per_sample_weights=transition)
    walked = rows.T.reshape(1, len(scores), *size)
    return F.interpolate(walked, scores.shape[1:], mode='bilinear', align_corners=False)[0]


def _transition(cells: Tensor, offsets: list[tuple[int, int]], beta: float) -> tuple[Tensor, Tensor]:
    """Index of each cell's neighbors in the flat map, and the rows of T there, ``(N, O)`` each."""
    height, width = cells.shape[1:]
    dy, dx = torch.tensor(offsets, device=cells.device).T
    y = torch.arange(height, device=cells.device)[:, None] + dy
    x = torch.arange(width, device=cells.device)[:, None] + dx
    inside = ((y >= 0) & (y < height))[:, None] & ((x >= 0) & (x < width))
    neighbors = (y.clamp(0, height - 1)[:, None] * width + x.clamp(0, width - 1)).flatten(0, 1)
    inside = inside.flatten(0, 1)
    pixels = cells.flatten(1)
    difference = torch.stack([(pixels[:, column] - pixels).square().sum(0) for column in neighbors.T], 1)
    contrast = (difference * inside).sum() / (inside.sum() - len(inside)).clamp(min=1)  # without the cells themselves
    scale = beta / (2 * contrast) if contrast > 0 else 0.0
    weights = torch.exp(-difference * scale) * inside
    return neighbors, weights / weights.sum(1, keepdim=True)


def _check(scores: Tensor, image: Tensor, radius: int, stride: int, beta: float, log_steps: int) -> None:
    if scores.dim() != 3 or 0 in scores.shape:
        raise ValueError(f'`scores` must be (K, H, W) with at least one class and pixel, got {tuple(scores.shape)}')
    if image.dim() != 3 or image.shape[1:] != scores.shape[1:]:
        raise ValueError(
            f'`image` must be (C, {scores.shape[1]}, {scores.shape[2]}) like `scores`, got '
            f'{tuple(image.shape)}: give the image at the size of the map'
        )
    for name, values in dict(scores=scores, image=image).items():
        if not values.isfinite().all():
            raise ValueError(f'`{name}` must be finite, got NaN or infinite values')
    for name, value, least in (('radius', radius, 1), ('stride', stride, 1), ('log_steps', log_steps, 0)):
        if not isinstance(value, int) or value < least:
            raise ValueError(f'`{name}` must be an integer of at least {least}, got {value!r}')
    if not 0 <= beta < float('inf'):
        raise ValueError(f'`beta` must be a finite number, 0 or more, got {beta}')
