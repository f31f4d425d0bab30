"""Writers of masks, one per format."""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import numpy as np
from PIL import Image

from mmwsl.utils.files import atomic_write
from mmwsl.utils.images import stem


class PNGWriter:
    """Writer of index PNG files with a palette."""

    needs_image = False

    def __init__(self, folder: str | Path, classes: Sequence[str], palette: Sequence[Sequence[int]]) -> None:
        self.output = Path(folder)
        self.palette = palette

    def __enter__(self) -> 'PNGWriter':
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def write(self, name: str, mask: np.ndarray, image: np.ndarray | None = None) -> None:
        """Write the mask ``(H, W)`` uint8 of an image."""
        file = Image.fromarray(mask)
        colors = np.zeros((256, 3), np.uint8)
        colors[: len(self.palette)] = self.palette
        file.putpalette(colors.tobytes())
        with atomic_write(self.output / f'{stem(name)}.png') as stream:
            file.save(stream, 'PNG')


class OverlayWriter(PNGWriter):
    """Writer of images blended with the colors of their masks."""

    needs_image = True

    def write(self, name: str, mask: np.ndarray, image: np.ndarray | None = None) -> None:
        """Write the blended image ``(H, W, 3)`` uint8."""
        colors = np.zeros((256, 3), np.uint8)
        colors[: len(self.palette)] = self.palette
        blended = np.where(mask[..., None] > 0, (colors[mask] // 2 + np.asarray(image) // 2), image)
        with atomic_write(self.output / f'{stem(name)}.png') as stream:
            Image.fromarray(blended.astype(np.uint8)).save(stream, 'PNG')


MASK_FORMATS: dict[str, type[PNGWriter]] = {'png': PNGWriter, 'overlay': OverlayWriter}


def open_mask_writer(
    format: str, folder: str | Path, classes: Sequence[str], palette: Sequence[Sequence[int]]
) -> PNGWriter:
    """Open the writer of a format."""
    return MASK_FORMATS[format](folder, classes, palette)
