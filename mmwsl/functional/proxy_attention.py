"""Attention whose weights are the similarities of another network's features."""

import torch
from torch import Tensor
from torch.nn import functional as F

from .inputs import at_least_float32, check_finite


def proxy_attention(features: Tensor, values: Tensor, beta: float = 1.2, gamma: float = 3.0) -> Tensor:
    r"""Average values by the similarity of proxy features (ProxyCLIP, Lan et al., ECCV 2024).

    .. math:: o_i = \sum_j \mathrm{softmax}_j \big( Z_{ij} \big) \, v_j, \quad
              Z_{ij} = \begin{cases} \gamma (S_{ij} - \beta \bar S) & \text{if } S_{ij} \ge \beta \bar S \\
              -\infty & \text{otherwise} \end{cases}

    with the cosine similarity S of the features, such as DINO's, and its mean :math:`\bar S` over all pairs of
    locations. The values are those of CLIP's last block. ProxyCLIP applies its output projection to the result, without
    the residual connection and the MLP of the block.

    Two deviations from the public code, where they matter: the mean is of each image, not of the batch, so that an
    image does not depend on the others. A location always attends to itself: if :math:`\bar S > 1 / \beta`, where all
    locations are alike, every :math:`Z_{ij}` would be :math:`-\infty` and the result NaN.

    Args:
        features: Features of the proxy, ``(N, L, D)`` for L locations.
        values: Values at the same locations, ``(N, L, V)``. Resize the grid of either before, if they differ.
        beta: Factor of the mean similarity; 1.2 in ProxyCLIP.
        gamma: Inverse temperature, positive; 3 in ProxyCLIP.

    Returns:
        Averaged values, ``(N, L, V)``, in float32 for half precision.

    Raises:
        ValueError: If shapes do not agree, features are not finite, or ``gamma`` is not positive.
    """
    if features.dim() != 3 or values.dim() != 3 or features.shape[:2] != values.shape[:2]:
        raise ValueError(
            f'`features` (N, L, D) and `values` (N, L, V) must have the same images and locations, got '
            f'{tuple(features.shape)} and {tuple(values.shape)}. Resize one of the two grids.'
        )
    if not 0 < gamma < float('inf'):
        raise ValueError(f'`gamma` must be a positive finite number, got {gamma}.')
    check_finite(features=features)
    return proxy_weights(features, beta, gamma) @ at_least_float32(values)


def proxy_weights(features: Tensor, beta: float = 1.2, gamma: float = 3.0) -> Tensor:
    """Return the attention weights ``(N, L, L)`` of :func:`proxy_attention`; each row sums to 1."""
    unit = F.normalize(at_least_float32(features), dim=-1)
    similarity = unit @ unit.transpose(1, 2)
    scores = gamma * (similarity - beta * similarity.mean((1, 2), keepdim=True))
    itself = torch.eye(scores.shape[1], dtype=torch.bool, device=scores.device)
    return scores.masked_fill((scores < 0) & ~itself, -torch.inf).softmax(-1)
