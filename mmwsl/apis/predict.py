"""Command ``mmwsl predict``: masks of new images."""

import argparse
import hashlib
import json
import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any, NamedTuple

import torch
from mmengine.config import Config

import mmwsl
from mmwsl.annotations import MASK_FORMATS
from mmwsl.apis.arguments import COUNT, POSITIVE, add_cfg_options, add_overwrite, device
from mmwsl.apis.checkpoint import identify_checkpoint
from mmwsl.apis.data_check import warn_unusual
from mmwsl.apis.folder_use import writes_alone
from mmwsl.apis.image_inputs import Source, list_inputs, skipped_inputs
from mmwsl.apis.inferencer import WeakSegInferencer
from mmwsl.apis.prediction_folder import JOURNAL, LOG, PredictionFolder, prediction_output
from mmwsl.apis.project.layout import MAX_ROUNDS, Project
from mmwsl.apis.project.stages import list_stages
from mmwsl.apis.trained_model import find_model
from mmwsl.engine.hooks import collect_provenance
from mmwsl.utils.console import Console, quiet
from mmwsl.utils.errors import name_file
from mmwsl.utils.files import nearest_existing, remove_empty_folders
from mmwsl.utils.folder_lock import folder_lock
from mmwsl.utils.nested import dataset_paths, digest_files
from mmwsl.utils.parser import Parser
from mmwsl.utils.text import first_five


class Predicted(NamedTuple):
    """Result of :func:`predict_images`.

    Attributes:
        output: File or folder to open.
        images: Number of images of the command.
        masks: Number of these with a mask, also by earlier runs.
        failed: Error of every image that could not be predicted, by name.
        entries: Entry of every image with a mask, by name: ``mask``, its path in the folder, and ``image_probs``.
        skipped: Images in the folders whose format is not read.
        others: Number of masks of other images in the folder, by earlier runs.
    """

    output: Path
    images: int
    masks: int
    failed: dict[str, str]
    entries: dict[str, dict[str, Any]]
    skipped: Sequence[str] = ()
    others: int = 0


@writes_alone(lambda given: given['out'])
def predict_images(
    model: str | Path | Config,
    inputs: Source | Sequence[Source],
    out: str | Path,
    *,
    weights: str | Path | None = None,
    format: str = 'png',
    scores: bool = False,
    tta: bool = False,
    batch_size: int = 1,
    num_workers: int | None = None,
    device: str | None = None,
    trust_checkpoint: bool = False,
    options: dict | None = None,
    names: Sequence[str] | None = None,
    console: Console | None = None,
    overwrite: bool = False,
) -> Predicted:
    """Predict images into a folder, or resume an interrupted prediction.

    Args:
        model: Project, config or name; see :func:`mmwsl.apis.trained_model.find_model`.
        inputs: Files, folders and URLs.
        out: Output folder, see :class:`mmwsl.apis.prediction_folder.PredictionFolder`.
        weights: File or URL of the checkpoint. A project has its own.
        format: Format of the masks, one of ``mmwsl.annotations.MASK_FORMATS``. Index PNG files are always
            written: another format is made of them, without the network.
        scores: Also write the scores, in 8 bits.
        tta: Predict each image at several sizes and mirrored, see :func:`mmwsl.apis.trained_model.find_model`.
        batch_size: Maximum number of images in a batch.
        num_workers: Number of processes that load images; that of ``test_dataloader`` by default.
        device: Device of the network.
        trust_checkpoint: Load a checkpoint that could execute code.
        options: Settings that override the config.
        names: Names of the images, one per input file; by default those of :func:`.image_inputs.list_inputs`.
        console: Where progress is shown; None shows none.
        overwrite: Replace predictions of an earlier run, and accept a folder with other files.

    Raises:
        FileNotFoundError: If a local file, the config or the checkpoint does not exist.
        OutputError: If ``out`` holds other files, or is not apart from the images and the dataset of the config.
        ValueError: If ``format`` is unknown, there are no images, or ``out`` holds masks of another network, or of
            other images of the same names.
    """
    if format not in MASK_FORMATS:
        raise ValueError(f'`format` must be one of {tuple(MASK_FORMATS)}, got {format!r}.')
    cfg, checkpoint = find_model(model, weights, options, tta)
    images = list_inputs(inputs, names)
    given = [inputs] if isinstance(inputs, str | Path) else inputs
    paths = [path for path in given if isinstance(path, str | Path) and os.path.exists(path)]
    folder = PredictionFolder(
        Path(out), digest_model(cfg, checkpoint), [*paths, *dataset_paths(cfg)], format, overwrite
    )
    missing = folder.missing(images, scores, named=names is not None)
    failed: dict[str, str] = {}
    if missing:
        warn_unusual([str(image.source) for image in missing if os.path.isfile(str(image.source))])
        inferencer = WeakSegInferencer(cfg, checkpoint, device, trust_checkpoint)
        folder.begin(
            missing,
            config=cfg.filename,
            checkpoint=checkpoint,
            classes=inferencer.classes,
            palette=inferencer.palette,
            provenance=collect_provenance(inferencer.model),
            versions={module.__name__: str(module.__version__) for module in (mmwsl, torch)},
        )
        workers = cfg.test_dataloader.get('num_workers', 0) if num_workers is None else num_workers
        stream = inferencer.stream(missing, batch_size, return_scores=scores, num_workers=workers)
        with folder, console.progress(len(missing), 'images') if console else nullcontext() as bar:
            for one in stream:
                if one.mask is None:
                    failed[one.name] = str(one.error)
                else:
                    folder.add(one.name, one.mask, one.image_probs, one.scores)
                if bar:
                    bar.advance()
    masks = sum(image.name in folder.entries for image in images)
    output = folder.root / 'masks' if format == 'png' or not folder.entries else folder.convert(format)
    entries = {image.name: folder.entries[image.name] for image in images if image.name in folder.entries}
    return Predicted(output, len(images), masks, failed, entries, skipped_inputs(inputs), len(folder.entries) - masks)


