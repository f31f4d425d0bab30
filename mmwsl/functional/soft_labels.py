"""Soft labels of locations: distributions over the classes, and their cross-entropy."""

import torch
from torch import Tensor

from .inputs import valid_or_all
from .weak_losses import known_log_probs


def saliency_targets(saliency: Tensor, image_labels: Tensor) -> Tensor:
    r"""Turn class-independent saliency into distributions over background and present classes (STC, Wei et al., 2017).

    .. math:: q_{ij}(0) = 1 - s_{ij}, \quad q_{ij}(c) = \frac{s_{ij}}{|T|} \text{ for } c \in T, \quad
              q_{ij}(k) = 0 \text{ otherwise}

    with the present foreground classes :math:`T`. The paper has images of one class only, :math:`|T| = 1`; saliency
    cannot tell several classes apart. An image without a present class is background, whatever its saliency.

    Args:
        saliency: Saliency :math:`s` in [0, 1], ``(N, H, W)``.
        image_labels: Image-level labels, 1 present, 0 absent, -1 unknown, ``(N, K)``; channel 0 is not used.

    Returns:
        Distributions that sum to one over the classes, ``(N, K, H, W)``.

    Raises:
        ValueError: If shapes do not agree, or the saliency is not in [0, 1].
    """
    if saliency.dim() != 3 or image_labels.dim() != 2 or len(saliency) != len(image_labels):
        raise ValueError(
            '`saliency` and `image_labels` must be (N, H, W) and (N, K), got '
            f'{tuple(saliency.shape)} and {tuple(image_labels.shape)}.'
        )
    if not (saliency.amin() >= 0 and saliency.amax() <= 1):  # false for NaN too
        raise ValueError(f'`saliency` must be in [0, 1], got {saliency.amin().item()} to {saliency.amax().item()}.')
    present = (image_labels[:, 1:] == 1).to(saliency)
    fractions = present / present.sum(1, keepdim=True).clamp(min=1)
    foreground = saliency[:, None] * fractions[:, :, None, None]
    background = 1 - saliency * present.amax(1)[:, None, None]
    return torch.cat([background[:, None], foreground], 1)


def soft_label_cross_entropy(
    scores: Tensor, targets: Tensor, image_labels: Tensor | None = None, valid: Tensor | None = None
) -> Tensor:
    r"""Compute the mean cross-entropy of target distributions, the multi-label cross-entropy of STC.

    .. math:: \ell = -\frac{1}{|V|} \sum_{ij \in V} \sum_k q_{ij}(k) \log p_{ij}(k)

    Its gradient with respect to the scores is :math:`(p - q) / |V|`. Its minimum is the entropy of the targets: it
    differs from :func:`mmwsl.functional.score_map_kl_divergence` by this constant. No gradient reaches the targets.

    Args:
        scores: Logits, ``(N, K, H, W)``.
        targets: Distributions :math:`q` that sum to one over the known classes, ``(N, K, H, W)``.
        image_labels: Image-level labels, ``(N, K)``; only -1 (unknown) has an effect: such a class is masked out of
            the softmax. All classes are known if None.
        valid: Boolean map of the locations to use, ``(N, H, W)``, at least one per image. All locations if None.

    Returns:
        Non-negative losses ``(N,)``.

    Raises:
        ValueError: If shapes do not agree.
    """
    if targets.shape != scores.shape:
        raise ValueError(
            f'`targets` must have the shape of `scores` {tuple(scores.shape)}, got {tuple(targets.shape)}.'
        )
    losses = -(targets.detach() * known_log_probs(scores, image_labels)).sum(1)
    valid = valid_or_all(scores, valid)
    return losses.masked_fill(~valid, 0.0).sum((1, 2)) / valid.sum((1, 2))
