"""Average precision loss of a batch (Yue et al., SIGIR 2007; used by WELDON, Durand et al., CVPR 2016)."""

from torch import Tensor

from .inputs import at_least_float32


def average_precision_loss(scores: Tensor, labels: Tensor) -> Tensor:
    r"""Compute the structural hinge loss of the AP, an upper bound of 1 - AP, for each class.

    With :math:`P` positives of scores :math:`s^+_1 \ge s^+_2 \ge \ldots` and :math:`M` negatives of scores
    :math:`s^-_1 \ge s^-_2 \ge \ldots`, a ranking :math:`y` has :math:`y_{pn} = 1` if positive :math:`p` ranks
    above negative :math:`n`, else -1. The loss is

    .. math:: \ell = \max_y \Big[ 1 - \mathrm{AP}(y) + \langle \Psi, y \rangle \Big] - \langle \Psi, y^* \rangle,
              \quad \langle \Psi, y \rangle = \frac{1}{P M} \sum_{p, n} y_{pn} (s^+_p - s^-_n)

    where :math:`y^*` ranks all positives first. The maximum over rankings is exact. Moving the j-th negative above the
    positives i to P gains

    .. math:: \delta_j(i) = \sum_{k=i}^{P} \bigg[ \frac{1}{P} \Big( \frac{j}{j + k} - \frac{j - 1}{j + k - 1} \Big)
              - \frac{2 (s^+_k - s^-_j)}{P M} \bigg]

    and the optimal positions of the negatives do not depend on each other (Yue et al., Sec. 4): :math:`\ell =
    \sum_j \max(0, \max_i \delta_j(i))`. All pairs are computed at once, :math:`O(K N^2)`.

    Args:
        scores: Scores of the images, ``(N, K)``.
        labels: 1 (positive), 0 (negative) or -1 (unknown, ignored), ``(N, K)``.

    Returns:
        Non-negative losses of the classes, ``(K,)``; 0 for a class without positives or without negatives.

    Raises:
        ValueError: If shapes differ.
    """
    if scores.dim() != 2 or labels.shape != scores.shape:
        raise ValueError(
            f'`scores` and `labels` must both be (N, K), got {tuple(scores.shape)} and {tuple(labels.shape)}.'
        )
    scores = at_least_float32(scores)
    order = scores.detach().argsort(0, descending=True)
    scores, labels = scores.gather(0, order).T, labels.gather(0, order).T  # (K, N), in descending order
    positive, negative = (labels == 1), (labels == 0)
    num_positives, num_negatives = (mask.sum(1)[:, None, None].clamp(min=1).to(scores) for mask in (positive, negative))
    # Rows are positives of rank k, columns are negatives of rank j. All other entries are 0.
    k = positive.cumsum(1)[:, :, None].to(scores)
    j = negative.cumsum(1)[:, None, :].to(scores)
    pairs = positive[:, :, None] & negative[:, None, :]
    lost = (j / (j + k).clamp(min=1) - (j - 1) / (j + k - 1).clamp(min=1)) / num_positives
    kept = 2 * (scores[:, :, None] - scores[:, None, :]) / (num_positives * num_negatives)
    gains = (lost - kept).masked_fill(~pairs, 0.0)
    gains = gains.flip(1).cumsum(1).flip(1)  # from positive i to the last
    return gains.amax(1).clamp(min=0).masked_fill(~negative, 0.0).sum(1)
