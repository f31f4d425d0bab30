"""Writers of masks in the formats of common tools."""

from collections.abc import Sequence
from pathlib import Path

from mmwsl.utils.text import check_choice

from .coco import COCOInstanceWriter, COCOWriter
from .cvat import CVATWriter
from .image_files import ColorWriter, OverlayWriter, PNGWriter
from .label_studio import LabelStudioWriter
from .writer import MaskWriter
from .yolo import YOLOWriter

__all__ = ['MASK_FORMATS', 'COCOInstanceWriter', 'MaskWriter', 'open_mask_writer']

MASK_FORMATS: dict[str, type[MaskWriter]] = {
    'png': PNGWriter,
    'color': ColorWriter,
    'overlay': OverlayWriter,
    'coco': COCOWriter,
    'coco-instances': COCOInstanceWriter,
    'yolo': YOLOWriter,
    'cvat': CVATWriter,
    'label-studio': LabelStudioWriter,
}


def open_mask_writer(
    format: str, folder: str | Path, classes: Sequence[str], palette: Sequence[Sequence[int]]
) -> MaskWriter:
    """Open a writer of masks, a context manager.

    Args:
        format: A key of :data:`MASK_FORMATS`.
        folder: The folder of the outputs; it is created. Files with the names of outputs are replaced.
        classes: Class names, background first.
        palette: RGB color of each class.

    Raises:
        ValueError: If the format is unknown, or the classes and colors do not fit it.
    """
    check_choice('format', format, tuple(MASK_FORMATS))
    return MASK_FORMATS[format](folder, classes, palette)
