"""Interface of the segmentors that the pipeline runs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from mmseg.utils import SampleList
from torch import Tensor, nn

if TYPE_CHECKING:
    from .pipeline import InferencePipeline


class Segmentor(Protocol):
    """Methods that the inference pipeline needs; :class:`mmwsl.models.WeakEncoderDecoder` implements them."""

    num_classes: int
    align_corners: bool
    decode_head: Any
    image_head: Any  # the head whose scores are aggregated to the image-level logits, None if there is none
    pipeline: 'InferencePipeline'
    test_cfg: Any
    same_padding: bool  # whether the network pads, so that its score map covers the input

    @property
    def aggregates(self) -> bool:
        """Whether there are image-level logits, such as those of a head that aggregates its score map."""

    @property
    def exclusive_classes(self) -> bool:
        """Whether a pixel has one class (softmax), else the foreground classes are independent (sigmoid)."""

    def __call__(self, inputs: Tensor) -> Tensor:
        """Return the score map ``(N, K, h, w)`` of inputs ``(N, 3, H, W)``."""

    def extract_feat(self, inputs: Tensor) -> Sequence[Tensor]:
        """Return the feature maps of the backbone, those of the neck if there is one, that the head gets."""

    def score_map(self, inputs: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """Return the score map ``(N, K, h, w)`` of padded images ``(N, 3, H, W)``."""

    def aggregate(
        self,
        seg_logits: Tensor,
        batch_img_metas: list[dict],
        input_size: tuple[int, int],
        covered_size: tuple[int, int],
    ) -> Tensor | None:
        """Aggregate score maps ``(N, K, h, w)`` to ``image_logits (N, K)``; None if the head does not aggregate.

        Args:
            seg_logits: Score maps.
            batch_img_metas: Meta information of the images.
            input_size: Height and width of the inputs before the scorer padded them.
            covered_size: Height and width in pixels that the score maps cover from the first pixel of the inputs.
        """

    def score(
        self,
        inputs: Tensor,
        batch_img_metas: list[dict],
        input_size: tuple[int, int],
        covered_size: tuple[int, int],
    ) -> tuple[Tensor, Tensor | None]:
        """Return the score map of padded images, and ``image_logits`` as :meth:`aggregate` does."""

    def score_network(self) -> nn.Module:
        """Return backbone, neck and head as one network, ``(N, 3, H, W)`` to ``(N, K, h, w)``."""

    def slide_inference(self, inputs: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """Score by mmseg's sliding windows."""

    def postprocess_result(self, seg_logits: Tensor, data_samples: SampleList) -> SampleList:
        """Write maps at the original image size, orientation and area into ``seg_logits`` of the samples."""

    def pixel_probs(self, seg_logits: Tensor) -> Tensor:
        """Turn logits ``(..., K, H, W)`` into class probabilities."""

    def image_probs(self, image_logits: Tensor) -> Tensor:
        """Turn logits ``(N, K)`` into image-level class probabilities."""

    def image_log_odds(self, image_logits: Tensor) -> Tensor:
        """Turn logits ``(N, K)`` into the log-odds of the image-level class probabilities."""
