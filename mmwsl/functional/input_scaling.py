"""Input scaling that pretrained weights expect, from the statistics of their first batch normalization."""

from collections.abc import Sequence

import torch
from torch import Tensor

# Mean color of ImageNet, RGB, 0 to 255.
IMAGENET_MEAN = (123.675, 116.28, 103.53)
Scaling = tuple[Sequence[float], Sequence[float]]


def infer_input_scaling(weight: Tensor, mean: Tensor, variance: Tensor, candidates: Sequence[Scaling]) -> int:
    r"""Return the index of the input scaling with which the first convolution of a network was trained.

    A convolution is linear: except at the border, the mean of its channel c over the training images is its response
    to their mean color :math:`\mu`. For inputs :math:`(x - m) / s`, the running mean of the batch normalization is

    .. math:: r_c = \sum_k \frac{\mu_k - m_k}{s_k} \sum_{ij} w_{ckij}.

    The result is the candidate :math:`(m, s)` with the smallest median over c of the difference from the running mean,
    in standard deviations of the channel.

    Args:
        weight: Weights of a convolution without bias on RGB images, ``(C, 3, h, w)``.
        mean: Running mean of the batch normalization after it, ``(C,)``.
        variance: Running variance, ``(C,)``.
        candidates: Pairs of mean m and standard deviation s, three values each, for colors in 0 to 255.

    Raises:
        ValueError: If ``weight`` is not ``(C, 3, h, w)``.
    """
    if weight.dim() != 4 or weight.shape[1] != 3:
        raise ValueError(f'`weight` must be (C, 3, h, w), got {tuple(weight.shape)}.')
    differences = []
    for center, scale in candidates:
        color = (weight.new_tensor(IMAGENET_MEAN) - weight.new_tensor(center)) / weight.new_tensor(scale)
        response = weight.sum((2, 3)) @ color
        differences.append(((mean - response).abs() / variance.clamp_min(1e-12).sqrt()).median())
    return int(torch.stack(differences).argmin())
