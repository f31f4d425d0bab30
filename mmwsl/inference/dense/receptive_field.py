"""Where the cells of a network's map lie in the image, and what they see."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class ReceptiveField:
    r"""What cell ``i`` of a map sees along one axis: pixels ``stride * i - before`` to ``stride * i + after``.

    Pixels outside the image are the zeros with which the layers pad. Where branches meet, the field is the union
    of theirs.

    Attributes:
        stride: Pixels from cell to cell, S.
        before: Pixels that the field of cell 0 reaches before the first pixel: what the layers pad, in pixels.
        after: Pixels that it reaches after the first pixel.
        padded_stride: Stride of the input of the first layer that pads; 0 if none does.
    """

    stride: int = 1
    before: int = 0
    after: int = 0
    padded_stride: int = 0

    @property
    def size(self) -> int:
        """Length of the field, in pixels."""
        return self.before + self.after + 1

    @property
    def center(self) -> float:
        """Index of the pixel in the middle of the field of cell 0; may lie between two pixels."""
        return (self.after - self.before) / 2

    def through(self, kernel: int, stride: int, dilation: int, padding: int) -> 'ReceptiveField':
        """Return the field of the cells after a convolution or pooling of this map; arguments in cells."""
        return ReceptiveField(
            stride=self.stride * stride,
            before=self.before + self.stride * padding,
            after=self.after + self.stride * (dilation * (kernel - 1) - padding),
            padded_stride=self.padded_stride or (self.stride if padding else 0),
        )

    def union(self, other: 'ReceptiveField') -> 'ReceptiveField':
        """Return the field of a map that combines this one with another of the same stride, cell by cell."""
        if self.stride != other.stride:
            raise ValueError(f'maps of stride {self.stride} and {other.stride} are combined')
        padded = [stride for stride in (self.padded_stride, other.padded_stride) if stride]
        return ReceptiveField(
            self.stride, max(self.before, other.before), max(self.after, other.after), min(padded, default=0)
        )

    def cells(self, length: int) -> int:
        """Return how many cells an image of ``length`` pixels has."""
        return max(0, (length - 1 + self.before - self.after) // self.stride + 1)

    def window(self, start: int, stop: int, length: int) -> tuple[int, int]:
        """Return the pixels that the cells ``start`` to ``stop - 1`` need, as ``[first, last)``.

        The first pixel is a multiple of the stride: then the cells of the window are cells of the image.
        """
        first = max(0, start - math.ceil(self.before / self.stride)) * self.stride
        return first, min(length, (stop - 1) * self.stride + self.after + 1)

    def stitching_differs(self, step: int, count: int) -> Tensor:
        r"""Mark the cells of a dense map that shift-and-stitch may score otherwise, because of padding.

        An image without its first :math:`\delta` rows is padded with zeros where the dense network sees those rows.
        This matters to a layer whose stride is not larger than the shift, so a cell :math:`q` of the dense map, which
        belongs to the shift :math:`\delta = t q \bmod S`, may differ if

        .. math:: \delta \ge n \quad \text{and} \quad t q - \delta < B,

        n being :attr:`padded_stride` and B :attr:`before`: its field crosses the first border of the shifted image.
        All other cells are equal: those of shift 0, the network's own, and those at the last border, where both see
        the same zeros. A network that does not pad, or only where its stride is reached, is equal everywhere.

        Args:
            step: Stride t of the dense map; this field is that of the original network, of stride S.
            count: Number of cells of the dense map along this axis.

        Returns:
            Boolean tensor ``(count,)``. A cell of the map differs at most if its row or its column is marked.
        """
        pixels = torch.arange(count) * step
        shift = pixels % self.stride
        if not self.padded_stride:
            return torch.zeros(count, dtype=torch.bool)
        return (shift >= self.padded_stride) & (pixels - shift < self.before)
