"""Test-time augmentation of mmseg's segmentors that returns scores."""

import torch
from mmengine.structures import PixelData
from mmseg.models.segmentors import SegTTAModel
from mmseg.structures import SegDataSample
from mmseg.utils import SampleList
from torch import Tensor

from ...registry import MODELS


@MODELS.register_module()
class ScoredSegTTAModel(SegTTAModel):
    """mmseg's ``SegTTAModel`` that also returns the mean probabilities of the views, ``pred_scores (K, H, W)``.

    The parent leaves the logits of the last view in its result.
    """

    def merge_preds(self, data_samples_list: list[SampleList]) -> SampleList:
        """Merge the predictions of all views of each image."""
        scores = [torch.stack([class_probs(view) for view in views]).mean(0) for views in data_samples_list]
        merged: SampleList = super().merge_preds(data_samples_list)
        for sample, mean in zip(merged, scores, strict=True):
            sample.set_data(dict(pred_scores=PixelData(data=mean)))
        return merged


def class_probs(sample: SegDataSample) -> Tensor:
    """Return the probabilities of the classes ``(K, H, W)`` of a prediction; of a single logit, also the background."""
    logits = sample.seg_logits.data.float()
    if len(logits) > 1:
        return logits.softmax(0)
    foreground = logits.sigmoid()
    return torch.cat([1 - foreground, foreground])
