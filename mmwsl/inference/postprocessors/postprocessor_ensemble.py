"""Ensemble of post-processing pipelines."""

from collections.abc import Sequence

import torch
from mmseg.structures import SegDataSample
from torch import Tensor

from ...registry import POSTPROCESSORS
from ..step import InferenceStep
from .base import PostProcessor, apply_postprocessors, build_postprocessors
from .dense_crf import DenseCRF, SharedKernels


@POSTPROCESSORS.register_module()
class PostProcessorEnsemble(PostProcessor):
    """Mean of the results of several post-processing pipelines on the same scores.

    Where two pipelines disagree, the mean is near 0.5: thresholds of about 0.25 and 0.75 ignore such pixels, see
    :func:`mmwsl.functional.double_threshold`. IRN (Ahn et al., CVPR 2019) generates labels by two CRFs, one with a low
    and one with a high background score. CRFs with equal kernels share their lattices.

    Args:
        pipelines: Configs of the pipelines, each a list of post-processors; an empty list does not change the scores.

    Raises:
        ValueError: If there is no pipeline, or one is not a list.
    """

    def __init__(self, pipelines: Sequence[Sequence[dict]]) -> None:
        if not pipelines or not all(isinstance(pipeline, (list, tuple)) for pipeline in pipelines):
            raise ValueError(
                f'`pipelines` must be a non-empty list of lists of post-processors, got {pipelines!r}. Put a single '
                'post-processor into a list of its own.'
            )
        self.pipelines = [build_postprocessors(pipeline) for pipeline in pipelines]
        self._shared_kernels = SharedKernels()
        self._share(self._shared_kernels)

    @property
    def nested(self) -> list[InferenceStep]:
        """Post-processors of all pipelines."""
        return [step for pipeline in self.pipelines for step in pipeline]

    def process(self, probs: Tensor, data_sample: SegDataSample) -> Tensor:
        """Average the results of all pipelines on ``probs (K, H, W)``."""
        return self._mean([probs], [data_sample])[0]

    def process_batch(self, probs: Sequence[Tensor], data_samples: Sequence[SegDataSample]) -> list[Tensor]:
        """Average the results of all pipelines on each image of a batch."""
        if probs[0].device.type == 'cpu':  # where a batch is not faster, keep the lattices of one image only
            return super().process_batch(probs, data_samples)
        return self._mean(probs, data_samples)

    def _mean(self, probs: Sequence[Tensor], data_samples: Sequence[SegDataSample]) -> list[Tensor]:
        try:
            results = [apply_postprocessors(pipeline, probs, data_samples) for pipeline in self.pipelines]
        finally:
            self._shared_kernels.clear()
        return [torch.stack(of_image).mean(0) for of_image in zip(*results, strict=True)]

    def _share(self, kernels: SharedKernels) -> None:
        """Let the CRFs of all pipelines, and those of ensembles among them, use the same kernels."""
        for step in self.nested:
            if isinstance(step, DenseCRF):
                step.shared_kernels = kernels
            elif isinstance(step, PostProcessorEnsemble):
                step._share(kernels)
