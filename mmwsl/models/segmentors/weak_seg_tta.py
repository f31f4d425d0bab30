"""Test-time augmentation that merges image-level labels too."""

import torch
from mmengine.structures import LabelData
from mmseg.models.segmentors import SegTTAModel
from mmseg.utils import SampleList

from ...registry import MODELS


@MODELS.register_module()
class WeakSegTTAModel(SegTTAModel):
    """``SegTTAModel`` that averages ``pred_label`` over the views as well as the pixel probabilities.

    Post-processing runs on every view, at the picture's own size, before the views are averaged.
    """

    def merge_preds(self, data_samples_list: list[SampleList]) -> SampleList:
        """Merge the predictions of all views of each picture."""
        scores = [torch.stack([view.pred_label.score for view in views]).mean(0) for views in data_samples_list]
        merged = super().merge_preds(data_samples_list)
        for sample, score in zip(merged, scores, strict=True):
            sample.pred_label = LabelData(score=score)
        return merged
