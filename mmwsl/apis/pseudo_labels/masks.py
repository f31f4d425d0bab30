"""Masks from stored scores, without the model."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing import Pool
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from mmengine.utils import track_progress

from mmwsl.annotations import IGNORE_INDEX, encode_mask
from mmwsl.annotations.score_file import read_codes
from mmwsl.functional import double_threshold, quantize_threshold
from mmwsl.utils.files import atomic_write
from mmwsl.utils.images import open_image
from mmwsl.utils.output_folder import OutputFolder

from .corrections import forget_earlier, record_mask
from .items import ImageItem
from .manifest import Manifest, as_recorded
from .refinement import check_refinement, refine_scores

CHUNK = 4
COMMAND = 'mmwsl generate-pseudo-labels'
"""Command whose files these are, for :class:`mmwsl.utils.output_folder.OutputFolder`."""
STAGED = '.masks.part'
"""Folder of masks of a new rule, until all are written."""
Task = TypeVar('Task')
Result = TypeVar('Result')


@dataclass(frozen=True)
class MaskRule:
    """Rule that turns the scores of an image into a mask.

    Attributes:
        bg_threshold: Pixels with foreground scores up to it are background. None is ``fg_threshold``.
        fg_threshold: Pixels with a foreground score above it are foreground; pixels between the thresholds are
            ignored, see :func:`mmwsl.functional.double_threshold`. None is the argmax over all classes.
        tuned_on: Masks that the thresholds were tuned on, if any.
        postprocessors: Configs of post-processors that are applied to the stored scores first, such as
            ``ClassThresholds`` and ``DenseCRF``: changing them needs no prediction.

    Raises:
        TypeError: If an entry of ``postprocessors`` is not the config of a post-processor.
        ValueError: If the thresholds are not as above, or a post-processor needs more than the image.
    """

    bg_threshold: float | None = None
    fg_threshold: float | None = None
    tuned_on: str | None = None
    postprocessors: Sequence[dict] = ()

    def __post_init__(self) -> None:
        check_refinement(self.postprocessors)
        low, high = self.bg_threshold, self.fg_threshold
        if high is None:
            if low is not None or self.tuned_on:
                raise ValueError('--bg-threshold and --tuned-on need a foreground threshold. Pass --fg-threshold.')
            return
        low = high if low is None else low
        if not 0 <= low <= high <= 1:
            raise ValueError(
                'thresholds must satisfy 0 <= --bg-threshold <= --fg-threshold <= 1, got '
                f'bg_threshold={low} and fg_threshold={high}.'
            )
        object.__setattr__(self, 'bg_threshold', low)  # the class is frozen

    def apply(self, codes: np.ndarray, img_path: str = '') -> np.ndarray:
        """Return the mask ``(H, W)`` uint8 of quantized scores ``(K, H, W)``; post-processors need the image."""
        scores = refine_scores(codes, self.postprocessors, img_path) if self.postprocessors else codes
        if self.bg_threshold is None or self.fg_threshold is None:
            return scores.argmax(0).astype(np.uint8)
        low, high = self.bg_threshold, self.fg_threshold
        if scores is codes:
            low, high = (quantize_threshold(value) - 1 for value in (low, high))
        return double_threshold(scores, low, high, IGNORE_INDEX)


def write_masks(
    manifest: Manifest, items: Sequence[ImageItem], rule: MaskRule, palette: Sequence[Sequence[int]], processes: int = 0
) -> None:
    """Write the missing masks of images. Masks that follow another rule are replaced once all new ones are written.

    Masks of images that are not among ``items`` are removed then: all masks of a folder follow one rule.

    Args:
        manifest: Manifest of the folder.
        items: The images.
        rule: The rule.
        palette: Color of each class.
        processes: Number of processes that share the images; 0 or 1 is this process.
    """
    folder = manifest.path.parent
    complete = as_recorded(dict(rule=asdict(rule), complete=True), folder)
    if not replaces_masks(manifest, rule):
        _write_missing({item: item.mask for item in items}, folder, rule, palette, processes)
    else:
        staged = folder / STAGED
        if manifest.content.get('next_rule') != complete['rule']:
            shutil.rmtree(staged, ignore_errors=True)  # of an interrupted run with a third rule
            manifest.update(next_rule=complete['rule'])
        _write_missing({item: staged_mask(item, folder) for item in items}, folder, rule, palette, processes)
        manifest.update(masks=dict(complete, complete=False))
        OutputFolder(folder, COMMAND).replace('masks/', staged)
        forget_earlier(folder)
    manifest.update(masks=complete, next_rule=None)


def replaces_masks(manifest: Manifest, rule: MaskRule) -> bool:
    """Tell whether :func:`write_masks` replaces all masks, or adds missing ones of the same rule."""
    before = (manifest.content.get('masks') or {}).get('rule')
    return before != as_recorded(asdict(rule), manifest.path.parent) or bool(manifest.content.get('next_rule'))


def staged_mask(item: ImageItem, folder: Path) -> Path:
    """Return the file of a mask until all masks of its rule are written."""
    return folder / STAGED / item.mask.relative_to((folder / 'masks').absolute())


def _write_missing(
    files: Mapping[ImageItem, Path], folder: Path, rule: MaskRule, palette: Sequence[Sequence[int]], processes: int
) -> None:
    """Write the masks whose files do not exist."""
    if missing := [(item, path) for item, path in files.items() if not path.is_file()]:
        for_each(partial(_write_mask, folder=folder, rule=rule, palette=palette), missing, processes)


def for_each(function: Callable[[Task], Result], tasks: Sequence[Task], processes: int = 0) -> list[Result]:
    """Call a function on every task, in several processes, with a progress bar; return the results in order."""
    processes = min(processes, len(tasks))
    if processes > 1:
        # A forked process cannot use the threads of torch in its parent. An interruption ends the processes as well.
        with Pool(processes, torch.set_num_threads, (1,)) as pool:
            results = pool.imap(function, tasks, chunksize=CHUNK)
            return track_progress(lambda result: result, (results, len(tasks)))
    return track_progress(function, tasks)


def _write_mask(task: tuple[ImageItem, Path], folder: Path, rule: MaskRule, palette: Sequence[Sequence[int]]) -> None:
    item, path = task
    codes = read_codes(item.scores)
    if Path(item.img_path).is_file():
        with open_image(item.img_path) as image:
            size = image.height, image.width
        if codes.shape[1:] not in (size, size[::-1]):  # EXIF data may turn an image
            raise ValueError(
                f'{item.scores}: scores must have the size of their image {item.img_path}, {size[0]} x {size[1]}, got '
                f'{codes.shape[1]} x {codes.shape[2]}. Delete the file: the command makes it anew.'
            )
    content = encode_mask(rule.apply(codes, item.img_path), palette)
    record_mask(folder, item.name, content)
    with atomic_write(path) as file:
        file.write(content)
