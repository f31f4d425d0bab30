"""Self-supervision of class maps by equivariance and pixel correlation (SEAM)."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

EPS = 1e-5


def normalized_maps(maps: Tensor, valid: Tensor, subtract_min: bool = False) -> Tensor:
    r"""Scale positive scores to [0, 1]: :math:`\max(0, M) / (\max M + 10^{-5})`, or after subtracting the minimum.

    Args:
        maps: Scores, ``(N, C, H, W)``.
        valid: Locations inside the images, boolean ``(N, H, W)``.
        subtract_min: Subtract the minimum of each map first.

    Returns:
        Maps, ``(N, C, H, W)``, 0 outside the images.
    """
    outside = ~valid[:, None]
    maps = maps.relu().masked_fill(outside, 0)
    if subtract_min:
        maps = (maps - maps.masked_fill(outside, float('inf')).amin((2, 3), keepdim=True)).masked_fill(outside, 0)
    return maps / (maps.amax((2, 3), keepdim=True) + EPS)


def with_background(maps: Tensor) -> Tensor:
    r"""Prepend the background, :math:`1 - \max_c M_c`, to foreground maps ``(N, C, H, W)`` in [0, 1]."""
    return torch.cat([1 - maps.amax(1, keepdim=True), maps], 1)


def keep_highest(maps: Tensor) -> Tensor:
    """Set every foreground class but the highest at a location to 0, in maps ``(N, 1 + C, H, W)`` with background."""
    foreground = maps[:, 1:]
    return torch.cat([maps[:, :1], foreground * (foreground == foreground.amax(1, keepdim=True))], 1)


def pixel_correlation(maps: Tensor, features: Tensor, valid: Tensor) -> Tensor:
    r"""Average maps over the locations of similar features (pixel correlation module of SEAM, Eq. 8).

    .. math::
        M'_i = \frac{\sum_j a_{ij} M_j}{\sum_j a_{ij} + 10^{-5}}, \qquad
        a_{ij} = \max\Big(0, \frac{f_i \cdot f_j}{\lVert f_i \rVert \, \lVert f_j \rVert}\Big)

    Args:
        maps: Maps, ``(N, C, H, W)``.
        features: Features f, ``(N, D, H, W)``.
        valid: Locations inside the images, boolean ``(N, H, W)``; others neither give nor get.

    Returns:
        Maps, ``(N, C, H, W)``.
    """
    inside = features.masked_fill(~valid[:, None], 0)
    flat = (inside / (inside.norm(dim=1, keepdim=True) + EPS)).flatten(2)
    affinity = torch.einsum('ndi,ndj->nij', flat, flat).relu()
    affinity = affinity / (affinity.sum(1, keepdim=True) + EPS)
    given = maps.masked_fill(~valid[:, None], 0)
    return torch.einsum('nci,nij->ncj', given.flatten(2), affinity).view_as(maps)


def equivariance_loss(scaled: Tensor, maps: Tensor, valid: Tensor) -> Tensor:
    """Mean absolute difference between the scaled maps of an image and the maps of the scaled image (SEAM, Eq. 4).

    Args:
        scaled: Maps of the image, scaled, ``(N, C, h, w)``.
        maps: Maps of the scaled image, ``(N, C, h, w)``.
        valid: Locations inside the images, boolean ``(N, h, w)``.

    Returns:
        Scalar, the mean over classes and valid locations.
    """
    difference = (scaled - maps).abs().masked_fill(~valid[:, None], 0)
    return difference.sum() / (valid.sum() * maps.shape[1]).clamp(min=1)


def hardest_mean(values: Tensor, valid: Tensor, share: float = 0.2) -> Tensor:
    """Mean of the largest ``share`` of the values of each image, then of the images.

    Args:
        values: Non-negative values, ``(N, C, H, W)``.
        valid: Locations inside the images, boolean ``(N, H, W)``.
        share: Share of the values at valid locations, in (0, 1]; at least one value.

    Returns:
        Scalar.
    """
    flat = values.flatten(1)
    inside = valid[:, None].expand_as(values).flatten(1)
    return _mean_of_first(flat, inside, (share * inside.sum(1)).long().clamp(min=1), largest=True)


def lowest_foreground(maps: Tensor, valid: Tensor) -> Tensor:
    """Mean over the quarter of locations whose highest foreground score is lowest: it is to be background.

    Args:
        maps: Foreground maps, ``(N, C, H, W)``.
        valid: Locations inside the images, boolean ``(N, H, W)``.

    Returns:
        Scalar, non-negative.
    """
    inside = valid.flatten(1)
    return _mean_of_first(maps.amax(1).flatten(1).relu(), inside, inside.sum(1) // 4, largest=False)


def _mean_of_first(values: Tensor, inside: Tensor, counts: Tensor, largest: bool) -> Tensor:
    """Average the ``counts`` largest or smallest values ``(N, L)`` of each image, without reading from the device."""
    outside = -float('inf') if largest else float('inf')
    ordered = values.masked_fill(~inside, outside).sort(1, descending=largest).values
    taken = torch.arange(values.shape[1], device=values.device) < torch.minimum(counts, inside.sum(1))[:, None]
    return (ordered.masked_fill(~taken, 0).sum(1) / counts.clamp(min=1)).mean()


def scale_maps(maps: Tensor, size: Sequence[int], align_corners: bool = False) -> Tensor:
    """Interpolate maps ``(N, C, H, W)`` bilinearly to another size."""
    return F.interpolate(maps, size=tuple(size), mode='bilinear', align_corners=align_corners)