def digest_model(cfg: Config, checkpoint: str) -> str:
    """Return the identity of what determines a prediction: network, test pipeline, post-processing, weights."""
    parts = [cfg.model, cfg.test_dataloader.dataset.pipeline, cfg.get('custom_hooks'), cfg.get('test_cfg')]
    content = json.dumps([parts, digest_files(parts), identify_checkpoint(checkpoint)], default=str, sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def main(argv: list[str] | None = None) -> int:
    """Run ``mmwsl predict``; return 1 if an image failed, else 0."""
    parser = Parser(description='Predict the masks of images')
    parser.add_argument('project', help='folder of a project, or a config with --checkpoint')
    parser.add_argument('images', nargs='+', metavar='IMAGES', help='image files, folders with subfolders, or URLs')
    parser.add_argument('--out', metavar='DIR', required=True, help='output folder; an interrupted run is resumed')
    parser.add_argument(
        '--format', choices=MASK_FORMATS, default='png', help='format of the masks (default %(default)s)'
    )
    parser.add_argument('--scores', action='store_true', help='also write the scores of every pixel, in 8 bits')
    parser.add_argument(
        '--tta', action='store_true', help='predict each image at several sizes and mirrored: better, but slower'
    )
    parser.add_argument('--checkpoint', metavar='FILE', help='checkpoint file or URL; a project has its own')
    parser.add_argument('--batch-size', type=POSITIVE, default=1, metavar='N', help='images of equal size in a batch')
    parser.add_argument(
        '--workers', type=COUNT, metavar='N', help="processes that load images; the config's by default"
    )
    parser.add_argument(
        '--device', type=device, metavar='D', help='cpu, cuda or cuda:1; cuda by default if there is one'
    )
    parser.add_argument('--trust-checkpoint', action='store_true', help='load a checkpoint that could execute code')
    add_overwrite(parser, 'replace predictions of another network in --out')
    add_cfg_options(parser)
    args = parser.parse_args(argv)
    project = Project(Path(args.project))
    own = [path for name in list_stages(MAX_ROUNDS, affinity=True) for path in project.outputs(name)]
    # Before the log is opened there.
    prediction_output(args.out, args.overwrite).check(filter(os.path.exists, [*args.images, *own]), reuse=True)
    with folder_lock(args.out):
        return _predict(args)


def _predict(args: argparse.Namespace) -> int:
    log = Path(args.out, LOG)
    existing = nearest_existing(log)
    wrong: Exception | None = None
    with quiet(log) as console:
        try:
            result = predict_images(
                args.project,
                args.images,
                args.out,
                weights=args.checkpoint,
                format=args.format,
                scores=args.scores,
                tta=args.tta,
                batch_size=args.batch_size,
                num_workers=args.workers,
                device=args.device,
                trust_checkpoint=args.trust_checkpoint,
                options=args.cfg_options,
                console=console,
                overwrite=args.overwrite,
            )
        except Exception as error:
            name_file(error, log)
            with suppress(OSError):
                traceback.print_exc()
            wrong = error
        else:
            for name, reason in result.failed.items():
                print(f'{name}: {reason}')
    if wrong:
        if existing != log.absolute() and not (log.parent / JOURNAL).exists():
            log.unlink(missing_ok=True)  # the line below says it all
            remove_empty_folders(log.parent, existing)
        raise wrong
    failed = [f'failed: {name}: {error}' for name, error in result.failed.items()]
    for line in failed[:2] + ([f'... {len(failed) - 2} more in {Path(args.out, LOG)}'] if len(failed) > 2 else []):
        print(line, file=sys.stderr)
    print(report(result, args))
    return 1 if failed else 0


def report(result: Predicted, args: argparse.Namespace) -> str:
    """Return the last lines of the command: where the masks are, and what comes next."""
    lines = []
    if result.skipped:
        text = f'{len(result.skipped)} images have formats that are not read and were left out'
        lines.append(f'warning: {text}: {first_five(result.skipped)}. Convert them.')
    others = f', beside those of {result.others} other images' if result.others else ''
    lines.append(f'{result.masks} of {result.images} images have masks in {result.output}{others}')
    lines.append(f'Log: {Path(args.out, LOG)}')
    if result.failed:
        diverged = all('NaN' in error for error in result.failed.values())
        fix = 'use another checkpoint' if diverged else 'replace the images and run the same command, for these only'
        names = first_five(result.failed)
        lines.append(f'Next: {len(result.failed)} of {result.images} images have no mask ({names}): {fix}.')
    elif args.format == 'png':
        others = '|'.join(name for name in MASK_FORMATS if name != 'png')
        lines.append(f'Next: the same command with --format {others} writes these masks in another format.')
    else:
        lines.append(f'Next: open {result.output}, or give it to the program that reads this format.')
    return '\n'.join(lines)
