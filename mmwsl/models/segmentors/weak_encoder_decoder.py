"""Segmentor with a declared inference pipeline."""

from collections.abc import Sequence
from typing import Any, cast

from mmengine.config import ConfigDict
from mmseg.models.segmentors import EncoderDecoder
from mmseg.structures import SegDataSample
from mmseg.utils import OptSampleList, SampleList
from torch import Tensor, nn

from ...inference import ClassActivationMaps, InferencePipeline
from ...inference.dense import ScoreNetwork
from ...registry import MODELS
from ..backgrounds import Background, LearnedBackground, SigmoidBackground

SOFTMAX = LearnedBackground()


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
    ``pred_label: LabelData(score=(K,))``, the image-level probabilities. Test-time augmentation uses
    :class:`mmwsl.models.WeakSegTTAModel`.

    Args:
        inference: Arguments of :class:`mmwsl.inference.InferencePipeline`.
        test_cfg: mmseg's ``test_cfg``, for whole images: the scorer is declared in ``inference``.
        **kwargs: Passed to :class:`mmseg.models.segmentors.EncoderDecoder`.

    Raises:
        ValueError: If ``test_cfg`` asks for sliding windows, the head has a single output channel, or the pipeline
            does not suit the head.
    """

    def __init__(self, *, inference: dict | None = None, test_cfg: dict | None = None, **kwargs: Any) -> None:
        if test_cfg and (set(test_cfg) - {'mode'} or test_cfg.get('mode', 'whole') != 'whole'):
            raise ValueError(
                f"`model.test_cfg` must be None or dict(mode='whole'), got {dict(test_cfg)}. Set "
                '`model.inference.scorer`, e.g. '
                "dict(type='mmwsl.SlidingWindowScorer', crop_size=(512, 512), stride=(341, 341))."
            )
        pipeline = InferencePipeline(**(inference or {}))
        super().__init__(test_cfg=ConfigDict(pipeline.scorer.test_cfg), **kwargs)
        self.pipeline = pipeline
        self.aggregates = hasattr(self.decode_head, 'aggregate')
        self._check_pipeline()

    @property
    def background(self) -> Background:
        """Background model of the head; a softmax where the head has none."""
        return cast(Background, getattr(self.decode_head, 'background', SOFTMAX))

    def _check_pipeline(self) -> None:
        """Raise ValueError unless the pipeline suits the head."""
        if self.out_channels == 1:
            raise ValueError(
                '`decode_head.out_channels` must be the number of classes, got 1. Remove it, or use the segmentor '
                "type='EncoderDecoder'."
            )
        labels = self.pipeline.image_labels
        if not self.aggregates:
            head = type(self.decode_head).__name__
            if isinstance(self.pipeline.class_maps, ClassActivationMaps) and labels is None:
                raise ValueError(
                    f'`inference.class_maps` normalizes every class of the softmax of {head}, also absent ones. Set '
                    "`inference.image_labels=dict(type='mmwsl.KnownImageLabels')`, or use other class maps."
                )
            if self.pipeline.class_maps.needs_image_scores:
                raise ValueError(
                    f'`inference.class_maps` {type(self.pipeline.class_maps).__name__} needs a head that aggregates, '
                    f'got {head}. Use other class maps.'
                )
            if getattr(self.pipeline.scorer, 'input_padding', None):
                raise ValueError(
                    f'`inference.scorer.input_padding` needs a head that aggregates, got {head}. Remove it.'
                )
        if labels is not None and labels.keep_foreground:
            option = '`inference.image_labels.keep_foreground` redistributes the probability of a softmax, but'
            if isinstance(self.background, SigmoidBackground):
                raise ValueError(
                    f'{option} the classes of {type(self.background).__name__} are independent. Remove it.'
                )
            if self.aggregates and isinstance(self.pipeline.class_maps, ClassActivationMaps):
                raise ValueError(
                    f'{option} the activation maps of {type(self.decode_head).__name__} are made of logits. Remove it.'
                )

    def predict(self, inputs: Tensor, data_samples: OptSampleList = None) -> SampleList:
        """Predict the masks of a batch."""
        return [self.merge_views([view]) for view in self.predict_views(inputs, data_samples)]

    def predict_views(self, inputs: Tensor, data_samples: OptSampleList = None) -> SampleList:
        """Score a batch for :meth:`merge_views`; see :meth:`mmwsl.inference.InferencePipeline.score_views`."""
        if data_samples is None:
            size = (inputs.shape[2], inputs.shape[3])
            data_samples = [SegDataSample(metainfo=dict(ori_shape=size, img_shape=size)) for _ in inputs]
        return self.pipeline.score_views(self, inputs, data_samples)

    def merge_views(self, views: Sequence[SegDataSample]) -> SegDataSample:
        """Make one prediction of the views of an image; see :meth:`mmwsl.inference.InferencePipeline.merge_views`."""
        return self.pipeline.merge_views(views)

    def score(
        self, inputs: Tensor, batch_img_metas: list[dict], size: tuple[int, int], canvas: tuple[int, int]
    ) -> tuple[Tensor, Tensor | None]:
        """Return the score map of inputs ``(N, 3, H, W)`` and ``image_logits (N, K)``, if the head aggregates.

        Args:
            inputs: Padded images.
            batch_img_metas: Meta information of the images.
            size: Height and width of the images before the scorer padded them.
            canvas: Height and width in pixels that the score map covers.
        """
        if self.aggregates:
            score_map = self._forward(inputs)
            return score_map, self.aggregate(score_map, batch_img_metas, size, canvas)
        # mmseg's heads interpolate to `img_shape` if it is a torch.Size.
        metas = [dict(meta, img_shape=inputs.shape[2:]) for meta in batch_img_metas]
        return self.encode_decode(inputs, metas), None

    def aggregate(
        self, seg_logits: Tensor, batch_img_metas: list[dict], size: tuple[int, int], canvas: tuple[int, int]
    ) -> Tensor | None:
        """Aggregate score maps to ``image_logits (N, K)``; None if the head does not aggregate."""
        return self.decode_head.aggregate(seg_logits, batch_img_metas, size, canvas) if self.aggregates else None

    def score_network(self) -> nn.Module:
        """Return backbone, neck and head as one network, ``(N, 3, H, W)`` to ``(N, K, h, w)``."""
        return ScoreNetwork(self.backbone, self.decode_head, self.neck if self.with_neck else None)

    def pixel_probs(self, seg_logits: Tensor) -> Tensor:
        """Turn logits ``(..., K, H, W)`` into class probabilities, by the background model of the head."""
        return self.background.pixel_probs(seg_logits)

    def image_probs(self, image_logits: Tensor) -> Tensor:
        """Turn logits ``(N, K)`` into image-level class probabilities."""
        return self.background.image_probs(image_logits)

    def cam_scores(self, seg_logits: Tensor) -> Tensor:
        """Return the logits ``(K, H, W)`` of a head that aggregates, the probabilities of any other head."""
        return seg_logits if self.aggregates else self.pixel_probs(seg_logits)
