"""Test-time augmentation in which the segmentor merges the views."""

from mmengine.model import BaseTTAModel
from mmseg.structures import SegDataSample
from mmseg.utils import SampleList
from torch import nn

from ...registry import MODELS


@MODELS.register_module()
class WeakSegTTAModel(BaseTTAModel):
    """Test-time augmentation of :class:`mmwsl.models.WeakEncoderDecoder` and ``PostprocessedEncoderDecoder``.

    Unlike mmseg's ``SegTTAModel``, which takes the softmax of what each view predicted and so lends more weight to a
    view with little evidence, it hands the scores of all views to the segmentor's ``merge_views``. Use the former for
    other segmentors.

    Args:
        module: The segmentor, or its config.
        **kwargs: Of :class:`mmengine.model.BaseTTAModel`.

    Raises:
        TypeError: If the segmentor cannot merge views.
    """

    def __init__(self, module: dict | nn.Module, **kwargs) -> None:
        super().__init__(module, **kwargs)
        if not hasattr(self.module, 'merge_views'):
            raise TypeError(
                f'`module` must merge its views, but {type(self.module).__name__} does not: use '
                "type='mmwsl.WeakEncoderDecoder', or tta_model = dict(type='SegTTAModel')"
            )

    def test_step(self, data: dict[str, list]) -> SampleList:
        """Predict a batch of images, each of whose fields lists the views."""
        views = [dict(zip(data, fields, strict=True)) for fields in zip(*data.values(), strict=True)]
        predictions = [self.module.predict_views(**self.module.data_preprocessor(view)) for view in views]
        return self.merge_preds(list(zip(*predictions, strict=True)))

    def merge_preds(self, data_samples_list: list[SampleList]) -> list[SegDataSample]:
        """Merge the predictions of all views of each image."""
        return [self.module.merge_views(views) for views in data_samples_list]
