"""Measurements of a run: accuracy, speed and size. The result is stored beside the checkpoint."""

import inspect
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mmengine.analysis import get_model_complexity_info
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmseg.evaluation import IoUMetric
from PIL import Image
from torch import nn

from mmwsl.apis.config import load_config
from mmwsl.apis.config_parts import check_parts
from mmwsl.apis.data_check import image_digests
from mmwsl.apis.prediction import predict
from mmwsl.apis.registered import is_mask_metric
from mmwsl.apis.supervision import Supervision, measure_supervision
from mmwsl.apis.testing import run_test
from mmwsl.models import WeakEncoderDecoder
from mmwsl.utils.files import atomic_write, remove_partial_files
from mmwsl.utils.folder_lock import folder_lock

from .cache import digest, read_result, remove_content, remove_old_results, result_key, write_result
from .runs import Run

COLUMNS = ('input', 'ground truth', 'prediction')


@dataclass(frozen=True)
class Evaluation:
    """Evaluation of a run, read from its config once.

    Attributes:
        cfg: Config with the evaluator of the comparison.
        checkpoint: The weights.
        folder: Folder of the result, named by the content of checkpoint, config and files that the config names.
        num_images: Number of images to keep for the grid.
        supervision: Labels that the run was trained on.
        architecture: Digest of the network.
        trust_checkpoint: Load a checkpoint that can execute code.
        check_data: Check images and masks before the evaluation.
    """

    cfg: Config
    checkpoint: Path
    folder: Path
    num_images: int
    supervision: Supervision
    architecture: str
    trust_checkpoint: bool
    check_data: bool = True


def measure(
    run: Run,
    options: dict | None = None,
    max_images: int | None = None,
    num_images: int = 6,
    trust_checkpoint: bool = False,
    check_data: bool = True,
) -> tuple[dict[str, Any], Path]:
    """Evaluate a run on its test set, or read the stored result.

    Args:
        run: The run.
        options: Settings that override its config.
        max_images: Number of images to evaluate, the first of the test set.
        num_images: Number of images to keep for the grid.
        trust_checkpoint: Load a checkpoint that can execute code.
        check_data: Check images and masks before the evaluation.

    Returns:
        The result, and the folder with the images ``{input,ground truth,prediction}_0.png`` ... The result contains
        ``mIoU`` and ``classes`` in percent (None: in no ground-truth and no predicted mask), ``parameters``, ``macs``
        of one forward pass of the network with ``input_size``, ``images_per_second`` of the whole evaluation on
        ``device``, ``supervision``, ``provenance``, and digests of the ``contents`` of
        the images and of the ``architecture``.
    """
    cfg = load_config(run.config, options)
    check_parts(cfg, 'model', 'test_dataloader')
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    if max_images is not None and max_images < 1:
        raise ValueError(f'`max_images` must be at least 1, got {max_images}.')
    if max_images:
        cfg.test_dataloader.dataset.indices = max_images
    supervision = measure_supervision(cfg)
    folder = run.cache / result_key(cfg, run.checkpoint, num_images, supervision, check_data)
    with folder_lock(folder, wait=True):  # another comparison may evaluate the run: its result is read then
        result = read_result(folder)
        if result is None or not _has_images(folder, min(num_images, result['images'])):
            remove_partial_files(folder)
            network = {part: cfg.model.get(part) for part in ('backbone', 'neck', 'decode_head')}
            network = {part: {**config, 'loss_decode': None} for part, config in network.items() if config}
            cfg.work_dir, cfg.test_evaluator = str(folder), class_iou_only(cfg.get('test_evaluator'))
            evaluation = Evaluation(
                cfg, run.checkpoint, folder, num_images, supervision, digest(network), trust_checkpoint, check_data
            )
            try:
                result = dict(config=str(run.config), checkpoint=str(run.checkpoint), **evaluate(evaluation))
            except Exception:
                remove_content(folder)
                raise
            write_result(folder, result)
            remove_old_results(run.cache)
        return result, folder


