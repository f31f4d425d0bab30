"""Class-independent saliency of an image from its colors alone, without training.

Colors are CIE Lab, in which distances are about perceptual.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from .saliency import max_normalize


def frequency_tuned_saliency(lab: Tensor) -> Tensor:
    r"""Compute the frequency-tuned saliency (Achanta et al., CVPR 2009, Eq. 4).

    .. math:: S_{ij} = \lVert \bar c - (g * c)_{ij} \rVert, \quad g = \tfrac{1}{16} (1, 4, 6, 4, 1)^T \otimes
              \tfrac{1}{16} (1, 4, 6, 4, 1)

    with the mean color :math:`\bar c` of the image. The border is replicated.

    Args:
        lab: Colors of the pixels, ``(3, H, W)``.

    Returns:
        Saliency divided by its maximum, ``(H, W)`` in [0, 1]; 0 for an image of one color.

    Raises:
        ValueError: If ``lab`` does not have this shape.
    """
    if lab.dim() != 3 or len(lab) != 3 or 0 in lab.shape:
        raise ValueError(f'`lab` must be (3, H, W) with at least one pixel, got {tuple(lab.shape)}.')
    taps = lab.new_tensor([1, 4, 6, 4, 1]) / 16
    padded = F.pad(lab[:, None], (2, 2, 2, 2), mode='replicate')
    blurred = F.conv2d(F.conv2d(padded, taps.view(1, 1, 1, 5)), taps.view(1, 1, 5, 1))[:, 0]
    contrast = (blurred - lab.mean((1, 2), keepdim=True)).norm(dim=0)
    # Rounding errors of an image of one color are not saliency.
    return max_normalize(contrast.where(contrast > 1e-3, 0.0))


def calibrate_saliency(saliency: Tensor) -> Tensor:
    r"""Scale saliency so that the adaptive threshold of Achanta et al. (CVPR 2009), twice its mean, becomes 0.5.

    .. math:: \hat s_{ij} = \min(1, \max(1, \tfrac{1}{4 \bar s}) \, s_{ij})

    A soft label is foreground above 0.5, but the maps of max-normalized distances are seldom so high: the mean of an
    object may be lower. A map whose mean is 0.25 or more does not change.

    Args:
        saliency: Saliency in [0, 1], ``(H, W)``.

    Returns:
        Saliency in [0, 1], ``(H, W)``.
    """
    tiny = torch.finfo(saliency.dtype).tiny
    return (saliency * (0.25 / saliency.mean().clamp(min=tiny)).clamp(min=1)).clamp(max=1)


def geodesic_saliency(colors: Tensor, edges: Tensor, border: Tensor) -> Tensor:
    r"""Compute the geodesic distance of each superpixel to the image border (Wei et al., ECCV 2012).

    .. math:: S_i = \min_{i = p_0 \sim p_1 \sim \dots \sim p_n \in B} \sum_{m} w_{p_m p_{m+1}}, \quad
              w_{ij} = [\, \lVert c_i - c_j \rVert - \tau \,]_+, \quad
              \tau = \operatorname{mean}_i \min_{j \sim i} \lVert c_i - c_j \rVert

    The border :math:`B` is taken as background. The threshold :math:`\tau` keeps many small steps across a smooth
    background from adding up. The paper also weights the way from a border superpixel to the background, so that
    objects at the border keep some saliency; here this weight is 0.

    Args:
        colors: Mean color of each superpixel, ``(S, C)``.
        edges: Pairs of neighbors, each once, ``(E, 2)``; see :func:`mmwsl.functional.superpixel_graph`.
        border: Superpixels that touch the image border, ``(S,)`` bool, at least one of each connected part.

    Returns:
        Saliency divided by its maximum, ``(S,)`` in [0, 1]; 0 if all superpixels touch the border.

    Raises:
        ValueError: If shapes do not agree, or no path leads from a superpixel to the border.
    """
    if colors.dim() != 2 or border.shape != colors.shape[:1] or edges.dim() != 2 or edges.shape[1] != 2:
        raise ValueError(
            '`colors`, `edges` and `border` must be (S, C), (E, 2) and (S,), got '
            f'{tuple(colors.shape)}, {tuple(edges.shape)} and {tuple(border.shape)}.'
        )
    contrast = (colors[edges[:, 0]] - colors[edges[:, 1]]).norm(dim=1).repeat(2)
    sources, targets = torch.cat([edges, edges.flip(1)]).unbind(1)
    nearest = torch.full_like(colors[:, 0], torch.inf).scatter_reduce(0, targets, contrast, 'amin')
    finite = nearest[nearest.isfinite()]
    weights = (contrast - (finite.mean() if len(finite) else 0.0)).clamp(min=0)
    distance = torch.full_like(colors[:, 0], torch.inf).masked_fill(border, 0.0)
    for _ in range(len(colors)):  # the longest of the shortest paths visits each superpixel once
        shorter = distance.scatter_reduce(0, targets, distance[sources] + weights, 'amin')
        if torch.equal(shorter, distance):
            break
        distance = shorter
    if not distance.isfinite().all():
        raise ValueError('`border` must have a superpixel of each connected part, got one that no path leads to.')
    return distance / distance.max().clamp(min=torch.finfo(distance.dtype).tiny)
