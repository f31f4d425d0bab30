"""Head whose classes also have tokens (MCTformer)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from mmseg.utils import ConfigType, SampleList
from torch import Tensor

from ...functional import (
    at_least_float32,
    class_attention,
    class_token_contrast,
    fuse_class_attention,
    patch_attention,
    refine_by_attention,
)
from ...registry import MODELS
from ..backgrounds import LearnedBackground
from ..losses import ScoreMapLoss
from .lse_aggregation_head import LSEAggregationHead
from .supervision import collect_supervision


@MODELS.register_module()
class MCTformerHead(LSEAggregationHead):
    r"""Head with two classifiers, of the patches and of the class tokens (MCTformer, Xu et al., CVPR 2022; TPAMI 2024).

    The logit of a class token is the mean of its features in the last block. Patch logits are those of a convolution,
    which an aggregator pools. With the image-level loss :math:`L_{cls}` and
    :func:`mmwsl.functional.class_token_contrast`, the loss is

    .. math:: L = L_{cls}(\text{patches}) + L_{cls}(\text{tokens}) + \lambda L_{CCT}

    A prediction multiplies the patch maps and the attention of the class tokens in the last blocks, see
    :func:`mmwsl.functional.fuse_class_attention`, and refines the product by the attention between the patches of all
    blocks, :func:`mmwsl.functional.refine_by_attention`. Image-level scores are those of the patches.

    Args:
        contrast_weight: Weight :math:`\lambda`, non-negative; 1 in MCTformer+, 0 in MCTformer.
        attention_layers: Number of blocks, from the last one, whose attention of the class tokens is averaged; 3 in
            MCTformer's script.
        root: Whether the product has a square root, as in MCTformer+.
        refine: Whether to refine by the attention between patches.
        **kwargs: Passed to :class:`LSEAggregationHead`. The backbone is a
            :class:`mmwsl.models.ClassTokenTransformer` with a token for each foreground class.

    Raises:
        ValueError: If an argument is out of range, the classes have a softmax, or a loss is of score maps.
    """

    def __init__(
        self,
        *args: Any,
        contrast_weight: float = 1.0,
        attention_layers: int = 3,
        root: bool = True,
        refine: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, in_index=0, **kwargs)
        name = type(self).__name__
        if not contrast_weight >= 0:
            raise ValueError(f'{name}: `contrast_weight` must be non-negative, got {contrast_weight}.')
        if attention_layers < 1:
            raise ValueError(f'{name}: `attention_layers` must be at least 1, got {attention_layers}.')
        wrong = [type(loss).__name__ for loss in self.losses if isinstance(loss, ScoreMapLoss)]
        if isinstance(self.background, LearnedBackground) or wrong:
            found = ', '.join([type(self.background).__name__, *wrong])
            raise ValueError(
                f"{name}: `background` must be dict(type='mmwsl.ConstantBackground') and `loss_decode` of image-level "
                f'scores, as the background has no token, got {found}.'
            )
        self.contrast_weight, self.attention_layers = contrast_weight, attention_layers
        self.root, self.refine = root, refine

    def loss(
        self, inputs: Sequence[Tensor], batch_data_samples: SampleList, train_cfg: ConfigType
    ) -> dict[str, Tensor]:
        """Compute the losses of both classifiers, and of the contrast of the class tokens."""
        seg_logits = self.forward(inputs)
        losses = self.loss_by_feat(seg_logits, batch_data_samples)
        tokens = self._class_tokens(inputs)
        with torch.autocast(seg_logits.device.type, enabled=False):
            losses |= self.token_losses(tokens, batch_data_samples)
            if self.contrast_weight:
                labels = torch.stack([sample.gt_label.score for sample in batch_data_samples])[:, 1:]
                contrast = class_token_contrast(tokens, labels.to(tokens.device))
                losses['loss_contrast'] = self.contrast_weight * contrast
        return losses

    def token_losses(self, tokens: Tensor, batch_data_samples: SampleList) -> dict[str, Tensor]:
        """Compute the loss of the logits of the class tokens ``(N, L, C, D)``."""
        return self.image_losses(at_least_float32(tokens)[:, -1].mean(-1), batch_data_samples, 'tokens')

    def image_losses(self, logits: Tensor, batch_data_samples: SampleList, name: str) -> dict[str, Tensor]:
        """Compute the loss of foreground logits ``(N, C)`` of whole images, whose entries get a name."""
        scores = torch.cat([torch.zeros_like(logits[:, :1]), logits], 1)  # with a channel of the background
        valid = torch.ones_like(scores[:, :1, None], dtype=torch.bool)
        supervision = collect_supervision(batch_data_samples, self.num_classes, valid, use_masks=False)
        labels = self.background.complete_labels(supervision.image_labels, per_location=False)
        supervision = replace(supervision, image_labels=labels)
        values: dict[str, Tensor] = {}
        for loss in self.losses:
            key = f'{loss.loss_name}_{name}'
            values[key] = values.get(key, 0) + loss(scores, supervision)
        return values

    def localize(self, inputs: Sequence[Tensor], seg_logits: Tensor, images: Tensor, valid: Tensor) -> Tensor:
        """Return the fused and refined maps; see :meth:`LSEAggregationHead.localize`."""
        attention, size = self._attention(inputs), (seg_logits.shape[2], seg_logits.shape[3])
        last = class_attention(attention[:, -self.attention_layers :], self.num_classes - 1, size).mean(1)
        maps = fuse_class_attention(seg_logits[:, 1:], last, self.root)
        if self.refine:
            affinity = patch_attention(attention, self.num_classes - 1, size).float().mean(1)
            maps = refine_by_attention(maps, affinity, valid)
        return torch.cat([seg_logits[:, :1].to(maps.dtype), maps], 1)

    def _class_tokens(self, inputs: Sequence[Tensor]) -> Tensor:
        """Return the class tokens of all blocks, ``(N, L, C, D)``."""
        self._check(inputs)
        return inputs[1][:, :, : self.num_classes - 1]

    def _attention(self, inputs: Sequence[Tensor]) -> Tensor:
        """Return the attention of all blocks, the mean over heads, ``(N, L, T, T)``."""
        self._check(inputs)
        return inputs[2].mean(2) if inputs[2].dim() == 5 else inputs[2]

    def _check(self, inputs: Sequence[Tensor]) -> None:
        count = inputs[1].shape[2] - inputs[0].shape[2] * inputs[0].shape[3] if len(inputs) == 3 else -1
        if count != self.num_classes - 1:
            found = f'{count} class tokens' if count >= 0 else 'no tokens'
            raise ValueError(
                f"{type(self).__name__}: the backbone must be type='mmwsl.ClassTokenTransformer' with `num_tokens` "
                f'{self.num_classes - 1}, the foreground classes, got {found}.'
            )
