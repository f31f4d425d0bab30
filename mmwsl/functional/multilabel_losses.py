"""Losses of independent classes that care for hard or rare labels, and weights that balance classes."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F


def sigmoid_focal_loss(logits: Tensor, labels: Tensor, gamma: float = 2.0, alpha: float | None = None) -> Tensor:
    r"""Focal loss of independent classes (Lin et al., ICCV 2017, Eq. 5).

    .. math:: \ell = -\alpha_t (1 - p_t)^\gamma \log p_t, \quad p_t = \sigma(s)\ \text{if present, else}\ 1 - \sigma(s)

    with :math:`\alpha_t = \alpha` if present, else :math:`1 - \alpha`. Labels that are already right matter less.
    ``gamma=0`` is the logistic loss.

    Args:
        logits: Scores, any shape.
        labels: 1 (present) or 0 (absent), the shape of ``logits``.
        gamma: Focus, not negative.
        alpha: Weight of the labels present, in [0, 1]; both kinds weigh 1 if None. The paper uses 0.25.

    Returns:
        Losses of the shape of ``logits``, not negative.

    Raises:
        ValueError: If ``gamma`` is negative or ``alpha`` not in [0, 1].
    """
    if not 0 <= gamma < float('inf'):
        raise ValueError(f'`gamma` must be a finite number, not negative, got {gamma}')
    if alpha is not None and not 0 <= alpha <= 1:
        raise ValueError(f'`alpha` is the weight of the labels present, in [0, 1] or None, got {alpha}')
    losses = asymmetric_loss(logits, labels, gamma, gamma, 0.0)
    if alpha is None:
        return losses
    present = (labels == 1).to(losses)
    return losses * (alpha * present + (1 - alpha) * (1 - present))


def asymmetric_loss(
    logits: Tensor, labels: Tensor, gamma_pos: float = 0.0, gamma_neg: float = 4.0, clip: float = 0.05
) -> Tensor:
    r"""Asymmetric loss of independent classes (Ridnik et al., ICCV 2021, Eq. 7).

    .. math:: \ell = \begin{cases} -(1 - p)^{\gamma_+} \log p & \text{present} \\
              -p_m^{\gamma_-} \log (1 - p_m) & \text{absent} \end{cases}
              \quad p = \sigma(s), \quad p_m = \max(p - m, 0)

    Most labels of an image are absent and easy: the larger :math:`\gamma_-` lets them fade, and those below the
    clip :math:`m` count nothing.

    Args:
        logits: Scores, any shape.
        labels: 1 (present) or 0 (absent), the shape of ``logits``.
        gamma_pos: Focus on the labels present, not negative.
        gamma_neg: Focus on the labels absent, not negative.
        clip: Probability up to which an absent label counts nothing, in [0, 1).

    Returns:
        Losses of the shape of ``logits``, not negative.

    Raises:
        ValueError: If a parameter is out of its range.
    """
    for name, value in dict(gamma_pos=gamma_pos, gamma_neg=gamma_neg).items():
        if not 0 <= value < float('inf'):
            raise ValueError(f'`{name}` must be a finite number, not negative, got {value}')
    if not 0 <= clip < 1:
        raise ValueError(f'`clip` must be in [0, 1), got {clip}')
    logits = logits.float() if logits.dtype in (torch.float16, torch.bfloat16) else logits
    log_present, log_absent = F.logsigmoid(logits), F.logsigmoid(-logits)
    present = -(gamma_pos * log_absent).exp() * log_present  # exp of a log: a power of 0 may have no gradient
    if clip:
        # Never quite 0, likewise, nor 1.
        tiny = torch.finfo(logits.dtype).eps
        shifted = (logits.sigmoid() - clip).clamp(tiny, 1 - tiny)
        absent = -(shifted**gamma_neg) * torch.log1p(-shifted)
        absent = absent.where(logits.sigmoid() > clip, 0.0)
    else:
        absent = -(gamma_neg * log_present).exp() * log_absent
    return torch.where(labels == 1, present, absent)


def class_balanced_weights(counts: Sequence[int] | Tensor, beta: float = 0.999) -> Tensor:
    r"""Weights by the effective number of examples (Cui et al., CVPR 2019, Eq. 2).

    .. math:: w_k \propto \frac{1 - \beta}{1 - \beta^{n_k}}

    scaled so that the weights of the classes with examples average 1. ``beta=0`` weighs all alike, ``beta -> 1`` by
    the inverse count.

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
        raise ValueError(f'`beta` must be in [0, 1), got {beta}')
    if counts.dim() != 1 or not (counts >= 0).all() or not counts.any():
        raise ValueError(f'`counts` must be one number of examples for each class, not all 0, got {counts.tolist()}')
    weights = ((1 - beta) / (1 - beta**counts)).masked_fill(counts == 0, 0.0)
    return (weights * (counts > 0).sum() / weights.sum()).float()
