"""Training from a config."""

import os
from collections.abc import Sequence
from pathlib import Path

from mmengine.config import Config
from mmengine.device import get_device
from mmengine.dist import get_world_size
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner

from mmwsl.apis.acceleration import accelerate, restored_backends
from mmwsl.apis.arguments import add_amp, add_check_data, add_overwrite, base_parser, parse, say_results
from mmwsl.apis.checkpoint import is_url, latest_checkpoint, weights_only_loading
from mmwsl.apis.checkpoint_fit import check_dataset_classes
from mmwsl.apis.config import config_folder, load_config
from mmwsl.apis.config_check import check_optimizers, stop_at_unknown_metrics
from mmwsl.apis.config_parts import check_parts
from mmwsl.apis.data_check import DataCheckHook
from mmwsl.apis.folder_use import writes_alone
from mmwsl.apis.initial_weights import InitialWeightsHook, initial_weights
from mmwsl.apis.launch import build_runner
from mmwsl.apis.schedule_check import check_training
from mmwsl.apis.training_free import check_trainable
from mmwsl.apis.work_folder import EarlierTrainingHook, check_folders, check_work_folder, keep_one_to_resume_from
from mmwsl.engine.hooks import (
    ChannelsLastHook,
    FeatureCacheHook,
    FiniteLossHook,
    RepeatableTrainingHook,
    ResumedTrainingHook,
)
from mmwsl.engine.runner import discarded_if_rejected


@writes_alone(lambda given: given['cfg'].work_dir, '--work-dir')
def train(
    cfg: Config,
    resume: bool = False,
    launcher: str = 'none',
    trust_checkpoint: bool = False,
    hooks: Sequence[Hook] = (),
    allow_mismatch: bool = False,
    overwrite: bool = False,
    check_data: bool = True,
    amp: str | None = None,
) -> Runner:
    """Train the model of a config.

    Args:
        cfg: The config, with ``work_dir``; changed in place.
        resume: Resume from the newest complete checkpoint in ``work_dir``, if there is one.
        launcher: Launcher of the processes.
        trust_checkpoint: Load checkpoints that could execute code.
        hooks: More hooks of the runner.
        allow_mismatch: Load what fits of ``load_from``, and start other parameters from their initialization.
        overwrite: Remove the checkpoints of an earlier training in ``work_dir``, once the new one starts.
        check_data: Check images and masks before the start, see :class:`.data_check.DataCheckHook`.
        amp: Precision of the forward pass, see :func:`.acceleration.accelerate`. None takes that of the config.

    Returns:
        The runner, after training.

    Raises:
        FileNotFoundError: If ``load_from`` or pretrained weights name a local file that does not exist.
        NonFiniteError: If a loss or a weight becomes NaN or infinite.
        OutputError: If ``work_dir`` holds checkpoints of an earlier training, and neither ``resume`` nor ``overwrite``
            is set.
        ValueError: If images or masks cannot be used, a checkpoint does not fit the config, the training cannot end, or
            its schedule does not fit its length; see :func:`check_training`.
    """
    check_parts(cfg, 'model', 'train_dataloader', 'train_cfg', 'optim_wrapper')
    check_trainable(cfg)
    check_optimizers(cfg)
    stop_at_unknown_metrics(cfg)
    keep_one_to_resume_from(cfg)
    check_folders(cfg)
    earlier = check_work_folder(cfg, overwrite, resume)
    if cfg.get('resume') and cfg.get('load_from') and not resume:
        raise ValueError(
            f'config {cfg.filename!r} has resume=True and load_from={cfg.load_from!r}, as that of a resumed training. '
            'Pass --resume to continue it, or --cfg-options load_from=None for a new one.'
        )
    cfg.resume, given = False, cfg.get('load_from')
    checkpoint = latest_checkpoint(cfg.work_dir) if resume else None
    if checkpoint:
        cfg.load_from, cfg.resume = checkpoint, True
        print_log(f'--resume: training continues from {checkpoint}.', 'current')
    elif resume:
        print_log(f'--resume: no checkpoint in {cfg.work_dir}. Training starts from the beginning.', 'current')
    check_load_from(cfg)
    if allow_mismatch and not cfg.get('load_from'):
        raise ValueError('--allow-mismatch needs `load_from`, got None. Set --cfg-options load_from=FILE.')
    with restored_backends(), weights_only_loading(cfg, trust_checkpoint), initial_weights(cfg):
        fast, used = accelerate(cfg, amp)
        channels_last = any(isinstance(hook, ChannelsLastHook) for hook in fast)
        runner = build_runner(cfg, launcher, allow_mismatch, channels_last)
        runner.cfg.load_from, runner.cfg.resume = given, False  # written to the work folder, for a new training too
        with discarded_if_rejected(runner):
            check_training(runner)
            if runner._val_loop is not None:
                _ = runner.val_loop  # the runner builds it when it is read
            check_dataset_classes(runner)
        if not any(isinstance(hook, FeatureCacheHook) for hook in runner.hooks):
            runner.register_hook(FeatureCacheHook())
        if not any(isinstance(hook, FiniteLossHook) for hook in runner.hooks):
            runner.register_hook(FiniteLossHook())
        for hook in (
            InitialWeightsHook(),
            RepeatableTrainingHook(),
            ResumedTrainingHook(),
            EarlierTrainingHook(earlier),
            *fast,
            *hooks,
            *([DataCheckHook()] if check_data else []),
        ):
            runner.register_hook(hook)
        describe(runner, used)
        runner.train()
    return runner


