"""Segmentor that is trained at once with the classifier that labels its pixels."""

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.model import ExponentialMovingAverage
from mmengine.structures import PixelData
from mmseg.models.utils import resize
from mmseg.structures import SegDataSample
from mmseg.utils import SampleList
from torch import Tensor, nn
from torch.nn import functional as F

from ...functional import at_least_float32
from ...registry import MODELS
from ...utils.text import check_integer
from ..decode_heads import LSEAggregationHead
from ..online_labelers import OnlineLabeler
from .weak_encoder_decoder import WeakEncoderDecoder


@MODELS.register_module()
class MeanTeacherSegmentor(WeakEncoderDecoder):
    r"""Single-stage training from image-level labels: one backbone, a classifier and a segmentation head.

    The classifier, ``auxiliary_head``, is trained on the image-level labels. The teacher turns its class maps into
    labels of the pixels, on which the segmentation head, ``decode_head``, is trained. It is an exponential moving
    average of backbone and classifier from the end of the warm-up on, in evaluation mode. Buffers, such as the
    statistics of batch normalization, are copied, not averaged. No gradient passes through the labels. Until the end of
    the warm-up every pixel is ignored.

    .. math:: L = L_\mathrm{classification} + \lambda L_\mathrm{segmentation} + \mu L_\mathrm{contrast}

    This is the structure of ToCo (Ru et al., CVPR 2023) and DuPL (Wu et al., CVPR 2024), with the teacher of CoSA (Yang
    et al., ECCV 2024), for any backbone. It has neither the two students of DuPL, nor CoSA's labels from the
    segmentation to the class maps; :class:`TokenContrastSegmentor` has other parts of ToCo.

    Masks are those of ``decode_head``; the image-level scores are those of the classifier.

    Args:
        auxiliary_head: Config of the classifier, a :class:`mmwsl.models.LSEAggregationHead` with any aggregator.
        warmup_iters: Iterations of the classifier alone; it is 2000 of 20000 in ToCo. A resumed training continues to
            count.
        momentum: Weight of the new parameters in the moving average, in (0, 1]. CoSA uses 0.0006 for 40000 iterations.
            With 1 the teacher is the network itself, in evaluation mode, as in ToCo and DuPL.
        scales: Scales of the images whose class maps the teacher adds up. ToCo uses 1, 0.5 and 1.5.
        labeler: Config of the :class:`mmwsl.models.OnlineLabeler`; its number of classes is that of ``decode_head``.
        contrast: Config of a :class:`mmwsl.models.PatchTokenContrastLoss`; None has no such loss.
        **kwargs: Passed to :class:`mmwsl.models.WeakEncoderDecoder`. Set the weight of the segmentation loss in its
            ``loss_decode``, e.g. 0.1.

    Raises:
        ValueError: If ``auxiliary_head`` does not aggregate, or an argument is out of range; see also the parent class.
    """

    auxiliary_head: LSEAggregationHead

    def __init__(
        self,
        *,
        auxiliary_head: dict,
        warmup_iters: int = 2000,
        momentum: float = 0.0006,
        scales: Sequence[float] = (1.0,),
        labeler: dict | None = None,
        contrast: dict | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(auxiliary_head=auxiliary_head, **kwargs)
        check_integer('warmup_iters', warmup_iters, 0)
        if not 0 < momentum <= 1:
            raise ValueError(f'`model.momentum` must be in (0, 1], got {momentum}.')
        if not scales or min(scales) <= 0:
            raise ValueError(f'`model.scales` must be positive numbers, at least one, got {scales}.')
        if self.image_head is not self.auxiliary_head:
            raise ValueError(
                "`model.auxiliary_head` must be the one head that aggregates, such as type='mmwsl.LSEAggregationHead', "
                f'got {type(self.auxiliary_head).__name__} beside {type(self.decode_head).__name__}.'
            )
        self.warmup_iters, self.scales = warmup_iters, tuple(scales)
        self.labeler = MODELS.build(
            dict(labeler or dict(type='mmwsl.OnlineLabeler'), num_classes=self.num_classes, ignore_index=self.ignored)
        )
        self.contrast = None if contrast is None else MODELS.build(contrast)
        self.teacher = ExponentialMovingAverage(self._classifier())
        self.momentum = momentum  # mmengine's check does not accept 1
        self.teacher.eval()
        for part in self.teacher.modules():
            if hasattr(part, 'init_cfg'):
                part.init_cfg = None  # its first update copies the initialized network

    @property
    def ignored(self) -> int:
        """Label of ignored pixels."""
        return int(self.decode_head.ignore_index)

    def train(self, mode: bool = True) -> 'MeanTeacherSegmentor':
        """Set the mode; the teacher stays in evaluation mode."""
        super().train(mode)
        self.teacher.eval()
        return self

    def loss(self, inputs: Tensor, data_samples: SampleList) -> dict[str, Tensor]:
        """Update the teacher by the last step, label the batch, and compute the losses."""
        labels = self.update_teacher().label_pixels(inputs, data_samples)
        return self.student_losses(self.extract_feat(inputs), labels, inputs, data_samples)

    def update_teacher(self) -> 'MeanTeacherSegmentor':
        """Move the teacher towards the network, of which it is a copy during the warm-up.

        The average has no part of a classifier that had learned nothing.
        """
        self.teacher.momentum = 1.0 if self.teacher.steps < self.warmup_iters else self.momentum
        self.teacher.update_parameters(self._classifier())
        return self

    def student_losses(
        self, features: Sequence[Tensor], labels: Tensor, inputs: Tensor, data_samples: SampleList
    ) -> dict[str, Tensor]:
        """Compute the losses of the features of a batch by its image-level labels, and labels ``(N, h, w)`` of pixels.

        ``labeled_pixels`` in the log is the fraction of the pixels that are not ignored.
        """
        losses = self._auxiliary_head_forward_train(features, data_samples)
        samples = [
            SegDataSample(metainfo=sample.metainfo, gt_sem_seg=PixelData(data=label[None]))
            for sample, label in zip(data_samples, labels, strict=True)
        ]
        losses |= self._decode_head_forward_train(features, samples)
        losses |= self.contrast_losses(features, labels, inputs, data_samples)
        losses['labeled_pixels'] = (labels != self.ignored).float().mean()
        return losses

    def contrast_losses(
        self, features: Sequence[Tensor], labels: Tensor, inputs: Tensor, data_samples: SampleList
    ) -> dict[str, Tensor]:
        """Compute the contrast of the features by labels ``(N, h, w)`` of any size; nothing if there is none."""
        if self.contrast is None:
            return {}
        level = features[self.contrast.in_index]
        return {self.contrast.loss_name: self.contrast(level, at_locations(labels, level), self.ignored)}

    @torch.no_grad()
    def label_pixels(self, inputs: Tensor, data_samples: SampleList) -> Tensor:
        """Label the pixels of a batch by the teacher, ``(N, h, w)``; all are ignored during the warm-up."""
        ignored: Tensor = self.labeler.ignored(inputs)
        if self.teacher.steps <= self.warmup_iters:
            return ignored
        maps = self.teacher_maps(inputs, [sample.metainfo for sample in data_samples])
        return self.label_maps(self.labeler, maps, inputs, data_samples)

    def label_maps(self, labeler: OnlineLabeler, maps: Tensor, inputs: Tensor, data_samples: SampleList) -> Tensor:
        """Label a batch by class maps ``(N, C, h, w)`` and a labeler."""
        metas, size = [sample.metainfo for sample in data_samples], (inputs.shape[2], inputs.shape[3])
        image_labels = torch.stack([sample.gt_label.score for sample in data_samples])
        valid = self.auxiliary_head.valid_locations(labeler.ignored(inputs)[:, None], metas, size)
        with torch.autocast(inputs.device.type, enabled=False):
            labels: Tensor = labeler(maps, inputs, image_labels, valid)
        return labels

    @torch.no_grad()
    def teacher_maps(self, inputs: Tensor, batch_img_metas: Sequence[dict]) -> Tensor:
        """Add up the positive class maps of the teacher over all scales, without background, ``(N, C, h, w)``."""
        parts = self.teacher.module
        size = (inputs.shape[2], inputs.shape[3])
        total: Tensor | None = None
        for scale in self.scales:
            images = inputs
            if scale != 1:
                images = resize(inputs, scale_factor=scale, mode='bilinear', align_corners=self.align_corners)
            features = parts['backbone'](images)
            features = parts['neck'](features) if 'neck' in parts else features
            head = parts['classifier']
            scores = head(features)
            scores = head.localize(features, scores, images, head.valid_locations(scores, batch_img_metas, size))
            maps = at_least_float32(scores[:, 1:]).relu()
            if total is None:
                total = maps
            else:
                total = total + resize(maps, size=total.shape[2:], mode='bilinear', align_corners=self.align_corners)
        assert total is not None
        return total

    def _classifier(self) -> nn.ModuleDict:
        """Return the parts that the teacher is an average of."""
        neck = dict(neck=self.neck) if self.with_neck else {}
        return nn.ModuleDict(dict(backbone=self.backbone, **neck, classifier=self.auxiliary_head))


def at_locations(labels: Tensor, level: Tensor) -> Tensor:
    """Return the labels ``(N, h, w)`` at the centers of the locations of a feature map ``(N, D, H, W)``."""
    return F.interpolate(labels[:, None].float(), level.shape[2:], mode='nearest-exact')[:, 0].long()
