"""Segmentor with a declared inference pipeline."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, cast

from mmengine.config import ConfigDict
from mmseg.models.segmentors import EncoderDecoder
from mmseg.structures import SegDataSample
from mmseg.utils import OptSampleList, SampleList
from torch import Tensor, nn

from ...inference import InferencePipeline, WholeScorer
from ...registry import MODELS
from ..backgrounds import Background, LearnedBackground, SigmoidBackground
from ..decode_heads import LSEAggregationHead
from .equal_sizes import predict_by_size

DEFAULT_BACKGROUND = LearnedBackground()


@MODELS.register_module()
class WeakEncoderDecoder(EncoderDecoder):
    """``EncoderDecoder`` whose config declares the inference pipeline, for any decode head.

    It trains as its parent does. At test time :class:`mmwsl.inference.InferencePipeline` turns the scores into a mask:

    .. code-block:: python

        model = dict(type='mmwsl.WeakEncoderDecoder', ..., inference=dict(
            scorer=dict(type='mmwsl.DenseScorer', stride=1),
            class_maps=dict(type='mmwsl.ClassActivationMaps', normalization='max'),
            image_labels=None,
            postprocessors=[dict(type='mmwsl.ImageLevelPrior'), dict(type='mmwsl.DenseCRF')]))

    A predicted sample has ``seg_logits``, the network's scores, ``pred_scores``, the result of the pipeline, and its
    argmax ``pred_sem_seg``. With a head that aggregates, such as :class:`mmwsl.models.LSEAggregationHead`, it also has
    ``pred_label``, a ``LabelData`` with ``score (K,)``, the image-level probabilities, and ``log_odds (K,)``, which
    rank images where probabilities are rounded to 1. Test-time augmentation uses
    :class:`mmwsl.models.WeakSegTTAModel`.

    The head that aggregates is the decode head or, beside a decode head that is trained on masks or pseudo-labels, an
    auxiliary head, which is trained on the image-level labels.

    Args:
        auxiliary_head: Config of an auxiliary head, or several. Without ``num_classes`` it has those of the decode
            head.
        inference: Arguments of :class:`mmwsl.inference.InferencePipeline`.
        test_cfg: mmseg's ``test_cfg``, for whole images: the scorer is declared in ``inference``.
        **kwargs: Passed to :class:`mmseg.models.segmentors.EncoderDecoder`.

    Raises:
        ValueError: If ``test_cfg`` asks for sliding windows, the head has a single output channel, the auxiliary head
            that aggregates has other classes, or the pipeline does not suit the heads.
    """

    training_free = False
    """Whether the model has no trained parameter, and so neither a training nor a checkpoint."""

    def __init__(self, *, inference: dict | None = None, test_cfg: dict | None = None, **kwargs: Any) -> None:
        if test_cfg and (set(test_cfg) - {'mode'} or test_cfg.get('mode', 'whole') != 'whole'):
            raise ValueError(
                f"`model.test_cfg` must be None or dict(mode='whole'), got {dict(test_cfg)}. Set "
                '`model.inference.scorer`, e.g. '
                "dict(type='mmwsl.SlidingWindowScorer', crop_size=(512, 512), stride=(341, 341))."
            )
        pipeline = InferencePipeline(**(inference or {}))
        super().__init__(test_cfg=ConfigDict(mode='whole'), **kwargs)
        if self.out_channels == 1:
            raise ValueError(
                '`decode_head.out_channels` must be the number of classes, got 1. Remove it, or use the segmentor '
                "type='EncoderDecoder'."
            )
        self.same_padding = getattr(self.decode_head, 'same_padding', True)
        self.pipeline = pipeline
        pipeline.check(self)
        two_maps = self.localizes or self.image_head not in (None, self.decode_head)
        if two_maps and not isinstance(pipeline.scorer, WholeScorer):
            heads = ' and '.join(dict.fromkeys(type(head).__name__ for head in (self.decode_head, self.image_head)))
            raise ValueError(
                f'`inference.scorer` must be mmwsl.WholeScorer for the maps of {heads}, got '
                f'{type(pipeline.scorer).__name__}. Remove it.'
            )

    def _init_auxiliary_head(self, auxiliary_head: dict | Sequence[dict] | None) -> None:
        """Build the auxiliary heads, by default with the classes of the decode head."""
        classes = dict(num_classes=self.num_classes)
        if isinstance(auxiliary_head, Sequence):
            auxiliary_head = [{**classes, **head} for head in auxiliary_head]
        elif auxiliary_head is not None:
            auxiliary_head = {**classes, **auxiliary_head}
        super()._init_auxiliary_head(auxiliary_head)
        head = self.image_head
        if head is None or head is self.decode_head:
            return
        if head.num_classes != self.num_classes:
            raise ValueError(
                '`auxiliary_head.num_classes` must equal `decode_head.num_classes`, got '
                f'{head.num_classes} and {self.num_classes}.'
            )
        if not head.same_padding:  # the inputs are padded for the decode head
            raise ValueError('`auxiliary_head.same_padding` must be True, got False. Remove it.')

    @property
    def localizes(self) -> bool:
        """Whether masks are made of other maps than those that are aggregated."""
        head = type(self.decode_head)
        return issubclass(head, LSEAggregationHead) and head.localize is not LSEAggregationHead.localize

    @property
    def background(self) -> Background:
        """Background model of the head; a softmax where the head has none."""
        return cast(Background, getattr(self.decode_head, 'background', DEFAULT_BACKGROUND))

    @property
    def image_background(self) -> Background:
        """Background model of the image-level logits."""
        return self.background if self.image_head is None else self.image_head.background

    @property
    def image_head(self) -> LSEAggregationHead | None:
        """The decode head if it aggregates, else the first auxiliary head that does; None if none does."""
        auxiliary = getattr(self, 'auxiliary_head', [])
        heads = [self.decode_head, *(auxiliary if isinstance(auxiliary, nn.ModuleList) else [auxiliary])]
        return next((head for head in heads if isinstance(head, LSEAggregationHead)), None)

    @property
    def aggregates(self) -> bool:
        """Whether a head aggregates its score map, so that there are image-level logits."""
        return self.image_head is not None

    @property
    def exclusive_classes(self) -> bool:
        """Whether a pixel has one class (softmax), else the foreground classes are independent (sigmoid)."""
        return not isinstance(self.background, SigmoidBackground)

    @property
    def provenance(self) -> dict[str, str]:
        """Supervision that the predictions use in addition to the training, by kind."""
        return self.pipeline.provenance

    def val_step(self, data: Any) -> SampleList:
        """Predict a batch of a loader, whose images may differ in size."""
        return predict_by_size(super().val_step, data)

    def test_step(self, data: Any) -> SampleList:
        """Predict a batch of a loader, whose images may differ in size."""
        return predict_by_size(super().test_step, data)

    def predict(self, inputs: Tensor, data_samples: OptSampleList = None) -> SampleList:
        """Predict the masks of a batch."""
        return self.merge_views([[view] for view in self.predict_views(inputs, data_samples)])

    def predict_views(self, inputs: Tensor, data_samples: OptSampleList = None) -> SampleList:
        """Score a batch for :meth:`merge_views`; see :meth:`mmwsl.inference.InferencePipeline.score_views`."""
        if data_samples is None:
            size = (inputs.shape[2], inputs.shape[3])
            data_samples = [SegDataSample(metainfo=dict(ori_shape=size, img_shape=size)) for _ in inputs]
        return self.pipeline.score_views(self, inputs, data_samples)

    def merge_views(self, batch: Sequence[Sequence[SegDataSample]]) -> SampleList:
        """Merge the views of each image to a prediction; see :meth:`mmwsl.inference.InferencePipeline.merge_views`."""
        return self.pipeline.merge_views(batch)

    def score_map(self, inputs: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """Return the score map ``(N, K, h, w)`` of padded images ``(N, 3, H, W)``."""
        if self.image_head is self.decode_head:
            return self._forward(inputs)
        # mmseg's heads interpolate to `img_shape` if it is a torch.Size.
        return self.encode_decode(inputs, [dict(meta, img_shape=inputs.shape[2:]) for meta in batch_img_metas])

    def aggregate(
        self,
        seg_logits: Tensor,
        batch_img_metas: list[dict],
        input_size: tuple[int, int],
        covered_size: tuple[int, int],
    ) -> Tensor | None:
        """Aggregate score maps to ``image_logits (N, K)``; None if the head does not aggregate.

        Args:
            seg_logits: Score maps, ``(N, K, h, w)``.
            batch_img_metas: Meta information of the images.
            input_size: Height and width of the inputs before the scorer padded them.
            covered_size: Height and width in pixels that the score maps cover from the first pixel of the inputs.
        """
        if self.image_head is None:
            return None
        return self.image_head.aggregate(seg_logits, batch_img_metas, input_size, covered_size)

    def score(
        self,
        inputs: Tensor,
        batch_img_metas: list[dict],
        input_size: tuple[int, int],
        covered_size: tuple[int, int],
    ) -> tuple[Tensor, Tensor | None]:
        """Return the score map of padded images, and ``image_logits`` as :meth:`aggregate` does."""
        image_head = self.image_head
        if image_head is None or (image_head is self.decode_head and not self.localizes):
            score_map = self.score_map(inputs, batch_img_metas)
            return score_map, self.aggregate(score_map, batch_img_metas, input_size, covered_size)
        features = self.extract_feat(inputs)
        if image_head is not self.decode_head:
            metas = [dict(meta, img_shape=inputs.shape[2:]) for meta in batch_img_metas]
            image_logits = self.aggregate(image_head(features), batch_img_metas, input_size, covered_size)
            return self.decode_head.predict(features, metas, self.test_cfg), image_logits
        score_map = self.decode_head.forward(features)
        image_logits = self.aggregate(score_map, batch_img_metas, input_size, covered_size)
        valid = self.decode_head.valid_locations(score_map, batch_img_metas, input_size, covered_size)
        return self.decode_head.localize(features, score_map, inputs, valid), image_logits

    def score_network(self) -> nn.Module:
        """Return backbone, neck and head as one network, ``(N, 3, H, W)`` to ``(N, K, h, w)``."""
        neck = [('neck', self.neck)] if self.with_neck else []
        return nn.Sequential(OrderedDict([('backbone', self.backbone), *neck, ('decode_head', self.decode_head)]))

    def pixel_probs(self, seg_logits: Tensor) -> Tensor:
        """Turn logits ``(..., K, H, W)`` into class probabilities, by the background model of the head."""
        return self.background.pixel_probs(seg_logits)

    def image_probs(self, image_logits: Tensor) -> Tensor:
        """Turn logits ``(N, K)`` into image-level class probabilities."""
        return self.image_background.image_probs(image_logits)

    def image_log_odds(self, image_logits: Tensor) -> Tensor:
        """Turn logits ``(N, K)`` into the log-odds of the image-level class probabilities."""
        return self.image_background.image_log_odds(image_logits)
