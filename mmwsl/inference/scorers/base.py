"""Interface of the scorers."""

from abc import ABC, abstractmethod

from torch import Tensor

from ..input_padding import InputPadding
from ..segmentor import Segmentor
from ..step import InferenceStep


class Scorer(InferenceStep, ABC):
    """First step of inference: runs the network and returns its scores at every pixel of the input.

    Attributes:
        window: Height and width of the parts of an image that the network scores one at a time, None for the whole.
        input_padding: Padding for networks that do not pad, None if the scorer cannot run them.
    """

    window: tuple[int, int] | None = None
    input_padding: InputPadding | None = None

    @abstractmethod
    def __call__(
        self, segmentor: Segmentor, inputs: Tensor, batch_img_metas: list[dict]
    ) -> tuple[Tensor, Tensor | None]:
        """Score a batch.

        Args:
            segmentor: The network.
            inputs: Normalized and padded images, ``(N, 3, H, W)``.
            batch_img_metas: Meta information of the images.

        Returns:
            ``seg_logits (N, K, H, W)`` and, where the head aggregates, ``image_logits (N, K)``, else None.
        """

    def check(self, segmentor: Segmentor) -> None:
        """Check that the score map of a network that does not pad is placed right; see the parent."""
        super().check(segmentor)
        if segmentor.same_padding:
            return
        if self.input_padding is None:
            raise ValueError(
                f'`inference.scorer` {type(self).__name__} needs a network that pads, but `decode_head.same_padding` '
                "is False. Use type='mmwsl.WholeScorer' or 'mmwsl.DenseScorer', which pad the inputs."
            )
        self.input_padding.receptive_field(segmentor)
