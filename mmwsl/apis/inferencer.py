"""Prediction of images without labels: files, folders, URLs and arrays."""

import copy
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from os import PathLike
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.runner.amp import autocast
from mmseg.apis import MMSegInferencer
from mmseg.structures import SegDataSample
from rich.progress import track
from torch import nn

from mmwsl.annotations import MASK_FORMATS, open_mask_writer
from mmwsl.apis.arguments import check_device
from mmwsl.apis.checkpoint import meta_of, weights_only_loading
from mmwsl.apis.checkpoint_fit import check_weights, recorded_classes, unwrap, warn_without_classes
from mmwsl.apis.class_meta import class_meta
from mmwsl.apis.image_inputs import ImageInput, Source, list_inputs
from mmwsl.apis.image_pipeline import ImagePipeline, LoadedImage, describe, equal_size_batches, load_images, windows
from mmwsl.apis.image_prediction import Prediction, pixel_scores
from mmwsl.apis.registered import is_subclass
from mmwsl.apis.trained_model import find_model
from mmwsl.apis.trained_settings import warn_changed_settings
from mmwsl.engine.hooks import PostProcessingHook, check_scores
from mmwsl.registry import HOOKS
from mmwsl.utils.files import is_inside
from mmwsl.utils.output_folder import OutputFolder
from mmwsl.utils.text import check_choice, check_integer, shorten


