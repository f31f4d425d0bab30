"""Contrast of the features of an image, by labels of their locations."""

import torch
from torch import Tensor
from torch.nn import functional as F

from .inputs import at_least_float32


def patch_token_contrast(features: Tensor, labels: Tensor, ignore_index: int = 255) -> Tensor:
    r"""Pull features of one class together and push those of different classes apart (ToCo, Ru et al., CVPR 2023).

    .. math::
        \ell = \frac12 \Big(1 - \frac{\sum_{ij \in P} |c_{ij}|}{|P| + 1}\Big)
        + \frac12 \frac{\sum_{ij \in N} |c_{ij}|}{|N| + 1}, \qquad
        c_{ij} = \frac{f_i \cdot f_j}{\lVert f_i \rVert \lVert f_j \rVert}

    with the ordered pairs of different locations of an image that have the same label, P, and different labels, N, over
    the whole batch. Ignored locations have no pair. Opposite features count as similar. The first term is 0, not 1/2,
    where P is empty.

    Args:
        features: Features, ``(N, D, H, W)``: patch tokens, or any feature map.
        labels: Labels, ``(N, H, W)``.
        ignore_index: Label of the ignored locations.

    Returns:
        Scalar in [0, 1]; 0 with a gradient path if there is no pair.

    Raises:
        ValueError: If the shapes do not agree.
    """
    if features.dim() != 4 or labels.shape != features[:, 0].shape:
        raise ValueError(
            f'`labels` must be (N, H, W) for `features` (N, D, H, W), got {tuple(labels.shape)} for '
            f'{tuple(features.shape)}.'
        )
    flat = F.normalize(at_least_float32(features).flatten(2), dim=1)
    similarity = torch.einsum('ndi,ndj->nij', flat, flat).abs()
    ids = labels.flatten(1)
    known = ids != ignore_index
    pairs = known[:, :, None] & known[:, None, :]
    pairs = pairs & ~torch.eye(ids.shape[1], dtype=torch.bool, device=ids.device)
    same = ids[:, :, None] == ids[:, None, :]
    positive, negative = pairs & same, pairs & ~same

    def mean(chosen: Tensor) -> Tensor:
        return similarity.masked_fill(~chosen, 0).sum() / (chosen.sum() + 1)

    return ((1 - mean(positive)) * positive.any() + mean(negative)) / 2
