"""Training of the classifiers of superpixels on top of a trained network, from tags."""

from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.logging import print_log

from mmwsl.apis.arguments import base_parser, parse
from mmwsl.apis.config import load_config
from mmwsl.apis.instances import collect_instances
from mmwsl.apis.mi_svm import fit_classes
from mmwsl.utils.files import atomic_write


def fit_zoom_out(
    cfg: Config,
    checkpoint: str,
    out_file: str,
    cache_dir: str | None = None,
    per_image: int = 20,
    every: int = 1,
    max_iterations: int = 8,
    seed: int = 0,
    trust_checkpoint: bool = False,
) -> None:
    """Train one mi-SVM for each class on the zoom-out features of the training images, and write them.

    Memory is ``4 * D`` bytes for each superpixel, those of an image times the number of images.

    Args:
        cfg (Config): The config, with ``model.zoom_out``; changed in place.
        checkpoint (str): The classifier, a file or an address.
        out_file (str): File for :class:`mmwsl.inference.postprocessors.ZoomOutSVM`.
        cache_dir (str, optional): Folder for the features. Defaults to None: ``features`` in the work folder.
        per_image (int): How many superpixels to draw from an image. Defaults to 20.
        every (int): Use every so many-th image of the list. Defaults to 1.
        max_iterations (int): Most trainings of a class. Defaults to 8.
        seed (int): Of the draw. Defaults to 0.
        trust_checkpoint (bool): Whether to load a checkpoint that can run code. Defaults to False.
    """
    features, bags, tags, classes = collect_instances(
        cfg, checkpoint, cache_dir or Path(cfg.work_dir, 'features'), per_image, every, seed, trust_checkpoint
    )
    print_log(f'{len(features)} superpixels of {len(tags)} images, {features.shape[1]} features each', 'current')
    weight, bias = fit_classes(features, bags, tags, classes, max_iterations=max_iterations)
    content = dict(weight=torch.from_numpy(weight), bias=torch.from_numpy(bias), classes=list(classes))
    with atomic_write(out_file) as file:
        torch.save(content, file)
    print_log(f'written to {out_file}', 'current')


def main(argv: list[str] | None = None) -> None:
    """Run ``tools/fit_zoom_out.py``."""
    parser = base_parser('Train the SVMs of mmwsl.ZoomOutSVM from tags, on the features of a trained network')
    parser.add_argument('checkpoint', help='checkpoint file or address')
    parser.add_argument('--out', metavar='FILE', help='file for the SVMs; WORK_DIR/svm.pth by default')
    parser.add_argument('--cache-dir', metavar='DIR', help='folder for the features; WORK_DIR/features by default')
    parser.add_argument('--per-image', type=int, default=20, metavar='N', help='superpixels to draw from an image')
    parser.add_argument('--every', type=int, default=1, metavar='N', help='use every N-th training image only')
    parser.add_argument('--iterations', type=int, default=8, help='most trainings of a class')
    args = parse(parser, argv)
    if args.launcher != 'none':
        raise ValueError(f'--launcher must be none, got {args.launcher}: the SVMs are trained in one process')
    cfg = load_config(args.config, args.cfg_options, args.work_dir, 'zoom_out')
    seed = cfg.get('randomness', {}).get('seed') or 0
    fit_zoom_out(
        cfg,
        args.checkpoint,
        args.out or str(Path(cfg.work_dir, 'svm.pth')),
        args.cache_dir,
        args.per_image,
        args.every,
        args.iterations,
        seed,
        args.trust_checkpoint,
    )
