"""Prediction of one image."""

from typing import NamedTuple

import numpy as np
from mmseg.structures import SegDataSample
from torch import Tensor

from mmwsl.models import class_probs


class Prediction(NamedTuple):
    """Prediction of an image.

    Attributes:
        name: Name of the image, see :func:`mmwsl.apis.image_inputs.list_inputs`.
        mask: Class indices, ``(H, W)`` uint8 at the original size of the image.
        scores: Scores of the classes, ``(K, H, W)``, if asked for.
        image_probs: Probability of every foreground class in the image; None if the head does not aggregate.
        image: The image, RGB ``(H, W, 3)`` uint8, if asked for.
        data_sample: MMSegmentation's data sample, if asked for.
        error: Why there is no mask; None if there is one.
    """

    name: str
    mask: np.ndarray | None = None
    scores: Tensor | None = None
    image_probs: dict[str, float] | None = None
    image: np.ndarray | None = None
    data_sample: SegDataSample | None = None
    error: str | None = None


def pixel_scores(sample: SegDataSample) -> Tensor:
    """Return the scores ``(K, H, W)`` of the inference pipeline, or probabilities if the segmentor has none.

    Args:
        sample: Prediction of a segmentor.
    """
    if 'pred_scores' in sample:
        return sample.pred_scores.data.float()
    return class_probs(sample)
