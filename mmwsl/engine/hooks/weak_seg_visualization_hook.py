"""Draws predictions over the images that the model was shown."""

from collections.abc import Sequence
from pathlib import Path

import mmcv
import numpy as np
from mmengine.runner import Runner
from mmseg.engine.hooks import SegVisualizationHook
from mmseg.structures import SegDataSample
from torch import Tensor

from ...registry import HOOKS


@HOOKS.register_module()
class WeakSegVisualizationHook(SegVisualizationHook):
    """``SegVisualizationHook`` for images that are no ordinary files.

    The parent opens ``img_path`` with OpenCV. This one draws over the image that the loader delivered, at the size
    of the original: scenes of :class:`mmwsl.datasets.ShapesDataset` have no file, and files that only
    :class:`mmwsl.datasets.transforms.LoadImageAsBGR` reads right are drawn as they were seen. With test-time
    augmentation it is the first view, which should not be flipped.

    Args:
        maps: Also draw, as heat maps over the image, the scores that post-processing left and, where there is any,
            the saliency of each class that is predicted somewhere or has saliency. Colors are stretched to the range
            of each map. The segmentor must be a :class:`mmwsl.models.PostprocessedEncoderDecoder`.
        **kwargs: Of the parent.

    Raises:
        ValueError: Before the run, if ``maps`` is set and the segmentor is another one.
    """

    def __init__(self, maps: bool = False, **kwargs) -> None:
        super().__init__(**kwargs)
        self.maps = maps

    def before_run(self, runner: Runner) -> None:
        """Check that the segmentor leaves scores that can be drawn."""
        if self.draw and self.maps and not any(hasattr(module, 'pipeline') for module in runner.model.modules()):
            raise ValueError(
                '`maps=True` draws the scores that post-processing left, but '
                f'{type(runner.model).__name__} leaves raw ones: use the segmentor '
                "type='mmwsl.PostprocessedEncoderDecoder' or 'mmwsl.WeakEncoderDecoder', or remove `maps`"
            )

    _test_index = 0  # the parent of mmsegmentation 1.2 does not count

    def after_val_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict, outputs: Sequence[SegDataSample]
    ) -> None:
        """Draw the first image of every ``interval``-th batch."""
        step = runner.iter + batch_idx
        if self.draw and step % self.interval == 0:
            self._paint('val', self._inputs(data_batch)[0], outputs[0], step)

    def after_test_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict, outputs: Sequence[SegDataSample]
    ) -> None:
        """Draw every image."""
        if self.draw:
            for pixels, sample in zip(self._inputs(data_batch), outputs, strict=True):
                self._test_index += 1
                self._paint('test', pixels, sample, self._test_index)

    @staticmethod
    def _inputs(data_batch: dict) -> Sequence[Tensor]:
        """Return the images, (3, H, W) uint8 BGR; with augmentation those of the first view."""
        inputs = data_batch['inputs']
        return inputs if isinstance(inputs[0], Tensor) and inputs[0].dim() == 3 else inputs[0]

    def _paint(self, mode: str, pixels: Tensor, sample: SegDataSample, step: int) -> None:
        image = np.ascontiguousarray(pixels.cpu().permute(1, 2, 0).flip(2).numpy())
        image = mmcv.imresize(image, sample.ori_shape[1::-1])
        name = f'{mode}_{Path(sample.img_path).name}'
        self._visualizer.add_datasample(
            name, image, data_sample=sample, show=self.show, wait_time=self.wait_time, step=step
        )
        if self.maps:
            self._paint_maps(name, image, sample, step)

    def _paint_maps(self, name: str, image: np.ndarray, sample: SegDataSample, step: int) -> None:
        kinds = dict(score=sample.pred_scores.data)
        shown = set(sample.pred_sem_seg.data.unique().tolist())
        if 'class_saliency' in sample:
            kinds['saliency'] = sample.class_saliency.data
            shown |= set(kinds['saliency'].flatten(1).any(1).nonzero().flatten().tolist())
        for c in sorted(shown - {0}):
            for kind, maps in kinds.items():
                heat = self._visualizer.draw_featmap(maps[c : c + 1].cpu(), image)
                self._visualizer.add_image(f'{name}_{self._visualizer.dataset_meta["classes"][c]}_{kind}', heat, step)
