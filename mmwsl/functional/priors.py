"""Priors and thresholds that refine a map of class probabilities."""

import torch
from torch import Tensor

from .inputs import copy_to


def image_level_prior(probs: Tensor, image_probs: Tensor) -> Tensor:
    r"""Weight every score by the probability of its class in the image (Pinheiro & Collobert, CVPR 2015, Eq. 7).

    .. math:: \hat y_{ij}(k) = p_{ij}(k \mid I) \, p(k \mid I)

    Args:
        probs: Class probabilities of the pixels, ``(K, H, W)``.
        image_probs: Class probabilities of the image, ``(K,)``.

    Returns:
        Scores ``(K, H, W)``; they no longer sum to one.

    Raises:
        ValueError: If the numbers of classes differ.
    """
    if image_probs.shape != probs.shape[:1]:
        raise ValueError(
            f'`image_probs` must have one value for each of the {probs.shape[0]} classes of `probs`, '
            f'got shape {tuple(image_probs.shape)}.'
        )
    return probs * image_probs.to(probs)[:, None, None]


def objectness_prior(probs: Tensor, objectness: Tensor, power: float = 1.0, relative: bool = False) -> Tensor:
    r"""Weight the foreground scores by the probability of any object (Pinheiro & Collobert, SP-bb and SP-seg).

    .. math:: \hat y_{ij}(k) = p_{ij}(k)^\gamma \, p(ij \in \mathrm{Obj}), \quad k \ge 1

    The paper uses :math:`\gamma = 1`. With a smaller :math:`\gamma` the objectness decides more than the network where
    an object ends, which suits classes that are known to be present. Background, channel 0, does not change. The paper
    applies :func:`class_thresholds` afterwards, with thresholds of the product.

    With ``relative``, the background is multiplied by the mean of the objectness over the image. Thresholds of the
    scores alone then stay valid, and :func:`class_thresholds` comes before:
    :math:`s_{ij}(k) \, p(ij \in \mathrm{Obj}) > \delta_k \, \overline{p(\mathrm{Obj})}`.
    A threshold of 1, which no score exceeds, stays. Objectness that is 0 everywhere changes nothing.

    Args:
        probs: Non-negative class scores, ``(K, H, W)``.
        objectness: Probability of an object, in [0, 1], ``(H, W)``.
        power: Exponent :math:`\gamma > 0`.
        relative: Whether to multiply the background by the mean of the objectness.

    Returns:
        Scores ``(K, H, W)``.

    Raises:
        ValueError: If the sizes differ, the objectness is not in [0, 1], or the power is not positive.
    """
    check_power(power)
    if objectness.shape != probs.shape[1:]:
        raise ValueError(
            f'`objectness` must have the size of `probs` (K, H, W), got {tuple(objectness.shape)} and '
            f'{tuple(probs.shape)}. Compute it at the original image size.'
        )
    if not (objectness.amin() >= 0 and objectness.amax() <= 1):  # false for NaN too
        raise ValueError(
            f'`objectness` must be in [0, 1], got {objectness.amin().item()} to {objectness.amax().item()}.'
        )
    objectness = objectness.to(probs)
    background = probs[:1]
    if relative:
        if not objectness.any():  # an image of one color has no proposals, which say nothing about it
            return probs
        background = torch.where(background < 1, background * objectness.mean(), background)
    return torch.cat([background, (probs[1:] if power == 1 else probs[1:] ** power) * objectness])


def saliency_prior(probs: Tensor, saliency: Tensor, power: float = 1.0) -> Tensor:
    r"""Weight the scores of every class by its saliency map (FCN + GBP of Shimoda & Yanai).

    .. math:: \hat y_{ij}(k) = \big( p_{ij}(k) \, M_{ij}(k) \big)^\gamma, \quad k \ge 1

    Background, channel 0, does not change.

    Args:
        probs: Class scores, ``(K, H, W)``.
        saliency: Non-negative saliency maps of the classes, ``(K, H, W)``; channel 0 is not used.
        power: Exponent :math:`\gamma > 0`; 0.5 gives the geometric mean of scores and saliency.

    Returns:
        Scores ``(K, H, W)``.

    Raises:
        ValueError: If the sizes differ, or the power is not positive.
    """
    check_power(power)
    if saliency.shape != probs.shape:
        raise ValueError(f'`saliency` must have the size of `probs` {tuple(probs.shape)}, got {tuple(saliency.shape)}.')
    product = probs[1:] * saliency[1:].to(probs)
    return torch.cat([probs[:1], product if power == 1 else product**power])


def class_thresholds(scores: Tensor, thresholds: Tensor) -> Tensor:
    r"""Set the background score to the threshold of the highest-scoring foreground class (Pinheiro & Collobert, SP-bb).

    .. math:: \hat y_{ij} = k^* \text{ if } s_{ij}(k^*) > \delta_{k^*} \text{ else } 0,
              \quad k^* = \arg\max_{k \ge 1} s_{ij}(k)

    Args:
        scores: Class scores, ``(K, H, W)``; channel 0 is not used.
        thresholds: Thresholds :math:`\delta_k` of the foreground classes, ``(K - 1,)``.

    Returns:
        The scores with :math:`\delta_{k^*}` as the background score, ``(K, H, W)``; their argmax is the formula.

    Raises:
        ValueError: If the numbers of classes differ, or there is no foreground class.
    """
    if len(scores) < 2 or thresholds.shape != (len(scores) - 1,):
        raise ValueError(
            f'`thresholds` must have one value for each foreground class of `scores` '
            f'{tuple(scores.shape)}, got shape {tuple(thresholds.shape)}.'
        )
    chosen = copy_to(scores.device, thresholds).to(scores.dtype)[scores[1:].argmax(0, keepdim=True)]
    return torch.cat([chosen, scores[1:]])


def check_power(power: float) -> None:
    """Check that an exponent of scores is a positive finite number.

    Raises:
        ValueError: If it is not.
    """
    if not 0 < power < float('inf'):
        raise ValueError(f'`power` must be a positive finite number, got {power}.')
