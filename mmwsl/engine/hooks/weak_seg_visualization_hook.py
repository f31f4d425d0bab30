"""Hook that draws predictions over the input images."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import mmcv
import numpy as np
from mmengine.logging import print_log
from mmengine.runner import Runner
from mmseg.engine.hooks import SegVisualizationHook
from mmseg.structures import SegDataSample
from PIL import Image
from torch import Tensor

from ...inference import find_segmentor
from ...registry import HOOKS
from ...utils.files import atomic_write
from ...visualization import overlay_mask, side_by_side
from ..image_folder import ImageFolder
from ..output_names import output_names

IGNORE_INDEX = 255


@HOOKS.register_module()
class WeakSegVisualizationHook(SegVisualizationHook):
    """``SegVisualizationHook`` that draws image, ground truth and prediction side by side, with captions and a legend.

    The background is transparent and ignored pixels are hatched. The parent reads ``img_path`` with OpenCV. Synthetic
    images of :class:`mmwsl.datasets.ShapesDataset` have no file, and some files are only read correctly by
    :class:`mmwsl.datasets.transforms.LoadImageAsBGR`. This hook resizes the loaded image to the original size. With
    test-time augmentation it uses the first view, which should not be flipped.

    Args:
        draw_maps: Also draw heat maps of ``pred_scores`` and, if a sample has it, of ``class_saliency``. It draws the
            foreground classes that are predicted somewhere or have a non-zero saliency. The colors span the range of
            each map.
        out_dir: Folder for the drawings of a test, which get the names and subfolders of the images. By default the
            visualizer stores them.
        overwrite: Whether ``out_dir`` may hold other files or earlier results, see
            :class:`mmwsl.utils.output_folder.OutputFolder`.
        alpha: Opacity of the colors of the classes.
        **kwargs: Passed to :class:`mmseg.engine.hooks.SegVisualizationHook`.

    Raises:
        ValueError: Before the run, if ``draw_maps`` is set and no part of the model predicts ``pred_scores``.
    """

    _test_index = 0  # mmsegmentation 1.2 does not define it

    def __init__(
        self,
        draw_maps: bool = False,
        out_dir: str | None = None,
        overwrite: bool = False,
        alpha: float = 0.5,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.draw_maps = draw_maps
        self.out_dir = out_dir
        self._folder = ImageFolder(out_dir, 'mmwsl test --show-dir', '--show-dir', overwrite) if out_dir else None
        self.alpha = alpha
        self._names: dict[str, str] = {}

    def before_run(self, runner: Runner) -> None:
        """Check that the segmentor predicts the scores to draw, and the folder of the drawings."""
        if self.draw and self._folder and not isinstance(runner._test_loop, dict | None):  # a test
            self._folder.check_apart_from(runner)
        if self.draw and self.draw_maps and find_segmentor(runner.model) is None:
            raise ValueError(
                'WeakSegVisualizationHook: `draw_maps` must be False for a segmentor without `pred_scores`, got True '
                f"with {type(runner.model).__name__}. Use type='mmwsl.WeakEncoderDecoder' or remove `draw_maps`."
            )

    def before_test(self, runner: Runner) -> None:
        """Name the drawings, and remove those of an earlier test if they may be overwritten."""
        if self.draw and self._folder:
            self._names = self._folder.begin_images(runner)
        elif self.draw:
            self._names = output_names(runner.test_dataloader.dataset)

    def after_val_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict, outputs: Sequence[SegDataSample]
    ) -> None:
        """Draw the first image of every ``interval``-th batch."""
        step = runner.iter + batch_idx
        if self.draw and step % self.interval == 0:
            self._draw_sample(Path(outputs[0].img_path).stem, self._inputs(data_batch)[0], outputs[0], step)

    def after_test_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict, outputs: Sequence[SegDataSample]
    ) -> None:
        """Draw every image."""
        if self.draw:
            for pixels, sample in zip(self._inputs(data_batch), outputs, strict=True):
                self._test_index += 1
                self._draw_sample(self._names[sample.img_path], pixels, sample, self._test_index, self.out_dir)

    def after_test(self, runner: Runner) -> None:
        """Log where the drawings are."""
        if self.draw and self.out_dir:
            print_log(f'Drawings: {self.out_dir}', 'current')

    @staticmethod
    def _inputs(data_batch: dict) -> Sequence[Tensor]:
        """Return the images of a batch, ``(3, H, W)`` uint8 BGR; with augmentation, the images of the first view."""
        inputs = data_batch['inputs']
        return inputs if isinstance(inputs[0], Tensor) and inputs[0].dim() == 3 else inputs[0]

    def _draw_sample(
        self, name: str, pixels: Tensor, sample: SegDataSample, step: int, folder: str | None = None
    ) -> None:
        image = np.ascontiguousarray(pixels.cpu().permute(1, 2, 0).flip(2).numpy())
        image = mmcv.imresize(image, sample.ori_shape[1::-1])
        classes, palette = (self._visualizer.dataset_meta[key] for key in ('classes', 'palette'))
        panels, present = {'image': image}, set()
        for caption, field in (('ground truth', 'gt_sem_seg'), ('prediction', 'pred_sem_seg')):
            if field in sample:
                mask = sample.get(field).data.squeeze(0).cpu().numpy().astype(np.uint8)
                mask = mmcv.imresize(mask, image.shape[1::-1], interpolation='nearest')
                panels[caption] = overlay_mask(image, mask, palette, IGNORE_INDEX, self.alpha)
                present |= set(np.unique(mask).tolist())
        legend: dict[str, Any] = {classes[k]: palette[k] for k in sorted(present - {0}) if k < len(classes)}
        if IGNORE_INDEX in present:
            legend['ignored'] = None
        self._output(name, side_by_side(panels, legend), step, folder)
        if self.draw_maps:
            self._draw_heat_maps(name, image, sample, step, folder)

    def _draw_heat_maps(
        self, name: str, image: np.ndarray, sample: SegDataSample, step: int, folder: str | None
    ) -> None:
        """Draw the maps of each class beside the image; the captions contain the range of their values."""
        maps = dict(scores=sample.pred_scores.data)
        classes = set(sample.pred_sem_seg.data.unique().tolist())
        if 'class_saliency' in sample:
            maps['saliency'] = sample.class_saliency.data
            classes |= set(maps['saliency'].flatten(1).any(1).nonzero().flatten().tolist())
        for k in sorted(classes - {0}):
            label, panels = self._visualizer.dataset_meta['classes'][k], {'image': image}
            for kind, scores in maps.items():
                caption = f'{kind} of {label}, {scores[k].min():.2f} to {scores[k].max():.2f}'
                panels[caption] = self._visualizer.draw_featmap(scores[k : k + 1].cpu(), image)
            file_label = re.sub(r'[^\w-]', '_', label)
            self._output(f'{name}_{file_label}_maps', side_by_side(panels, {}), step, folder)

    def _output(self, name: str, drawing: Image.Image, step: int, folder: str | None) -> None:
        if self.show:
            self._visualizer.show(np.asarray(drawing), win_name=name, wait_time=self.wait_time)
        if folder:
            assert self._folder is not None
            self._folder.add(f'{name}.png')  # the maps depend on the predictions
            with atomic_write(Path(folder, f'{name}.png')) as file:
                drawing.save(file, 'PNG')
        elif not self.show:
            # Backends make no folders of the parts of a name.
            self._visualizer.add_image(name.replace('/', '_'), np.asarray(drawing), step)
