"""Majority vote and mean of the scores over superpixels."""

import torch
from torch import Tensor


def superpixel_majority(probs: Tensor, superpixels: Tensor) -> Tensor:
    r"""Assign to a superpixel the class of most of its pixels (Pinheiro & Collobert, CVPR 2015, SP-sppxl).

    .. math:: \hat y_{ij} = \operatorname{mode} \{ \arg\max_k p_{ab}(k) : ab \in S(ij) \}

    The lowest class wins a tie. A pixel in no superpixel is one of its own.

    Args:
        probs: Class scores, ``(K, H, W)``.
        superpixels: Id of each pixel's superpixel, integers ``(H, W)``; -1 in none.

    Returns:
        The votes, ``(K, H, W)``: the fraction of the superpixel's pixels whose argmax is class ``k``.

    Raises:
        ValueError: If the sizes differ, ids are below -1 or not integers, or a score is NaN.
    """
    members, sizes = _members(probs, superpixels)
    num_classes = len(probs)
    votes = (members * num_classes + probs.argmax(0).flatten()).bincount(minlength=len(sizes) * num_classes)
    fractions = votes.view(-1, num_classes).to(probs) / sizes[:, None]
    return fractions[members].T.reshape(probs.shape)


def superpixel_mean(probs: Tensor, superpixels: Tensor) -> Tensor:
    r"""Average the scores over each superpixel, :math:`\bar p_{ij}(k) = \frac{1}{|S|} \sum_{ab \in S} p_{ab}(k)`.

    This is a soft version of :func:`superpixel_majority`, with the same arguments and errors.

    Returns:
        Mean scores, ``(K, H, W)``.
    """
    members, sizes = _members(probs, superpixels)
    sums = probs.new_zeros(len(sizes), len(probs)).index_add_(0, members, probs.flatten(1).T)
    return (sums / sizes[:, None])[members].T.reshape(probs.shape)


def _members(probs: Tensor, superpixels: Tensor) -> tuple[Tensor, Tensor]:
    """Check the input; return the superpixel of each pixel ``(H*W,)`` and the sizes ``(S,)``, 1 for unused ids.

    A pixel in no superpixel gets a new one.
    """
    if probs.dim() != 3 or superpixels.shape != probs.shape[1:]:
        raise ValueError(
            f'`superpixels` must have the size of `probs` (K, H, W), got {tuple(superpixels.shape)} and '
            f'{tuple(probs.shape)}. Compute them at the original image size.'
        )
    lowest = superpixels.min()
    if superpixels.is_floating_point() or lowest < -1:
        raise ValueError(
            f'`superpixels` must be integer ids, -1 in no superpixel, got {superpixels.dtype} from {lowest.item()}.'
        )
    if probs.isnan().any():
        raise ValueError('`probs` must not be NaN, got NaN. Check the network and the post-processors before.')
    members = superpixels.flatten().to(probs.device, torch.int64)
    if lowest < 0:
        outside = members < 0
        members = torch.where(outside, members.max() + outside.cumsum(0), members)
    return members, members.bincount().clamp(min=1).to(probs)