def _has_images(folder: Path, count: int) -> bool:
    """Tell whether the images of a stored result can be read."""
    try:
        for path in (folder / f'{column}_{index}.png' for column in COLUMNS for index in range(count)):
            with Image.open(path) as image:
                image.load()
    except (OSError, SyntaxError):  # SyntaxError is Pillow's for damaged PNG files
        return False
    return True


def evaluate(evaluation: Evaluation) -> dict[str, Any]:
    """Evaluate a run and store its images; see :func:`measure`."""
    supervision = evaluation.supervision
    runner, metrics = run_test(
        evaluation.cfg,
        str(evaluation.checkpoint),
        trust_checkpoint=evaluation.trust_checkpoint,
        check_data=evaluation.check_data,
    )
    dataset = runner.test_dataloader.dataset
    classes = {name: float(metrics[f'IoU_{name}']) for name in dataset.metainfo['classes']}
    paths = [dataset.get_data_info(index)['img_path'] for index in range(len(dataset))]
    contents = [content or Path(path).name for path, content in zip(paths, image_digests(paths), strict=True)]
    provenance = {key: text for key, text in metrics.items() if isinstance(text, str)}
    if supervision.tuned_on:
        provenance = {'pseudo-labels tuned_on': supervision.tuned_on, **provenance}
    for column, images in zip(COLUMNS, predict(runner, evaluation.num_images), strict=True):
        for index, image in enumerate(images):
            with atomic_write(evaluation.folder / f'{column}_{index}.png') as file:
                Image.fromarray(image).save(file, 'PNG')
    return dict(
        mIoU=round(float(metrics['mIoU']), 2),
        classes={name: None if math.isnan(value) else value for name, value in classes.items()},
        supervision=asdict(supervision),
        images_per_second=speed(runner),
        **complexity(runner),
        device=str(next(runner.model.parameters()).device),
        images=len(paths),
        contents=digest(contents),
        architecture=evaluation.architecture,
        provenance=provenance,
    )


def class_iou_only(evaluator: dict | list[dict] | None) -> list[dict]:
    """Return the evaluator of the comparison, with the arguments of the config's own mask metric, if it has one."""
    metrics = evaluator if isinstance(evaluator, list | tuple) else [evaluator] if evaluator else []
    own: dict = next((metric for metric in metrics if is_mask_metric(metric)), {})
    accepted = set(inspect.signature(IoUMetric).parameters) - {'iou_metrics', 'prefix'}
    arguments = {key: value for key, value in own.items() if key in accepted}
    return [dict(arguments, type='mmwsl.ClassIoUMetric', iou_metrics=['mIoU'], prefix=None)]


def speed(runner: Runner) -> float:
    """Return the images per second of the last evaluation, without the first batch, which is slow."""
    times = runner.message_hub.get_scalar('test/time').data[0]
    images, first = len(runner.test_dataloader.dataset), 0
    if len(times) > 1:
        first = runner.test_dataloader.batch_size
        times = times[1:]
    return round((images - first) / float(sum(times)), 3)


def complexity(runner: Runner) -> dict[str, Any]:
    """Count parameters, and MACs for the first image of the test set, or for one window of the scorer."""
    batch = pseudo_collate([runner.test_dataloader.dataset[0]])
    inputs = runner.model.data_preprocessor(batch, False)['inputs']
    if window := window_size(runner.model):
        inputs = inputs.new_zeros(*inputs.shape[:2], *window)
    info = get_model_complexity_info(runner.model, inputs=(inputs,), show_table=False, show_arch=False)
    return dict(parameters=int(info['params']), macs=int(info['flops']), input_size=list(inputs.shape[2:]))


def window_size(model: nn.Module) -> tuple[int, int] | None:
    """Return height and width of the windows that a segmentor scores one at a time, None for whole images."""
    if isinstance(model, WeakEncoderDecoder):
        return model.pipeline.scorer.window
    test_cfg: Any = model.test_cfg or {}
    return tuple(test_cfg['crop_size']) if test_cfg.get('mode') == 'slide' else None
