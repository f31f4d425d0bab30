r"""Compare ways of training DeepLab v3+ on noisy pseudo-labels of voc6: mIoU on val, over several seeds.

    python tools/generate_pseudo_labels.py wsl_lse_voc6_pseudo CHECKPOINT --out work_dirs/labels_train \
        --cfg-options train_dataloader.dataset.ann_file=ImageSets/Segmentation/train.txt
    MMWSL_PSEUDO_LABELS=work_dirs/labels_train python benchmarks/robust_training.py --out work_dirs/robust_training

All networks are trained on the 437 images of voc6 train for the same number of iterations. Constants that count
iterations are scaled to the length. The last row is trained on the masks. Repeat the command to resume it.

Backbones are compared in the same way, each with full supervision of its own:

    python benchmarks/robust_training.py --out DIR {psl,fsl}_deeplabv3plus{,_efficientnet-lite2}_voc6
"""

import argparse
import json
import os
import re
import resource
import statistics
from pathlib import Path

from mmengine.config import Config
from mmengine.hooks import EMAHook
from mmengine.registry import HOOKS

from mmwsl.apis.config import load_config
from mmwsl.apis.cpu import prepare_cpu
from mmwsl.apis.registered import is_subclass
from mmwsl.apis.training import train
from mmwsl.utils.files import digest_file, write_json

CONFIGS = (
    'psl_deeplabv3plus_voc6',
    'psl_deeplabv3plus_voc6_balanced',
    'psl_deeplabv3plus_voc6_clipped',
    'psl_deeplabv3plus_voc6_filtered',
    'psl_deeplabv3plus_voc6_weighted',
    'psl_deeplabv3plus_voc6_ema',
    'fsl_deeplabv3plus_voc6',
)
ITERATIONS_OF_CONFIGS = 1000
ITERATIONS_OF_EPOCH = 40  # 437 images, those of rare classes twice, 16 a batch


def short_config(name: str, work_dir: Path, epochs: int, seed: int) -> Config:
    """Return the config for the images of train and this length."""
    cfg = load_config(name, work_dir=str(work_dir))
    cfg.train_dataloader.dataset.dataset.ann_file = 'ImageSets/Segmentation/train.txt'
    cfg.train_cfg.update(max_epochs=epochs, val_interval=epochs)
    cfg.param_scheduler[-1].end = epochs
    cfg.randomness.seed = seed
    scale = epochs * ITERATIONS_OF_EPOCH / ITERATIONS_OF_CONFIGS
    filtering = cfg.model.decode_head.loss_decode.get('filtering')
    if filtering:
        filtering.begin = round(filtering.begin * scale)
    for hook in cfg.custom_hooks:
        if is_subclass(hook, HOOKS, EMAHook):
            hook.momentum /= scale
    return cfg


def full_supervision(name: str) -> str:
    """Return the name of the config that trains the same network on masks."""
    return re.sub(r'^psl_(.*_voc6).*', r'fsl_\1', name)


def cpu_seconds() -> float:
    """Return the CPU time of this process and of those that have ended."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def labels_digest(name: str) -> str | None:
    """Return the digest of the manifest of the pseudo-labels; None for masks, and for labels without a manifest."""
    manifest = Path(os.environ.get('MMWSL_PSEUDO_LABELS', 'work_dirs/pseudo_labels')) / 'manifest.json'
    return digest_file(manifest) if Path(name).name.startswith('psl') and manifest.is_file() else None


def measure(name: str, work_dir: Path, epochs: int, seed: int) -> dict:
    """Train and evaluate once, or return the figures of before."""
    file, labels = work_dir / 'result.json', labels_digest(name)
    if file.exists():
        if json.loads(file.read_text()).get('labels') != labels:
            raise SystemExit(
                f'{str(file)!r} was measured on other labels than MMWSL_PSEUDO_LABELS. Pass another --out.'
            )
    else:
        start = cpu_seconds()
        runner = train(short_config(name, work_dir, epochs, seed), resume=True)
        mean = runner.message_hub.get_scalar('val/mIoU').current()
        write_json(file, dict(mIoU=float(mean), cpu_seconds=cpu_seconds() - start, labels=labels))
    return json.loads(file.read_text())


def main() -> None:
    """Train the networks one after another and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('configs', nargs='*', default=CONFIGS, metavar='CONFIG', help=f'default: {", ".join(CONFIGS)}')
    parser.add_argument('--seeds', nargs='+', type=int, default=(0, 1, 2), help='default: 0 1 2')
    parser.add_argument('--epochs', type=int, default=10, help='length of each training (default %(default)s)')
    parser.add_argument('--out', type=Path, required=True, help='folder of the results')
    args = parser.parse_args()
    prepare_cpu()
    found: dict[str, list[dict]] = {name: [] for name in args.configs}
    for seed in args.seeds:  # all rows of a seed first: an unfinished run still compares
        for name in args.configs:
            found[name].append(measure(name, args.out / name / f'seed_{seed}', args.epochs, seed))
            print(f'{name}, seed {seed}: mIoU {found[name][-1]["mIoU"]:.1f}', flush=True)
    means = {name: statistics.mean(run['mIoU'] for run in runs) for name, runs in found.items()}
    print('| config | mIoU, mean | standard deviation | runs | of full supervision | CPU minutes per run |')
    print('|---|---|---|---|---|---|')
    for name, runs in found.items():
        values = [run['mIoU'] for run in runs]
        deviation = f'{statistics.stdev(values):.1f}' if len(values) > 1 else ''
        full = means.get(full_supervision(name))
        ratio = f'{100 * means[name] / full:.0f}%' if full else ''
        minutes = statistics.mean(run['cpu_seconds'] for run in runs) / 60
        single = ', '.join(f'{value:.1f}' for value in values)
        print(f'| `{name}` | {means[name]:.1f} | {deviation} | {single} | {ratio} | {minutes:.0f} |')


if __name__ == '__main__':
    main()
