"""Discrepancy of the features of two networks that label each other's images."""

import torch
from torch import Tensor
from torch.nn import functional as F

from .inputs import at_least_float32


def feature_discrepancy_loss(first: Tensor, second: Tensor, valid: Tensor | None = None) -> Tensor:
    r"""Push the feature maps of two networks apart, so that they make different errors (DuPL, Wu et al., CVPR 2024).

    .. math::
        \ell = D(\operatorname{sg} F_1, F_2) + D(\operatorname{sg} F_2, F_1), \qquad
        D(F, G) = 1 + \frac{1}{N C} \sum_{n, c} \frac{f_{nc} \cdot g_{nc}}{\lVert f_{nc} \rVert \lVert g_{nc} \rVert}

    with the map :math:`f_{nc}` of a channel as a vector over the locations. :math:`\operatorname{sg}` stops the
    gradient. A map of zeros counts as orthogonal.

    Args:
        first: Feature maps of one network, ``(N, C, H, W)``.
        second: Those of the other network, same shape.
        valid: Locations that take part, boolean ``(N, H, W)``; None uses all.

    Returns:
        Scalar in [0, 4]: 2 where the maps are orthogonal, 4 where they are the same.

    Raises:
        ValueError: If the shapes differ.
    """
    if first.dim() != 4 or first.shape != second.shape or (valid is not None and valid.shape != first[:, 0].shape):
        raise ValueError(
            '`first` and `second` must be (N, C, H, W) of one shape, and `valid` (N, H, W), got '
            f'{tuple(first.shape)}, {tuple(second.shape)} and {None if valid is None else tuple(valid.shape)}.'
        )
    one, two = (at_least_float32(maps) for maps in (first, second))
    if valid is not None:
        one, two = (maps.masked_fill(~valid[:, None], 0) for maps in (one, two))
    one, two = one.flatten(2), two.flatten(2)
    losses = (1 + F.cosine_similarity(f.detach(), g, dim=2).mean() for f, g in ((one, two), (two, one)))
    return torch.stack(list(losses)).sum()
