"""Priors that clean a map of class probabilities, and thresholds that end it."""

import torch
from torch import Tensor


def image_level_prior(probs: Tensor, image_probs: Tensor) -> Tensor:
    r"""Weigh every pixel by how likely its class is in the image (Pinheiro & Collobert, CVPR 2015, Eq. 7).

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
            f'got shape {tuple(image_probs.shape)}'
        )
    return probs * image_probs.to(probs)[:, None, None]


def objectness_prior(probs: Tensor, objectness: Tensor, power: float = 1.0) -> Tensor:
    r"""Weigh the foreground by how likely a pixel belongs to some object (Pinheiro & Collobert, SP-bb and SP-seg).

    .. math:: \hat y_{ij}(k) = p_{ij}(k)^\gamma \, p(ij \in \mathrm{Obj}), \quad k \ge 1

    The paper has :math:`\gamma = 1`. The smaller it is, the more the objectness decides where an object ends, and the
    less the network: for classes that are known to be in the image. Background, channel 0, stays as it is. The paper
    decides by :func:`class_thresholds` afterwards.

    Args:
        probs: Scores of the classes, 0 or more, ``(K, H, W)``.
        objectness: Probability of an object, in [0, 1], ``(H, W)``.
        power: :math:`\gamma > 0`.

    Returns:
        Scores ``(K, H, W)``.

    Raises:
        ValueError: If the sizes differ, the objectness leaves [0, 1], or the power is not positive.
    """
    check_power(power)
    if objectness.shape != probs.shape[1:]:
        raise ValueError(
            f'`objectness` must have the size of `probs` (K, H, W), got {tuple(objectness.shape)} and '
            f'{tuple(probs.shape)}: compute it at the size of the image, before it is resized'
        )
    if not (objectness.amin() >= 0 and objectness.amax() <= 1):  # false for NaN too
        raise ValueError(
            f'`objectness` must be in [0, 1], got {objectness.amin().item()} to {objectness.amax().item()}'
        )
    return torch.cat([probs[:1], (probs[1:] if power == 1 else probs[1:] ** power) * objectness.to(probs)])


def saliency_prior(probs: Tensor, saliency: Tensor, power: float = 1.0) -> Tensor:
    r"""Weigh every class by its own saliency (FCN + GBP of Shimoda & Yanai).

    .. math:: \hat y_{ij}(k) = \big( p_{ij}(k) \, M_{ij}(k) \big)^\gamma, \quad k \ge 1

    Background, channel 0, stays as it is.

    Args:
        probs: Scores of the classes, ``(K, H, W)``.
        saliency: Saliency of the classes, 0 or more, ``(K, H, W)``; channel 0 is not used.
        power: :math:`\gamma > 0`; 0.5 gives the geometric mean of the two.

    Returns:
        Scores ``(K, H, W)``.

    Raises:
        ValueError: If the sizes differ, or the power is not positive.
    """
    check_power(power)
    if saliency.shape != probs.shape:
        raise ValueError(f'`saliency` must have the size of `probs` {tuple(probs.shape)}, got {tuple(saliency.shape)}')
    product = probs[1:] * saliency[1:].to(probs)
    return torch.cat([probs[:1], product if power == 1 else product**power])


def class_thresholds(scores: Tensor, thresholds: Tensor) -> Tensor:
    r"""Background where the best foreground class does not exceed its threshold (Pinheiro & Collobert, SP-bb).

    .. math:: \hat y_{ij} = k^* \text{ if } s_{ij}(k^*) > \delta_{k^*} \text{ else } 0,
              \quad k^* = \arg\max_{k \ge 1} s_{ij}(k)

    Args:
        scores: Scores of the classes, ``(K, H, W)``; channel 0 is not used.
        thresholds: Thresholds :math:`\delta_k` of the foreground classes, ``(K - 1,)``.

    Returns:
        The scores with :math:`\delta_{k^*}` as the background's, ``(K, H, W)``: their argmax is the formula.

    Raises:
        ValueError: If the numbers of classes differ, or there is no foreground class.
    """
    if len(scores) < 2 or thresholds.shape != (len(scores) - 1,):
        raise ValueError(
            f'`thresholds` must have one value for each foreground class of `scores` '
            f'{tuple(scores.shape)}, got shape {tuple(thresholds.shape)}'
        )
    return torch.cat([thresholds.to(scores)[scores[1:].argmax(0, keepdim=True)], scores[1:]])


def check_power(power: float) -> None:
    """Raise ValueError unless a power of scores is a positive finite number."""
    if not 0 < power < float('inf'):
        raise ValueError(f'`power` must be a positive finite number, got {power}')
