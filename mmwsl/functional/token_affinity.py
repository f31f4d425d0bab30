"""Loss of the affinities between the tokens of a transformer."""

import torch
from torch import Tensor

from .inputs import at_least_float32


def token_affinity_loss(affinity: Tensor, labels: Tensor, radius: int = 8, ignore_index: int = 255) -> Tensor:
    r"""Compute the loss of affinities between tokens against the equality of their labels (AFA, Ru et al., CVPR 2022).

    .. math:: L = \frac{1}{2} \frac{\sum_{P^+} (1 - a)}{|P^+| + 1} + \frac{1}{2} \frac{\sum_{P^-} a}{|P^-| + 1}

    over the pairs, a token with itself included, of tokens that are at most ``radius`` rows and columns apart; the loss
    is linear, unlike :func:`mmwsl.functional.affinity_losses`. The sums are over all images.

    Args:
        affinity: Affinities a in [0, 1], ``(N, L, L)`` for ``L = h * w`` tokens, row by row. Half precision is computed
            in float32.
        labels: Classes, ``(N, h, w)``.
        radius: Largest distance in rows and in columns, non-negative.
        ignore_index: Label of tokens without pairs.

    Returns:
        The loss, a scalar in [0, 1].

    Raises:
        ValueError: If shapes do not agree, or ``radius`` is negative.
    """
    count = labels.shape[1] * labels.shape[2] if labels.dim() == 3 else -1
    if affinity.shape != (len(labels), count, count):
        raise ValueError(
            f'`affinity` (N, h * w, h * w) and `labels` (N, h, w) must agree, got {tuple(affinity.shape)} and '
            f'{tuple(labels.shape)}.'
        )
    if radius < 0:
        raise ValueError(f'`radius` must be non-negative, got {radius}.')
    rows, columns = torch.meshgrid(
        *(torch.arange(side, device=labels.device) for side in labels.shape[1:]), indexing='ij'
    )
    near = torch.ones(count, count, dtype=torch.bool, device=labels.device)
    for place in (rows.flatten(), columns.flatten()):
        near &= (place[:, None] - place).abs() <= radius
    flat = labels.flatten(1)
    known = flat != ignore_index
    used = near & known[:, :, None] & known[:, None]
    equal = flat[:, :, None] == flat[:, None]
    affinity = at_least_float32(affinity)
    halves = []
    for pairs, errors in ((used & equal, 1 - affinity), (used & ~equal, affinity)):
        halves.append(errors.masked_fill(~pairs, 0.0).sum() / (pairs.sum() + 1))
    return torch.stack(halves).mean()