class WeakSegInferencer(MMSegInferencer):
    """Inferencer of images without labels, whose masks equal those of ``tools/test.py --out`` bit by bit.

    This holds for batches of one image: the rounding errors of a batch depend on its size.

    Images are decoded and transformed by the config's test pipeline, without the transforms that load masks. Known
    image-level labels are not used. The post-processors of the config, also those of a
    :class:`mmwsl.engine.hooks.PostProcessingHook`, are applied; other custom hooks are not run.

    Unlike ``MMSegInferencer``, it keeps the names of images, predicts all readable images if one is damaged, returns
    scores, loads checkpoints without executing code, and names the classes as the config does.

    Args:
        model: Folder of a project, path of a config file, name of one of mmwsl's configs, or a config.
        weights: File or URL of the checkpoint. A project has its own.
        device: Device of the network, ``'cuda'`` if there is one by default.
        trust_checkpoint: Load a checkpoint that could execute code.
        tta: Predict each image by the views of ``tta_pipeline``, its sizes and mirror images, merged by ``tta_model``.
        classes: Names of the classes; by default those of the config's test set, or of the checkpoint.
        palette: RGB color of each class.
        show_progress: Show a progress bar.

    Raises:
        FileNotFoundError: If there is no such project, config or checkpoint.
        UnsafeCheckpointError: If the checkpoint contains more than tensors and plain values.
        ValueError: If the checkpoint does not fit the config, or an argument is wrong.
    """

    def __init__(
        self,
        model: str | PathLike | Config,
        weights: str | PathLike | None = None,
        device: str | torch.device | None = None,
        trust_checkpoint: bool = False,
        *,
        tta: bool = False,
        classes: Sequence[str] | None = None,
        palette: Sequence[Sequence[int]] | None = None,
        show_progress: bool = False,
    ) -> None:
        if device is not None:
            check_device(device)
        cfg, checkpoint = find_model(model, weights, tta=tta)
        cfg = copy.copy(cfg)
        visualizer = cfg.get('visualizer') or dict(type='SegLocalVisualizer', name='inferencer')
        # It only draws: mmengine warns of backends without a folder.
        cfg.visualizer = dict(visualizer, vis_backends=None)
        self._given = classes, palette
        with weights_only_loading(Config(dict(load_from=checkpoint)), trust_checkpoint):
            super().__init__(cfg, checkpoint, device=device, scope=cfg.get('default_scope', 'mmseg'))
        self.show_progress = show_progress
        self.fp16 = (cfg.get('test_cfg') or {}).get('fp16', False)
        for hook in cfg.get('custom_hooks') or ():
            if is_subclass(hook, HOOKS, PostProcessingHook):
                built, runner = HOOKS.build(hook), SimpleNamespace(model=self.model)
                built.before_run(runner)
                built.before_test(runner)

    @property
    def classes(self) -> list[str]:
        """Names of the classes, background first."""
        return list(self.model.dataset_meta['classes'])

    @property
    def palette(self) -> list[list[int]]:
        """RGB color of each class."""
        return list(self.model.dataset_meta['palette'])

    def __call__(
        self,
        inputs: Source | Sequence[Source],
        batch_size: int = 1,
        out_dir: str | PathLike | None = None,
        format: str = 'png',
        return_scores: bool = False,
        *,
        names: Sequence[str] | None = None,
        num_workers: int = 0,
        return_datasamples: bool = False,
        overwrite: bool = False,
    ) -> dict[str, Any]:
        """Predict images, and write their masks if there is an output folder.

        All predictions are held in memory: use :meth:`stream` for many images.

        Args:
            inputs: Paths, URLs and folders, or BGR images ``(H, W, 3)`` uint8; one or a list.
            batch_size: Maximum number of images in a batch; only images of equal size share one.
            out_dir: Folder of the masks.
            format: Format of the masks, one of ``mmwsl.annotations.MASK_FORMATS``.
            return_scores: Return the scores of every pixel.
            names: Names of the images, one per image.
            num_workers: Number of processes that load images; 0 loads them in this process.
            return_datasamples: Return MMSegmentation's data samples, which :meth:`visualize` draws.
            overwrite: Replace the masks of an earlier call in ``out_dir``, and accept a folder with other files.

        Returns:
            ``predictions``, in the order of the images, each a dict of ``name``, ``mask (H, W)`` uint8, ``scores
            (K, H, W)`` float32 or None, ``image_probs`` (probability by class) or None, and ``data_sample`` if asked
            for; ``failed``, dicts of ``name`` and ``error``; ``output``, path of the written masks or None.

        Raises:
            OutputError: If ``out_dir`` holds anything and ``overwrite`` is not set, or is not apart from the inputs.
            ValueError: If another argument is wrong; earlier results in ``out_dir`` are not removed then.
        """
        check_choice('format', format, tuple(MASK_FORMATS))
        check_integer('batch_size', batch_size, 1)
        check_integer('num_workers', num_workers, 0)
        images = list_inputs(inputs, names)
        if out_dir is not None and (wrong := [image.name for image in images if not is_inside(image.name)]):
            raise ValueError(f'`names` must be paths below `out_dir`, got {shorten(wrong[0])}.')
        predictions, failed = [], []
        with ExitStack() as stack:
            writer = None
            if out_dir is not None:
                stack.enter_context(self._output(out_dir, inputs, overwrite))
                writer = stack.enter_context(open_mask_writer(format, Path(out_dir), self.classes, self.palette))
            stream = self.stream(
                images,
                batch_size,
                return_scores=return_scores,
                num_workers=num_workers,
                return_images=writer is not None and writer.needs_image,
                return_datasamples=return_datasamples,
            )
            for one in track(stream, 'Inference', len(images), disable=not self.show_progress):
                if one.mask is None:
                    failed.append(dict(name=one.name, error=one.error))
                    continue
                if writer is not None:
                    writer.write(one.name, one.mask, one.image)
                found = dict(name=one.name, mask=one.mask, image_probs=one.image_probs)
                found['scores'] = None if one.scores is None else one.scores.numpy()
                predictions.append(found | (dict(data_sample=one.data_sample) if return_datasamples else {}))
        return dict(predictions=predictions, failed=failed, output=None if writer is None else Path(writer.output))

    @contextmanager
    def _output(self, out_dir: str | PathLike, inputs: Source | Sequence[Source], overwrite: bool) -> Iterator[None]:
        """Check a folder, and record the files that are written into it within the block."""
        given = [inputs] if isinstance(inputs, str | Path) else inputs
        output = OutputFolder(Path(out_dir), 'WeakSegInferencer', '`out_dir`', overwrite)
        output.check(path for path in given if isinstance(path, str | Path) and os.path.exists(path))
        output.begin(['manifest.json'])
        before = {path for path in output.root.rglob('*') if path.is_file()}
        try:
            yield
        finally:
            files = {path for path in output.root.rglob('*') if path.is_file()} - before
            output.add(*(path.relative_to(output.root).as_posix() for path in sorted(files)))

    def stream(
        self,
        inputs: Source | Sequence[Source] | Sequence[ImageInput],
        batch_size: int = 1,
        *,
        return_scores: bool = False,
        num_workers: int = 0,
        return_images: bool = False,
        return_datasamples: bool = False,
    ) -> Iterator[Prediction]:
        """Predict images one after another, in constant memory.

        Args:
            inputs: As of :meth:`__call__`, or a list of :class:`mmwsl.apis.image_inputs.ImageInput`.
            batch_size: Maximum number of images in a batch.
            return_scores: Return the scores of every pixel.
            num_workers: Number of processes that load images.
            return_images: Return the images.
            return_datasamples: Return MMSegmentation's data samples.

        Yields:
            The predictions, in the order of the images. One that failed has an ``error``.

        Raises:
            ValueError: If ``batch_size`` is no positive or ``num_workers`` no non-negative integer.
        """
        check_integer('batch_size', batch_size, 1)
        check_integer('num_workers', num_workers, 0)
        is_listed = isinstance(inputs, list) and all(isinstance(image, ImageInput) for image in inputs)
        images: list[ImageInput] = inputs if is_listed else list_inputs(inputs)  # type: ignore[arg-type, assignment]
        pipeline = ImagePipeline(self.cfg.test_dataloader.dataset.pipeline, return_images)
        loaded = load_images(images, pipeline, num_workers)
        for window in windows(loaded, 4 * batch_size if batch_size > 1 else 1):
            done = {image.name: Prediction(image.name, error=image.error) for image in window}
            for batch in equal_size_batches(window, batch_size):
                done |= {one.name: one for one in self._predict(batch, return_scores, return_datasamples)}
            yield from done.values()

    def forward(self, inputs: dict, **kwargs: Any) -> list[SegDataSample]:
        """Predict a collated batch, with mixed precision if the config tests with it."""
        with autocast(enabled=self.fp16):
            samples: list[SegDataSample] = super().forward(inputs, **kwargs)
        return samples

    def _predict(self, batch: list[LoadedImage], scores: bool, samples: bool) -> list[Prediction]:
        """Predict images of equal size; where a batch fails, each of its images on its own."""
        try:
            collated = self.collate_fn([dict(inputs=one.inputs, data_samples=one.data_sample) for one in batch])
            outputs = self.forward(collated)
            for output in outputs:
                check_scores(output)
        except (RuntimeError, ValueError) as error:
            if len(batch) == 1:
                return [Prediction(batch[0].name, error=describe(error))]
            return [found for one in batch for found in self._predict([one], scores, samples)]
        return [
            Prediction(
                name=image.name,
                mask=output.pred_sem_seg.data[0].cpu().numpy().astype(np.uint8),
                scores=pixel_scores(output).cpu() if scores else None,
                image_probs=self._image_probs(output),
                image=image.image,
                data_sample=output.cpu() if samples else None,
            )
            for image, output in zip(batch, outputs, strict=True)
        ]

    def _image_probs(self, output: SegDataSample) -> dict[str, float] | None:
        if 'pred_label' not in output:
            return None
        return dict(zip(self.classes[1:], output.pred_label.score[1:].tolist(), strict=True))

    def _init_pipeline(self, cfg: Config) -> ImagePipeline:
        return ImagePipeline(cfg.test_dataloader.dataset.pipeline)

    def _load_weights_to_model(self, model: nn.Module, checkpoint: dict[str, Any], cfg: Config) -> None:
        check_weights(model, checkpoint)
        warn_changed_settings(checkpoint, cfg.model, '`weights`')
        recorded = dict(meta_of(checkpoint).get('dataset_meta') or {}, classes=recorded_classes(checkpoint))
        if not recorded['classes']:
            warn_without_classes('`weights`')
        meta = class_meta(cfg, recorded, *self._given, getattr(unwrap(model), 'num_classes', None))
        # Without its own names the parent takes those of Cityscapes.
        super()._load_weights_to_model(model, dict(checkpoint, meta=dict(dataset_meta=meta)), cfg)
