"""Saliency maps of classes from gradients at intermediate layers (Shimoda & Yanai)."""

import torch
from torch import Tensor


def channel_saliency(gradients: Tensor) -> Tensor:
    r"""Reduce the gradient at a layer to a saliency map (Simonyan et al., ICLR 2014).

    .. math:: M_{x,y} = \max_k |v_{x,y,k}|

    Args:
        gradients: Gradients, ``(..., C, h, w)``.

    Returns:
        Non-negative saliency maps, ``(..., h, w)``.
    """
    return gradients.abs().amax(-3)


def candidate_classes(
    image_probs: Tensor, present: Tensor, possible: Tensor, min_classes: int = 0, num_compared: int = 0
) -> tuple[Tensor, int]:
    """Select the foreground classes of an image: all present classes, then the next highest-scoring ones.

    Args:
        image_probs: Class scores of the image, background first, ``(K,)``.
        present: Present classes, which are all requested, ``(K,)`` bool.
        possible: Other classes that may be requested, ``(K,)`` bool.
        min_classes: Minimum number of requested classes; possible classes are added as far as they exist.
        num_compared: Minimum number of selected classes; any other classes are added, without being requested.

    Returns:
        Class indices, 1 to K - 1, ``(n,)``, and the number of requested classes, which come first. The order is present
        classes, added requested classes, other classes, each in descending order of their scores.
    """
    order = image_probs[1:].argsort(descending=True, stable=True) + 1
    known = order[present[order]]
    added = order[(possible & ~present)[order]][: max(min_classes - len(known), 0)]
    requested = torch.cat([known, added])
    others = order[~torch.isin(order, requested)]
    return torch.cat([requested, others])[: max(len(requested), num_compared)], len(requested)


def max_normalize(maps: Tensor) -> Tensor:
    """Divide non-negative maps ``(..., H, W)`` by their maxima; a map of zeros does not change."""
    peak = maps.amax((-2, -1), keepdim=True)
    return maps / torch.where(peak > 0, peak, 1.0)


def distinct_class_saliency(maps: Tensor, gain: float = 3.0) -> Tensor:
    r"""Subtract from the saliency of each class the saliency of other classes (DCSM, Shimoda & Yanai, ECCV 2016).

    With :math:`M^c_l` the saliency map of class c at layer l, for every scale,

    .. math::
        d^{c,c'}_l = M^c_l - M^{c'}_l, \quad
        D^c = \sum_l \sum_{c' \ne c} \Big[ \tanh\Big( \gamma \, \frac{d^{c,c'}_l}{\max d^{c,c'}_l} \Big) \Big]_+, \quad
        \hat M^c = \tanh\Big( \gamma \, \frac{D^c}{\max D^c} \Big)

    with maxima over the image. A difference without positive values adds nothing (the authors' code divides by its
    negative maximum). For a single class, its own maps replace the differences.

    Args:
        maps: Non-negative saliency maps of all layers and scales of one image, resized to one size, ``(L, C, H, W)``.
        gain: Gain :math:`\gamma`, positive.

    Returns:
        Maps ``(C, H, W)`` in [0, tanh(gain)].

    Raises:
        ValueError: If ``maps`` does not have this shape, or ``gain`` is not positive.
    """
    if maps.dim() != 4 or 0 in maps.shape:
        raise ValueError(f'`maps` must be (L, C, H, W) with at least one layer and class, got {tuple(maps.shape)}.')
    if not 0 < gain < float('inf'):
        raise ValueError(f'`gain` must be a positive finite number, got {gain}.')
    total = torch.zeros_like(maps[0])
    for layer in maps:
        for c, own in enumerate(layer):
            others = torch.cat([layer[:c], layer[c + 1 :]])
            differences = (own - others if len(others) else own[None]).clamp(min=0)
            total[c] += (gain * max_normalize(differences)).tanh().sum(0)
    return (gain * max_normalize(total)).tanh()
