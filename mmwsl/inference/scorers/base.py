"""Interface of the scorers."""

from abc import ABC, abstractmethod

from torch import Tensor
from torch.nn import functional as F

from ..dense import Fields, receptive_field
from ..segmentor import Segmentor
from ..step import InferenceStep


class Scorer(InferenceStep, ABC):
    """First step of inference: runs the network and returns its scores at every pixel of the input.

    Attributes:
        window: Height and width of the parts of an image that the network scores one at a time, None for the whole.
        input_padding: Whether the scorer pads the inputs, see :class:`PaddingScorer`.
    """

    window: tuple[int, int] | None = None
    input_padding = False

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

    def pad_inputs(self, segmentor: Segmentor, inputs: Tensor) -> tuple[Tensor, tuple[int, int], tuple[int, int]]:
        """Return the inputs without padding; see :meth:`PaddingScorer.pad_inputs`."""
        return inputs, (inputs.shape[2], inputs.shape[3]), (0, 0)


class PaddingScorer(Scorer):
    r"""Scorer of whole images that can pad the inputs of networks that do not pad (Pinheiro & Collobert, CVPR 2015).

    A location of the score map depends on the pixels ``before`` its own to those ``after`` it, see
    :class:`mmwsl.inference.ReceptiveField`. The inputs are padded with the mean color, by

    .. math:: \lfloor p / 2 \rfloor \text{ before and } \lceil p / 2 \rceil \text{ after},
       \quad p = \text{after} - \text{before} - \text{stride} + 1,

    so that the map has one location per ``stride`` pixels, each at the center of its pixels.

    Args:
        input_padding: Pad the inputs.

    Raises:
        TypeError: If ``input_padding`` is not a bool.
        ValueError: When the segmentor is built, if ``input_padding`` is set and the network pads already or its
            receptive field is not known, or the head does not aggregate.
    """

    def __init__(self, input_padding: bool = False) -> None:
        if not isinstance(input_padding, bool):
            raise TypeError(f'`scorer.input_padding` must be True or False, got {input_padding!r}.')
        self.input_padding = input_padding
        self._receptive_field: Fields | None = None

    def check(self, segmentor: Segmentor) -> None:
        """Check that the inputs can be padded; see the parent."""
        super().check(segmentor)
        if not self.input_padding:
            return
        if not segmentor.aggregates:
            raise ValueError(
                '`inference.scorer.input_padding` needs a head that aggregates, got '
                f'{type(segmentor.decode_head).__name__}. Remove it.'
            )
        for field in self._receptive_fields(segmentor):
            if field.after - field.before - field.stride + 1 < 0:
                raise ValueError(
                    '`inference.scorer.input_padding` is for networks that do not pad, but this one pads by '
                    f'{field.before} pixels. Remove it.'
                )

    def pad_inputs(self, segmentor: Segmentor, inputs: Tensor) -> tuple[Tensor, tuple[int, int], tuple[int, int]]:
        """Pad the inputs, if ``input_padding`` is set.

        Args:
            segmentor: The network.
            inputs: Images, ``(N, 3, H, W)``.

        Returns:
            The padded images; height and width in pixels that their score map covers, from the first pixel of
            ``inputs``; and the numbers of pixels that were added above and on the left of it.
        """
        if not self.input_padding:
            return super().pad_inputs(segmentor, inputs)
        rows, columns = (
            (field.after - field.before - field.stride + 1, -length % field.stride)
            for field, length in zip(self._receptive_fields(segmentor), inputs.shape[2:], strict=True)
        )
        (vertical, bottom), (horizontal, right) = rows, columns
        top, left = vertical // 2, horizontal // 2
        padded = F.pad(inputs, (left, right + horizontal - left, top, bottom + vertical - top))
        return padded, (inputs.shape[2] + bottom, inputs.shape[3] + right), (top, left)

    def _receptive_fields(self, segmentor: Segmentor) -> Fields:
        """Return the receptive fields of the score map; the network is traced once."""
        if self._receptive_field is None:
            self._receptive_field = receptive_field(segmentor.score_network())
        return self._receptive_field
