"""Noise-robust losses of a softmax.

``scores (N, K, ...)`` are logits, ``labels (N, ...)`` are int64 classes or ``ignore_index``. Each function returns
non-negative losses ``(N, ...)``. An ignored label has loss 0 and no gradient. Half precision is computed in float32.
Below, :math:`p` is the softmax over classes at one location and :math:`y` its label.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from .inputs import at_least_float32


def generalized_cross_entropy(scores: Tensor, labels: Tensor, q: float = 0.7, ignore_index: int = 255) -> Tensor:
    r"""Compute the generalized cross-entropy (Zhang & Sabuncu, NeurIPS 2018, Eq. 6).

    .. math:: \ell = \frac{1 - p_y^q}{q}

    The gradient is the gradient of the cross-entropy times :math:`p_y^q`: a label with a small predicted probability
    contributes less. ``q=0`` is the limit, the cross-entropy :math:`-\log p_y`; ``q=1`` is :math:`1 - p_y`, half the
    absolute error.

    Args:
        scores: Logits, ``(N, K, ...)``.
        labels: Classes, ``(N, ...)``.
        q: Robustness, in [0, 1]. The paper uses 0.7.
        ignore_index: Label to ignore.

    Returns:
        Losses ``(N, ...)``.

    Raises:
        ValueError: If shapes do not agree, a label is not a class, or ``q`` is out of range.
    """
    if not 0 <= q <= 1:
        raise ValueError(f'`q` must be in [0, 1], got {q}.')
    nll = label_nll(label_log_probs(scores, labels, ignore_index), labels, ignore_index)
    return nll if q == 0 else -torch.expm1(-q * nll) / q


def symmetric_cross_entropy(
    scores: Tensor,
    labels: Tensor,
    alpha: float = 0.1,
    beta: float = 1.0,
    log_zero: float = -4.0,
    ignore_index: int = 255,
) -> Tensor:
    r"""Compute the cross-entropy of labels and predictions in both roles (Wang et al., ICCV 2019, Eq. 7).

    .. math:: \ell = -\alpha \log p_y - \beta \sum_k p_k \log [k = y] = -\alpha \log p_y - \beta A (1 - p_y)

    where :math:`\log 0` is taken to be :math:`A`. ``alpha=0, beta=1, log_zero=-2`` is the mean absolute error.

    Args:
        scores: Logits, ``(N, K, ...)``.
        labels: Classes, ``(N, ...)``.
        alpha: Weight of the cross-entropy, non-negative.
        beta: Weight of the reverse cross-entropy, non-negative.
        log_zero: Value :math:`A`, negative.
        ignore_index: Label to ignore.

    Returns:
        Losses ``(N, ...)``.

    Raises:
        ValueError: If shapes do not agree, a label is not a class, or an argument is out of range.
    """
    if alpha < 0 or beta < 0:
        raise ValueError(f'`alpha` and `beta` must be non-negative, got {alpha} and {beta}.')
    if not log_zero < 0:
        raise ValueError(f'`log_zero`, the value for log 0, must be negative, got {log_zero}.')
    nll = label_nll(label_log_probs(scores, labels, ignore_index), labels, ignore_index)
    return alpha * nll + beta * log_zero * torch.expm1(-nll)


def bootstrapped_cross_entropy(
    scores: Tensor, labels: Tensor, beta: float = 0.95, hard: bool = False, ignore_index: int = 255
) -> Tensor:
    r"""Compute the cross-entropy with a mix of label and prediction (Reed et al., ICLR 2015 workshop, Eq. 6 and 7).

    .. math:: \ell = -\sum_k (\beta [k = y] + (1 - \beta) z_k) \log p_k

    with :math:`z = p` (soft bootstrapping), or :math:`z_k = [k = \arg\max_c p_c]` (hard), which has no gradient. Soft
    bootstrapping adds a penalty of the prediction's entropy to the cross-entropy; its gradient reaches both factors of
    :math:`p \log p`. ``beta=1`` is the cross-entropy.

    Args:
        scores: Logits, ``(N, K, ...)``.
        labels: Classes, ``(N, ...)``.
        beta: Weight of the label, in [0, 1]. The paper uses 0.95 (soft) and 0.8 (hard).
        hard: Use the argmax of the prediction.
        ignore_index: Label to ignore.

    Returns:
        Losses ``(N, ...)``.

    Raises:
        ValueError: If shapes do not agree, a label is not a class, or ``beta`` is out of range.
    """
    if not 0 <= beta <= 1:
        raise ValueError(f'`beta` must be in [0, 1], got {beta}.')
    log_probs = label_log_probs(scores, labels, ignore_index)
    # Not amax, because it splits its gradient among equal classes.
    own = -log_probs.max(1).values if hard else -(log_probs.exp() * log_probs).sum(1)
    return beta * label_nll(log_probs, labels, ignore_index) + (1 - beta) * own.masked_fill(labels == ignore_index, 0.0)


def smoothed_cross_entropy(scores: Tensor, labels: Tensor, smoothing: float = 0.0, ignore_index: int = 255) -> Tensor:
    r"""Compute the cross-entropy with smoothed labels.

    .. math:: \ell = -(1 - \epsilon) \log p_y - \frac{\epsilon}{K - 1} \sum_{k \ne y} \log p_k

    This is the form of AMN (Lee et al., CVPR 2022), with :math:`\epsilon = 0.4`; ``torch`` spreads its
    ``label_smoothing`` over all K classes. ``smoothing=0`` is the cross-entropy.

    Args:
        scores: Logits, ``(N, K, ...)``.
        labels: Classes, ``(N, ...)``.
        smoothing: Weight :math:`\epsilon` of the other classes, in [0, 1].
        ignore_index: Label to ignore.

    Returns:
        Losses ``(N, ...)``.

    Raises:
        ValueError: If shapes do not agree, a label is not a class, or ``smoothing`` is out of range.
    """
    if not 0 <= smoothing <= 1:
        raise ValueError(f'`smoothing` must be in [0, 1], got {smoothing}.')
    log_probs = label_log_probs(scores, labels, ignore_index)
    nll = label_nll(log_probs, labels, ignore_index)
    if smoothing == 0:
        return nll
    others = (-log_probs.sum(1)).masked_fill(labels == ignore_index, 0.0) - nll
    return (1 - smoothing) * nll + smoothing / max(scores.shape[1] - 1, 1) * others


def label_log_probs(scores: Tensor, labels: Tensor, ignore_index: int) -> Tensor:
    """Check labels against scores ``(N, K, ...)`` and return the log-softmax in at least float32.

    Raises:
        ValueError: If shapes do not agree, or a label is neither a class nor ``ignore_index``.
    """
    if scores.dim() < 2 or labels.shape != scores[:, 0].shape:
        raise ValueError(
            f'`labels` must be (N, ...) for `scores` (N, K, ...), got {tuple(labels.shape)} for {tuple(scores.shape)}.'
        )
    wrong = labels[(labels != ignore_index) & ((labels < 0) | (labels >= scores.shape[1]))]
    if len(wrong):
        raise ValueError(
            f'`labels` must be classes 0 to {scores.shape[1] - 1} or ignore_index={ignore_index}, got '
            f'{wrong.unique().tolist()}.'
        )
    return at_least_float32(scores).log_softmax(1)


def label_nll(log_probs: Tensor, labels: Tensor, ignore_index: int) -> Tensor:
    """Return the negative log-likelihood of the labels, ``(N, ...)``; 0 for ignored labels."""
    return F.nll_loss(log_probs, labels, ignore_index=ignore_index, reduction='none')
