"""Training from a config."""

import logging

from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.runner import Runner

from mmwsl.apis.arguments import base_parser, parse
from mmwsl.apis.checkpoint import latest_checkpoint, weights_only_loading
from mmwsl.apis.config import enable_amp, load_config
from mmwsl.apis.launch import build_runner


def train(cfg: Config, resume: bool = False, launcher: str = 'none', trust_checkpoint: bool = False) -> Runner:
    """Train what a config describes.

    Args:
        cfg (Config): The config, with ``work_dir``; changed in place.
        resume (bool): Whether to go on from the newest complete checkpoint in ``work_dir``. Where there is none,
            training starts as without it. Defaults to False.
        launcher (str): Who started the processes. Defaults to ``'none'``.
        trust_checkpoint (bool): Whether to load checkpoints that can run code. Defaults to False.

    Returns:
        Runner: The runner, after training.
    """
    keep_one_to_resume_from(cfg)
    cfg.resume = False
    checkpoint = latest_checkpoint(cfg.work_dir) if resume else None
    if checkpoint:
        cfg.load_from, cfg.resume = checkpoint, True
    elif resume:
        print_log(f'--resume: no checkpoint in {cfg.work_dir}, training starts from the beginning', 'current')
    with weights_only_loading(cfg, trust_checkpoint):
        runner = build_runner(cfg, launcher)
        runner.train()
    return runner


def keep_one_to_resume_from(cfg: Config) -> None:
    """Keep two checkpoints where a config keeps one.

    mmengine deletes the oldest before it writes the next: with a single one, a training killed between the two has
    nothing to resume from.
    """
    hook = cfg.get('default_hooks', {}).get('checkpoint') or {}
    if hook.get('max_keep_ckpts') == 1:
        hook['max_keep_ckpts'] = 2
        print_log(
            'max_keep_ckpts=1 would delete the only checkpoint before the next is written: two are kept',
            'current',
            logging.WARNING,
        )


def main(argv: list[str] | None = None) -> None:
    """Run ``tools/train.py``."""
    parser = base_parser('Train a segmentor')
    parser.add_argument(
        '--resume', action='store_true', help='go on from the newest complete checkpoint in the work folder'
    )
    parser.add_argument('--amp', action='store_true', help='train with automatic mixed precision')
    args = parse(parser, argv)
    cfg = load_config(args.config, args.cfg_options, args.work_dir)
    if args.amp:
        enable_amp(cfg)
    train(cfg, args.resume, args.launcher, args.trust_checkpoint)
