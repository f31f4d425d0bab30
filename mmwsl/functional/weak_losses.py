"""Losses of a score map from image-level labels, or from labels or distributions of its locations.

``scores (N, K, H, W)`` are logits of a softmax over classes; ``image_labels (N, K)`` are 1 (present), 0 (absent) or
-1 (unknown); ``valid (N, H, W)`` marks the locations that belong to the image, all if None. Each loss has one value per
image. Unknown classes are masked out of the softmax: they change no loss and get no gradient. Half precision is
computed in float32.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from .inputs import at_least_float32, valid_or_all


def mil_fcn_loss(scores: Tensor, image_labels: Tensor, valid: Tensor | None = None) -> Tensor:
    r"""Compute the MIL-FCN loss: each present class at its highest-scoring location (Pathak et al., 2015, Eq. 1).

    .. math:: \ell = -\frac{1}{|L|} \sum_{l \in L} \max_{ij \in V} \log p_{ij}(l), \quad L = \{ l\ \text{present} \}

    The gradient reaches one location for each present class, and all classes at this location. In the paper (ICLR 2015
    workshop) the background is present in every image.

    Args:
        scores: Logits, ``(N, K, H, W)``.
        image_labels: Image-level labels, ``(N, K)``.
        valid: Boolean map of the locations to use, ``(N, H, W)``, at least one per image. All locations if None.

    Returns:
        Non-negative losses ``(N,)``; 0 for an image without a present class.

    Raises:
        ValueError: If shapes do not agree.
    """
    log_probs = known_log_probs(scores, image_labels)
    valid = valid_or_all(scores, valid)[:, None]
    # Not amax, because it splits its gradient among equal locations.
    highest = log_probs.masked_fill(~valid, -torch.inf).flatten(2).max(2).values
    present = image_labels == 1
    return -highest.masked_fill(~present, 0.0).sum(1) / present.sum(1).clamp(min=1)


def score_map_cross_entropy(scores: Tensor, labels: Tensor, image_labels: Tensor | None = None) -> Tensor:
    r"""Compute the mean cross-entropy over the labeled locations.

    .. math:: \ell = -\frac{1}{|C|} \sum_{ij \in C} \log p_{ij}(y_{ij}), \quad C = \{ ij : y_{ij} \ge 0 \}

    Args:
        scores: Logits, ``(N, K, H, W)``.
        labels: Class of each location, int64, -1 for unlabeled locations, ``(N, H, W)``.
        image_labels: Image-level labels, ``(N, K)``; only -1 (unknown) has an effect. All classes are known if None.

    Returns:
        Non-negative losses ``(N,)``; 0 for an image without a labeled location.

    Raises:
        ValueError: If shapes do not agree, or a label is not a class.
    """
    _check_labels(scores, labels)
    losses = F.nll_loss(known_log_probs(scores, image_labels), labels, ignore_index=-1, reduction='none')
    return losses.sum((1, 2)) / (labels >= 0).sum((1, 2)).clamp(min=1)


def score_map_binary_cross_entropy(scores: Tensor, labels: Tensor) -> Tensor:
    r"""Compute the mean binary cross-entropy of the foreground classes over the labeled locations.

    .. math::
        \ell = -\frac{1}{(K - 1) |C|} \sum_{ij \in C} \sum_{k > 0} \big[ [y_{ij} = k] \log \sigma(s_{ij}^k) +
        [y_{ij} \ne k] \log \sigma(-s_{ij}^k) \big], \quad C = \{ ij : y_{ij} \ge 0 \}

    The classes are independent, and the background, class 0, is where none of them is: its scores get no gradient.

    Args:
        scores: Logits, ``(N, K, H, W)``.
        labels: Class of each location, int64, -1 for unlabeled locations, ``(N, H, W)``.

    Returns:
        Non-negative losses ``(N,)``; 0 for an image without a labeled location.

    Raises:
        ValueError: If shapes do not agree, or a label is not a class.
    """
    _check_labels(scores, labels)
    foreground = at_least_float32(scores[:, 1:])
    targets = F.one_hot(labels.clamp(min=0), scores.shape[1]).movedim(-1, 1)[:, 1:].to(foreground)
    losses = F.binary_cross_entropy_with_logits(foreground, targets, reduction='none').mean(1)
    known = labels >= 0
    return losses.masked_fill(~known, 0).sum((1, 2)) / known.sum((1, 2)).clamp(min=1)


def score_map_kl_divergence(
    scores: Tensor, targets: Tensor, image_labels: Tensor | None = None, valid: Tensor | None = None
) -> Tensor:
    r"""Compute the mean Kullback-Leibler divergence between target distributions and the softmax over locations.

    .. math:: \ell = \frac{1}{|V|} \sum_{ij \in V} \sum_k P_{ij}(k) \log \frac{P_{ij}(k)}{p_{ij}(k)}

    Its gradient with respect to the scores is :math:`(p - P) / |V|`, as for the cross-entropy. Unlike the
    cross-entropy, the divergence is 0 if the softmax equals the targets. No gradient reaches the targets.

    Args:
        scores: Logits, ``(N, K, H, W)``.
        targets: Distributions :math:`P` that sum to one over the known classes, ``(N, K, H, W)``.
        image_labels: Image-level labels, ``(N, K)``; only -1 (unknown) has an effect. All classes are known if None.
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
    targets = targets.detach()
    losses = (torch.xlogy(targets, targets) - targets * known_log_probs(scores, image_labels)).sum(1)
    valid = valid_or_all(scores, valid)
    return losses.masked_fill(~valid, 0.0).sum((1, 2)) / valid.sum((1, 2))


def known_log_probs(scores: Tensor, image_labels: Tensor | None = None) -> Tensor:
    """Compute the log-softmax over the known classes in at least float32, ``(N, K, H, W)``.

    Raises:
        ValueError: If ``scores`` is not ``(N, K, H, W)`` with at least one location, or ``image_labels`` is not
            ``(N, K)``.
    """
    if scores.dim() != 4 or 0 in scores.shape[1:]:
        raise ValueError(f'`scores` must be (N, K, H, W) with at least one location, got {tuple(scores.shape)}.')
    scores = at_least_float32(scores)
    if image_labels is not None:
        if image_labels.shape != scores.shape[:2]:
            raise ValueError(
                f'`image_labels` must be (N, K) like `scores` {tuple(scores.shape)}, got {tuple(image_labels.shape)}.'
            )
        # Finite, because 0 * -inf would be NaN where a target is 0.
        scores = scores.masked_fill((image_labels == -1)[:, :, None, None], -1e4)
    return scores.log_softmax(1)


def _check_labels(scores: Tensor, labels: Tensor) -> None:
    if labels.shape != scores[:, 0].shape:
        raise ValueError(f'`labels` must be (N, H, W) like `scores` {tuple(scores.shape)}, got {tuple(labels.shape)}.')
    if labels.numel() and not -1 <= labels.amin() <= labels.amax() < scores.shape[1]:
        raise ValueError(
            f'`labels` must be classes 0 to {scores.shape[1] - 1}, or -1 for unlabeled locations, got '
            f'{labels.amin().item()} to {labels.amax().item()}.'
        )
