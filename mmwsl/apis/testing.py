"""Evaluation of a checkpoint under a config."""

from mmengine.config import Config
from mmengine.runner import Runner

from mmwsl.apis.arguments import base_parser, parse
from mmwsl.apis.checkpoint import weights_only_loading
from mmwsl.apis.config import load_config
from mmwsl.apis.launch import build_runner
from mmwsl.apis.registered import is_mask_loader, is_mask_metric, without
from mmwsl.engine.hooks import ProvenanceHook


def test(
    cfg: Config, checkpoint: str, launcher: str = 'none', trust_checkpoint: bool = False
) -> dict[str, float | str]:
    """Evaluate a checkpoint on the test set of a config.

    Args:
        cfg (Config): The config, with ``work_dir``; changed in place.
        checkpoint (str): A file or an address.
        launcher (str): Who started the processes. Defaults to ``'none'``.
        trust_checkpoint (bool): Whether to load a checkpoint that can run code. Defaults to False.

    Returns:
        dict[str, float | str]: The metrics; MMSegmentation's are percentages. Texts say what supervision prediction
            used, if any: ``tuned_on`` names the masks that numbers of the chain were chosen with. They are in the log
            and the JSON file in ``work_dir`` as well.
    """
    return run_test(cfg, checkpoint, launcher, trust_checkpoint)[1]


def run_test(
    cfg: Config, checkpoint: str, launcher: str = 'none', trust_checkpoint: bool = False
) -> tuple[Runner, dict[str, float | str]]:
    """Evaluate as :func:`test` does, and return the runner, whose model is loaded, with the metrics."""
    cfg.load_from, cfg.resume = checkpoint, False
    with weights_only_loading(cfg, trust_checkpoint):
        runner = build_runner(cfg, launcher)
        if not any(isinstance(hook, ProvenanceHook) for hook in runner.hooks):  # the config has hooks of its own
            runner.register_hook(ProvenanceHook())
        return runner, runner.test()


def use_test_time_augmentation(cfg: Config) -> None:
    """Evaluate the mean over the augmented versions of each image that ``tta_pipeline`` makes.

    Args:
        cfg (Config): The config, changed in place.

    Raises:
        ValueError: If the config does not say what to augment.
    """
    missing = [name for name in ('tta_model', 'tta_pipeline') if name not in cfg]
    if missing:
        raise ValueError(f'--tta needs {" and ".join(missing)} in the config. Add to its bases one that has them.')
    cfg.test_dataloader.dataset.pipeline = cfg.tta_pipeline
    cfg.tta_model.module = cfg.model
    if 'data_preprocessor' in cfg.model:  # the runner would give the wrapped model that of the config's top level
        cfg.tta_model.data_preprocessor = cfg.model.data_preprocessor
    cfg.model = cfg.tta_model


def write_predictions(cfg: Config, folder: str) -> None:
    """Write the predicted masks as PNG files: ``IoUMetric`` does that, other metrics know nothing of it.

    Where the config compares no masks, one is added that only writes. Without any metric, true masks are not loaded:
    the images may be new.

    Args:
        cfg (Config): The config, changed in place.
        folder (str): Where the masks go.
    """
    evaluators = cfg.test_evaluator if isinstance(cfg.test_evaluator, (list, tuple)) else [cfg.test_evaluator]
    writers = [metric for metric in evaluators if is_mask_metric(metric)]
    for metric in writers:
        metric['output_dir'] = folder
        metric['keep_results'] = True
    if not evaluators:
        dataset = cfg.test_dataloader.dataset
        dataset.pipeline = without(dataset.pipeline, is_mask_loader)
    if not writers:
        cfg.test_evaluator = [*evaluators, dict(type='IoUMetric', output_dir=folder, format_only=True)]


def draw_predictions(cfg: Config, show: bool = False, show_dir: str | None = None, wait_time: float = 2.0) -> None:
    """Paint the predictions over all images, into a window or a folder.

    Args:
        cfg (Config): The config, changed in place.
        show (bool): Whether to open windows. Defaults to False.
        show_dir (str, optional): The folder to paint to. Defaults to None: the visualizer's own.
        wait_time (float): Seconds for which a window stays. Defaults to 2.

    Raises:
        ValueError: If the config has no visualization hook.
    """
    hook = cfg.get('default_hooks', {}).get('visualization')
    if not hook:
        raise ValueError(
            '--show and --show-dir need default_hooks.visualization in the config. Add '
            "visualization=dict(type='mmwsl.WeakSegVisualizationHook') to its default_hooks."
        )
    hook['draw'] = True
    hook['interval'] = 1  # with its own hook, mmsegmentation 1.2 paints every 50th batch of a test
    if show:
        hook['show'] = True
        hook['wait_time'] = wait_time
    if show_dir:
        cfg.visualizer['save_dir'] = show_dir


def main(argv: list[str] | None = None) -> None:
    """Run ``tools/test.py``."""
    parser = base_parser('Evaluate a checkpoint')
    parser.add_argument('checkpoint', help='checkpoint file or address')
    parser.add_argument('--out', metavar='DIR', help='folder for the predicted masks, as PNG files of class indices')
    parser.add_argument('--show', action='store_true', help='show the predictions in windows')
    parser.add_argument('--show-dir', metavar='DIR', help='folder for images with the predictions painted over them')
    parser.add_argument('--wait-time', type=float, default=2, help='seconds for which --show shows an image')
    parser.add_argument('--tta', action='store_true', help='evaluate with test-time augmentation')
    args = parse(parser, argv)
    cfg = load_config(args.config, args.cfg_options, args.work_dir, 'test')
    if args.show or args.show_dir:
        draw_predictions(cfg, args.show, args.show_dir, args.wait_time)
    if args.tta:
        use_test_time_augmentation(cfg)
    if args.out:
        write_predictions(cfg, args.out)
    test(cfg, args.checkpoint, args.launcher, args.trust_checkpoint)
