"""Losses of a score map, one value per image: against tags, labels or distributions of its cells.

``scores (N, K, H, W)`` are logits of a softmax over classes; ``image_labels (N, K)`` are 1 (present), 0 (absent) or
-1 (unknown); ``valid (N, H, W)`` marks the cells that belong to the image, all if None. An unknown class leaves the
softmax: it changes no loss and gets no gradient. Half precision input is computed in float32.
"""

import torch
from torch import Tensor
from torch.nn import functional as F


def mil_fcn_loss(scores: Tensor, image_labels: Tensor, valid: Tensor | None = None) -> Tensor:
    r"""Likelihood of each class present at its best cell, MIL-FCN (Pathak et al., ICLR 2015 workshop, Eq. 1).

    .. math:: \ell = -\frac{1}{|L|} \sum_{l \in L} \max_{ij \in V} \log p_{ij}(l), \quad L = \{ l\ \text{present} \}

    The gradient reaches one cell for each class, at which all classes compete. The paper counts the background as
    present in every image.

    Args:
        scores: Class scores, ``(N, K, H, W)``.
        image_labels: Tags, ``(N, K)``.
        valid: Boolean map of the cells to use, ``(N, H, W)``, at least one an image. All cells if None.

    Returns:
        Losses ``(N,)``, not negative; 0 for an image without a class present.

    Raises:
        ValueError: If shapes do not agree.
    """
    log_probs = known_log_probs(scores, image_labels)
    cells = valid_or_all(scores, valid)[:, None]
    # The index of the maximum, not amax: its gradient would be shared among cells that tie.
    best = log_probs.masked_fill(~cells, -torch.inf).flatten(2).max(2).values
    present = image_labels == 1
    return -best.masked_fill(~present, 0.0).sum(1) / present.sum(1).clamp(min=1)


def score_map_cross_entropy(scores: Tensor, labels: Tensor, image_labels: Tensor | None = None) -> Tensor:
    r"""Cross entropy of labeled cells, averaged over them.

    .. math:: \ell = -\frac{1}{|C|} \sum_{ij \in C} \log p_{ij}(y_{ij}), \quad C = \{ ij : y_{ij} \ge 0 \}

    Args:
        scores: Class scores, ``(N, K, H, W)``.
        labels: Class of each cell, int64, -1 where there is none, ``(N, H, W)``.
        image_labels: Tags, ``(N, K)``, of which only -1 (unknown) matters. All classes are known if None.

    Returns:
        Losses ``(N,)``, not negative; 0 for an image without a labeled cell.

    Raises:
        ValueError: If shapes do not agree, or a label is not a class.
    """
    if labels.shape != scores[:, 0].shape:
        raise ValueError(f'`labels` must be (N, H, W) like `scores` {tuple(scores.shape)}, got {tuple(labels.shape)}')
    if labels.numel() and not -1 <= labels.amin() <= labels.amax() < scores.shape[1]:
        raise ValueError(
            f'`labels` must be classes 0 to {scores.shape[1] - 1}, or -1 for none, got '
            f'{labels.amin().item()} to {labels.amax().item()}'
        )
    losses = F.nll_loss(known_log_probs(scores, image_labels), labels, ignore_index=-1, reduction='none')
    return losses.sum((1, 2)) / (labels >= 0).sum((1, 2)).clamp(min=1)


def score_map_kl_divergence(
    scores: Tensor, targets: Tensor, image_labels: Tensor | None = None, valid: Tensor | None = None
) -> Tensor:
    r"""Kullback-Leibler divergence of the cells from target distributions, averaged over the cells.

    .. math:: \ell = \frac{1}{|V|} \sum_{ij \in V} \sum_k P_{ij}(k) \log \frac{P_{ij}(k)}{p_{ij}(k)}

    Its gradient with respect to the scores is :math:`(p - P) / |V|`, that of the cross entropy; unlike it, the
    divergence is 0 where the scores agree with the targets. No gradient reaches the targets.

    Args:
        scores: Class scores, ``(N, K, H, W)``.
        targets: Distributions :math:`P` that sum to one over the known classes, ``(N, K, H, W)``.
        image_labels: Tags, ``(N, K)``, of which only -1 (unknown) matters. All classes are known if None.
        valid: Boolean map of the cells to use, ``(N, H, W)``, at least one an image. All cells if None.

    Returns:
        Losses ``(N,)``, not negative.

    Raises:
        ValueError: If shapes do not agree.
    """
    if targets.shape != scores.shape:
        raise ValueError(f'`targets` must have the shape of `scores` {tuple(scores.shape)}, got {tuple(targets.shape)}')
    targets = targets.detach()
    losses = (torch.xlogy(targets, targets) - targets * known_log_probs(scores, image_labels)).sum(1)
    cells = valid_or_all(scores, valid)
    return losses.masked_fill(~cells, 0.0).sum((1, 2)) / cells.sum((1, 2))


def known_log_probs(scores: Tensor, image_labels: Tensor | None = None) -> Tensor:
    """Log-softmax over the classes that are known, in float32 or better, ``(N, K, H, W)``.

    Raises:
        ValueError: If ``scores`` are not ``(N, K, H, W)`` with at least one cell, or ``image_labels`` not ``(N, K)``.
    """
    if scores.dim() != 4 or 0 in scores.shape[1:]:
        raise ValueError(f'`scores` must be (N, K, H, W) with at least one cell, got {tuple(scores.shape)}')
    if scores.dtype in (torch.float16, torch.bfloat16):
        scores = scores.float()
    if image_labels is not None:
        if image_labels.shape != scores.shape[:2]:
            raise ValueError(
                f'`image_labels` must be (N, K) like `scores` {tuple(scores.shape)}, got {tuple(image_labels.shape)}'
            )
        # Finite, not -inf: 0 * -inf would be NaN where a target has no mass.
        scores = scores.masked_fill((image_labels == -1)[:, :, None, None], -1e4)
    return scores.log_softmax(1)


def valid_or_all(scores: Tensor, valid: Tensor | None) -> Tensor:
    """Check ``valid (N, H, W)`` against ``scores (N, K, H, W)``, or make one with all cells.

    Raises:
        ValueError: If it is not boolean of that shape.
    """
    if valid is None:
        return torch.ones_like(scores[:, 0], dtype=torch.bool)
    if valid.shape != scores[:, 0].shape or valid.dtype != torch.bool:
        raise ValueError(
            f'`valid` must be boolean of shape {tuple(scores[:, 0].shape)} like `scores` without classes, '
            f'got {valid.dtype} of shape {tuple(valid.shape)}'
        )
    return valid
