"""What is measured of a run: accuracy, speed and size. Once: the result stays beside the checkpoint."""

import hashlib
import json
import math
from dataclasses import asdict
from pathlib import Path

from mmengine.analysis import get_model_complexity_info
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.runner import Runner
from PIL import Image

from mmwsl.apis.config import load_config
from mmwsl.apis.prediction import predict
from mmwsl.apis.supervision import labels_tuned_on, measure_supervision
from mmwsl.apis.testing import run_test
from mmwsl.utils.files import atomic_write, digest_file
from mmwsl.utils.nested import digest_files

from .runs import Run

COLUMNS = ('input', 'truth', 'prediction')


def measure(
    run: Run, options: dict | None = None, indices: int | None = None, images: int = 6, trust_checkpoint: bool = False
) -> tuple[dict, Path]:
    """Evaluate a run on its test set, or find the result of having done so.

    Args:
        run: The run.
        options: Settings that replace those of its config.
        indices: Evaluate the first so many images only.
        images: How many images to keep for the grid.
        trust_checkpoint: Whether to load a checkpoint that can run code.

    Returns:
        The result, and the folder with the images, ``{input,truth,prediction}_0.png`` ... The result has ``mIoU``
        and ``classes`` in percent (None: in no true and no predicted mask), ``parameters``, ``macs`` (MACs of
        the network for one image or window, ``input_size``), ``images_per_second`` (all of the evaluation, on
        ``device``), ``supervision``, ``provenance``, and digests of ``names`` and ``architecture``.
    """
    cfg = load_config(run.config, options)
    if indices:
        cfg.test_dataloader.dataset.indices = indices
    key = [digest_file(run.checkpoint), cfg.to_dict(), digest_files(cfg.to_dict()), images]
    key += [text for text in [labels_tuned_on(cfg)] if text]
    folder = run.cache / digest(key)
    file = folder / 'result.json'
    if not file.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        result = evaluate(cfg, run, folder, images, trust_checkpoint)
        with atomic_write(file) as stream:
            stream.write(json.dumps(result, indent=1).encode())
    return json.loads(file.read_text()), folder


def evaluate(cfg: Config, run: Run, folder: Path, images: int, trust_checkpoint: bool) -> dict:
    """Evaluate a config; see :func:`measure`."""
    supervision = measure_supervision(cfg)
    architecture = {key: cfg.model.get(key) for key in ('backbone', 'neck', 'decode_head')}
    architecture = {key: {**part, 'loss_decode': None} for key, part in architecture.items() if part}
    cfg.work_dir = str(folder)
    cfg.test_evaluator = class_iou_only(cfg.test_evaluator)
    runner, metrics = run_test(cfg, str(run.checkpoint), trust_checkpoint=trust_checkpoint)
    dataset = runner.test_dataloader.dataset
    classes = {name: metrics[f'IoU_{name}'] for name in dataset.metainfo['classes']}
    names = [Path(dataset.get_data_info(index)['img_path']).name for index in range(len(dataset))]
    save_images(runner, folder, images)
    return dict(
        config=str(run.config),
        checkpoint=str(run.checkpoint),
        mIoU=round(float(metrics['mIoU']), 2),
        classes={name: None if math.isnan(value) else value for name, value in classes.items()},
        supervision=asdict(supervision),
        images_per_second=speed(runner),
        **complexity(runner),
        device=str(next(runner.model.parameters()).device),
        images=len(names),
        names=digest(names),
        architecture=digest(architecture),
        provenance={
            **({'pseudo-labels tuned_on': supervision.tuned_on} if supervision.tuned_on else {}),
            **{key: text for key, text in metrics.items() if isinstance(text, str)},
        },
    )


def class_iou_only(evaluator: dict | list[dict]) -> list[dict]:
    """Return the evaluator that compares masks, with the options of the config's own, if it has one."""
    metrics = evaluator if isinstance(evaluator, (list, tuple)) else [evaluator]
    own = [metric for metric in metrics if metric['type'].split('.')[-1] in ('IoUMetric', 'ClassIoUMetric')]
    return [dict(own[0] if own else {}, type='mmwsl.ClassIoUMetric', iou_metrics=['mIoU'], prefix=None)]


def speed(runner: Runner) -> float:
    """Return the images a second of the evaluation just done; the first batch, which is slow, does not count."""
    times = runner.message_hub.get_scalar('test/time').data[0]
    times = times[1:] if len(times) > 1 else times
    return round(len(times) * runner.test_dataloader.batch_size / float(sum(times)), 3)


def complexity(runner: Runner) -> dict:
    """Count parameters, and MACs for the first image of the test set, or for one window of prediction."""
    batch = pseudo_collate([runner.test_dataloader.dataset[0]])
    inputs = runner.model.data_preprocessor(batch, False)['inputs']
    window = window_size(runner.model.test_cfg or {})
    if window:
        inputs = inputs.new_zeros(*inputs.shape[:2], *window)
    info = get_model_complexity_info(runner.model, inputs=(inputs,), show_table=False, show_arch=False)
    return dict(parameters=int(info['params']), macs=int(info['flops']), input_size=list(inputs.shape[2:]))


def window_size(test_cfg: dict) -> tuple[int, int] | None:
    """Return height and width of the windows that prediction uses, None where it takes whole images."""
    if test_cfg.get('overlap_tile'):
        return (test_cfg['overlap_tile']['tile'] + 2 * test_cfg['overlap_tile']['margin'],) * 2
    return tuple(test_cfg['crop_size']) if test_cfg.get('mode') == 'slide' else None


def save_images(runner: Runner, folder: Path, count: int) -> None:
    """Keep images spread over the test set, their masks and their predictions."""
    for column, images in zip(COLUMNS, predict(runner, count), strict=True):
        for index, image in enumerate(images):
            Image.fromarray(image).save(folder / f'{column}_{index}.png')


def digest(value: object) -> str:
    """Return a short name of a nested value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:16]
