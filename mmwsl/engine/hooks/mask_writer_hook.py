"""Hook that writes the predicted masks of a test."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner
from mmseg.structures import SegDataSample

from ...annotations.mask_file import write_mask
from ...registry import HOOKS
from ..output_names import output_names


@HOOKS.register_module()
class MaskWriterHook(Hook):
    """Hook that writes the predicted mask of each test image as a PNG file of class indices with a palette.

    The files have the names of :func:`mmwsl.engine.output_names.output_names`: subfolders are kept, and images of equal
    stem get a file each. ``IoUMetric(output_dir=...)`` keeps neither, and writes no palette.

    Args:
        out_dir: Folder of the masks.
    """

    def __init__(self, out_dir: str) -> None:
        self.out_dir = Path(out_dir)
        self._names: dict[str, str] = {}

    def before_test(self, runner: Runner) -> None:
        """Name the masks.

        Raises:
            ValueError: If a mask would replace an image or a ground-truth mask.
        """
        dataset = runner.test_dataloader.dataset
        self._names = output_names(dataset)
        written = {os.path.realpath(self._path(path)) for path in self._names}
        for index in range(len(dataset)):
            info = dataset.get_data_info(index)
            for key in ('img_path', 'seg_map_path'):
                if os.path.exists(info.get(key) or '') and os.path.realpath(info[key]) in written:
                    raise ValueError(
                        f'--out must not be a folder of the dataset, got {str(self.out_dir)!r}: {info[key]} would be '
                        'replaced. Pass another folder.'
                    )

    def after_test_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict, outputs: Sequence[SegDataSample]
    ) -> None:
        """Write the masks of a batch."""
        palette = runner.test_dataloader.dataset.metainfo['palette']
        for sample in outputs:
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
