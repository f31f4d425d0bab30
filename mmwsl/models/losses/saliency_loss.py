"""Saliency maps as soft labels of score maps."""

import torch
from torch import Tensor

from ...functional import saliency_targets, soft_label_cross_entropy
from ...registry import MODELS
from .score_map_loss import ScoreMapLoss
from .supervision import WeakSupervision


@MODELS.register_module()
class SaliencyCrossEntropyLoss(ScoreMapLoss):
    r"""Multi-label cross-entropy with a saliency map as soft label (STC, Wei et al., TPAMI 2017, stage 1).

    .. math:: \ell = -\frac{1}{|V|} \sum_{ij \in V} s_{ij} \log p_{ij}(c) + (1 - s_{ij}) \log p_{ij}(0)

    for an image of class c; see :func:`mmwsl.functional.saliency_targets` for other images. No location is ignored.
    An image with a mask has the cross-entropy of its mask: the later stages of STC use the same loss.

    The training pipeline must add ``saliency`` to each image without a mask, for example by the
    transform ``mmwsl.ComputeSaliency`` within ``mmwsl.TransformWithMaps``.

    Raises:
        ValueError: In training, if an image has neither a mask nor a saliency map.
    """

    def weak_loss(self, seg_logits: Tensor, supervision: WeakSupervision) -> Tensor:
        """Compute the losses ``(N,)``."""
        maps = [saliency for saliency in supervision.saliency or () if saliency is not None]
        if len(maps) != len(seg_logits):
            raise ValueError(
                f'SaliencyCrossEntropyLoss: each image must have a mask or a saliency map, got {len(maps)} maps for '
                f'{len(seg_logits)} images without a mask. Add mmwsl.ComputeSaliency to the training pipeline.'
            )
        targets = saliency_targets(torch.stack(maps), supervision.image_labels)
        return soft_label_cross_entropy(seg_logits, targets, supervision.image_labels, supervision.valid)
