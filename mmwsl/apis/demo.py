"""The demonstration: train on the embedded dataset from tags alone, evaluate twice, draw the masks."""

import argparse
from pathlib import Path

from mmengine.config import DictAction

from mmwsl.apis.checkpoint import latest_checkpoint, weights_only_loading
from mmwsl.apis.config import load_config
from mmwsl.apis.drawing import image_grid
from mmwsl.apis.launch import build_runner
from mmwsl.apis.prediction import predict
from mmwsl.apis.training import train

CONFIGS = Path(__file__).parents[2] / 'configs'
RAW, PRIOR = 'raw', '+ image-level prior'
THRESHOLD_NOTE = 'Trained from tags. The threshold was chosen by the masks of other scenes, of a third seed.'


def demo(
    config: str | Path, prior_config: str | Path, work_dir: str | Path, options: dict | None = None, scenes: int = 8
) -> dict[str, float]:
    """Train one config, evaluate the result under two, and draw held-out scenes.

    The scenes' true masks are opened to evaluate and to be shown beside the predictions, never to train.

    Args:
        config (str | Path): Trained, and evaluated as it is.
        prior_config (str | Path): The same network with an image-level prior after it.
        work_dir (str | Path): Where everything goes.
        options (dict, optional): Settings that replace those of both configs. Defaults to None.
        scenes (int): How many held-out scenes to draw. Defaults to 8.

    Returns:
        dict[str, float]: The mIoU of each evaluation, in percent.
    """
    work_dir = Path(work_dir)
    train(load_config(config, options, str(work_dir / 'train')))
    checkpoint = latest_checkpoint(work_dir / 'train')
    scores, columns = {}, {}
    for name, path in ((RAW, config), (PRIOR, prior_config)):
        cfg = load_config(path, options, str(work_dir / 'test'))
        cfg.load_from = checkpoint
        with weights_only_loading(cfg):
            runner = build_runner(cfg)
            scores[name] = float(runner.test()['mIoU'])
        images, truths, predictions = predict(runner, scenes)
        columns |= {'input': images, 'truth': truths, name: predictions}
    sheet = work_dir / 'sheet.png'
    image_grid(columns).save(sheet)
    print(f'{report(scores)}\n\n{THRESHOLD_NOTE}\nImages: {sheet}')
    return scores


def report(scores: dict[str, float]) -> str:
    """Return the table of scores."""
    width = max(map(len, scores))
    rows = [f'{name:<{width}}  {score:5.1f}' for name, score in scores.items()]
    return '\n'.join(['', f'{"held-out scenes":<{width}}   mIoU', '-' * (width + 7), *rows])


def main(argv: list[str] | None = None) -> None:
    """Run ``tools/demo.py``."""
    parser = argparse.ArgumentParser(description='Train on the embedded dataset from tags alone, evaluate and draw')
    parser.add_argument('--work-dir', default='work_dirs/demo', help='folder for everything that is written')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        metavar='KEY=VALUE',
        help='settings that replace those of the configs',
    )
    args = parser.parse_args(argv)
    demo(CONFIGS / 'wsl_lse_shapes.py', CONFIGS / 'wsl_lse_shapes_ilp.py', args.work_dir, args.cfg_options)
