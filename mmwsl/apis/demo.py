"""Demonstration: train on synthetic shapes from image-level labels, evaluate twice, draw the masks."""

from pathlib import Path

import numpy as np
from mmengine.hooks import Hook
from mmengine.registry import init_default_scope
from mmengine.runner import Runner

from mmwsl.apis.arguments import add_cfg_options, add_overwrite, say_results
from mmwsl.apis.checkpoint import latest_checkpoint, weights_only_loading
from mmwsl.apis.config import find_config, load_config
from mmwsl.apis.launch import build_runner
from mmwsl.apis.prediction import predict
from mmwsl.apis.training import train
from mmwsl.registry import DATASETS
from mmwsl.utils.files import atomic_write
from mmwsl.utils.folder_lock import folder_lock
from mmwsl.utils.output_folder import OutputFolder
from mmwsl.utils.parser import Parser
from mmwsl.visualization import image_grid

RAW, PRIOR = 'raw', '+ image-level prior'
THRESHOLD_NOTE = 'Trained on image-level labels. The threshold was tuned on the masks of other images, of a third seed.'
FILES = ('train', 'test', 'image_grid.png')


class BeginHook(Hook):
    """Hook that records the output of the demonstration once all checks have passed."""

    def __init__(self, output: OutputFolder) -> None:
        self.output = output

    def before_train(self, runner: Runner) -> None:
        """Record the output."""
        self.output.begin(FILES, keep=True)


def demo(
    config: str | Path,
    prior_config: str | Path,
    work_dir: str | Path,
    options: dict | None = None,
    num_images: int = 8,
    overwrite: bool = False,
) -> dict[str, float]:
    """Train one config, evaluate the result with two, and draw held-out images.

    The ground-truth masks are opened for evaluation and display, never for training.

    Args:
        config: Config to train and evaluate.
        prior_config: Config of the same network with an image-level prior.
        work_dir: Folder for all outputs.
        options: Settings that override both configs.
        num_images: Number of held-out images to draw.
        overwrite: Accept a folder with other files. An earlier demonstration is always replaced.

    Returns:
        The mIoU of each evaluation, in percent.
    """
    work_dir = Path(work_dir)
    output = OutputFolder(work_dir, 'mmwsl demo', '--work-dir', overwrite, FILES)
    output.check(reuse=True)
    for path in (config, prior_config):  # before the training
        cfg = load_config(path, options)
        init_default_scope(cfg.get('default_scope', 'mmseg'))
        DATASETS.build(cfg.test_dataloader.dataset)
    cfg = load_config(config, options, str(work_dir / 'train'))
    train(cfg, hooks=[BeginHook(output)], overwrite=overwrite or bool(output.made()))
    checkpoint = latest_checkpoint(work_dir / 'train')
    scores: dict[str, float] = {}
    columns: dict[str, list[np.ndarray]] = {}
    for name, path in ((RAW, config), (PRIOR, prior_config)):
        cfg = load_config(path, options, str(work_dir / 'test'))
        cfg.load_from = checkpoint
        with weights_only_loading(cfg):
            runner = build_runner(cfg)
            scores[name] = float(runner.test()['mIoU'])
        images, ground_truth, predictions = predict(runner, num_images)
        columns |= {'input': images, 'ground truth': ground_truth, name: predictions}
    grid = work_dir / 'image_grid.png'
    with atomic_write(grid) as file:
        image_grid(columns).save(file, 'PNG')
    print(f'{report(scores)}\n\n{THRESHOLD_NOTE}\nImages: {grid}')
    return scores


def report(scores: dict[str, float]) -> str:
    """Return the table of the mIoUs."""
    width = max(map(len, scores))
    rows = [f'{name:<{width}}  {score:5.1f}' for name, score in scores.items()]
    return '\n'.join(['', f'{"held-out images":<{width}}   mIoU', '-' * (width + 7), *rows])


def main(argv: list[str] | None = None) -> None:
    """Run ``tools/demo.py``."""
    parser = Parser(description='Train on synthetic shapes from image-level labels, evaluate and draw')
    parser.add_argument('--work-dir', default='work_dirs/demo', help='folder for all outputs')
    add_overwrite(parser, 'write into a folder with other files')
    add_cfg_options(parser)
    args = parser.parse_args(argv)
    config, prior_config = find_config('wsl_lse_shapes'), find_config('wsl_lse_shapes_ilp')
    with folder_lock(args.work_dir, '--work-dir'):
        demo(config, prior_config, args.work_dir, args.cfg_options, overwrite=args.overwrite)
    say_results({}, 'mmwsl', 'run', 'IMAGES', '--labels', 'FILE', '--out', 'PROJECT')
