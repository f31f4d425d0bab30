"""A segmentor that cleans its map."""

from collections.abc import Sequence
from functools import partial

import torch
from mmengine.config import ConfigDict
from mmengine.structures import PixelData
from mmseg.models.segmentors import EncoderDecoder
from mmseg.models.utils import resize
from mmseg.structures import SegDataSample
from mmseg.utils import OptSampleList, SampleList
from torch import Tensor

from ...functional import mask_absent_classes, overlap_tile, redistribute_absent_classes
from ...inference.postprocessors import apply_postprocessors, build_postprocessors
from ...registry import MODELS
from .class_activation_maps import ClassActivationMaps

IMAGE_LABELS_USED = dict(tags='the tags of the predicted images')
"""The provenance of what is predicted with tags."""


@MODELS.register_module()
class PostprocessedEncoderDecoder(EncoderDecoder):
    """``EncoderDecoder`` with a chain of post-processors, for any head that is trained on masks.

    It differs in prediction only: the chain maps the class probabilities, a softmax, at the original image size before
    the argmax. ``seg_logits`` of a sample are the logarithm of the chain's result. Test-time augmentation is mmseg's
    ``SegTTAModel``, or :class:`mmwsl.models.WeakSegTTAModel`, which averages scores that are no distribution as they
    are.

    With ``test_cfg`` holding ``overlap_tile=dict(tile=..., margin=...)``, an image is scored tile by tile, each with
    so many pixels of context around it, mirrored beyond the border, see :func:`mmwsl.functional.overlap_tile`.

    With ``test_cfg`` holding ``class_activation_maps=dict(...)``, prediction takes maps that are normalized per class in
    place of probabilities, see :class:`mmwsl.models.segmentors.ClassActivationMaps`: the probabilities of all views of
    ``WeakSegTTAModel`` are merged into one map, and the chain runs once. Class 0 must be the background. A softmax is
    positive for every class, and the maps say where a class is and not whether: they need ``use_image_labels``.

    With ``test_cfg`` holding ``use_image_labels=True``, prediction believes the tags of the image, ``gt_label``: a class that
    they exclude has probability 0 in every pixel, before the chain and after it. Unknown tags change nothing. It is for
    pseudo-labels of training images; a result says so. Behind a softmax the other classes share the probability that
    it had in proportion; with ``keep_foreground=True`` as well, only those of the foreground do, see
    :func:`mmwsl.functional.redistribute_absent_classes`. Without ``use_image_labels`` that does nothing.

    Args:
        postprocessors: Configs of the chain, in order. None leaves the probabilities as they are.
        **kwargs: Of :class:`mmseg.models.segmentors.EncoderDecoder`.

    Raises:
        ValueError: If the head has a single output channel, which is no distribution over classes, or
            ``overlap_tile`` stands beside sliding windows, or ``class_activation_maps`` is not as its class says; at the
            first prediction, if ``class_activation_maps`` stands without ``use_image_labels``.
        TypeError: If ``class_activation_maps`` has a background that the network learns.
    """

    def __init__(self, *, postprocessors: Sequence[dict] | None = None, **kwargs) -> None:
        super().__init__(**kwargs)
        if self.out_channels == 1:
            raise ValueError(
                '`decode_head.out_channels` must be the number of classes for a chain of post-processors, '
                "got 1: leave it out, or use the segmentor type='EncoderDecoder'"
            )
        self.postprocessors = build_postprocessors(postprocessors)
        self.test_cfg = self.test_cfg or ConfigDict(mode='whole')
        tiles = self.test_cfg.get('overlap_tile')
        if tiles is not None and self.test_cfg.get('mode', 'whole') != 'whole':
            raise ValueError(
                f"`test_cfg.overlap_tile` is for `test_cfg.mode='whole'`, got {self.test_cfg['mode']!r}: "
                'remove one of them'
            )
        self.overlap_tile = None if tiles is None else partial(overlap_tile, **tiles)
        maps = self.test_cfg.get('class_activation_maps')
        self.class_activation_maps = None if maps is None else ClassActivationMaps(**maps)
        self.use_image_labels = bool(self.test_cfg.get('use_image_labels'))
        self.keep_foreground = bool(self.test_cfg.get('keep_foreground'))

    @property
    def provenance(self) -> dict[str, str]:
        """What prediction uses beside the image."""
        maps = {} if self.class_activation_maps is None else self.class_activation_maps.provenance
        return {**maps, **IMAGE_LABELS_USED} if self.use_image_labels else maps

    def whole_inference(self, inputs: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """Score every pixel of the inputs, ``(N, 3, H, W)`` to ``(N, K, H, W)``, by tiles where they are asked for."""
        if self.overlap_tile is None:
            return super().whole_inference(inputs, batch_img_metas)
        return self.overlap_tile(self._score_window, inputs)

    def predict(self, inputs: Tensor, data_samples: OptSampleList = None) -> SampleList:
        """Predict the masks of a batch."""
        return [self.merge_views([view]) for view in self.predict_views(inputs, data_samples)]

    def predict_views(self, inputs: Tensor, data_samples: OptSampleList = None) -> SampleList:
        """Score a batch of images, each as a whole or as one of its views, for :meth:`merge_views`.

        Returns:
            The samples with ``seg_logits (K, H, W)``, the network's scores at the original image size.
        """
        return self.apply_image_labels(super().predict(inputs, data_samples))

    def merge_views(self, views: SampleList) -> SegDataSample:
        """Make one prediction of the views of an image.

        Args:
            views: The samples of :meth:`predict_views`, one at least; the first is changed in place.

        Returns:
            The first sample, with ``seg_logits`` and ``pred_sem_seg`` of the chain's result.
        """
        sample = views[0]
        # In float32 also under autocast: half precision has neither the range nor the digits for the steps.
        with torch.autocast(sample.seg_logits.data.device.type, enabled=False):
            probs = self.merge_probs([view.seg_logits.data.float() for view in views], views)
        tiny = torch.finfo(probs.dtype).tiny
        sample.set_data(
            dict(
                seg_logits=PixelData(data=probs.clamp(min=tiny).log()),
                pred_sem_seg=PixelData(data=probs.argmax(0, keepdim=True)),
            )
        )
        return sample

    def merge_probs(self, seg_logits: list[Tensor], views: SampleList) -> Tensor:
        """Merge the views of an image to what the chain leaves of them, ``(K, H, W)``.

        Without activation maps, that is the mean over the views of what it leaves of their probabilities.
        """
        if self.class_activation_maps is not None:
            return self.apply_postprocessors(
                self.class_activation_maps([self.evidence(logits) for logits in seg_logits]), views[0]
            )
        return sum(
            self.apply_postprocessors(self.pixel_probs(logits), view)
            for logits, view in zip(seg_logits, views, strict=True)
        ) / len(views)

    def pixel_probs(self, seg_logits: Tensor) -> Tensor:
        """Turn scores ``(K, H, W)`` into probabilities of the classes."""
        return seg_logits.softmax(0)

    def evidence(self, seg_logits: Tensor) -> Tensor:
        """Turn scores ``(K, H, W)`` into what activation maps are made of: of a softmax, the probabilities."""
        if not self.use_image_labels:
            raise ValueError(
                '`test_cfg.class_activation_maps` stretches every class of a softmax to the same height, also '
                'those that are not there: set `test_cfg.use_image_labels=True`, or leave it out'
            )
        return self.pixel_probs(seg_logits)

    def apply_postprocessors(self, probs: Tensor, sample: SegDataSample) -> Tensor:
        """Run the post-processors on probabilities ``(K, H, W)``; one that replaces them brings no class back."""
        probs = apply_postprocessors(self.postprocessors, probs, sample)
        return mask_absent_classes(probs, self.tags(sample, probs), 0.0) if self.use_image_labels else probs

    def apply_image_labels(self, data_samples: SampleList) -> SampleList:
        """Leave no probability to the classes that the tags exclude, in scores ``seg_logits`` of the network."""
        if self.use_image_labels:
            believe = redistribute_absent_classes if self.keep_foreground else mask_absent_classes
            for sample in data_samples:
                scores = sample.seg_logits.data
                sample.set_data(dict(seg_logits=PixelData(data=believe(scores.float(), self.tags(sample, scores)))))
        return data_samples

    @staticmethod
    def tags(sample: SegDataSample, like: Tensor) -> Tensor:
        """Return the tags of a sample, on the device of another tensor."""
        if 'gt_label' not in sample:
            raise KeyError(
                '`test_cfg.use_image_labels=True` needs the field `gt_label` of the data sample: end the pipeline '
                "with type='mmwsl.PackImageLabelInputs' and give the dataset tags; pseudo-labels can do "
                'without them, --no-use-image-labels'
            )
        return sample.gt_label.score.to(like.device)

    def _score_window(self, window: Tensor) -> Tensor:
        return resize(self._forward(window), size=window.shape[2:], mode='bilinear', align_corners=self.align_corners)
