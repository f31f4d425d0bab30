"""Test-time augmentation that averages probabilities as they are."""

import torch
from mmengine.structures import LabelData, PixelData
from mmseg.models.segmentors import SegTTAModel
from mmseg.utils import SampleList

from ...registry import MODELS


@MODELS.register_module()
class WeakSegTTAModel(SegTTAModel):
    """``SegTTAModel`` for :class:`mmwsl.models.WeakEncoderDecoder`.

    It differs in what is averaged over the views: the scores that the chain left, as they are (a softmax, as in the
    parent, would lend more weight to a view with little evidence), and ``pred_label``. Post-processing runs on every
    view, at the picture's own size, before the views are averaged.
    """

    def merge_preds(self, data_samples_list: list[SampleList]) -> SampleList:
        """Merge the predictions of all views of each picture."""
        labels = [torch.stack([view.pred_label.score for view in views]).mean(0) for views in data_samples_list]
        probs = [sum(view.seg_logits.data.exp() for view in views) / len(views) for views in data_samples_list]
        merged = super().merge_preds(data_samples_list)
        for sample, label, prob in zip(merged, labels, probs, strict=True):
            sample.set_data(dict(pred_label=LabelData(score=label), seg_logits=PixelData(data=prob.log()),
                                 pred_sem_seg=PixelData(data=prob.argmax(0, keepdim=True))))
        return merged
