"""Second, softmax classifier of the features under class activation maps (ReCAM)."""

import torch
from torch import Tensor
from torch.nn import functional as F

EPS = 1e-5


def class_features(class_maps: Tensor, features: Tensor, valid: Tensor) -> Tensor:
    r"""Average features under the map of each class (ReCAM, Chen et al., CVPR 2022, Eq. 2).

    .. math:: f_c = \frac{1}{n} \sum_i \frac{\max(0, M_{c,i})}{\max_j M_{c,j} + 10^{-5}} \, F_i

    over the n valid locations i. The gradient also reaches the maximum.

    Args:
        class_maps: Scores of C classes, ``(N, C, H, W)``.
        features: Feature maps, ``(N, D, H, W)``.
        valid: Locations inside the images, boolean ``(N, H, W)``.

    Returns:
        Features of the classes, ``(N, C, D)``; 0 for a class without a positive score.
    """
    inside = valid[:, None]
    maps = class_maps.masked_fill(~inside, 0).relu()
    maps = maps / (maps.amax((2, 3), keepdim=True) + EPS)
    # Features of padding may be infinite: 0 times infinity is no number.
    total = torch.einsum('nchw,ndhw->ncd', maps, features.masked_fill(~inside, 0))
    return total / valid.flatten(1).sum(1).clamp(min=1)[:, None, None]


def reactivation_loss(logits: Tensor, image_labels: Tensor) -> Tensor:
    r"""Softmax cross-entropy of each present class: the features under its map must tell it from all others.

    .. math:: -\frac1N \sum_n \frac{1}{|P_n|} \sum_{c \in P_n} \log \mathrm{softmax}(z_{n,c})_c

    with the present classes :math:`P_n` of image n. An image without any counts in N, as in the authors' code.

    Args:
        logits: Logits z of the features of each class, ``(N, C, C)``: the second axis is the class whose map was used.
        image_labels: 1 (present), 0 (absent) or -1 (unknown), ``(N, C)``.

    Returns:
        Scalar.
    """
    present = (image_labels == 1).to(logits)
    log_probs = F.log_softmax(logits, 2).diagonal(dim1=1, dim2=2)
    return -((log_probs * present).sum(1) / present.sum(1).clamp(min=1)).mean()
