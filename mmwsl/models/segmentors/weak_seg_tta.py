"""Test-time augmentation that merges the views in the inference pipeline."""

from typing import Any

from mmengine.model import BaseTTAModel
from mmseg.structures import SegDataSample
from mmseg.utils import SampleList
from torch import nn

from ...inference import find_segmentor
from ...registry import MODELS
from .equal_sizes import predict_by_size


@MODELS.register_module()
class WeakSegTTAModel(BaseTTAModel):
    """Test-time augmentation of :class:`mmwsl.models.WeakEncoderDecoder`.

    Unlike mmseg's ``SegTTAModel``, which averages softmax probabilities, it merges the views as the class maps of the
    inference pipeline define, before post-processing. Use ``SegTTAModel`` for other segmentors.

    Args:
        module: The segmentor, or its config.
        **kwargs: Passed to :class:`mmengine.model.BaseTTAModel`.

    Raises:
        TypeError: If the segmentor cannot merge views.
    """

    def __init__(self, module: dict | nn.Module, **kwargs: Any) -> None:
        super().__init__(module, **kwargs)
        if find_segmentor(self.module) is None:
            raise TypeError(
                f"`module` must be of type='mmwsl.WeakEncoderDecoder', got {type(self.module).__name__}. Use "
                "tta_model = dict(type='SegTTAModel')."
            )

    def test_step(self, data: dict[str, list]) -> SampleList:
        """Predict a batch of images, each of whose fields lists the views."""
        views = [dict(zip(data, fields, strict=True)) for fields in zip(*data.values(), strict=True)]
        predictions = [predict_by_size(self._predict_view, view) for view in views]
        return self.merge_preds(list(zip(*predictions, strict=True)))

    def _predict_view(self, view: dict[str, list]) -> SampleList:
        return self.module.predict_views(**self.module.data_preprocessor(view))

    def merge_preds(self, data_samples_list: list[SampleList]) -> list[SegDataSample]:
        """Merge the predictions of all views of each image."""
        return self.module.merge_views(data_samples_list)