def check_load_from(cfg: Config) -> None:
    """Raise an error if ``load_from`` is empty, or names a local file that does not exist."""
    path = cfg.get('load_from')
    if path == '':
        raise ValueError(
            '`load_from` must be a file or URL of weights, or None, got an empty text. Set it, or leave it out.'
        )
    if not path or is_url(path) or Path(path).exists():
        return
    folders = [Path('configs')] + ([Path(cfg.filename).parent] if cfg.filename else []) + [config_folder()]
    source = Path(path).parent.name
    configs = [file for folder in folders for file in folder.rglob(f'{source}.py')]
    train_first = f'Run `python tools/train.py {configs[0]}` first, or set' if configs else 'Set'
    raise FileNotFoundError(
        f'`load_from` names {path!r}, which does not exist. {train_first} --cfg-options load_from=FILE.'
    )


def describe(runner: Runner, precision: str) -> None:
    """Log what is trained, on what, where, and in which precision."""
    sizes = [(parameter.numel(), parameter.requires_grad) for parameter in runner.model.parameters()]
    trained = sum(size for size, requires_grad in sizes if requires_grad)
    images = len(runner.train_dataloader.dataset)
    where = get_device() if get_world_size() == 1 else f'{get_world_size()} x {get_device()}'
    every = sum(size for size, _ in sizes)
    print_log(
        f'{images} images in batches of {runner.train_dataloader.batch_size} on {where} ({precision}), '
        f'{trained / 1e6:.2f} of {every / 1e6:.2f} million parameters are trained',
        'current',
    )


def main(argv: list[str] | None = None) -> None:
    """Run ``tools/train.py``."""
    parser = base_parser('Train a segmentor')
    earlier = parser.add_mutually_exclusive_group()
    earlier.add_argument(
        '--resume', action='store_true', help='resume from the newest complete checkpoint in the work folder'
    )
    add_overwrite(earlier, 'replace the checkpoints of an earlier training in the work folder')
    add_amp(parser)
    parser.add_argument(
        '--allow-mismatch',
        action='store_true',
        help='fine-tune: load what fits of `load_from`, and start other parameters from their initialization',
    )
    add_check_data(parser)
    args = parse(parser, argv)
    cfg = load_config(args.config, args.cfg_options, args.work_dir)
    train(
        cfg,
        args.resume,
        args.launcher,
        args.trust_checkpoint,
        allow_mismatch=args.allow_mismatch,
        overwrite=args.overwrite,
        check_data=args.check_data == 'on',
        amp=args.amp,
    )
    newest = latest_checkpoint(cfg.work_dir)
    checkpoint = newest and min(newest, os.path.relpath(newest), key=len)
    following = ['mmwsl', 'test', args.config, checkpoint] if checkpoint else []
    say_results({'Checkpoint': checkpoint, 'Log': cfg.work_dir}, *following)
