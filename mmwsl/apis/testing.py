"""Evaluation of a checkpoint with a config."""

import os
from collections.abc import Sequence

import matplotlib.pyplot as plt
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmseg.engine.hooks import SegVisualizationHook
from mmseg.models.segmentors import SegTTAModel

from mmwsl.apis.arguments import add_check_data, add_checkpoint, add_overwrite, base_parser, number, parse, say_results
from mmwsl.apis.checkpoint import weights_only_loading
from mmwsl.apis.config import load_config
from mmwsl.apis.config_parts import check_parts
from mmwsl.apis.data_check import DataCheckHook
from mmwsl.apis.folder_use import locked_folders
from mmwsl.apis.launch import build_runner
from mmwsl.apis.registered import is_mask_loader, is_subclass, registered_class, without
from mmwsl.apis.training_free import check_has_weights
from mmwsl.engine.hooks import ProvenanceHook, WeakSegVisualizationHook
from mmwsl.models import WeakEncoderDecoder
from mmwsl.registry import HOOKS, MODELS
from mmwsl.utils.console import log_warning
from mmwsl.utils.nested import dataset_paths
from mmwsl.utils.output_folder import OutputFolder

NO_WINDOWS = ('agg', 'cairo', 'pdf', 'pgf', 'ps', 'svg', 'template')
"""Backends of matplotlib that only write files; it selects one itself where there is no screen."""


def test(
    cfg: Config,
    checkpoint: str | None,
    launcher: str = 'none',
    trust_checkpoint: bool = False,
    hooks: Sequence[Hook] = (),
    check_data: bool = True,
) -> dict[str, float | str]:
    """Evaluate a checkpoint on the test set of a config.

    Args:
        cfg: The config, with ``work_dir``; changed in place.
        checkpoint: File or URL; None for a model that is not trained.
        launcher: Launcher of the processes.
        trust_checkpoint: Load a checkpoint that could execute code.
        hooks: More hooks of the runner.
        check_data: Check images and masks before the start, see :class:`.data_check.DataCheckHook`.

    Returns:
        The metrics; MMSegmentation's are percentages. Texts name the extra supervision of the prediction, if any:
        ``tuned_on`` the masks that hyper-parameters were tuned on, ``image_labels`` the labels of the test images,
        ``overlap`` training images among them. The log and the JSON file in ``work_dir`` contain the same.
    """
    return run_test(cfg, checkpoint, launcher, trust_checkpoint, hooks, check_data)[1]


def run_test(
    cfg: Config,
    checkpoint: str | None,
    launcher: str = 'none',
    trust_checkpoint: bool = False,
    hooks: Sequence[Hook] = (),
    check_data: bool = True,
) -> tuple[Runner, dict[str, float | str]]:
    """Evaluate as :func:`test` does, and return the runner, whose model is loaded, with the metrics."""
    check_parts(cfg, 'model', 'test_dataloader', 'test_cfg')
    check_has_weights(cfg, checkpoint)
    cfg.load_from, cfg.resume = checkpoint, False
    cfg.test_evaluator = cfg.get('test_evaluator') or []
    with weights_only_loading(cfg, trust_checkpoint):
        runner = build_runner(cfg, launcher)
        if not any(isinstance(hook, ProvenanceHook) for hook in runner.hooks):  # the config replaces our hooks
            runner.register_hook(ProvenanceHook())
        for hook in [*hooks, *([DataCheckHook()] if check_data else [])]:
            runner.register_hook(hook)
        return runner, runner.test()


def use_test_time_augmentation(cfg: Config) -> None:
    """Evaluate with the views of ``tta_pipeline``, merged by ``tta_model``.

    Args:
        cfg: The config, changed in place.

    Raises:
        ValueError: If the config lacks one of them, or ``tta_model`` would ignore the inference pipeline.
    """
    missing = [name for name in ('tta_model', 'tta_pipeline') if not cfg.get(name)]
    if missing:
        names = ' and '.join(f'`{name}`' for name in missing)
        raise ValueError(
            f'--tta needs `tta_model` and `tta_pipeline`, but the config has no {names}. Define them, or add a '
            '`_base_` file that does.'
        )
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    if is_subclass(cfg.model, MODELS, WeakEncoderDecoder) and is_subclass(cfg.tta_model, MODELS, SegTTAModel):
        raise ValueError(
            f'--tta: `tta_model` {cfg.tta_model.type!r} would ignore the inference pipeline of {cfg.model.type!r}. Set '
            "tta_model = dict(type='mmwsl.WeakSegTTAModel')."
        )
    cfg.test_dataloader.dataset.pipeline = cfg.tta_pipeline
    cfg.tta_model.module = cfg.model
    if 'data_preprocessor' in cfg.model:  # the runner would use that of the config's top level
        cfg.tta_model.data_preprocessor = cfg.model.data_preprocessor
    cfg.model = cfg.tta_model


