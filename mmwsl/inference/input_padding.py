"""Padding of the inputs of networks that do not pad."""

from torch import Tensor
from torch.nn import functional as F

from .dense import Fields, receptive_field
from .segmentor import Segmentor


class InputPadding:
    r"""Padding of the inputs of networks that do not pad (Pinheiro & Collobert, CVPR 2015).

    These are the networks whose head has ``same_padding=False``. A location of their score map depends on the pixels
    ``before`` its own to the pixels ``after`` it, see :class:`mmwsl.inference.ReceptiveField`. The inputs are padded
    with the mean color, by

    .. math:: \lfloor p / 2 \rfloor \text{ before and } \lceil p / 2 \rceil \text{ after},
       \quad p = \text{after} - \text{before} - \text{stride} + 1,

    so that the map has one location per ``stride`` pixels, each at the center of its pixels.
    """

    def __init__(self) -> None:
        self._receptive_field: Fields | None = None

    def __call__(self, segmentor: Segmentor, inputs: Tensor) -> tuple[Tensor, tuple[int, int], tuple[int, int]]:
        """Pad the inputs if the network does not pad.

        Args:
            segmentor: The network.
            inputs: Images, ``(N, 3, H, W)``.

        Returns:
            The padded images; height and width in pixels that their score map covers, from the first pixel of
            ``inputs``; and the numbers of pixels that were added above and on the left of it.
        """
        height, width = inputs.shape[2:]
        if segmentor.same_padding:
            return inputs, (height, width), (0, 0)
        rows, columns = self.receptive_field(segmentor)
        bottom, right = -height % rows.stride, -width % columns.stride
        vertical, horizontal = (max(0, field.after - field.before - field.stride + 1) for field in (rows, columns))
        top, left = vertical // 2, horizontal // 2
        padded = F.pad(inputs, (left, right + horizontal - left, top, bottom + vertical - top))
        return padded, (height + bottom, width + right), (top, left)

    def receptive_field(self, segmentor: Segmentor) -> Fields:
        """Return the receptive fields of the score map along height and width; the network is traced once.

        Raises:
            ValueError: If the receptive field is not known; the message names the layer.
        """
        if self._receptive_field is None:
            self._receptive_field = receptive_field(segmentor.score_network())
        return self._receptive_field
