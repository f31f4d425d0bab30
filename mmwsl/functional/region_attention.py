"""Attention between the locations of a region, with weights by another network's features."""

import torch
from torch import Tensor
from torch.nn import functional as F

from .inputs import at_least_float32, check_finite


def region_attention(
    features: Tensor, values: Tensor, regions: Tensor, temperature: float = 0.25, max_distance: float = 0.2
) -> Tensor:
    r"""Average values within regions, by the similarity of proxy features (CorrCLIP, Zhang et al., ICCV 2025).

    .. math:: o_i = \sum_j \mathrm{softmax}_j \big( S_{ij} / \tau \big) \, v_j \quad \text{over the pairs } (i, j) \in P

    with the cosine similarity S of the features, such as DINO's. Regions with similar features are merged first, see
    :func:`merge_regions`. A pair is in P if both locations are in one region; if one of them is in no region, and they
    are more similar than the mean over all pairs; or if they are the same location.

    Args:
        features: Features of the proxy, ``(L, D)`` for the L locations of one image.
        values: Values at the same locations, ``(L, V)``: in CorrCLIP, those of CLIP's last block.
        regions: Region of each location, integers ``(L,)``; negative in no region.
        temperature: Temperature :math:`\tau`, positive; 0.25 in CorrCLIP, whose code multiplies by 4.
        max_distance: See :func:`merge_regions`.

    Returns:
        Averaged values, ``(L, V)``, in float32 for half precision.

    Raises:
        ValueError: If shapes do not agree, features are not finite, or ``temperature`` is not positive.
    """
    if features.dim() != 2 or values.dim() != 2 or len(features) != len(values):
        raise ValueError(
            '`features` (L, D) and `values` (L, V) must have the same locations, got '
            f'{tuple(features.shape)} and {tuple(values.shape)}.'
        )
    if not 0 < temperature < float('inf'):
        raise ValueError(f'`temperature` must be a positive finite number, got {temperature}.')
    check_finite(features=features)
    unit = F.normalize(at_least_float32(features), dim=1)
    similarity = unit @ unit.T
    merged = merge_regions(unit, regions, max_distance)
    inside = merged >= 0
    same = inside[:, None] & (merged[:, None] == merged)
    alike = ~(inside[:, None] & inside) & (similarity > similarity.mean())
    itself = torch.eye(len(unit), dtype=torch.bool, device=unit.device)
    weights = (similarity / temperature).masked_fill(~(same | alike | itself), -torch.inf).softmax(1)
    return weights @ at_least_float32(values)


def merge_regions(features: Tensor, regions: Tensor, max_distance: float = 0.2) -> Tensor:
    r"""Merge the regions of an image whose mean features are alike.

    .. math:: 1 - \frac{m_r \cdot m_s}{\lVert m_r \rVert \lVert m_s \rVert} \le d

    with the means m of the features over a region. This is transitive, as the clusters of DBSCAN with at least one
    sample, which CorrCLIP uses.

    Args:
        features: Features of the locations, ``(L, D)``.
        regions: Region of each location, integers ``(L,)``; negative in no region.
        max_distance: Distance d, non-negative; 0.2 in CorrCLIP.

    Returns:
        Merged regions, int64 ``(L,)`` from 0; -1 in no region.

    Raises:
        ValueError: If ``max_distance`` is negative, or the regions are no integers of that shape.
    """
    if regions.shape != features.shape[:1] or regions.is_floating_point():
        raise ValueError(
            f'`regions` must be integers, one for each of the {len(features)} locations, got {regions.dtype} of shape '
            f'{tuple(regions.shape)}.'
        )
    if not max_distance >= 0:
        raise ValueError(f'`max_distance` must be non-negative, got {max_distance}.')
    merged = torch.full_like(regions, -1, dtype=torch.int64)
    inside = regions >= 0
    members = regions[inside].unique(return_inverse=True)[1]
    if len(members):
        means = torch.zeros(int(members.max()) + 1, features.shape[1], dtype=features.dtype, device=features.device)
        unit = F.normalize(means.index_add_(0, members, features[inside]), dim=1)
        # The rounding of the cosine must not part regions with equal means.
        linked = (1 - unit @ unit.T <= max_distance + 1e-6).float().fill_diagonal_(1)
        for _ in range(len(linked).bit_length()):  # chains of twice the length each time
            linked = (linked @ linked).clamp(max=1)
        merged[inside] = linked.argmax(1).unique(return_inverse=True)[1][members]
    return merged
