"""Masks from stored scores, without the model."""

from collections.abc import Callable, Sequence
from functools import partial

from mmengine.utils import track_parallel_progress, track_progress

from .images import ImageItem
from .store import label_pixels, read_codes, write_mask

CHUNK = 4


def write_masks(
    images: Sequence[ImageItem],
    palette: Sequence[Sequence[int]],
    low: float | None = None,
    high: float | None = None,
    processes: int = 0,
) -> None:
    """Write the masks of images from their stored scores.

    Args:
        images: The images.
        palette: Color of each class.
        low: See :func:`.store.label_pixels`.
        high: See :func:`.store.label_pixels`.
        processes: How many processes share the images; 0 or 1 is this one.
    """
    for_each(partial(_write_mask, palette=palette, low=low, high=high), images, processes)


def for_each(function: Callable, tasks: Sequence, processes: int = 0) -> list:
    """Call a function on every task, in processes, with a progress bar; return the results in order."""
    processes = min(processes, len(tasks))
    if processes > 1:
        results = track_parallel_progress(function, tasks, processes, chunksize=CHUNK)
    else:
        results = track_progress(function, tasks)
    return results


def _write_mask(image: ImageItem, palette: Sequence[Sequence[int]], low: float | None, high: float | None) -> None:
    write_mask(image.mask, label_pixels(read_codes(image.scores), low, high), palette)
