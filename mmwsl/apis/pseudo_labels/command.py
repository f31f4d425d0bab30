"""Pseudo-labels from the command line: scores, masks, report."""

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path

from mmengine import dist
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS

from mmwsl.apis.arguments import base_parser, parse
from mmwsl.apis.checkpoint import identify_checkpoint
from mmwsl.apis.config import load_config
from mmwsl.apis.launch import join_processes
from mmwsl.apis.testing import use_test_time_augmentation
from mmwsl.utils.files import atomic_write, remove_partial_files
from mmwsl.utils.nested import digest_files

from .generation import predict_scores
from .images import ImageItem, describe_list, identity, list_items, select_images
from .manifest import Manifest, ManifestError, list_differences
from .masks import write_masks
from .quality import ground_truth_dataset, measure_quality, table
from .store import MIN_SCORE


def generate_pseudo_labels(
    cfg: Config,
    checkpoint: str,
    out: str,
    *,
    split: str = 'train',
    ann_file: str | None = None,
    indices: int | None = None,
    use_image_labels: bool | None = None,
    tta: bool = False,
    low: float | None = None,
    high: float | None = None,
    tuned_on: str | None = None,
    min_score: float = MIN_SCORE,
    rethreshold: bool = False,
    masks: str | None = None,
    launcher: str = 'none',
    trust_checkpoint: bool = False,
) -> dict | None:
    """Make pseudo-labels of the images of a split, or finish them.

    The folder gets ``scores/NAME.npz``, ``masks/NAME.png``, ``manifest.json`` and ``quality.json``. ``masks`` serves
    as ``seg_map_path`` of the dataset, with ``seg_map_classes`` the classes of the model.

    Args:
        cfg: The config; changed in place.
        checkpoint: A file or an address.
        out: The folder.
        split: Whose dataset, list and tags: ``'train'``, ``'val'`` or ``'test'``.
        ann_file: Another list of images.
        indices: Label the first so many images only.
        use_image_labels: Whether prediction believes the tags, see
            :class:`mmwsl.models.PostprocessedEncoderDecoder`. None: for ``'train'``.
        tta: Whether to average over augmented views.
        low: Background up to this score; None is ``high``.
        high: Foreground beyond this score, see :func:`mmwsl.functional.double_threshold`. None takes the best class
            of each pixel, background included.
        tuned_on: Which masks the thresholds were chosen with, if any were.
        min_score: Of :func:`.store.compress_scores`, at most ``low``.
        rethreshold: Whether to replace the masks of a finished folder by those of other thresholds.
        masks: Folder of true masks for the report, relative to ``data_root``; '' is that of the test set.
        launcher: Who started the processes.
        trust_checkpoint: Whether to load a checkpoint that can run code.

    Returns:
        The report of :func:`.quality.measure_quality`, in the first process; None in others.

    Raises:
        ManifestError: If the folder was made with other options.
        FileNotFoundError: If an image or a mask is missing, before anything is predicted.
        ValueError: If an argument does not fit the others.
    """
    if high is None and (low is not None or tuned_on):
        raise ValueError('--low and --tuned-on are for thresholds: give --high as well.')
    low = high if low is None else low
    if high is not None and not 0 <= low <= high <= 1:
        raise ValueError(f'thresholds must be 0 <= low <= high <= 1, got low={low} and high={high}.')
    if not 0 <= min_score <= 1:
        raise ValueError(f'--min-score must be in [0, 1], got {min_score}.')
    if low is not None and low < min_score:
        raise ValueError(
            f'scores below --min-score={min_score} may not be stored, which low={low} would need: raise '
            '--low, or begin another --out with a smaller --min-score.'
        )
    folder = Path(out)
    use_image_labels = split == 'train' if use_image_labels is None else use_image_labels
    test_set = cfg.test_dataloader.dataset.copy()
    if masks == '':
        masks = (test_set.get('data_prefix') or {}).get('seg_map_path', '')
        if masks is None:
            raise ValueError(
                "the test set of the config names no folder of masks, data_prefix['seg_map_path']: give --masks FOLDER."
            )
    test_cfg = cfg.model.get('test_cfg') or {}
    if use_image_labels or 'use_image_labels' in test_cfg:
        cfg.model.test_cfg = dict(test_cfg, use_image_labels=use_image_labels)
    model = cfg.model
    if tta:
        use_test_time_augmentation(cfg)
    select_images(cfg, folder, split, ann_file, indices)
    join_processes(cfg, launcher)
    init_default_scope(cfg.get('default_scope', 'mmseg'))  # before the runner does
    dataset = cfg.test_dataloader.dataset
    source = DATASETS.build(dataset)
    images = list_items(source, folder)
    if use_image_labels and any(image.labels is None for image in images):
        raise ValueError(
            f'prediction is to believe the tags, but {split}_dataloader.dataset has none: give it a '
            '`label_file`, or add --no-use-image-labels.'
        )
    truth = None if masks is None else ground_truth_dataset(dataset, test_set, masks)  # before hours of work
    options = dict(
        split=split,
        use_image_labels=use_image_labels,
        tta=tta,
        min_score=min_score,
        model=model,
        dataset=identity(dataset),
        files=digest_files([model, cfg.get('custom_hooks'), {**identity(dataset), 'label_file': None}]),
        checkpoint=identify_checkpoint(checkpoint),
        test_cfg=cfg.get('test_cfg'),
        custom_hooks=cfg.get('custom_hooks'),
    )
    rule = dict(low=low, high=high, tuned_on=tuned_on)
    believed = use_image_labels or bool((model.get('saliency') or {}).get('use_image_labels'))
    manifest = Manifest(folder)
    todo = in_first_process(lambda: prepare(manifest, options, rule, images, rethreshold, believed))
    if todo:
        predict_scores(
            cfg, checkpoint, [images[index] for index in todo], manifest, min_score, launcher, trust_checkpoint
        )
        dist.barrier()
    if not dist.is_main_process():
        return None
    processes = cfg.test_dataloader.get('num_workers', 0)
    manifest.update(config=cfg.filename, images=describe_list(images, dataset.get('ann_file', '')))
    finish_masks(manifest, images, rule, source.metainfo['palette'], processes)
    report = measure_quality(images, source.metainfo['classes'], truth, processes)
    with atomic_write(folder / 'quality.json') as file:
        content = dict(report, against=masks, provenance=manifest.content['provenance'])
        file.write(json.dumps(content, indent=1).encode())
    print(f'{folder}:\n{table(report)}')
    return report


