"""Conversion of a folder of index masks to another format."""

import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from mmwsl.annotations import open_mask_writer, read_mask
from mmwsl.annotations.mask_formats import COCOInstanceWriter
from mmwsl.utils.images import read_bgr
from mmwsl.utils.output_folder import OutputFolder


def convert_masks(
    output: OutputFolder,
    format: str,
    classes: Sequence[str],
    palette: Sequence[Sequence[int]],
    masks: Iterable[tuple[str, Path, str]],
    split: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None,
) -> Path:
    """Write masks of an output folder in another format, into its subfolder ``FORMAT``.

    What the command made there before is replaced when the new files are complete. Files of others are not touched.

    Args:
        output: The folder.
        format: A key of ``mmwsl.annotations.MASK_FORMATS``.
        classes: Class names, background first.
        palette: RGB color of each class.
        masks: Name of each image with suffix, its mask file, and its path.
        split: Function of a mask and its image in BGR that returns the instance of each pixel, for the format
            ``'coco-instances'``. None uses connected components.

    Returns:
        The file or folder to open.

    Raises:
        OutputError: If the subfolder holds other files of the same names.
    """
    partial = output.root / f'.{format}.part'
    shutil.rmtree(partial, ignore_errors=True)  # of an interrupted run
    try:
        with open_mask_writer(format, partial, classes, palette) as writer:
            for name, mask, img_path in masks:
                labels = read_mask(mask)
                if split is not None and isinstance(writer, COCOInstanceWriter):
                    writer.write(name, labels, instances=split(labels, read_bgr(img_path)))
                else:
                    writer.write(name, labels, read_bgr(img_path)[..., ::-1] if writer.needs_image else None)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    output.replace(f'{format}/', partial)
    return output.root / format / Path(writer.output).relative_to(partial)
