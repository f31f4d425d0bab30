"""Image-level prior of Pinheiro & Collobert."""

from mmseg.structures import SegDataSample
from torch import Tensor

from ...functional import image_level_prior
from ...registry import POSTPROCESSORS
from ...utils.sample_fields import AGGREGATING_HEAD
from .base import PostProcessor


@POSTPROCESSORS.register_module()
class ImageLevelPrior(PostProcessor):
    """Product of pixel and image-level probabilities (ILP); see :func:`mmwsl.functional.image_level_prior`."""

    required_fields = dict(pred_label=AGGREGATING_HEAD)

    def process(self, probs: Tensor, data_sample: SegDataSample) -> Tensor:
        """Multiply ``probs (K, H, W)`` by the predicted image-level probabilities."""
        return image_level_prior(probs, data_sample.pred_label.score)
