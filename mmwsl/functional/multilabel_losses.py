"""Losses of independent classes with focus on hard or rare labels, and class-balancing weights."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from .inputs import at_least_float32


def sigmoid_focal_loss(logits: Tensor, labels: Tensor, gamma: float = 2.0, alpha: float | None = None) -> Tensor:
    r"""Compute the focal loss of independent classes (Lin et al., ICCV 2017, Eq. 5).

    .. math:: \ell = -\alpha_t (1 - p_t)^\gamma \log p_t, \quad p_t = \sigma(s)\ \text{if present, else}\ 1 - \sigma(s)

    with :math:`\alpha_t = \alpha` if present, else :math:`1 - \alpha`. Correctly predicted labels get a smaller weight.
    ``gamma=0`` is the logistic loss.

    Args:
        logits: Logits, any shape.
        labels: 1 (present) or 0 (absent), the shape of ``logits``.
        gamma: Focus, non-negative.
        alpha: Weight of the present labels, in [0, 1]; all labels have weight 1 if None. The paper uses 0.25.

    Returns:
        Non-negative losses of the shape of ``logits``.

    Raises:
        ValueError: If ``gamma`` is negative or ``alpha`` is not in [0, 1].
    """
    if not 0 <= gamma < float('inf'):
        raise ValueError(f'`gamma` must be a non-negative finite number, got {gamma}.')
    if alpha is not None and not 0 <= alpha <= 1:
        raise ValueError(f'`alpha` must be in [0, 1] or None, got {alpha}.')
    losses = asymmetric_loss(logits, labels, gamma, gamma, 0.0)
    if alpha is None:
        return losses
    present = (labels == 1).to(losses)
    return losses * (alpha * present + (1 - alpha) * (1 - present))


def asymmetric_loss(
    logits: Tensor, labels: Tensor, gamma_pos: float = 0.0, gamma_neg: float = 4.0, clip: float = 0.05
) -> Tensor:
    r"""Compute the asymmetric loss of independent classes (Ridnik et al., ICCV 2021, Eq. 7).

    .. math:: \ell = \begin{cases} -(1 - p)^{\gamma_+} \log p & \text{present} \\
              -p_m^{\gamma_-} \log (1 - p_m) & \text{absent} \end{cases}
              \quad p = \sigma(s), \quad p_m = \max(p - m, 0)

    Most labels of an image are absent and easy. The larger :math:`\gamma_-` reduces their weight, and the loss of those
    with a probability below the clip :math:`m` is 0.

    Args:
        logits: Logits, any shape.
        labels: 1 (present) or 0 (absent), the shape of ``logits``.
        gamma_pos: Focus on the present labels, non-negative.
        gamma_neg: Focus on the absent labels, non-negative.
        clip: Probability up to which the loss of an absent label is 0, in [0, 1).

    Returns:
        Non-negative losses of the shape of ``logits``.

    Raises:
        ValueError: If a parameter is out of its range.
    """
    for name, value in dict(gamma_pos=gamma_pos, gamma_neg=gamma_neg).items():
        if not 0 <= value < float('inf'):
            raise ValueError(f'`{name}` must be a non-negative finite number, got {value}.')
    if not 0 <= clip < 1:
        raise ValueError(f'`clip` must be in [0, 1), got {clip}.')
    logits = at_least_float32(logits)
    log_present, log_absent = F.logsigmoid(logits), F.logsigmoid(-logits)
    present = -(gamma_pos * log_absent).exp() * log_present  # a power of 0 may have no gradient, exp of a log has one
    if clip:
        # Never exactly 0 or 1, for the same reason.
        tiny = torch.finfo(logits.dtype).eps
        shifted = (logits.sigmoid() - clip).clamp(tiny, 1 - tiny)
        absent = -(shifted**gamma_neg) * torch.log1p(-shifted)
        absent = absent.where(logits.sigmoid() > clip, 0.0)
    else:
        absent = -(gamma_neg * log_present).exp() * log_absent
    return torch.where(labels == 1, present, absent)


def class_balanced_weights(counts: Sequence[int] | Tensor, beta: float = 0.999) -> Tensor:
    r"""Compute weights from the effective number of examples (Cui et al., CVPR 2019, Eq. 2).

    .. math:: w_k \propto \frac{1 - \beta}{1 - \beta^{n_k}}

    scaled so that the mean weight of the classes with examples is 1. With ``beta=0`` all weights are equal, with
    ``beta -> 1`` they are proportional to the inverse counts.

    Args:
        counts: Number of examples :math:`n_k` of each class, ``(K,)``, not all 0. A class of 0 gets weight 0.
        beta: :math:`\beta`, in [0, 1); the paper tries 0.9 to 0.9999.

    Returns:
        Weights ``(K,)``, float32.

    Raises:
        ValueError: If ``beta`` is out of range, or the counts are negative or all 0.
    """
    counts = torch.as_tensor(counts, dtype=torch.float64)
    if not 0 <= beta < 1:
        raise ValueError(f'`beta` must be in [0, 1), got {beta}.')
    if counts.dim() != 1 or not (counts >= 0).all() or not counts.any():
        raise ValueError(f'`counts` must be non-negative, one for each class and not all 0, got {counts.tolist()}.')
    weights = ((1 - beta) / (1 - beta**counts)).masked_fill(counts == 0, 0.0)
    return (weights * (counts > 0).sum() / weights.sum()).float()
