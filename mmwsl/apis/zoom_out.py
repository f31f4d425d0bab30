"""Training of the SVMs of zoom-out features from image-level labels."""

import os
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.logging import print_log

from mmwsl.apis.arguments import POSITIVE, add_overwrite, base_parser, parse, say_results
from mmwsl.apis.config import load_config
from mmwsl.apis.config_parts import check_parts
from mmwsl.apis.instances import collect_instances
from mmwsl.apis.mi_svm import fit_classes
from mmwsl.apis.work_folder import check_folders
from mmwsl.utils.files import atomic_write, files_of_config
from mmwsl.utils.folder_lock import file_lock
from mmwsl.utils.nested import dataset_paths
from mmwsl.utils.output_path import check_output_file, check_outside, check_writable


def fit_zoom_out(
    cfg: Config,
    checkpoint: str,
    out_file: str | Path,
    cache_dir: str | Path | None = None,
    per_image: int = 20,
    every: int = 1,
    max_iterations: int = 8,
    seed: int = 0,
    trust_checkpoint: bool = False,
) -> None:
    """Train one mi-SVM per class on the zoom-out features of the training images, and write them.

    Memory is ``4 * D`` bytes per superpixel, for at most ``per_image`` superpixels of each image.

    Args:
        cfg: The config, whose class maps use :class:`mmwsl.inference.ZoomOutMaps`; changed in place.
        checkpoint: File or URL of the weights of the network.
        out_file: File for the argument ``svm`` of :class:`mmwsl.inference.ZoomOutMaps`.
        cache_dir: Folder for the features. None is ``features`` in the work folder.
        per_image: Number of superpixels to sample from an image.
        every: Use every n-th image of the list.
        max_iterations: Maximum number of trainings of a class.
        seed: Random seed of the sample.
        trust_checkpoint: Whether to load a checkpoint that can run code.

    Raises:
        OutputError: If ``cache_dir`` cannot be written, or is among the images, labels and masks.
        ValueError: If the config lacks a part, or ``cache_dir`` is ``out_file``; see :func:`.collect_instances`.
    """
    check_parts(cfg, 'model', 'train_dataloader', 'test_dataloader')
    cache_dir = cache_dir or Path(cfg.work_dir, 'features')
    check_writable(cache_dir, '--cache-dir')
    check_outside(cache_dir, dataset_paths(cfg), '--cache-dir')
    if os.path.realpath(cache_dir) == os.path.realpath(out_file):
        raise ValueError(f'--cache-dir must be a folder, got {str(cache_dir)!r}, the file of --out.')
    instances = collect_instances(cfg, checkpoint, cache_dir, per_image, every, seed, trust_checkpoint)
    count, dimension = instances.features.shape
    print_log(f'{count} superpixels of {len(instances.labels)} images, {dimension} features each', 'current')
    weight, bias = fit_classes(*instances, max_iterations=max_iterations)
    content = dict(weight=torch.from_numpy(weight), bias=torch.from_numpy(bias), classes=list(instances.classes))
    with atomic_write(out_file) as file:
        torch.save(content, file)


def main(argv: list[str] | None = None) -> None:
    """Run ``tools/fit_zoom_out.py``."""
    parser = base_parser('Train the SVMs of mmwsl.ZoomOutMaps from image-level labels')
    parser.add_argument('checkpoint', help='checkpoint file or URL')
    parser.add_argument('--out', metavar='FILE', help='file for the SVMs; WORK_DIR/svm.pth by default')
    parser.add_argument('--cache-dir', metavar='DIR', help='folder for the features; WORK_DIR/features by default')
    parser.add_argument('--per-image', type=POSITIVE, default=20, metavar='N', help='superpixels of an image to sample')
    parser.add_argument('--every', type=POSITIVE, default=1, metavar='N', help='use every N-th training image only')
    parser.add_argument('--iterations', type=POSITIVE, default=8, metavar='N', help='maximum trainings of a class')
    add_overwrite(parser, 'replace the file of --out')
    args = parse(parser, argv)
    if args.launcher != 'none':
        raise ValueError(f"--launcher must be 'none', got {args.launcher!r}. Train the SVMs in one process.")
    cfg = load_config(args.config, args.cfg_options, args.work_dir, 'zoom_out')
    out_file = args.out or Path(cfg.work_dir, 'svm.pth')
    check_folders(cfg)
    inputs = [args.checkpoint, *files_of_config(cfg.text), *dataset_paths(cfg)]
    with file_lock(out_file, make_folder=not args.out):
        check_output_file(out_file, '--out', args.overwrite, inputs, make_folder=not args.out)
        fit_zoom_out(
            cfg,
            args.checkpoint,
            out_file,
            args.cache_dir,
            args.per_image,
            args.every,
            args.iterations,
            cfg.get('randomness', {}).get('seed') or 0,
            args.trust_checkpoint,
        )
    say_results({'SVMs': out_file, 'Log': cfg.work_dir}, 'mmwsl', 'test', args.config, args.checkpoint)
