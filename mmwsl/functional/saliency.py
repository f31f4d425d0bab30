"""Saliency of classes from gradients at intermediate layers (Shimoda & Yanai)."""

import torch
from torch import Tensor


def channel_saliency(gradients: Tensor) -> Tensor:
    r"""Reduce the gradient at a layer to a map, :math:`M_{x,y} = \max_k |v_{x,y,k}|` (Simonyan et al., ICLR 2014).

    Args:
        gradients: Gradients, ``(..., C, h, w)``.

    Returns:
        Maps ``(..., h, w)``, 0 or more.
    """
    return gradients.abs().amax(-3)


def candidate_classes(
    image_probs: Tensor, present: Tensor, possible: Tensor, min_classes: int = 0, num_compared: int = 0
) -> tuple[Tensor, int]:
    """Choose foreground classes of an image: those present, filled up with the next best.

    Args:
        image_probs: Scores of the classes in the image, ``(K,)``, background first.
        present: Classes that are asked for, ``(K,)`` bool.
        possible: Classes that may be asked for beside them, ``(K,)`` bool.
        min_classes: Number of classes to ask for below which possible ones are added, as far as there are any.
        num_compared: Number of classes below which any others are added, which are not asked for.

    Returns:
        Indices of the classes, 1 to K - 1, ``(n,)``, and how many of them, the first ones, are asked for. Those
        present, those added to be asked for and the others follow one another, each best first.
    """
    order = image_probs[1:].argsort(descending=True, stable=True) + 1
    first = order[present[order]]
    added = order[(possible & ~present)[order]][: max(min_classes - len(first), 0)]
    asked = torch.cat([first, added])
    others = order[~torch.isin(order, asked)]
    return torch.cat([asked, others])[: max(len(asked), num_compared)], len(asked)


def max_normalize(maps: Tensor) -> Tensor:
    """Divide maps ``(..., H, W)``, 0 or more, by their maxima; a map of zeros stays so."""
    peak = maps.amax((-2, -1), keepdim=True)
    return maps / torch.where(peak > 0, peak, 1.0)


def distinct_class_saliency(maps: Tensor, gain: float = 3.0) -> Tensor:
    r"""Take from the saliency of each class that of the others (DCSM, Shimoda & Yanai, ECCV 2016).

    With :math:`M^c_l` the map of class c at layer l, of every scale,

    .. math::
        d^{c,c'}_l = M^c_l - M^{c'}_l, \quad
        D^c = \sum_l \sum_{c' \ne c} \Big[ \tanh\Big( \gamma \, \frac{d^{c,c'}_l}{\max d^{c,c'}_l} \Big) \Big]_+, \quad
        \hat M^c = \tanh\Big( \gamma \, \frac{D^c}{\max D^c} \Big)

    with maxima over the image. A difference that is nowhere positive adds nothing (the authors' code divides by a
    negative maximum there). A single class has nothing to be taken from it: its terms are those of its own maps.

    Args:
        maps: Saliency of the classes, ``(L, C, H, W)``, 0 or more: all layers and scales of one image, at one size.
        gain: :math:`\gamma`, positive.

    Returns:
        Maps ``(C, H, W)`` in [0, tanh(gain)].

    Raises:
        ValueError: If ``maps`` is not of that shape, or ``gain`` is not positive.
    """
    if maps.dim() != 4 or 0 in maps.shape:
        raise ValueError(f'`maps` must be (L, C, H, W) with at least one layer and class, got {tuple(maps.shape)}')
    if not 0 < gain < float('inf'):
        raise ValueError(f'`gain` must be a positive finite number, got {gain}')
    total = torch.zeros_like(maps[0])
    for layer in maps:
        for c, own in enumerate(layer):
            others = torch.cat([layer[:c], layer[c + 1 :]])
            differences = (own - others if len(others) else own[None]).clamp(min=0)
            total[c] += (gain * max_normalize(differences)).tanh().sum(0)
    return (gain * max_normalize(total)).tanh()
