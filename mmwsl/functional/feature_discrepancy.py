"""Discrepancy of the features of two networks that label each other's images."""

import torch
from torch import Tensor
from torch.nn import functional as F

from .inputs import at_least_float32, valid_or_all


def feature_discrepancy_loss(first: Tensor, second: Tensor, valid: Tensor | None = None) -> Tensor:
    r"""Push the feature maps of two networks apart, so that they make different errors (DuPL, Wu et al., CVPR 2024).

    .. math::
        \ell = D(\operatorname{sg} F_1, F_2) + D(\operatorname{sg} F_2, F_1), \qquad
        D(F, G) = 1 + \frac{1}{N C} \sum_{n, c} \frac{f_{nc} \cdot g_{nc}}{\lVert f_{nc} \rVert \lVert g_{nc} \rVert}

    with the map :math:`f_{nc}` of a channel as a vector over the locations. :math:`\operatorname{sg}` stops the
    gradient. A map of zeros counts as orthogonal.

    Args:
        first: Feature maps of one network, ``(N, C, H, W)``.
        second: Feature maps of the other network, same shape.
        valid: Locations that take part, boolean ``(N, H, W)``; None uses all.

    Returns:
        Scalar in [0, 4]: 2 where the maps are orthogonal, 4 where they are the same.

    Raises:
        ValueError: If the shapes differ, or ``valid`` is not boolean.
    """
    if first.dim() != 4 or first.shape != second.shape:
        raise ValueError(
            '`first` and `second` must be (N, C, H, W) of one shape, got '
            f'{tuple(first.shape)} and {tuple(second.shape)}.'
        )
    outside = ~valid_or_all(first, valid)[:, None]
    one, two = (at_least_float32(maps).masked_fill(outside, 0).flatten(2) for maps in (first, second))
    # eps as in DuPL: it limits the gradient of a map of zeros
    losses = (1 + F.cosine_similarity(f.detach(), g, dim=2, eps=1e-6).mean() for f, g in ((one, two), (two, one)))
    return torch.stack(list(losses)).sum()
