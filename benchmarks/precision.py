"""The synthetic shapes dataset trained in float32 and in bfloat16, with several random seeds.

A shorter training than that of `make demo`: fewer images and epochs, and a learning rate that falls to 0 within them.
Compared are the mean IoU of both precisions, and the spread of the seeds.

    python benchmarks/precision.py [--seeds 3] [--images 640] [--epochs 4]
"""

import argparse
import statistics
import tempfile

from mmwsl.apis.config import load_config
from mmwsl.apis.training import train

CONFIG = 'shapes/wsl_lse_shapes'
PRECISIONS = ('off', 'bfloat16')


def mean_iou(amp: str, seed: int, images: int, epochs: int) -> float:
    """Train with one precision and seed, and return the mean IoU on 100 test images in percent."""
    with tempfile.TemporaryDirectory() as folder:
        cfg = load_config(CONFIG, None, folder)
        cfg.train_dataloader.dataset.length, cfg.val_dataloader.dataset.length = images, 100
        cfg.train_cfg.update(max_epochs=epochs, val_interval=epochs)
        cfg.param_scheduler[0].end, cfg.param_scheduler[1].end = 10, epochs
        cfg.randomness = dict(seed=seed)
        cfg.experiment_name = cfg.visualizer.name = f'{amp}_{seed}'
        runner = train(cfg, amp=amp, check_data=False)
        return float(runner.message_hub.get_scalar('val/mIoU').current())


def main(argv: list[str] | None = None) -> None:
    """Train, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--seeds', type=int, default=3, help='number of seeds, at least 2')
    parser.add_argument('--images', type=int, default=640)
    parser.add_argument('--epochs', type=int, default=4)
    args = parser.parse_args(argv)
    if args.seeds < 2:
        parser.error(f'--seeds must be at least 2, got {args.seeds}.')
    found = {amp: [mean_iou(amp, seed, args.images, args.epochs) for seed in range(args.seeds)] for amp in PRECISIONS}
    for amp, values in found.items():
        row = ' '.join(f'{value:.2f}' for value in values)
        print(f'--amp {amp:8} mIoU {row}, mean {statistics.mean(values):.2f}, deviation {statistics.stdev(values):.2f}')


if __name__ == '__main__':
    main()
