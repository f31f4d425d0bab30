"""Class activation maps."""

from collections.abc import Sequence
from functools import reduce

import torch
from torch import Tensor

NORMALIZATIONS = ('max', 'min_max')


def class_activation_maps(views: Sequence[Tensor], normalization: str = 'max') -> Tensor:
    r"""Merge the scores of the views of an image into class activation maps (CAM, Zhou et al., CVPR 2016).

    .. math::
        A_k = \sum_v \max(0, z^v_k), \qquad
        M_k = \frac{A_k}{\max A_k} \quad \text{or} \quad M_k = \frac{A_k - \min A_k}{\max A_k - \min A_k}

    for scores :math:`z^v_k` of class k in view v, with extremes over the image: ``'max'`` as in IRN (Ahn et al.,
    CVPR 2019), ``'min_max'`` as in ToCo (Ru et al., CVPR 2023). Their classifiers have no bias; here the scores are
    used as they are.

    The map of a class without positive scores is 0; with ``'min_max'`` also a constant map. Every other map has the
    maximum 1: the maps locate a class, but do not tell whether it is present.

    Args:
        views: Class scores of each augmented view, ``(K, H, W)``, restored to the original image size and orientation.
            Logits, or probabilities if the present classes are known.
        normalization: ``'max'`` or ``'min_max'``.

    Returns:
        Maps in [0, 1], ``(K, H, W)``.

    Raises:
        ValueError: If there is no view, shapes differ, a view has no pixel, or the normalization is unknown.
    """
    if normalization not in NORMALIZATIONS:
        raise ValueError(f'`normalization` must be one of {NORMALIZATIONS}, got {normalization!r}.')
    shapes = sorted({tuple(view.shape) for view in views})
    if len(shapes) != 1 or len(shapes[0]) != 3 or 0 in shapes[0][1:]:
        raise ValueError(
            f'`views` must be one or more score maps (K, H, W) of one shape, got shapes {shapes}. '
            'Resize them to the original image size.'
        )
    total = reduce(torch.add, (view.relu() for view in views))
    if normalization == 'min_max':
        total = total - total.amin((1, 2), keepdim=True)
    peak = total.amax((1, 2), keepdim=True)
    return total / peak.masked_fill(peak == 0, 1)
