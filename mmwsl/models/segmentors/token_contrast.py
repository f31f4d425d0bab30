"""Single-stage training of a vision transformer, with the contrasts of ToCo."""

from collections.abc import Sequence
from typing import Any, cast

import torch
from mmseg.utils import SampleList, add_prefix
from torch import Tensor
from torch.nn import functional as F

from ...functional import at_least_float32, uncertain_crops
from ...registry import MODELS
from ..backbones import TransformerBackbone
from ..decode_heads import LSEAggregationHead
from ..losses import CropTokenContrastLoss
from ..online_labelers import OnlineLabeler
from .mean_teacher import MeanTeacherSegmentor, at_locations


@MODELS.register_module()
class TokenContrastSegmentor(MeanTeacherSegmentor):
    r"""Mean teacher on a vision transformer with the second classifier of ToCo (Ru et al., CVPR 2023).

    Unlike its parent, it has a classifier of the tokens of an earlier block, which are less alike than the last ones.
    Its class maps label the tokens, by the thresholds of the labeler and without refinement. These labels are those of
    the contrast of the last patch tokens, and of the contrast of the class tokens of crops; both have no warm-up.

    .. math:: L = L_\mathrm{classification} + L_\mathrm{classification, tokens} + \mu L_\mathrm{patches}
              + \nu L_\mathrm{crops} + \lambda L_\mathrm{segmentation}

    Args:
        token_head: Config of the second classifier, a :class:`mmwsl.models.LSEAggregationHead` whose ``in_index`` is
            that of an earlier block of the backbone.
        crop_contrast: Config of a :class:`mmwsl.models.CropTokenContrastLoss`; None has no such loss.
        **kwargs: Passed to :class:`MeanTeacherSegmentor`. The backbone is a :class:`mmwsl.models.TransformerBackbone`
            with a class token, which is trained.

    Raises:
        ValueError: If a part is another one, the backbone is frozen or has no class token for ``crop_contrast``, or
            the heads have different numbers of classes.
    """

    def __init__(self, *, token_head: dict, crop_contrast: dict | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.token_head = MODELS.build(token_head)
        self.crop_contrast = None if crop_contrast is None else MODELS.build(crop_contrast)
        for name, part, kind in (
            ('backbone', self.backbone, TransformerBackbone),
            ('token_head', self.token_head, LSEAggregationHead),
            ('crop_contrast', self.crop_contrast, CropTokenContrastLoss),
        ):
            if part is not None and not isinstance(part, kind):
                raise ValueError(
                    f'TokenContrastSegmentor: `{name}` must be a {kind.__name__}, got {type(part).__name__}.'
                )
        if self.token_head.num_classes != self.num_classes:
            raise ValueError(
                '`token_head.num_classes` must equal `decode_head.num_classes`, got '
                f'{self.token_head.num_classes} and {self.num_classes}.'
            )
        backbone = cast(TransformerBackbone, self.backbone)
        if backbone.frozen:
            raise ValueError('`backbone.frozen` must be False for TokenContrastSegmentor, got True.')
        if self.crop_contrast is not None:
            with torch.no_grad():
                self._class_tokens(torch.zeros(1, 3, backbone.patch_size, backbone.patch_size))
        low, high = self.labeler.constants[:, 0].tolist()
        scale, tuned_on = 1 / backbone.patch_size, self.labeler.tuned_on
        self.token_labeler = OnlineLabeler(self.num_classes, low, high, scale, 0, self.ignored, tuned_on)

    def contrast_losses(
        self, features: Sequence[Tensor], labels: Tensor, inputs: Tensor, data_samples: SampleList
    ) -> dict[str, Tensor]:
        """Compute the losses of the second classifier and by its labels; those of the teacher are not used."""
        losses = add_prefix(self.token_head.loss(features, data_samples, self.train_cfg), 'tokens')
        own = self.label_tokens(features, inputs, data_samples)
        losses |= super().contrast_losses(features, own, inputs, data_samples)
        if self.crop_contrast is not None:
            losses[self.crop_contrast.loss_name] = self._crop_loss(own, inputs, data_samples)
        return losses

    @torch.no_grad()
    def label_tokens(self, features: Sequence[Tensor], inputs: Tensor, data_samples: SampleList) -> Tensor:
        """Label the patches of a batch by the class maps of the second classifier, ``(N, h, w)``."""
        scores = self.token_head(features)
        maps = at_least_float32(scores[:, 1:]).relu()
        return at_locations(self.label_maps(self.token_labeler, maps, inputs, data_samples), scores)

    def _crop_loss(self, labels: Tensor, inputs: Tensor, data_samples: SampleList) -> Tensor:
        """Contrast the class tokens of an image, its mirror image and crops, by the labels of its patches."""
        loss, patch, size = cast(Any, self.crop_contrast), self.backbone.patch_size, (inputs.shape[2], inputs.shape[3])
        metas = [sample.metainfo for sample in data_samples]
        valid = self.token_head.valid_locations(labels[:, None], metas, size)
        side = min(max(round(loss.crop_size / patch), 1), *labels.shape[1:])
        corners, positive = uncertain_crops(labels, valid, loss.crops, side, loss.threshold, self.ignored)
        images = F.pad(inputs, (0, -size[1] % patch, 0, -size[0] % patch))
        crops = [
            image[:, y : y + patch * side, x : x + patch * side]
            for image, places in zip(images, (patch * corners).tolist(), strict=True)
            for y, x in places
        ]
        views = self._class_tokens(torch.cat([inputs, inputs.flip(3)])).unflatten(0, (2, len(inputs))).transpose(0, 1)
        local = self._class_tokens(torch.stack(crops)).unflatten(0, (len(inputs), loss.crops))
        shown = torch.stack([(sample.gt_label.score[1:] == 1).any() for sample in data_samples])
        result: Tensor = loss(views, local, shown, positive)
        return result

    def _class_tokens(self, images: Tensor) -> Tensor:
        """Return the class tokens of images, ``(N, D)``."""
        prefix = self.backbone.encode(images).prefix
        if not prefix.shape[1]:
            raise ValueError('`model.crop_contrast` must be None for a backbone without class token, got a loss.')
        return prefix[:, 0]
