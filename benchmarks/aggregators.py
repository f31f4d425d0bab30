"""Aggregators under one schedule on voc6: classification, masks, pointing, over seeds.

Each method is trained by its config, configs/wsl_METHOD_voc6.py, and evaluated twice: as it is, and with the
image-level prior. "at 0.5" is a threshold fixed in advance; "best" was chosen with the masks of the set it is measured
on, an oracle. Results are kept as JSON in the work folder, so a killed run goes on where it was, and a second one only
prints.

    python benchmarks/aggregators.py lse mean max wildcat --seeds 0 1 2
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

COLUMNS = {  # of the table: metric and chain
    'mAP': ('mAP', 'raw'),
    'mIoU at 0.5': ('mIoU', 'raw'),
    'best': ('oracle_mIoU', 'raw'),
    'prior, at 0.5': ('mIoU', 'prior'),
    'prior, best': ('oracle_mIoU', 'prior'),
    'pointing': ('point_mAP_from_masks', 'raw'),
}
CHAINS = dict(raw=[], prior=[dict(type='mmwsl.ImageLevelPrior')])


def measure(method: str, seed: int, folder: Path) -> dict[str, dict[str, float]]:
    """Train a method with a seed and evaluate it with each chain, unless that was done before."""
    config = f'configs/wsl_{method}_voc6.py'
    work_dir = folder / f'{method}_seed{seed}'
    subprocess.run(
        [
            sys.executable,
            'tools/train.py',
            config,
            '--resume',
            '--work-dir',
            str(work_dir),
            '--cfg-options',
            f'randomness.seed={seed}',
            'val_cfg=None',
            'val_dataloader=None',
            'val_evaluator=None',
        ],
        check=True,
    )
    return {name: evaluate(config, work_dir, name) for name in CHAINS}


def evaluate(config: str, work_dir: Path, chain: str) -> dict[str, float]:
    """Evaluate what was trained with a chain of :data:`CHAINS`, unless that was done before."""
    result = work_dir / f'{chain}.json'
    if not result.exists():
        cfg = load_config(config, work_dir=str(work_dir / chain))
        cfg.model.postprocessors = CHAINS[chain]
        content = json.dumps(test(cfg, str(work_dir / 'epoch_6.pth')), default=float, indent=2)
        with atomic_write(result) as file:
            file.write(content.encode())
    return json.loads(result.read_text())


def cell(values: list[float]) -> str:
    """Mean, and sample deviation over seeds."""
    mean = f'{statistics.mean(values):.1f}'
    return mean if len(values) == 1 else f'{mean} ± {statistics.stdev(values):.1f}'


def main() -> None:
    """Train, evaluate, print the table."""
    parser = argparse.ArgumentParser(description='Compare aggregators on voc6')
    parser.add_argument('methods', nargs='+', help='as in configs/wsl_METHOD_voc6.py')
    parser.add_argument('--seeds', type=int, nargs='+', default=[0])
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/family'))
    args = parser.parse_args()
    # Seed by seed, so that a run that is cut short has every method.
    runs = {(method, seed): measure(method, seed, args.work_dir) for seed in args.seeds for method in args.methods}
    table = PrettyTable(['Method', 'Seeds', *COLUMNS])
    for method in args.methods:
        own = [runs[method, seed] for seed in args.seeds]
        table.add_row([method, len(own), *(cell([run[chain][key] for run in own]) for key, chain in COLUMNS.values())])
    print(table)


if __name__ == '__main__':
    main()
