"""Refinement of a score map by the colors around each pixel."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from .inputs import at_least_float32, check_finite, check_image, check_score_map, numbers_on
from .neighbor_average import average_neighbors, triton_kernels

DILATIONS = (1, 2, 4, 8, 12, 24)
EPS = 1e-8


def pixel_adaptive_refinement(
    probs: Tensor, image: Tensor, dilations: Sequence[int] = DILATIONS, iterations: int = 10, variant: str = 'pamr'
) -> Tensor:
    r"""Average the scores of each pixel repeatedly over its neighbors of similar color.

    .. math:: p_i \leftarrow \sum_{j \in N(i)} a_{ij} \, p_j

    :math:`N(i)` are the 8 neighbors at each dilation; the nearest pixel replaces neighbors outside the image. With
    channels c of the image x and the standard deviation :math:`\sigma_i^c` of x around i:

    - ``'pamr'`` (Araslanov & Roth, CVPR 2020, pixel-adaptive mask refinement):
      :math:`a_{ij} = \mathrm{softmax}_j(-\mathrm{mean}_c \, |x_i^c - x_j^c| / 0.1 \sigma_i^c)`; the pixel itself
      enters :math:`\sigma` once for each dilation.
    - ``'par'`` (AFA, Ru et al., CVPR 2022):
      :math:`a_{ij} = \mathrm{softmax}_j(-\mathrm{mean}_c \, (|x_i^c - x_j^c| / 0.3 \sigma_i^c)^2) + 0.01 \,
      \mathrm{softmax}_j(-(d_j / 0.3 \sigma_d)^2)` with the distance :math:`d_j` in pixels and its standard deviation;
      :math:`\sigma` is over the neighbors only. Scores grow by 1% in each iteration.

    The result is differentiable in ``probs``; the weights have no gradient.

    Args:
        probs: Scores, ``(K, H, W)``, finite. Half precision is computed and returned in float32.
        image: The image, ``(C, H, W)``, in any range of values.
        dilations: Distances of the neighbors in pixels, positive.
        iterations: Number of averages; 0 changes nothing.
        variant: ``'pamr'`` or ``'par'``.

    Returns:
        Scores, ``(K, H, W)``.

    Raises:
        ValueError: If shapes do not agree, values are not finite, or an argument is out of range.
    """
    check_score_map(probs, 'probs')
    check_image(image, probs, 'probs')
    check_finite(probs=probs, image=image)
    if not dilations or any(not isinstance(d, int) or d < 1 for d in dilations):
        raise ValueError(f'`dilations` must be positive integers, at least one, got {dilations}.')
    if not isinstance(iterations, int) or iterations < 0:
        raise ValueError(f'`iterations` must be a non-negative integer, got {iterations!r}.')
    if variant not in ('pamr', 'par'):
        raise ValueError(f"`variant` must be 'pamr' or 'par', got {variant!r}.")
    probs = at_least_float32(probs)
    offsets = [(y * d, x * d) for d in dilations for y in (-1, 0, 1) for x in (-1, 0, 1) if y or x]
    with torch.no_grad():
        weights = _affinity(image.to(probs), offsets, variant)
    return average_neighbors(probs, weights, offsets, iterations)


def _affinity(image: Tensor, offsets: list[tuple[int, int]], variant: str) -> Tensor:
    """Compute the weights of the neighbors, ``(O, H, W)``."""
    count = len(offsets) * 9 // 8 if variant == 'pamr' else len(offsets)
    near = image.new_zeros(len(offsets))
    if variant == 'par':
        distance = numbers_on(image.device, offsets, image.dtype).square().sum(1).sqrt()
        near = 0.01 * (-((distance / (distance.std() + EPS) / 0.3) ** 2)).softmax(0)
    if image.device.type == 'cuda' and (kernels := triton_kernels()):
        return kernels.affinity(image, offsets, near, count, EPS, variant == 'pamr')
    return _torch_affinity(image, offsets, count, variant).add_(near[:, None, None])


def _torch_affinity(image: Tensor, offsets: list[tuple[int, int]], count: int, variant: str) -> Tensor:
    """Compute the softmax of the distances of the colors, with ``count`` values in a standard deviation."""
    height, width = image.shape[1:]
    reach = max(max(offset) for offset in offsets)
    padded = F.pad(image[None], [reach] * 4, mode='replicate')[0]

    def differences() -> Iterator[Tensor]:
        for dy, dx in offsets:
            yield padded[:, reach + dy : reach + dy + height, reach + dx : reach + dx + width] - image

    # Moments about the pixel itself are exact where an image of integers is nearly constant.
    total, squares = torch.zeros_like(image), torch.zeros_like(image)
    for difference in differences():
        total += difference
        squares.addcmul_(difference, difference)
    std = ((squares - total**2 / count).clamp_(min=0) / (count - 1)).sqrt_()
    scale = 1 / (0.1 * std + EPS) if variant == 'pamr' else 1 / (std + EPS) / 0.3
    logits = image.new_empty(len(offsets), height, width)
    for logit, difference in zip(logits, differences(), strict=True):
        difference *= scale
        distances = difference.abs_() if variant == 'pamr' else difference.square_()
        torch.mean(distances, 0, out=logit)
    return logits.neg_().softmax(0)
