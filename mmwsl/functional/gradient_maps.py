"""Class maps by the gradients of image-level class probabilities (softmax-GradCAM)."""

import torch
from torch import Tensor

from .inputs import at_least_float32

EPSILON = 1e-7


def prompt_probabilities(class_logits: Tensor, background_logits: Tensor) -> Tensor:
    r"""Return the probabilities of present classes, which compete with each other and with background words.

    .. math:: p_c = \frac{\exp z_c}{\sum_{k \in \text{present}} \exp z_k + \sum_{b \in \text{background}} \exp z_b}

    This is the softmax of CLIP-ES (Lin et al., CVPR 2023): a class that is often seen beside a background, such as a
    boat beside water, gets no evidence from it. Absent classes are left out by the caller.

    Args:
        class_logits: Logits of the present classes, ``(..., C)``.
        background_logits: Logits of the background words, ``(..., B)``; B may be 0.

    Returns:
        Probabilities of the present classes, ``(..., C)``.
    """
    logits = at_least_float32(torch.cat([class_logits, background_logits], -1))
    return logits.softmax(-1)[..., : class_logits.shape[-1]]


def gradient_class_maps(activations: Tensor, gradients: Tensor, valid: Tensor | None = None) -> Tensor:
    r"""Weight activations by the mean gradient of each class (Grad-CAM, Selvaraju et al., ICCV 2017, Eqs. 1 and 2).

    .. math::
        M_c = \mathrm{minmax} \, \Big( \max \Big( 0, \sum_k w_{c,k} A_k \Big) \Big), \quad
        w_{c,k} = \frac{1}{N} \sum_x \frac{\partial p_c}{\partial A_k(x)}

    with means and extremes over the N valid locations x.

    Args:
        activations: Activations A, ``(D, h, w)``. Half precision is computed and returned in float32.
        gradients: Gradients of the class probabilities at the activations, ``(C, D, h, w)``.
        valid: Locations of the image, boolean ``(h, w)``; all of them if None. The maps are 0 elsewhere.

    Returns:
        Class maps in [0, 1], ``(C, h, w)``. A constant map becomes 0.

    Raises:
        ValueError: If shapes do not agree.
    """
    if activations.dim() != 3 or gradients.dim() != 4 or gradients.shape[1:] != activations.shape:
        raise ValueError(
            f'`gradients` must be (C, {", ".join(map(str, activations.shape))}) for `activations`, got '
            f'{tuple(gradients.shape)}.'
        )
    if valid is None:
        valid = torch.ones_like(activations[0], dtype=torch.bool)
    if valid.shape != activations.shape[1:] or valid.dtype != torch.bool or not valid.any():
        raise ValueError(
            f'`valid` must be boolean {tuple(activations.shape[1:])} with at least one location, got {valid.dtype} '
            f'{tuple(valid.shape)}.'
        )
    weights = at_least_float32(gradients)[..., valid].mean(-1)  # (C, D)
    maps = torch.zeros_like(gradients[:, 0], dtype=weights.dtype)
    maps[:, valid] = min_max_maps((weights @ at_least_float32(activations)[:, valid]).relu())
    return maps


def min_max_maps(maps: Tensor) -> Tensor:
    r"""Scale each map ``(C, ...)`` to [0, 1], :math:`(M - \min M) / (\max M - \min M + 10^{-7})`, as CLIP-ES does."""
    flat = maps.flatten(1)
    low, high = flat.amin(1), flat.amax(1)
    shape = (-1,) + (1,) * (maps.dim() - 1)
    return (maps - low.view(shape)) / (high - low + EPSILON).view(shape)
