"""Known image-level labels, applied to the predictions of the network."""

import torch
from torch import Tensor

ABSENT = -1e4
"""Logit of an absent class: its probability is exactly 0 in float32, and sums stay finite."""


def mask_absent_classes(seg_logits: Tensor, labels: Tensor, score: float = ABSENT) -> Tensor:
    """Mask absent classes with a score so low that their probability is 0.

    Class 0, the background, is never masked: its label is not used.

    Args:
        seg_logits: Logits of the pixels, ``(K, H, W)``.
        labels: Image-level labels, 1 present, 0 absent, -1 unknown, ``(K,)``.
        score: Score of an absent class. Use 0 if ``seg_logits`` are probabilities.

    Returns:
        Logits ``(K, H, W)``.

    Raises:
        ValueError: If the numbers of classes differ.
    """
    return seg_logits.masked_fill(_foreground(labels == 0, len(seg_logits))[:, None, None], score)


def redistribute_absent_classes(seg_logits: Tensor, labels: Tensor) -> Tensor:
    r"""Redistribute the softmax probability of absent classes to the other foreground classes.

    .. math:: z'_k = z_k + \log \sum_{j \ge 1} e^{z_j} - \log \sum_{j \ge 1,\, j \in T} e^{z_j}, \quad k \in T

    where T are the foreground classes that are not absent. The probability of the background and the odds between the
    classes of T do not change: a cow predicted as a horse stays foreground. If T is empty, the background gets
    probability 1.

    Args:
        seg_logits: Logits of the pixels, ``(K, H, W)``; class 0 is the background.
        labels: Image-level labels, 1 present, 0 absent, -1 unknown, ``(K,)``. The label of the background is not used.

    Returns:
        Logits ``(K, H, W)``, :data:`ABSENT` for absent classes.

    Raises:
        ValueError: If the numbers of classes differ.
    """
    allowed = _foreground(labels != 0, len(seg_logits))
    if allowed.any():
        gain = seg_logits[1:].logsumexp(0) - seg_logits[allowed].logsumexp(0)
        seg_logits = torch.where(allowed[:, None, None], seg_logits + gain, seg_logits)
    return mask_absent_classes(seg_logits, labels)


def override_image_probs(image_probs: Tensor, labels: Tensor) -> Tensor:
    """Replace the probability of every present foreground class by 1 and of every absent one by 0.

    Args:
        image_probs: Class probabilities of the image, ``(K,)``.
        labels: Image-level labels, 1 present, 0 absent, -1 unknown, ``(K,)``. The label of the background is not used.

    Returns:
        Probabilities ``(K,)``.

    Raises:
        ValueError: If the numbers of classes differ.
    """
    return torch.where(_foreground(labels >= 0, len(image_probs)), labels.to(image_probs), image_probs)


def _foreground(mask: Tensor, num_classes: int) -> Tensor:
    """Return a mask of classes ``(K,)`` without the background."""
    if mask.shape != (num_classes,):
        raise ValueError(
            f'`labels` must have one value for each of the {num_classes} classes, got shape {tuple(mask.shape)}.'
        )
    return torch.cat([torch.zeros_like(mask[:1]), mask[1:]])
