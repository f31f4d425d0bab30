"""Aggregators under one schedule on voc6: mAP, mIoU and point localization, over training seeds.

Each method is trained by its config, wsl_METHOD_voc6.py, and evaluated without and with the image-level prior.
"at 0.5" is a threshold fixed in advance. "best" is an oracle: selected on the evaluated masks. The work folder keeps
the results as JSON: repeat the command to resume an interrupted run, or to print the table again.

    python benchmarks/aggregators.py lse gap gmp wildcat --seeds 0 1 2
    python benchmarks/aggregators.py topk weldon gwrp noisyor gem spleap attention
    python benchmarks/aggregators.py sum gmp gap lse --size 224 --accuracy --work-dir work_dirs/aggregators224

``--accuracy`` adds the measures of Table 2 of Pinheiro & Collobert (CVPR 2015): image-level prior, a vote over
superpixels and the mean per-class accuracy, with and without background.
"""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

from mmengine.config import Config
from prettytable import PrettyTable

from mmwsl.apis import load_config, test
from mmwsl.utils.files import atomic_write

COLUMNS = {  # of the table: metric and post-processing pipeline
    'mAP': ('mAP', 'raw'),
    'mIoU at 0.5': ('mIoU', 'raw'),
    'best': ('oracle_mIoU', 'raw'),
    'prior, at 0.5': ('mIoU', 'prior'),
    'prior, best': ('oracle_mIoU', 'prior'),
    'point mAP': ('point_mAP_from_masks', 'raw'),
}
ACCURACY_COLUMNS = {
    'superpixels: mIoU': ('mIoU', 'superpixels'),
    'mAcc': ('mAcc', 'superpixels'),
    'mAcc_foreground': ('mAcc_foreground', 'superpixels'),
}
PRIOR = dict(type='mmwsl.ImageLevelPrior')
POSTPROCESSORS = dict(raw=[], prior=[PRIOR], superpixels=[PRIOR, dict(type='mmwsl.SuperpixelVote')])


def resize_options(size: int) -> dict[str, object]:
    """Return the options that train and evaluate on images of ``size`` pixels on the long side."""
    scale = (size, size)
    return {
        'model.data_preprocessor.size': scale,
        'train_dataloader.dataset.pipeline.1.scale': scale,
        'test_dataloader.dataset.pipeline.2.scale': scale,
    }


def measure(method: str, seed: int, folder: Path, size: int, names: list[str]) -> dict[str, dict[str, float]]:
    """Train a method with a seed and evaluate it with some pipelines, unless the results exist."""
    (config,) = Path('configs').rglob(f'wsl_{method}_voc6.py')
    work_dir = folder / f'{method}_seed{seed}'
    options = {**resize_options(size), 'randomness.seed': seed}
    options.update(dict.fromkeys(('val_cfg', 'val_dataloader', 'val_evaluator')))
    command = [sys.executable, 'tools/train.py', str(config), '--resume', '--work-dir', str(work_dir)]
    given = [f'{key}={value}'.replace(' ', '') for key, value in options.items()]
    subprocess.run([*command, '--cfg-options', *given], check=True)
    return {name: evaluate(config, work_dir, name, size) for name in names}


def pipeline_config(config: Path, work_dir: Path, name: str, size: int) -> Config:
    """Return the config that evaluates a network with the pipeline ``name`` of :data:`POSTPROCESSORS`."""
    cfg = load_config(config, resize_options(size), work_dir=str(work_dir / name))
    cfg.model.inference = dict(postprocessors=POSTPROCESSORS[name])
    if name == 'superpixels':
        cfg.test_dataloader.dataset.pipeline.insert(1, dict(type='mmwsl.ComputeSuperpixels'))
        cfg.test_evaluator = [dict(type='mmwsl.ClassAccuracyMetric', iou_metrics=['mIoU'])]
    return cfg


def evaluate(config: Path, work_dir: Path, name: str, size: int) -> dict[str, float]:
    """Evaluate a trained network with the pipeline ``name`` of :data:`POSTPROCESSORS`, unless the result exists."""
    result = work_dir / f'{name}.json'
    if not result.exists():
        cfg = pipeline_config(config, work_dir, name, size)
        content = json.dumps(test(cfg, str(work_dir / 'epoch_6.pth')), default=float, indent=2)
        with atomic_write(result) as file:
            file.write(content.encode())
    return json.loads(result.read_text())


def format_mean(values: list[float]) -> str:
    """Format the mean and the sample standard deviation over seeds."""
    mean = f'{statistics.mean(values):.1f}'
    return mean if len(values) == 1 else f'{mean} ± {statistics.stdev(values):.1f}'


def main() -> None:
    """Train, evaluate and print the table."""
    parser = argparse.ArgumentParser(description='Compare aggregators on voc6')
    parser.add_argument('methods', nargs='+', help='METHOD in the name of a config, wsl_METHOD_voc6.py')
    parser.add_argument('--seeds', type=int, nargs='+', default=[0], help='training seeds')
    parser.add_argument(
        '--size', type=int, default=448, help='pixels of the long side of an image (default %(default)s)'
    )
    parser.add_argument('--accuracy', action='store_true', help='also the accuracy per class, with superpixels')
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/aggregators'))
    args = parser.parse_args()
    columns = COLUMNS | ACCURACY_COLUMNS if args.accuracy else COLUMNS
    names = list(dict.fromkeys(name for _, name in columns.values()))
    # Seed by seed, so that an interrupted run has results of every method.
    runs = {
        (method, seed): measure(method, seed, args.work_dir, args.size, names)
        for seed in args.seeds
        for method in args.methods
    }
    table = PrettyTable(['Method', 'Seeds', *columns])
    for method in args.methods:
        results = [runs[method, seed] for seed in args.seeds]
        means = [format_mean([result[name][key] for result in results]) for key, name in columns.values()]
        table.add_row([method, len(results), *means])
    print(table)


if __name__ == '__main__':
    main()
