"""Conversion of a folder of index masks to another format."""

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from mmwsl.annotations import open_mask_writer, read_mask
from mmwsl.utils.images import read_bgr
from mmwsl.utils.output_folder import OutputFolder


def convert_masks(
    output: OutputFolder,
    format: str,
    classes: Sequence[str],
    palette: Sequence[Sequence[int]],
    masks: Iterable[tuple[str, Path, str]],
) -> Path:
    """Write masks of an output folder in another format, into its subfolder ``FORMAT``, which is replaced.

    Args:
        output: The folder.
        format: A key of ``mmwsl.annotations.MASK_FORMATS``.
        classes: Class names, background first.
        palette: RGB color of each class.
        masks: Name of each image with suffix, its mask file, and its path.

    Returns:
        The file or folder to open.
    """
    folder = output.root / format
    output.begin([f'{format}/'], keep=True)
    shutil.rmtree(folder, ignore_errors=True)
    with open_mask_writer(format, folder, classes, palette) as writer:
        for name, mask, img_path in masks:
            writer.write(name, read_mask(mask), read_bgr(img_path)[..., ::-1] if writer.needs_image else None)
    return Path(writer.output)
