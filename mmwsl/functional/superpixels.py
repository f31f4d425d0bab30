"""Votes of superpixels: every pixel of a superpixel gets the same class."""

import torch
from torch import Tensor


def superpixel_majority(probs: Tensor, superpixels: Tensor) -> Tensor:
    r"""Give a superpixel the class that most of its pixels have (Pinheiro & Collobert, CVPR 2015, SP-sppxl).

    .. math:: \hat y_{ij} = \operatorname{mode} \{ \arg\max_k p_{ab}(k) : ab \in S(ij) \}

    Of classes with as many pixels, the lowest wins.

    Args:
        probs: Scores of the classes, ``(K, H, W)``.
        superpixels: Id of each pixel's superpixel, not negative, ``(H, W)``.

    Returns:
        The votes, ``(K, H, W)``: the share of the superpixel's pixels that have class ``k``.

    Raises:
        ValueError: If the sizes differ, ids are negative or not integers, or a score is NaN.
    """
    members, sizes = _members(probs, superpixels)
    classes = len(probs)
    votes = (members * classes + probs.argmax(0).flatten()).bincount(minlength=len(sizes) * classes)
    shares = votes.view(-1, classes).to(probs) / sizes[:, None]
    return shares[members].T.reshape(probs.shape)


def superpixel_mean(probs: Tensor, superpixels: Tensor) -> Tensor:
    r"""Average the scores over each superpixel, :math:`\bar p_{ij}(k) = \frac{1}{|S|} \sum_{ab \in S} p_{ab}(k)`.

    A soft version of :func:`superpixel_majority`; arguments and errors as there.

    Returns:
        Averages, ``(K, H, W)``.
    """
    members, sizes = _members(probs, superpixels)
    sums = probs.new_zeros(len(sizes), len(probs)).index_add_(0, members, probs.flatten(1).T)
    return (sums / sizes[:, None])[members].T.reshape(probs.shape)


def _members(probs: Tensor, superpixels: Tensor) -> tuple[Tensor, Tensor]:
    """Check the input; return the superpixel of each pixel ``(H*W,)`` and the sizes ``(S,)``, 1 for unused ids."""
    if probs.dim() != 3 or superpixels.shape != probs.shape[1:]:
        raise ValueError(
            f'`superpixels` must have the size of `probs` (K, H, W), got {tuple(superpixels.shape)} and '
            f'{tuple(probs.shape)}: compute them at the size of the image, before it is resized'
        )
    if superpixels.is_floating_point() or superpixels.min() < 0:
        raise ValueError(
            f'`superpixels` must be ids, integers from 0, got {superpixels.dtype} from {superpixels.min().item()}'
        )
    if probs.isnan().any():
        raise ValueError('`probs` has NaN: the network diverged, or a step before divided by zero')
    members = superpixels.flatten().to(probs.device, torch.int64)
    return members, members.bincount().clamp(min=1).to(probs)
