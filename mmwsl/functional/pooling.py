"""Aggregation of a score map into one score per class.

Every function maps ``scores (N, K, H, W)`` to ``(N, K)``. ``valid (N, H, W)`` marks the cells that belong to the
picture: padding never takes part. Half precision input is computed and returned in float32, because ``exp`` of a
score of 100 overflows float16 and loses whole units in bfloat16.
"""

import math

import torch
from torch import Tensor


def mean_pool(scores: Tensor, valid: Tensor | None = None) -> Tensor:
    r"""Average of the scores, :math:`s^k = \frac{1}{|V|} \sum_{ij \in V} s_{ij}^k` (Zhou et al., CVPR 2016).

    Pinheiro & Collobert (Eq. 4) compare with the sum, which differs by the factor :math:`|V|`.

    Args:
        scores: Class scores, ``(N, K, H, W)``.
        valid: Boolean map of the cells to use, ``(N, H, W)``, at least one a picture. All cells if None.

    Returns:
        Image scores, ``(N, K)``.
    """
    scores, valid = _flatten(scores, valid)
    return scores.masked_fill(~valid, 0.).sum(2) / valid.sum(2)


def max_pool(scores: Tensor, valid: Tensor | None = None) -> Tensor:
    r"""Maximum of the scores, :math:`s^k = \max_{ij \in V} s_{ij}^k` (Pinheiro & Collobert, Eq. 5).

    The gradient reaches the best cell only, in equal parts if several tie. Arguments and result as in
    :func:`mean_pool`.
    """
    scores, valid = _flatten(scores, valid)
    return scores.masked_fill(~valid, -torch.inf).amax(2)


def lse_pool(scores: Tensor, r: float | Tensor, valid: Tensor | None = None) -> Tensor:
    r"""Log-Sum-Exp, a smooth maximum (Pinheiro & Collobert, CVPR 2015, Eq. 6).

    .. math:: s^k = \frac{1}{r} \log \Big[ \frac{1}{|V|} \sum_{ij \in V} \exp(r \, s_{ij}^k) \Big]

    The gradient of :math:`s^k` is the softmax of :math:`r s_{ij}^k` over the cells: cells of similar score get similar
    weight. ``r -> 0`` is :func:`mean_pool`, ``r -> infinity`` is :func:`max_pool`.

    Args:
        scores: Class scores, ``(N, K, H, W)``.
        r: Sharpness, positive; a number, or a tensor ``(K,)`` with one value per class.
        valid: Boolean map of the cells to use, ``(N, H, W)``, at least one a picture. All cells if None.

    Returns:
        Image scores, ``(N, K)``.

    Raises:
        ValueError: If ``r`` is a number that is not positive and finite, or shapes do not agree.
    """
    if not isinstance(r, Tensor) and not 0 < r < float('inf'):
        raise ValueError(f'`r` must be a positive finite number, got {r}: use mean_pool for r -> 0, max_pool for inf')
    scores, valid = _flatten(scores, valid)
    if isinstance(r, Tensor):
        if r.shape != scores.shape[1:2]:
            raise ValueError(f'`r` must have one value for each of the {scores.shape[1]} classes, got shape '
                             f'{tuple(r.shape)}')
        r = r.to(scores)[:, None]  # (K, 1) against (N, K, H*W)
    # logsumexp is stable without the peak, but r * 100 would have lost the differences between scores to rounding.
    peak = scores.detach().masked_fill(~valid, -torch.inf).amax(2, keepdim=True)
    # Cells too weak to change the sum in this precision get no gradient: theirs would be denormal numbers, on which
    # the convolutions before are several times slower on a CPU.
    weakest = math.log(torch.finfo(scores.dtype).eps / scores.shape[2])
    exponents = (r * (scores - peak)).clamp(min=weakest).masked_fill(~valid, -torch.inf)
    pooled = torch.logsumexp(exponents, 2, keepdim=True) - valid.sum(2, keepdim=True).to(scores).log()
    return (peak + pooled / r).squeeze(2)


def valid_cells(extents: Tensor, canvas: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """Map which cells of a score map lie inside their picture.

    A cell belongs to the picture if its centre does. A picture that covers no centre keeps the one cell that its
    middle falls into, so every picture has at least one.

    Args:
        extents: Top, bottom, left and right border of each picture on its canvas, in pixels, ``(N, 4)``; the picture
            is ``[top, bottom) x [left, right)``.
        canvas: Height and width of the padded input in pixels.
        size: Height and width of the score map in cells.

    Returns:
        Boolean map ``(N, *size)``.
    """
    top, bottom, left, right = extents.unbind(1)
    rows = _inside(top, bottom, canvas[0], size[0])  # (N, H)
    columns = _inside(left, right, canvas[1], size[1])  # (N, W)
    return rows[:, :, None] & columns[:, None, :]


def _inside(start: Tensor, stop: Tensor, length: int, cells: int) -> Tensor:
    centres = (torch.arange(cells, device=start.device) + 0.5) * (length / cells)
    inside = (centres >= start[:, None]) & (centres < stop[:, None])
    middle = ((start + stop) / 2 * (cells / length)).long().clamp(0, cells - 1)
    return inside | (~inside.any(1, keepdim=True) & (torch.arange(cells, device=start.device) == middle[:, None]))


def _flatten(scores: Tensor, valid: Tensor | None) -> tuple[Tensor, Tensor]:
    """Check shapes; return scores ``(N, K, H*W)`` in float32 or better and the valid cells ``(N, 1, H*W)``."""
    if scores.dim() != 4 or 0 in scores.shape[2:]:
        raise ValueError(f'`scores` must be (N, K, H, W) with at least one cell, got {tuple(scores.shape)}')
    if valid is None:
        valid = torch.ones_like(scores[:, 0], dtype=torch.bool)
    elif valid.shape != scores[:, 0].shape or valid.dtype != torch.bool:
        raise ValueError(f'`valid` must be boolean of shape {tuple(scores[:, 0].shape)} like `scores` without classes, '
                         f'got {valid.dtype} of shape {tuple(valid.shape)}')
    if scores.dtype in (torch.float16, torch.bfloat16):
        scores = scores.float()
    return scores.flatten(2), valid.flatten(1)[:, None]
