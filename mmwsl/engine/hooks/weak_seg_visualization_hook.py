"""Hook that draws predictions over the input images."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import mmcv
import numpy as np
from mmengine.runner import Runner
from mmseg.engine.hooks import SegVisualizationHook
from mmseg.structures import SegDataSample
from torch import Tensor

from ...inference import find_segmentor
from ...registry import HOOKS


@HOOKS.register_module()
class WeakSegVisualizationHook(SegVisualizationHook):
    """``SegVisualizationHook`` that draws over the input image instead of the file ``img_path``.

    The parent reads ``img_path`` with OpenCV. Synthetic images of :class:`mmwsl.datasets.ShapesDataset` have no file,
    and some files are only read correctly by :class:`mmwsl.datasets.transforms.LoadImageAsBGR`. This hook resizes the
    loaded image to the original size. With test-time augmentation it uses the first view, which should not be
    flipped.

    Args:
        draw_maps: Also draw heat maps of ``pred_scores`` and, if a sample has it, of ``class_saliency``. It draws the
            foreground classes that are predicted somewhere or have a non-zero saliency. The colors span the range of
            each map.
        **kwargs: Passed to :class:`mmseg.engine.hooks.SegVisualizationHook`.

    Raises:
        ValueError: Before the run, if ``draw_maps`` is set and no part of the model predicts ``pred_scores``.
    """

    _test_index = 0  # mmsegmentation 1.2 does not define it

    def __init__(self, draw_maps: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.draw_maps = draw_maps

    def before_run(self, runner: Runner) -> None:
        """Check that the segmentor predicts the scores to draw."""
        if self.draw and self.draw_maps and find_segmentor(runner.model) is None:
            raise ValueError(
                'WeakSegVisualizationHook: `draw_maps` must be False for a segmentor without `pred_scores`, got True '
                f"with {type(runner.model).__name__}. Use type='mmwsl.WeakEncoderDecoder' or remove `draw_maps`."
            )

    def after_val_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict, outputs: Sequence[SegDataSample]
    ) -> None:
        """Draw the first image of every ``interval``-th batch."""
        step = runner.iter + batch_idx
        if self.draw and step % self.interval == 0:
            self._draw_sample('val', self._inputs(data_batch)[0], outputs[0], step)

    def after_test_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict, outputs: Sequence[SegDataSample]
    ) -> None:
        """Draw every image."""
        if self.draw:
            for pixels, sample in zip(self._inputs(data_batch), outputs, strict=True):
                self._test_index += 1
                self._draw_sample('test', pixels, sample, self._test_index)

    @staticmethod
    def _inputs(data_batch: dict) -> Sequence[Tensor]:
        """Return the images of a batch, ``(3, H, W)`` uint8 BGR; with augmentation, the images of the first view."""
        inputs = data_batch['inputs']
        return inputs if isinstance(inputs[0], Tensor) and inputs[0].dim() == 3 else inputs[0]

    def _draw_sample(self, mode: str, pixels: Tensor, sample: SegDataSample, step: int) -> None:
        image = np.ascontiguousarray(pixels.cpu().permute(1, 2, 0).flip(2).numpy())
        image = mmcv.imresize(image, sample.ori_shape[1::-1])
        name = f'{mode}_{Path(sample.img_path).name}'
        self._visualizer.add_datasample(
            name, image, data_sample=sample, show=self.show, wait_time=self.wait_time, step=step
        )
        if self.draw_maps:
            self._draw_heat_maps(name, image, sample, step)

    def _draw_heat_maps(self, name: str, image: np.ndarray, sample: SegDataSample, step: int) -> None:
        maps = dict(score=sample.pred_scores.data)
        classes = set(sample.pred_sem_seg.data.unique().tolist())
        if 'class_saliency' in sample:
            maps['saliency'] = sample.class_saliency.data
            classes |= set(maps['saliency'].flatten(1).any(1).nonzero().flatten().tolist())
        for k in sorted(classes - {0}):
            for kind, scores in maps.items():
                heat = self._visualizer.draw_featmap(scores[k : k + 1].cpu(), image)
                self._visualizer.add_image(f'{name}_{self._visualizer.dataset_meta["classes"][k]}_{kind}', heat, step)
