"""A segmentor that also predicts the image-level label and cleans its map."""

from collections.abc import Sequence

import torch
from mmengine.structures import LabelData
from mmseg.models.utils import resize
from mmseg.structures import SegDataSample
from mmseg.utils import OptSampleList, SampleList
from torch import Tensor
from torch.nn import functional as F

from ...functional import override_image_probs
from ...inference.dense import DenseInference, ScoreNetwork
from ...registry import MODELS
from ..backgrounds import SigmoidBackground
from .postprocessed_encoder_decoder import IMAGE_LABELS_USED, PostprocessedEncoderDecoder


@MODELS.register_module()
class WeakEncoderDecoder(PostprocessedEncoderDecoder):
    """``EncoderDecoder`` for heads that aggregate, such as :class:`mmwsl.models.LSEAggregationHead`.

    It differs in prediction only. Every sample also gets ``pred_label: LabelData(score=(K,))``, the aggregated
    image-level probabilities, and a chain of post-processors maps the class probabilities at the original image size
    before the argmax. ``seg_logits`` of a sample are the logarithm of the chain's result. Test-time augmentation is
    that of :class:`mmwsl.models.WeakSegTTAModel`.

    With ``test_cfg`` holding ``class_activation_maps=dict(...)``, see the parent, the maps are those of the scores, cut at 0,
    with or without tags. That is not for ``saliency`` and ``zoom_out``, which are each view's own.

    With sliding windows the label is aggregated from the whole image's stitched map.

    ``test_cfg`` may hold ``border=dict(before=..., after=..., stride=...)`` for networks that do not pad, as in the
    paper's padded test image: the input is surrounded by so many pixels of mean color that the first cell of the
    score map is centered at ``stride / 2``, and the map is cut to the image.

    With ``test_cfg`` holding ``dense=dict(stride=1, max_memory=None, float64=False)``, prediction uses the dense
    version of the network, see :func:`mmwsl.models.convert_to_dense`: its scores at every ``stride``-th pixel, in at most
    ``max_memory`` bytes, in float64 if asked, see :class:`mmwsl.models.Float64`, and each placed where its receptive
    field is centered. The label is then aggregated from the map at every pixel. Training and the state dict do not
    change.

    With ``test_cfg`` holding ``use_image_labels=True``, see the parent, ``pred_label.score`` is 1 or 0 for every foreground
    class with a tag; the saliency also finds the network's own probabilities, in ``pred_label.guess``.

    Args:
        postprocessors: Configs of the chain, in order. None leaves the probabilities as they are.
        saliency: Config of what writes ``class_saliency`` into the samples before the chain, such as
            :class:`mmwsl.models.GuidedBackpropSaliency`. None writes nothing.
        zoom_out: Config of what writes ``superpixel_features`` into the samples before the chain, such as
            :class:`mmwsl.models.ZoomOutFeatures`. None writes nothing.
        **kwargs: Of :class:`mmwsl.models.PostprocessedEncoderDecoder`.

    Raises:
        TypeError: If the head does not aggregate.
        ValueError: If ``test_cfg`` holds ``overlap_tile``, or in ``dense`` numbers that are not positive integers, or
            ``border`` with ``zoom_out``, or ``class_activation_maps`` with ``saliency`` or ``zoom_out``, or ``keep_foreground``
            with independent classes; at the first prediction, if the network has no dense version of that stride.
    """

    def __init__(
        self,
        *,
        postprocessors: Sequence[dict] | None = None,
        saliency: dict | None = None,
        zoom_out: dict | None = None,
        **kwargs,
    ) -> None:
        super().__init__(postprocessors=postprocessors, **kwargs)
        if not hasattr(self.decode_head, 'aggregate'):
            raise TypeError(
                f'`decode_head` must aggregate its scores, but {type(self.decode_head).__name__} does not: '
                "use type='mmwsl.LSEAggregationHead', or the segmentor type='EncoderDecoder'"
            )
        self.saliency = None if saliency is None else MODELS.build(saliency)
        self.zoom_out = None if zoom_out is None else MODELS.build(zoom_out)
        if self.overlap_tile is not None:
            raise ValueError(
                '`test_cfg.overlap_tile` is for heads that do not label the whole image: use '
                '`test_cfg.dense`, whose `max_memory` also makes tiles'
            )
        if self.keep_foreground and isinstance(self.decode_head.background, SigmoidBackground):
            raise ValueError(
                '`test_cfg.keep_foreground` moves probability between the classes of a softmax, but those of '
                f'type={type(self.decode_head.background).__name__!r} are independent: remove it'
            )
        dense = self.test_cfg.get('dense')
        self.dense_inference = None if dense is None else DenseInference(**dense)
        if self.zoom_out is not None and 'border' in self.test_cfg:
            raise ValueError(
                '`test_cfg.border` is not for `zoom_out`, whose cells are taken to spread evenly over the '
                'image. Remove one of them'
            )
        for name, part in dict(saliency=self.saliency, zoom_out=self.zoom_out).items():
            if self.class_activation_maps is not None and part is not None:
                raise ValueError(
                    f'`test_cfg.class_activation_maps` merges all views before the chain, but `{name}` is '
                    'computed for each view: remove one of them'
                )

    @property
    def provenance(self) -> dict[str, str]:
        """What prediction uses beside the image."""
        own = super().provenance
        return {**own, **IMAGE_LABELS_USED} if getattr(self.saliency, 'use_image_labels', False) else own

    def encode_decode(self, inputs: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """Score every pixel of the inputs, ``(N, 3, H, W)`` to ``(N, K, H, W)``."""
        return self._upsample(*self._score_cells(inputs), inputs.shape[2:])

    def predict_views(self, inputs: Tensor, data_samples: OptSampleList = None) -> SampleList:
        """Score a batch of images, each as a whole or as one of its views, for :meth:`merge_views`.

        Returns:
            The samples with ``seg_logits (K, H, W)``, the network's scores at the original image size,
            ``pred_label``, and ``class_saliency`` where it is configured.
        """
        size = tuple(inputs.shape[2:])
        if data_samples is None:
            meta = dict(ori_shape=size, img_shape=size)
            data_samples = [SegDataSample(metainfo=meta) for _ in inputs]
        metas = [dict(sample.metainfo) for sample in data_samples]
        seg_logits, image_logits = self._predict_logits(inputs, metas)
        for sample, score in zip(data_samples, self.decode_head.background.image_probs(image_logits), strict=True):
            sample.pred_label = LabelData(score=score)
            if self.use_image_labels:
                sample.pred_label = LabelData(score=override_image_probs(score, self.tags(sample, score)), guess=score)
        if self.saliency is not None:
            self.saliency(self, inputs, data_samples)
        if self.zoom_out is not None:
            self.zoom_out(self, inputs, data_samples)
        return self.apply_image_labels(self.postprocess_result(seg_logits, data_samples))

    def merge_probs(self, seg_logits: list[Tensor], views: SampleList) -> Tensor:
        """Merge the views of an image, see the parent, and their image-level probabilities into the first's."""
        merged = LabelData(score=torch.stack([view.pred_label.score for view in views]).mean(0))
        if self.class_activation_maps is not None:  # a chain that runs once is for all views
            views[0].pred_label = merged
        probs = super().merge_probs(seg_logits, views)
        views[0].pred_label = merged  # not before: a chain that runs for each view is for its own label
        return probs

    def evidence(self, seg_logits: Tensor) -> Tensor:
        """Return the scores as they are, which activation maps cut at 0."""
        return seg_logits

    def pixel_probs(self, seg_logits: Tensor) -> Tensor:
        """Turn scores ``(K, H, W)`` into probabilities, as the head's background says."""
        return self.decode_head.background.pixel_probs(seg_logits)

    def _predict_logits(self, inputs: Tensor, batch_img_metas: list[dict]) -> tuple[Tensor, Tensor]:
        """Score every pixel and the images: ``seg_logits (N, K, H, W)`` and ``image_logits (N, K)``."""
        size = tuple(inputs.shape[2:])
        mode = self.test_cfg.get('mode', 'whole')
        if mode == 'slide':
            # The copy is for slide_inference, which overwrites `img_shape` with that of its window.
            seg_logits = cells = self.slide_inference(inputs, [dict(meta) for meta in batch_img_metas])
            canvas = size
        elif mode == 'whole':
            cells, canvas = self._score_cells(inputs)
            seg_logits = self._upsample(cells, canvas, size)
        else:
            raise ValueError(f"`test_cfg.mode` must be 'whole' or 'slide', got {mode!r}")
        return seg_logits, self.decode_head.aggregate(cells, batch_img_metas, size, canvas)

    def surround(self, inputs: Tensor) -> tuple[Tensor, tuple[int, int], int]:
        """Surround the inputs by ``test_cfg.border``.

        Returns:
            The inputs, the size in pixels that their score map covers, from the first pixel of the inputs that were
            given, and how many pixels were added before it.
        """
        canvas = tuple(inputs.shape[2:])
        if 'border' not in self.test_cfg:
            return inputs, canvas, 0
        before, after, stride = (self.test_cfg['border'][key] for key in ('before', 'after', 'stride'))
        bottom, right = (-length % stride for length in canvas)
        inputs = F.pad(inputs, (before, right + after, before, bottom + after))
        return inputs, (canvas[0] + bottom, canvas[1] + right), before

    def _score_cells(self, inputs: Tensor) -> tuple[Tensor, tuple[int, int]]:
        """Return the score map and the size in pixels that it covers, from the inputs' first pixel."""
        inputs, canvas, before = self.surround(inputs)
        if self.dense_inference is None:
            return self._forward(inputs), canvas
        network = ScoreNetwork(self.backbone, self.decode_head, self.neck if self.with_neck else None)
        return self.dense_inference(network, inputs, canvas, before), canvas

    def _upsample(self, cells: Tensor, canvas: tuple[int, int], size: tuple[int, int]) -> Tensor:
        """Interpolate a coarse map over its ``canvas`` and cut it to ``size``."""
        return resize(cells, size=canvas, mode='bilinear', align_corners=self.align_corners)[..., : size[0], : size[1]]
