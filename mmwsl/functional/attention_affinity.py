"""Affinities of locations by the attention of a transformer, and class maps that they propagate."""

from collections.abc import Sequence

import torch
from torch import Tensor

from .inputs import at_least_float32, check_finite
from .mask_prompts import component_boxes


def sinkhorn_normalize(matrix: Tensor, rounds: int = 3) -> Tensor:
    r"""Normalize the columns, then the rows of a matrix to the sum 1, in turn (Sinkhorn & Knopp, 1967).

    After a round, the rows sum to 1; with more rounds, the columns come closer to it.

    Args:
        matrix: Positive values, ``(..., N, N)``. Half precision is computed and returned in float32.
        rounds: Number of rounds, non-negative.

    Returns:
        Values in [0, 1], ``(..., N, N)``.

    Raises:
        ValueError: If the matrix is not square, has negative or infinite values or a row or column of zeros, or
            ``rounds`` is not a non-negative integer.
    """
    if matrix.dim() < 2 or matrix.shape[-1] != matrix.shape[-2]:
        raise ValueError(f'`matrix` must be square, (..., N, N), got {tuple(matrix.shape)}.')
    if not isinstance(rounds, int) or rounds < 0:
        raise ValueError(f'`rounds` must be a non-negative integer, got {rounds!r}.')
    matrix = at_least_float32(matrix)
    check_finite(matrix=matrix)
    if (matrix < 0).any() or any((matrix.sum(dim) == 0).any() for dim in (-1, -2)):
        raise ValueError('`matrix` must be non-negative, without a row or column of zeros.')
    for _ in range(rounds):
        matrix = matrix / matrix.sum(-2, keepdim=True)
        matrix = matrix / matrix.sum(-1, keepdim=True)
    return matrix


def attention_affinity(attentions: Sequence[Tensor], rounds: int = 3) -> Tensor:
    r"""Combine the attention of several layers into one symmetric affinity (CLIP-ES, Lin et al., CVPR 2023).

    .. math:: D = (S + S^T) / 2, \quad S = \mathrm{sinkhorn}\Big( \frac{1}{L} \sum_l A_l \Big)

    Args:
        attentions: Attention between the locations of an image in each layer, the mean over its heads, ``(N, N)``. The
            rows need not sum to 1, so columns of other tokens can be left out.
        rounds: See :func:`sinkhorn_normalize`.

    Returns:
        The affinity, symmetric, ``(N, N)``.

    Raises:
        ValueError: If there is no layer, or see :func:`sinkhorn_normalize`.
    """
    if not len(attentions):
        raise ValueError('`attentions` must have at least one layer, got none.')
    mean = torch.stack([at_least_float32(attention) for attention in attentions]).mean(0)
    balanced = sinkhorn_normalize(mean, rounds)
    return (balanced + balanced.transpose(-1, -2)) / 2


def guided_attention(attentions: Sequence[Tensor], guide: Tensor) -> Tensor:
    r"""Select the attention of some layers by an affinity, and multiply it (WeCLIP, Zhang et al., CVPR 2024).

    .. math:: A = G \circ \frac{1}{|S|} \sum_{l \in S} A_l, \quad S = \{ l : d_l \le \bar d \}, \quad
              d_l = \sum_{ij} (G - A_l)_{ij}

    with the affinity G of a decoder. The differences are signed, as in the authors' code.

    Args:
        attentions: Attention of each layer, ``(N, N)``.
        guide: Affinity G, ``(N, N)``.

    Returns:
        The weighted attention, ``(N, N)``, in float32 for half precision.

    Raises:
        ValueError: If there is no layer, or shapes do not agree.
    """
    if not len(attentions) or any(one.shape != guide.shape for one in attentions):
        raise ValueError(
            f'`attentions` must be one or more of the shape of `guide`, {tuple(guide.shape)}, got '
            f'{[tuple(one.shape) for one in attentions]}.'
        )
    layers, guide = at_least_float32(torch.stack(list(attentions))), at_least_float32(guide)
    differences = (guide - layers).flatten(1).sum(1)
    # The smallest one is not above the mean, whatever is rounded.
    chosen = (differences <= differences.mean()) | (differences == differences.min())
    return guide * layers[chosen].mean(0)


def propagate_class_maps(maps: Tensor, affinity: Tensor, sources: Tensor | None = None, steps: int = 2) -> Tensor:
    r"""Propagate class maps by an affinity (class-aware attention affinity of CLIP-ES, Lin et al., CVPR 2023).

    .. math:: M'_c = D^t \, (b_c \circ M_c)

    The matrix multiplies the maps t times, which costs less than its power does.

    Args:
        maps: Class maps, flattened, ``(C, N)``.
        affinity: Affinity D of the locations, ``(N, N)``.
        sources: Locations :math:`b_c` whose values are propagated, boolean ``(C, N)``; all of them if None.
        steps: Power t, non-negative; 2 in CLIP-ES.

    Returns:
        Class maps, ``(C, N)``.

    Raises:
        ValueError: If shapes do not agree, or ``steps`` is not a non-negative integer.
    """
    if maps.dim() != 2 or affinity.shape != (maps.shape[1],) * 2:
        raise ValueError(
            f'`affinity` must be ({maps.shape[-1]}, {maps.shape[-1]}) for `maps` (C, N) of shape {tuple(maps.shape)}, '
            f'got {tuple(affinity.shape)}.'
        )
    if sources is not None and (sources.shape != maps.shape or sources.dtype != torch.bool):
        raise ValueError(
            f'`sources` must be boolean of shape {tuple(maps.shape)}, got {sources.dtype} {tuple(sources.shape)}.'
        )
    if not isinstance(steps, int) or steps < 0:
        raise ValueError(f'`steps` must be a non-negative integer, got {steps!r}.')
    values = maps if sources is None else maps * sources
    for _ in range(steps):
        values = values @ affinity.T
    return values


def box_masks(maps: Tensor, threshold: float = 0.4) -> Tensor:
    r"""Mark the bounding boxes of the 4-connected components of each class map above a threshold.

    A location is above it if :math:`M_c > \tau \max M_c`. A class map without positive values has no box.

    CLIP-ES (Lin et al., CVPR 2023) uses :math:`\tau` = 0.4 for VOC 2012 and 0.7 for COCO. Its components are
    8-connected and its maps rounded to 8 bits, and its boxes lack the last row and column of the image.

    Args:
        maps: Class maps, ``(C, h, w)``.
        threshold: Fraction :math:`\tau` of the maximum, in [0, 1).

    Returns:
        Boolean masks, ``(C, h, w)``.

    Raises:
        ValueError: If ``maps`` is not ``(C, h, w)``, or ``threshold`` is out of range.
    """
    if maps.dim() != 3:
        raise ValueError(f'`maps` must be (C, h, w), got {tuple(maps.shape)}.')
    if not 0 <= threshold < 1:
        raise ValueError(f'`threshold` must be in [0, 1), got {threshold}.')
    masks = torch.zeros_like(maps, dtype=torch.bool)
    for mask, values in zip(masks, maps, strict=True):
        for left, top, right, bottom in component_boxes(values, threshold).tolist():
            mask[top:bottom, left:right] = True
    return masks
