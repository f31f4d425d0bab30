"""Masks from stored scores, without the model."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing import Pool
from typing import TypeVar

import numpy as np
import torch
from mmengine.utils import track_progress

from mmwsl.annotations import IGNORE_INDEX, write_mask
from mmwsl.annotations.score_file import read_codes
from mmwsl.functional import double_threshold, quantize_threshold
from mmwsl.utils.output_folder import OutputFolder

from .items import ImageItem
from .manifest import Manifest, as_json
from .refinement import check_refinement, refine_scores

CHUNK = 4
COMMAND = 'mmwsl generate-pseudo-labels'
"""Command whose files these are, for :class:`mmwsl.utils.output_folder.OutputFolder`."""
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
    """Write the missing masks of images. If existing masks may follow another rule, remove them first.

    Masks of images that are not among ``items`` are removed as well: all masks of a folder follow one rule.

    Args:
        manifest: Manifest of the folder.
        items: The images.
        rule: The rule.
        palette: Color of each class.
        processes: Number of processes that share the images; 0 or 1 is this process.
    """
    complete = as_json(dict(rule=asdict(rule), complete=True))
    if (manifest.content.get('masks') or {}).get('rule') != complete['rule']:
        manifest.update(masks=None)  # until the old masks are gone, none is known to follow the rule
        folder = manifest.path.parent
        for name in OutputFolder(folder, COMMAND).made():
            if name.startswith('masks/'):
                (folder / name).unlink(missing_ok=True)
        manifest.update(masks=dict(complete, complete=False))
    if missing := [item for item in items if not item.mask.is_file()]:
        for_each(partial(_write_mask, rule=rule, palette=palette), missing, processes)
    manifest.update(masks=complete)


def for_each(function: Callable[[Task], Result], tasks: Sequence[Task], processes: int = 0) -> list[Result]:
    """Call a function on every task, in several processes, with a progress bar; return the results in order."""
    processes = min(processes, len(tasks))
    if processes > 1:
        # A forked process cannot use the threads of torch in its parent. An interruption ends the processes as well.
        with Pool(processes, torch.set_num_threads, (1,)) as pool:
            results = pool.imap(function, tasks, chunksize=CHUNK)
            return track_progress(lambda result: result, (results, len(tasks)))
    return track_progress(function, tasks)


def _write_mask(item: ImageItem, rule: MaskRule, palette: Sequence[Sequence[int]]) -> None:
    write_mask(item.mask, rule.apply(read_codes(item.scores), item.img_path), palette)
