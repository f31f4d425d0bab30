"""Pixel weights of U-Net: thin gaps between instances, and rare classes."""

import math

import torch
from torch import Tensor

NEGLIGIBLE = 1e-6  # weights below it are 0, so that a pixel needs no distance to a remote instance


def border_weights(instances: Tensor, weight: float = 10.0, sigma: float = 5.0) -> Tensor:
    r"""Weight the background between instances (Ronneberger et al., MICCAI 2015, Eq. 2).

    With the distances :math:`d_1, d_2` of a pixel to the nearest and the second nearest instance,

    .. math:: w = w_0 \exp\left(-\frac{(d_1 + d_2)^2}{2 \sigma^2}\right)

    on background pixels and 0 elsewhere. Distances are Euclidean, between pixel centers: a gap of one pixel has
    :math:`d_1 = d_2 = 1`. With fewer than two instances all weights are 0.

    Args:
        instances: Ids of instances, ``(H, W)`` int: 0 is background, a negative id belongs to no instance and is not
            weighted.
        weight: :math:`w_0`, non-negative.
        sigma: :math:`\sigma` in pixels, positive.

    Returns:
        Weights, ``(H, W)`` float32 in [0, ``weight``].

    Raises:
        ValueError: If ``instances`` is not a map of integers, or ``weight`` or ``sigma`` is out of range.
    """
    if instances.ndim != 2 or instances.is_floating_point():
        raise ValueError(f'`instances` must be (H, W) int, got {tuple(instances.shape)} {instances.dtype}.')
    if not (0 <= weight < math.inf and 0 < sigma < math.inf):
        raise ValueError(f'`weight` must be non-negative and `sigma` positive, got {weight} and {sigma}.')
    radius = math.ceil(sigma * math.sqrt(2 * math.log(max(weight / NEGLIGIBLE, 1.0))))
    first = torch.full(instances.shape, math.inf, device=instances.device)
    second = first.clone()
    for instance in instances.unique():
        if instance <= 0:
            continue
        mask = instances == instance
        rows, columns = (_window(mask.any(dim), radius) for dim in (1, 0))
        distance = _distances(mask[rows, columns], radius)
        near = first[rows, columns]
        second[rows, columns] = torch.minimum(second[rows, columns], torch.maximum(near, distance))
        first[rows, columns] = torch.minimum(near, distance)
    weights = weight * torch.exp(-((first + second) ** 2) / (2 * sigma**2))
    return weights * (instances == 0)


def class_frequency_weights(labels: Tensor, ignore_index: int = 255) -> Tensor:
    r"""Weight pixels by the inverse frequency of their class, with a mean of 1 (:math:`w_c` of U-Net).

    A pixel of a class with :math:`n_c` of the :math:`n` valid pixels of an image with :math:`C` classes has
    :math:`n / (C n_c)`. The paper does not give its formula.

    Args:
        labels: Classes, any shape, int.
        ignore_index: Label of ignored pixels, whose weight is 0.

    Returns:
        Weights, float32, in the shape of ``labels``.
    """
    _, inverse, counts = labels.unique(return_inverse=True, return_counts=True)
    valid = labels != ignore_index
    present = len(labels[valid].unique())
    return valid * (valid.sum() / (max(present, 1) * counts[inverse]))


def _window(occupied: Tensor, radius: int) -> slice:
    """Return the range of an axis that is ``radius`` or less from the occupied positions."""
    (positions,) = occupied.nonzero(as_tuple=True)
    return slice(max(int(positions[0]) - radius, 0), int(positions[-1]) + radius + 1)


def _distances(mask: Tensor, radius: int) -> Tensor:
    """Return the distance of each location of ``(H, W)`` to the mask, infinite or exact if above ``radius``."""
    squared = torch.full(mask.shape, math.inf, device=mask.device).masked_fill_(mask, 0)
    for dim in (0, 1):  # the squared distance is separable: the minimum along one axis, then along the other
        size = mask.shape[dim]
        best = squared.clone()
        for step in range(1, min(radius, size - 1) + 1):
            rest = size - step
            for start, source in ((0, step), (step, 0)):
                here = best.narrow(dim, start, rest)
                torch.minimum(here, squared.narrow(dim, source, rest) + step**2, out=here)
        squared = best
    return squared.sqrt()
