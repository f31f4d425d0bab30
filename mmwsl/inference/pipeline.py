"""The inference pipeline: from the scores of a network to a mask."""

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.structures import LabelData, PixelData
from mmseg.structures import SegDataSample
from mmseg.utils import SampleList
from torch import Tensor, nn

from ..registry import CLASS_MAPS, IMAGE_LABELS, SCORERS
from .class_maps import ClassMaps
from .known_image_labels import KnownImageLabels
from .postprocessors import PostProcessor, apply_postprocessors, build_postprocessors
from .scorers import Scorer
from .segmentor import Segmentor
from .step import InferenceStep, build_step, join_provenance


class InferencePipeline:
    """Steps of inference, in this order; each is a registered class with its own arguments.

    1. ``scorer``: the network's logits at every pixel of the input, and its image-level logits.
    2. ``image_labels``: known image-level labels restrict the logits. They act before the class maps, so that a
       softmax shares the probability of absent classes among the others.
    3. ``class_maps``: one map per class at the original image size, for each view of an image.
    4. Merge of the views of test-time augmentation, as the class maps define it.
    5. ``postprocessors``: refine the maps; known absent classes are then set to 0 again.
    6. Argmax.

    Args:
        scorer: Config of a :class:`mmwsl.inference.Scorer`. The default is :class:`mmwsl.inference.WholeScorer`.
        image_labels: Config of :class:`mmwsl.inference.KnownImageLabels`. None uses predicted labels only.
        class_maps: Config of :class:`mmwsl.inference.ClassMaps`. The default is
            :class:`mmwsl.inference.Probabilities`.
        postprocessors: Configs of the :class:`mmwsl.inference.PostProcessor`, in order.
    """

    def __init__(
        self,
        scorer: dict | None = None,
        image_labels: dict | None = None,
        class_maps: dict | None = None,
        postprocessors: Sequence[dict] | None = None,
    ) -> None:
        self.scorer: Scorer = build_step(SCORERS, scorer or dict(type='mmwsl.WholeScorer'), Scorer)
        self.image_labels: KnownImageLabels | None = (
            None if image_labels is None else build_step(IMAGE_LABELS, image_labels, KnownImageLabels)
        )
        self.class_maps: ClassMaps = build_step(CLASS_MAPS, class_maps or dict(type='mmwsl.Probabilities'), ClassMaps)
        self.postprocessors: list[PostProcessor] = build_postprocessors(postprocessors)

    @property
    def steps(self) -> list[InferenceStep]:
        """The steps that are classes, in order."""
        labels = [] if self.image_labels is None else [self.image_labels]
        return [self.scorer, *labels, self.class_maps, *self.postprocessors]

    @property
    def provenance(self) -> dict[str, str]:
        """Supervision that the prediction uses, by kind."""
        return join_provenance(step.provenance for step in self.steps)

    def check(self, segmentor: Segmentor) -> None:
        """Check that every step suits the segmentor, once it is built.

        Raises:
            ValueError: If a step does not.
        """
        for step in self.steps:
            step.check(segmentor)

    def score_views(self, segmentor: Segmentor, inputs: Tensor, data_samples: SampleList) -> SampleList:
        """Run the steps up to the class maps on a batch of images or views of images.

        Args:
            segmentor: The network.
            inputs: Normalized and padded images, ``(N, 3, H, W)``.
            data_samples: Their samples.

        Returns:
            The samples with ``seg_logits`` and ``class_maps``, ``(K, H, W)`` at the original image size, and
            ``pred_label`` where the head aggregates.

        Raises:
            KeyError: If a sample lacks a field that a step before the post-processors reads.
            ValueError: If the logits are NaN.
        """
        metas = [sample.metainfo for sample in data_samples]
        seg_logits, image_logits = self.scorer(segmentor, inputs, metas)
        if self.image_labels is not None:
            for sample in data_samples:
                self.image_labels.check_fields(sample)
        if image_logits is not None:
            probs, log_odds = segmentor.image_probs(image_logits), segmentor.image_log_odds(image_logits)
            for sample, score, odds in zip(data_samples, probs, log_odds, strict=True):
                sample.pred_label = LabelData(score=score, log_odds=odds)
                if self.image_labels is not None:
                    self.image_labels.override_prediction(sample)
        if seg_logits.isnan().any():
            raise ValueError('`seg_logits` must not be NaN. The network diverged: use an earlier checkpoint.')
        data_samples = segmentor.postprocess_result(seg_logits, data_samples)
        for sample in data_samples:
            self.class_maps.check_fields(sample)
        # In float32 also under autocast: half precision has neither the range nor the digits for the steps.
        with torch.autocast(inputs.device.type, enabled=False):
            scores = [sample.seg_logits.data.float() for sample in data_samples]
            if self.image_labels is not None:
                restrict = self.image_labels.restrict_scores
                scores = [restrict(score, sample) for score, sample in zip(scores, data_samples, strict=True)]
            class_maps = self.class_maps(segmentor, inputs, data_samples, scores)
        for sample, maps in zip(data_samples, class_maps, strict=True):
            sample.class_maps = PixelData(data=maps)
        return data_samples

    def merge_views(self, batch: Sequence[Sequence[SegDataSample]]) -> SampleList:
        """Merge the views of each image of a batch and run the remaining steps.

        Args:
            batch: The samples of :meth:`score_views` for each image, at least one; the first is changed in place.

        Returns:
            The first sample of each image, with ``pred_scores (K, H, W)``, their argmax ``pred_sem_seg (1, H, W)``,
            and the means of ``seg_logits``, ``pred_label`` and, with saliency maps, ``class_saliency`` over the views.

        Raises:
            ValueError: If a score is NaN or negative.
        """
        if not batch:
            return []
        samples = [views[0] for views in batch]
        with torch.autocast(samples[0].seg_logits.data.device.type, enabled=False):
            maps = [self._merged_maps(views) for views in batch]
            scores = apply_postprocessors(self.postprocessors, maps, samples)
            if not torch.stack([(one >= 0).all() for one in scores]).all():
                raise ValueError(
                    '`pred_scores` must not be NaN or negative. The class maps or the last post-processor divided by '
                    'zero, or gave logits.'
                )
            # Again, because the post-processors mix classes.
            scores = [self._restrict(one, sample) for one, sample in zip(scores, samples, strict=True)]
        return [self._predicted(views, one) for views, one in zip(batch, scores, strict=True)]

    def _merged_maps(self, views: Sequence[SegDataSample]) -> Tensor:
        """Merge the class maps of the views of an image, and the image-level predictions in its first sample."""
        sample = views[0]
        maps = self.class_maps.merge([view.class_maps.data for view in views])
        if 'pred_label' in sample:
            sample.pred_label = LabelData(
                **{key: _mean([view.pred_label.get(key) for view in views]) for key in sample.pred_label.keys()}
            )
        # The class maps need not use the restricted logits.
        return self._restrict(maps, sample)

    def _predicted(self, views: Sequence[SegDataSample], scores: Tensor) -> SegDataSample:
        """Write the result of an image into its first sample."""
        sample = views[0]
        for field in ('seg_logits', 'class_saliency'):
            if len(views) > 1 and field in sample:
                mean = _mean([view.get(field).data for view in views])
                sample.set_data({field: PixelData(data=mean)})
        del sample.class_maps
        sample.set_data(
            dict(pred_scores=PixelData(data=scores), pred_sem_seg=PixelData(data=scores.argmax(0, keepdim=True)))
        )
        return sample

    def _restrict(self, scores: Tensor, sample: SegDataSample) -> Tensor:
        return scores if self.image_labels is None else self.image_labels.restrict_probs(scores, sample)


def find_segmentor(model: nn.Module) -> Segmentor | None:
    """Return the segmentor with an inference pipeline in a model, which may be a wrapper; None if there is none."""
    modules: list[Any] = list(model.modules())
    return next((one for one in modules if isinstance(getattr(one, 'pipeline', None), InferencePipeline)), None)


def _mean(views: Sequence[Tensor]) -> Tensor:
    return torch.stack(list(views)).mean(0)
