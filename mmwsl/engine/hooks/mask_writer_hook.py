"""Hook that writes the predicted masks of a test."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner
from mmseg.structures import SegDataSample

from ...annotations.mask_file import write_mask
from ...registry import HOOKS
from ...utils.sample_fields import check_fields
from ..image_folder import ImageFolder


@HOOKS.register_module()
class MaskWriterHook(Hook):
    """Hook that writes the predicted mask of each test image as a PNG file of class indices with a palette.

    The files have the names of :func:`mmwsl.engine.output_names.output_names`: subfolders are kept, and images of equal
    stem get a file each. ``IoUMetric(output_dir=...)`` keeps neither, and writes no palette.

    Args:
        out_dir: Folder of the masks, see :class:`mmwsl.utils.output_folder.OutputFolder`.
        overwrite: Whether the folder may hold other files or earlier results.
    """

    def __init__(self, out_dir: str, overwrite: bool = False) -> None:
        self.out_dir = Path(out_dir)
        self._folder = ImageFolder(out_dir, 'mmwsl test --out', '--out', overwrite)
        self._names: dict[str, str] = {}

    def before_run(self, runner: Runner) -> None:
        """Check the folder before the test."""
        self._folder.check_apart_from(runner)

    def before_test(self, runner: Runner) -> None:
        """Name the masks, and remove those of an earlier test if they may be overwritten."""
        self._names = self._folder.begin_images(runner)

    def after_test_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict, outputs: Sequence[SegDataSample]
    ) -> None:
        """Write the masks of a batch."""
        palette = runner.test_dataloader.dataset.metainfo['palette']
        for sample in outputs:
            check_fields(self, sample, dict(pred_sem_seg='a segmentor: instances are not written'))
            mask = sample.pred_sem_seg.data.squeeze(0).cpu().numpy().astype(np.uint8)
            if sample.get('reduce_zero_label'):  # the files of the dataset have another class 0
                write_mask(self._path(sample.img_path), mask + 1, [(0, 0, 0), *palette])
            else:
                write_mask(self._path(sample.img_path), mask, palette)

    def after_test(self, runner: Runner) -> None:
        """Log where the masks are."""
        print_log(f'Masks: {self.out_dir} ({len(self._names)} images)', 'current')

    def _path(self, img_path: str) -> Path:
        return self.out_dir / f'{self._names[img_path]}.png'
