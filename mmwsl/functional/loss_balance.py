"""Mean of the losses of pixels in which background and foreground count alike."""

import torch
from torch import Tensor


def foreground_balanced_mean(losses: Tensor, labels: Tensor, used: Tensor) -> Tensor:
    r"""Average over the background and over the foreground, and add half of each (ToCo, Ru et al., CVPR 2023).

    .. math:: \ell = \frac{1}{2 |B|} \sum_{i \in B} \ell_i + \frac{1}{2 |F|} \sum_{i \in F} \ell_i

    with the used pixels of the background :math:`B` (label 0) and of the foreground :math:`F`. An empty set contributes
    0, as in DuPL (Wu et al., CVPR 2024); ToCo divides by zero there. If both sets have the same size, this is the mean.

    Args:
        losses: Losses of the pixels, any shape.
        labels: Classes, in the same shape; 0 is the background.
        used: Whether a pixel is used, boolean, in the same shape. Ignored pixels are not.

    Returns:
        The scalar loss; 0 with a gradient path if no pixel is used.

    Raises:
        ValueError: If the shapes differ.
    """
    check_shapes(losses, used, labels)
    halves = []
    for part in (used & (labels == 0), used & (labels != 0)):
        halves.append(losses.masked_fill(~part, 0.0).sum() / part.sum().clamp(min=1))
    return torch.stack(halves).mean()


def check_shapes(losses: Tensor, used: Tensor, labels: Tensor | None = None) -> None:
    """Check that ``used``, and ``labels`` if given, have the shape of ``losses``.

    Raises:
        ValueError: If they have not, or ``used`` is not boolean.
    """
    for name, value in dict(used=used, labels=losses if labels is None else labels).items():
        if value.shape != losses.shape:
            raise ValueError(
                f'`{name}` must have the shape of `losses`, {tuple(losses.shape)}, got {tuple(value.shape)}.'
            )
    if used.dtype != torch.bool:
        raise ValueError(f'`used` must be boolean, got {used.dtype}.')
