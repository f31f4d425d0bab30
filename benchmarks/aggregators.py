"""Aggregators under one schedule on voc6: mAP, mIoU and point localization, over training seeds.

Each method is trained by its config, wsl_METHOD_voc6.py, and evaluated without and with the image-level prior.
"at 0.5" is a threshold fixed in advance. "best" is an oracle: selected on the evaluated masks. The work folder keeps
the results as JSON: repeat the command to resume an interrupted run, or to print the table again.

    python benchmarks/aggregators.py lse gap gmp wildcat --seeds 0 1 2
    python benchmarks/aggregators.py topk weldon gwrp noisyor gem spleap attention
"""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

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
POSTPROCESSORS = dict(raw=[], prior=[dict(type='mmwsl.ImageLevelPrior')])


def measure(method: str, seed: int, folder: Path) -> dict[str, dict[str, float]]:
    """Train a method with a seed and evaluate it with each pipeline, unless the results exist."""
    (config,) = Path('configs').rglob(f'wsl_{method}_voc6.py')
    work_dir = folder / f'{method}_seed{seed}'
    options = [f'randomness.seed={seed}', 'val_cfg=None', 'val_dataloader=None', 'val_evaluator=None']
    command = [sys.executable, 'tools/train.py', str(config), '--resume', '--work-dir', str(work_dir)]
    subprocess.run([*command, '--cfg-options', *options], check=True)
    return {name: evaluate(config, work_dir, name) for name in POSTPROCESSORS}


def evaluate(config: Path, work_dir: Path, name: str) -> dict[str, float]:
    """Evaluate a trained network with the pipeline ``name`` of :data:`POSTPROCESSORS`, unless the result exists."""
    result = work_dir / f'{name}.json'
    if not result.exists():
        cfg = load_config(config, work_dir=str(work_dir / name))
        cfg.model.inference = dict(postprocessors=POSTPROCESSORS[name])
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
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/aggregators'))
    args = parser.parse_args()
    # Seed by seed, so that an interrupted run has results of every method.
    runs = {(method, seed): measure(method, seed, args.work_dir) for seed in args.seeds for method in args.methods}
    table = PrettyTable(['Method', 'Seeds', *COLUMNS])
    for method in args.methods:
        results = [runs[method, seed] for seed in args.seeds]
        means = [format_mean([result[name][key] for result in results]) for key, name in COLUMNS.values()]
        table.add_row([method, len(results), *means])
    print(table)


if __name__ == '__main__':
    main()
