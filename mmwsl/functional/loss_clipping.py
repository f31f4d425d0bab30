"""Upper limit of the losses of pixels, so that improbable labels have no gradient."""

import torch
from torch import Tensor
from torch.nn import functional as F

from .loss_balance import check_shapes


def clip_losses(losses: Tensor, used: Tensor, block: int = 120, start: float = 1.2) -> Tensor:
    r"""Limit the losses of pixels by the mean loss of their block of the image (WeakTr, Zhu et al.).

    .. math:: \ell'_i = \min(\ell_i, \max(m_{b(i)}, m))

    with the mean :math:`m` of the used pixels, and their mean :math:`m_b` in a block :math:`b` of the images of the
    batch. A pixel above its limit has no gradient. While :math:`m` exceeds ``start``, as in the first iterations, no
    loss is limited. The constants are WeakTr's.

    Unlike the code of WeakTr, ignored pixels do not lower the means, and the last block of a side may be smaller.

    Args:
        losses: Non-negative losses, ``(N, H, W)``.
        used: Whether a pixel is used, boolean ``(N, H, W)``. Ignored pixels are not.
        block: Side of a block in pixels.
        start: Mean loss up to which losses are limited.

    Returns:
        Losses ``(N, H, W)``.

    Raises:
        ValueError: If the shapes differ, or an argument is out of range.
    """
    if losses.dim() != 3:
        raise ValueError(f'`losses` must be (N, H, W), got {tuple(losses.shape)}.')
    if not isinstance(block, int) or block < 1 or not start > 0:
        raise ValueError(f'`block` must be an integer of at least 1 and `start` positive, got {block} and {start}.')
    check_shapes(losses, used)
    values = losses.detach() * used
    mean = values.sum() / used.sum().clamp(min=1)
    height, width = losses.shape[1:]
    pad = (0, -width % block, 0, -height % block)

    def block_sums(maps: Tensor) -> Tensor:
        padded = F.pad(maps.sum(0), pad)
        return padded.unflatten(1, (-1, block)).unflatten(0, (-1, block)).sum((1, 3))

    means = block_sums(values) / block_sums(used.to(values)).clamp(min=1)
    limits = torch.maximum(means, mean).repeat_interleave(block, 0).repeat_interleave(block, 1)[:height, :width]
    # Not torch.minimum, which splits the gradient where a loss equals its limit.
    return torch.where((losses > limits) & (mean <= start), limits.expand_as(losses), losses)