def prepare(
    manifest: Manifest, options: dict, rule: dict, images: Sequence[ImageItem], rethreshold: bool, believed: bool
) -> list[int]:
    """Check a folder, or begin it, and return the numbers of the images that have no scores yet."""
    manifest.agree(options)
    if believed:
        manifest.agree_on_tags(images)
    masks = manifest.content.get('masks')
    if masks and not rethreshold and (differences := list_differences(masks['rule'], rule)):
        lines = '\n'.join(f'  {key}: {there} there, {asked} asked for' for key, there, asked in differences)
        raise ManifestError(
            f'the masks of {manifest.path.parent} were made with other thresholds:\n{lines}\nAdd '
            '--rethreshold to replace them.'
        )
    remove_partial_files(manifest.path.parent)
    todo = [number for number, image in enumerate(images) if not image.scores.is_file()]
    if todo and rethreshold:
        raise ValueError(
            f'--rethreshold needs the scores of every image, but {len(todo)} of {len(images)} have '
            f'none in {manifest.path.parent}, {images[todo[0]].name!r} the first. Finish them first: '
            'run the command that began the folder again.'
        )
    print(f'{len(images) - len(todo)} of {len(images)} images have scores in {manifest.path.parent}')
    return todo


def finish_masks(
    manifest: Manifest, images: Sequence[ImageItem], rule: dict, palette: Sequence[Sequence[int]], processes: int
) -> None:
    """Write the masks that are missing; if those there may be of another rule, remove them first.

    Also those of images that are not asked for now: a folder has masks of one rule.
    """
    masks = manifest.content.get('masks')
    if masks != dict(rule=rule, complete=True):
        manifest.update(masks=dict(rule=rule, complete=False))
        for path in manifest.path.parent.glob('masks/**/*.png'):
            path.unlink()
    if images := [image for image in images if not image.mask.is_file()]:
        write_masks(images, palette, rule['low'], rule['high'], processes)
    manifest.update(masks=dict(rule=rule, complete=True))


def in_first_process(function: Callable[[], object]) -> object:
    """Call a function in the first process; all return its result, or raise its error."""
    answer = [None, None]
    if dist.is_main_process():
        try:
            answer[0] = function()
        except (OSError, ValueError) as error:
            answer[1] = error
    dist.broadcast_object_list(answer)
    if answer[1] is not None:
        raise answer[1]
    return answer[0]


def main(argv: list[str] | None = None) -> None:
    """Run ``tools/generate_pseudo_labels.py``."""
    parser = base_parser('Make pseudo-labels of images: soft scores, masks and a report')
    parser.add_argument('checkpoint', help='checkpoint file or address')
    parser.add_argument('--out', metavar='DIR', required=True, help='folder to make, or to finish')
    parser.add_argument('--split', choices=['train', 'val', 'test'], default='train', help='whose images and tags')
    parser.add_argument('--ann-file', metavar='LIST', help="images to label; the split's list by default")
    parser.add_argument('--indices', type=int, metavar='N', help='label the first N images only')
    parser.add_argument(
        '--use-image-labels',
        action=argparse.BooleanOptionalAction,
        help='believe the tags: a class that they exclude has no pixel. By default for --split train',
    )
    parser.add_argument('--tta', action='store_true', help='average over augmented views')
    parser.add_argument(
        '--high',
        type=float,
        metavar='P',
        help='foreground is what exceeds this score, the rest is background; by '
        'default every pixel has its best class, background included',
    )
    parser.add_argument(
        '--low',
        type=float,
        metavar='P',
        help='background is only what does not exceed this score; what lies between is undecided, 255',
    )
    parser.add_argument('--tuned-on', metavar='TEXT', help='masks that --high and --low were chosen with, if any were')
    parser.add_argument(
        '--min-score',
        type=float,
        default=MIN_SCORE,
        metavar='P',
        help='store a class if a pixel reaches this score, or if it is the best class of one (default %(default)s)',
    )
    parser.add_argument(
        '--rethreshold', action='store_true', help='replace the masks of a finished folder, without the model'
    )
    parser.add_argument(
        '--masks',
        nargs='?',
        const='',
        metavar='FOLDER',
        help="compare with true masks: a folder relative to the dataset's root, by default that of the test set",
    )
    args = parse(parser, argv)
    cfg = load_config(args.config, args.cfg_options, args.work_dir, 'pseudo_labels')
    generate_pseudo_labels(
        cfg,
        args.checkpoint,
        args.out,
        split=args.split,
        ann_file=args.ann_file,
        indices=args.indices,
        use_image_labels=args.use_image_labels,
        tta=args.tta,
        low=args.low,
        high=args.high,
        tuned_on=args.tuned_on,
        min_score=args.min_score,
        rethreshold=args.rethreshold,
        masks=args.masks,
        launcher=args.launcher,
        trust_checkpoint=args.trust_checkpoint,
    )
