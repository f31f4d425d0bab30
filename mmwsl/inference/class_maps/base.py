"""Interface of the class maps."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from mmseg.utils import SampleList
from torch import Tensor

from ..segmentor import Segmentor
from ..step import InferenceStep


class ClassMaps(InferenceStep, ABC):
    """Step of inference that turns the network's scores into one map per class in [0, 1].

    Subclasses define :meth:`__call__` for one view of each image, and :meth:`merge` where the views of test-time
    augmentation are not averaged.
    """

    @abstractmethod
    def __call__(
        self, segmentor: Segmentor, inputs: Tensor, data_samples: SampleList, scores: list[Tensor]
    ) -> list[Tensor]:
        """Compute the class maps of a batch.

        Args:
            segmentor: The network.
            inputs: Normalized and padded images, ``(N, 3, H, W)``.
            data_samples: Their samples, with ``pred_label`` where the head aggregates.
            scores: The network's logits at the original image size, restricted to the image-level labels where they
                are used, float32 ``(K, H, W)`` for each image.

        Returns:
            Maps ``(K, H, W)`` for each image, background first, in the range that :meth:`merge` expects.
        """

    def merge(self, views: Sequence[Tensor]) -> Tensor:
        """Merge the maps ``(K, H, W)`` of all views of an image into maps in [0, 1]: their mean."""
        return torch.stack(list(views)).mean(0)
