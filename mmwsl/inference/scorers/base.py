"""Interface of the scorers."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from torch import Tensor
from torch.nn import functional as F

if TYPE_CHECKING:
    from ..segmentor import Segmentor


class Scorer(ABC):
    """First step of inference: runs the network and returns its scores at every pixel of the input.

    Attributes:
        window: Height and width of the parts of an image that the network scores one at a time, None for the whole.
        test_cfg: ``test_cfg`` of the segmentor, which mmseg's own inference reads.
    """

    window: tuple[int, int] | None = None

    @property
    def test_cfg(self) -> dict:
        """Config that mmseg's methods read from the segmentor."""
        return dict(mode='whole')

    @abstractmethod
    def __call__(
        self, segmentor: 'Segmentor', inputs: Tensor, batch_img_metas: list[dict]
    ) -> tuple[Tensor, Tensor | None]:
        """Score a batch.

        Args:
            segmentor: The network.
            inputs: Normalized and padded images, ``(N, 3, H, W)``.
            batch_img_metas: Meta information of the images.

        Returns:
            ``seg_logits (N, K, H, W)`` and, where the head aggregates, ``image_logits (N, K)``, else None.
        """

    def pad_inputs(self, inputs: Tensor) -> tuple[Tensor, tuple[int, int], int]:
        """Return the inputs without padding; see :meth:`PaddingScorer.pad_inputs`."""
        return inputs, (inputs.shape[2], inputs.shape[3]), 0


class PaddingScorer(Scorer):
    """Scorer of whole images that pads the inputs of networks that do not pad (Pinheiro & Collobert, CVPR 2015).

    Args:
        input_padding: ``dict(before=..., after=..., stride=...)`` in pixels: the inputs are padded with the mean color
            such that the first location of the score map is centered at ``stride / 2``. None does not pad.

    Raises:
        TypeError: If ``input_padding`` has other keys.
        ValueError: If one of its values is out of range.
    """

    def __init__(self, input_padding: dict[str, int] | None = None) -> None:
        if input_padding is not None and set(input_padding) != {'before', 'after', 'stride'}:
            raise TypeError(
                f'`input_padding` must be None or have the keys before, after and stride, got {sorted(input_padding)}.'
            )
        for key, value in (input_padding or {}).items():
            if not isinstance(value, int) or value < (1 if key == 'stride' else 0):
                raise ValueError(
                    f'`input_padding` must be non-negative integers and a positive stride, got {key}={value!r}.'
                )
        self.input_padding = input_padding

    def pad_inputs(self, inputs: Tensor) -> tuple[Tensor, tuple[int, int], int]:
        """Pad the inputs by ``input_padding``.

        Returns:
            The inputs; height and width in pixels that their score map covers, from the first pixel of the inputs
            before padding; and the number of pixels that were added before it.
        """
        if self.input_padding is None:
            return super().pad_inputs(inputs)
        before, after, stride = (self.input_padding[key] for key in ('before', 'after', 'stride'))
        height, width = inputs.shape[2:]
        bottom, right = -height % stride, -width % stride
        padded = F.pad(inputs, (before, right + after, before, bottom + after))
        return padded, (height + bottom, width + right), before