def write_predictions(cfg: Config, folder: str, overwrite: bool = False) -> None:
    """Write the predicted masks as PNG files, see :class:`mmwsl.engine.hooks.MaskWriterHook`.

    Without any metric, ground-truth masks are not loaded: the images may be unlabeled.

    Args:
        cfg: The config, changed in place.
        folder: Folder for the masks.
        overwrite: Whether the folder may hold other files or earlier results.
    """
    if not cfg.test_evaluator:
        dataset = cfg.test_dataloader.dataset
        dataset.pipeline = without(dataset.pipeline, is_mask_loader)
    hook = dict(type='mmwsl.MaskWriterHook', out_dir=folder, **({'overwrite': True} if overwrite else {}))
    cfg.custom_hooks = [*cfg.get('custom_hooks', []), hook]


def draw_predictions(
    cfg: Config, show: bool = False, show_dir: str | None = None, wait_time: float = 2.0, overwrite: bool = False
) -> None:
    """Draw the predictions over all images, in a window or into a folder.

    Into a folder, :class:`mmwsl.engine.hooks.WeakSegVisualizationHook` takes the place of MMSegmentation's hook.

    Args:
        cfg: The config, changed in place.
        show: Open windows.
        show_dir: Folder for the drawings. The default is the visualizer's own.
        wait_time: Seconds for which a window remains open.
        overwrite: Whether the folder may hold other files or earlier results.

    Raises:
        ValueError: If the config has no visualization hook.
    """
    hook = cfg.get('default_hooks', {}).get('visualization')
    if not hook:
        raise ValueError(
            '--show and --show-dir need `default_hooks.visualization`, which the config lacks. Add '
            "visualization=dict(type='mmwsl.WeakSegVisualizationHook')."
        )
    hook['draw'] = True
    hook['interval'] = 1  # the hook of mmsegmentation 1.2 draws every 50th batch of a test
    if show:
        hook['show'] = True
        hook['wait_time'] = wait_time
    if show_dir and registered_class(hook, HOOKS) is SegVisualizationHook:
        hook['type'] = 'mmwsl.WeakSegVisualizationHook'
    if show_dir and is_subclass(hook, HOOKS, WeakSegVisualizationHook):
        hook['out_dir'], hook['overwrite'] = show_dir, overwrite
    elif show_dir:
        OutputFolder(show_dir, 'mmwsl test --show-dir', '--show-dir', overwrite).check(dataset_paths(cfg))
        cfg.visualizer['save_dir'] = show_dir


def main(argv: list[str] | None = None) -> None:
    """Run ``tools/test.py``."""
    parser = base_parser('Evaluate a checkpoint')
    add_checkpoint(parser)
    parser.add_argument('--out', metavar='DIR', help='folder for the predicted masks: PNG files of class indices')
    parser.add_argument('--show', action='store_true', help='show the predictions in windows')
    parser.add_argument('--show-dir', metavar='DIR', help='folder for drawings: image, ground truth, prediction')
    parser.add_argument('--wait-time', type=number(float, 0), default=2, help='seconds for which --show shows an image')
    parser.add_argument('--tta', action='store_true', help='evaluate with test-time augmentation')
    add_overwrite(parser, 'replace results of an earlier test in --out and --show-dir')
    add_check_data(parser)
    args = parse(parser, argv)
    if args.out and args.show_dir and os.path.realpath(args.out) == os.path.realpath(args.show_dir):
        parser.error(f'--out and --show-dir must be different folders, got {args.out} twice.')
    cfg = load_config(args.config, args.cfg_options, args.work_dir, 'test')
    for name, folder in (('--out', args.out), ('--show-dir', args.show_dir)):
        if folder and os.path.realpath(folder) == os.path.realpath(cfg.work_dir):
            parser.error(f'{name} and --work-dir must be different folders, got {folder} twice.')
    if args.show and plt.get_backend().lower() in NO_WINDOWS:
        raise ValueError(
            f'--show needs a screen, got none (backend {plt.get_backend()} of matplotlib). Pass --show-dir DIR instead.'
        )
    if args.show or args.show_dir:
        draw_predictions(cfg, args.show, args.show_dir, args.wait_time, args.overwrite)
    if args.tta:
        use_test_time_augmentation(cfg)
    if args.out:
        write_predictions(cfg, args.out, args.overwrite)
    if not (cfg.get('test_evaluator') or args.out or args.show or args.show_dir):
        log_warning('`test_evaluator` is empty: nothing is measured.')
    with locked_folders({'--out': args.out, '--show-dir': args.show_dir}, cfg, args.launcher):
        test(cfg, args.checkpoint, args.launcher, args.trust_checkpoint, check_data=args.check_data == 'on')
    weights = [args.checkpoint] if args.checkpoint else []
    following = ['mmwsl', 'test', args.config, *weights, '--show-dir', 'DIR']
    if args.show_dir:
        run = ':'.join([f'{args.config.removesuffix(".py")}.py', *weights])
        following = ['mmwsl', 'compare', run, 'OTHER_RUN'] if weights else []
    say_results({'Masks': args.out, 'Drawings': args.show_dir, 'Log': cfg.work_dir}, *following)
