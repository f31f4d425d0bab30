"""What the tags of an image say, in place of what the network guesses."""

import torch
from torch import Tensor

ABSENT = -1e4
"""Score of a class that is known to be absent: its probability is exactly 0 in float32, and sums stay finite."""


def mask_absent_classes(seg_logits: Tensor, tags: Tensor, score: float = ABSENT) -> Tensor:
    """Give classes that the tags exclude a score so low that their probability is 0.

    Class 0, the background, is never excluded: a tag on it is not read.

    Args:
        seg_logits: Scores of the pixels, ``(K, H, W)``.
        tags: 1 present, 0 absent, -1 unknown, ``(K,)``.
        score: Score of an excluded class: 0 where ``seg_logits`` are probabilities.

    Returns:
        Scores ``(K, H, W)``.

    Raises:
        ValueError: If the numbers of classes differ.
    """
    return seg_logits.masked_fill(_foreground(tags == 0, len(seg_logits))[:, None, None], score)


def redistribute_absent_classes(seg_logits: Tensor, tags: Tensor) -> Tensor:
    r"""Give what a softmax holds for classes that the tags exclude to the foreground classes that they allow.

    .. math:: z'_k = z_k + \log \sum_{j \ge 1} e^{z_j} - \log \sum_{j \ge 1,\, j \in T} e^{z_j}, \quad k \in T

    with T the foreground classes that are not excluded. The probability of the background stays, and so do the odds
    between the classes of T: a cow taken for a horse stays foreground. Without any class in T, all goes to the
    background.

    Args:
        seg_logits: Scores of the pixels, ``(K, H, W)``; class 0 is the background.
        tags: 1 present, 0 absent, -1 unknown, ``(K,)``; that of the background is not read.

    Returns:
        Scores ``(K, H, W)``, :data:`ABSENT` for excluded classes.

    Raises:
        ValueError: If the numbers of classes differ.
    """
    allowed = _foreground(tags != 0, len(seg_logits))
    if allowed.any():
        gain = seg_logits[1:].logsumexp(0) - seg_logits[allowed].logsumexp(0)
        seg_logits = torch.where(allowed[:, None, None], seg_logits + gain, seg_logits)
    return mask_absent_classes(seg_logits, tags)


def override_image_probs(image_probs: Tensor, tags: Tensor) -> Tensor:
    """Replace the probability of every foreground class that has a tag, by 1 (present) or 0 (absent).

    Args:
        image_probs: Probabilities of the image, ``(K,)``.
        tags: 1 present, 0 absent, -1 unknown, ``(K,)``.

    Returns:
        Probabilities ``(K,)``.

    Raises:
        ValueError: If the numbers of classes differ.
    """
    return torch.where(_foreground(tags >= 0, len(image_probs)), tags.to(image_probs), image_probs)


def _foreground(chosen: Tensor, classes: int) -> Tensor:
    if chosen.shape != (classes,):
        raise ValueError(f'`tags` must have one value for each of the {classes} classes, got {tuple(chosen.shape)}')
    return torch.cat([torch.zeros_like(chosen[:1]), chosen[1:]])
