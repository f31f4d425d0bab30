"""Generation of pseudo-labels: settings, images, scores, masks, report."""

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any
from zipfile import is_zipfile

from mmengine import dist
from mmengine.config import Config
from mmengine.fileio import join_path
from mmengine.hooks import Hook
from mmseg.registry import DATASETS

from mmwsl.annotations import MASK_FORMATS
from mmwsl.apis.data_check import check_files, image_digests
from mmwsl.apis.folder_use import writes_alone
from mmwsl.apis.launch import in_first_process, join_processes
from mmwsl.apis.mask_conversion import convert_masks
from mmwsl.apis.supervision import MANIFEST
from mmwsl.utils.files import write_json
from mmwsl.utils.nested import dataset_paths
from mmwsl.utils.output_folder import OutputFolder
from mmwsl.utils.text import check_choice

from .corrections import DIGESTS, check_unchanged
from .instance_ids import instance_splitter
from .items import ImageItem, describe_list, list_items
from .manifest import Manifest, as_recorded, list_option_differences
from .masks import COMMAND, MaskRule, replaces_masks, staged_mask, write_masks
from .quality import format_report, measure_quality
from .scores import predict_scores
from .settings import Settings, read_settings
from .store import MIN_SCORE


@writes_alone(lambda given: given['out'])
def generate_pseudo_labels(
    cfg: Config,
    checkpoint: str | None,
    out: str | Path,
    *,
    split: str = 'train',
    ann_file: str | None = None,
    max_images: int | None = None,
    use_image_labels: bool | None = None,
    tta: bool = False,
    bg_threshold: float | None = None,
    fg_threshold: float | None = None,
    tuned_on: str | None = None,
    postprocessors: Sequence[dict] = (),
    min_score: float = MIN_SCORE,
    scores_only: bool = False,
    rethreshold: bool = False,
    overwrite: bool = False,
    replace_changed: bool = False,
    gt_masks: str | None = None,
    launcher: str = 'none',
    trust_checkpoint: bool = False,
    hooks: Sequence[Hook] = (),
    check_data: bool = True,
    format: str = 'png',
) -> dict[str, Any] | None:
    """Generate pseudo-labels of the images of a split, or resume an interrupted generation.

    The folder gets ``scores/NAME.npz``, ``masks/NAME.png``, ``manifest.json`` and ``quality.json``. ``masks`` serves
    as ``seg_map_path`` of the dataset, with the classes of the model as ``seg_map_classes``.

    Args:
        cfg: The config; it is not changed.
        checkpoint: File or URL of the weights; None for a model that is not trained.
        out: Output folder.
        split: Dataset whose images and image-level labels are used: ``'train'``, ``'val'`` or ``'test'``.
        ann_file: Another list of images.
        max_images: Maximum number of images, the first ones of the list.
        use_image_labels: Whether the image-level labels restrict the predictions, see
            :class:`mmwsl.inference.KnownImageLabels`. None: for ``'train'`` only.
        tta: Whether to use test-time augmentation.
        bg_threshold: See :class:`.masks.MaskRule`.
        fg_threshold: See :class:`.masks.MaskRule`.
        tuned_on: Masks that the thresholds were tuned on, if any.
        postprocessors: See :class:`.masks.MaskRule`.
        min_score: See :func:`.store.compress_scores`; at most ``bg_threshold``.
        scores_only: Whether to write scores without masks and report.
        rethreshold: Whether to replace the masks of a finished folder by masks of other thresholds.
        overwrite: Whether to replace labels of other options, and to accept a folder with other files; see
            :class:`mmwsl.utils.output_folder.OutputFolder`.
        replace_changed: Whether to replace also masks that were changed since they were written, such as by hand.
        gt_masks: Folder of ground-truth masks for the report, relative to ``data_root``; '' is the folder of the test
            set.
        launcher: What started the processes.
        trust_checkpoint: Whether to load a checkpoint that can run code.
        hooks: More hooks of the runner that predicts.
        check_data: Check images and ground-truth masks before the start.
        format: Write the masks in this format too, one of ``mmwsl.annotations.MASK_FORMATS``, into a subfolder of that
            name. Index PNG files are always written.

    Returns:
        The report of :func:`.quality.measure_quality` in the first process, None in others and with ``scores_only``.

    Raises:
        ManifestError: If the folder was generated with other options, or masks in it were changed since.
        OutputError: If the folder holds other files or is not apart from the dataset.
        FileNotFoundError: If an image, a mask or the checkpoint is missing; before the first prediction.
        TypeError: If the model does not predict scores in [0, 1].
        ValueError: If an argument is out of range or does not fit the config.
    """
    rule = MaskRule(bg_threshold, fg_threshold, tuned_on, tuple(postprocessors))
    if not 0 <= min_score <= 1:
        raise ValueError(f'--min-score must be in [0, 1], got {min_score}.')
    if rule.bg_threshold is not None and rule.bg_threshold < min_score:
        raise ValueError(
            f'--bg-threshold must be at least --min-score={min_score}, the smallest stored score, got '
            f'{rule.bg_threshold}. Raise it, or pass another --out and a smaller --min-score.'
        )
    check_choice('format', format, tuple(MASK_FORMATS))
    settings = read_settings(
        cfg,
        checkpoint,
        Path(out),
        split=split,
        ann_file=ann_file,
        max_images=max_images,
        use_image_labels=use_image_labels,
        tta=tta,
        min_score=min_score,
        gt_masks=gt_masks,
    )
    join_processes(settings.cfg, launcher)
    dataset = DATASETS.build(settings.dataset)
    items = list_items(dataset, settings.folder)
    if settings.use_image_labels and any(item.labels is None for item in items):
        raise ValueError(
            f'--use-image-labels needs image-level labels, but `{split}_dataloader.dataset` has none. Set its '
            '`label_file`, or pass --no-use-image-labels.'
        )
    # Before the predictions, so that a missing mask is found first.
    ground_truth = None if settings.ground_truth is None else DATASETS.build(settings.ground_truth)
    if check_data:
        in_first_process(lambda: check_files([dataset, ground_truth]))
    manifest = Manifest(settings.folder)
    output = OutputFolder(out, COMMAND, '--out', overwrite)
    inputs = dataset_paths(cfg) + ([join_path(settings.dataset.get('data_root') or '', gt_masks)] if gt_masks else [])
    missing = in_first_process(
        lambda: prepare_folder(
            output, inputs, manifest, settings, items, None if scores_only else rule, rethreshold, format, check_data
        )
    )
    if not (overwrite or replace_changed):
        all_masks = not scores_only and replaces_masks(manifest, rule)
        in_first_process(lambda: check_unchanged(Path(out), None if all_masks else {items[i].name for i in missing}))
    if missing:
        predicted = [items[index] for index in missing]
        begin = partial(begin_folder, output, manifest, items, predicted, not overwrite)
        predict_scores(settings, predicted, manifest, begin, launcher, trust_checkpoint, hooks)
        dist.barrier()
    if scores_only or not dist.is_main_process():
        return None
    output.begin(output_names(output.root, items), keep=True)  # the masks of more images than before
    manifest.update(config=cfg.filename, images=describe_list(items, settings.dataset.get('ann_file', '')))
    write_masks(manifest, items, rule, dataset.metainfo['palette'], settings.processes)
    if format != 'png':
        masks = ((item.name + Path(item.img_path).suffix, item.mask, item.img_path) for item in items)
        splitter = instance_splitter(settings.cfg.model) if format == 'coco-instances' else None
        print(convert_masks(output, format, dataset.metainfo['classes'], dataset.metainfo['palette'], masks, splitter))
    report = measure_quality(items, dataset.metainfo['classes'], ground_truth, settings.processes)
    content = report | dict(gt_masks=settings.gt_masks, provenance=manifest.content['provenance'])
    write_json(settings.folder / 'quality.json', content)
    print(f'{out}:\n{format_report(report)}')
    return report


def prepare_folder(
    output: OutputFolder,
    inputs: Sequence[str],
    manifest: Manifest,
    settings: Settings,
    items: Sequence[ImageItem],
    rule: MaskRule | None,
    rethreshold: bool,
    format: str = 'png',
    read_images: bool = True,
) -> list[int]:
    """Check the output folder against its manifest, and return the indices of items without scores or with a new image.

    Nothing is written, as the checkpoint may still be rejected.
    """
    folder = settings.folder
    formats = [] if format == 'png' else [f'{format}/']
    output.check(inputs, reuse=True, names=[*output_names(folder, items), *formats])
    if output.overwrite:
        manifest.start(settings.options)
    else:
        manifest.check_options(settings.options)
    if settings.use_image_labels:
        manifest.check_image_labels(items)
    if rule is not None and not rethreshold:
        manifest.check_rule(asdict(rule))
    digests = image_digests(item.img_path for item in items) if read_images else [''] * len(items)
    changed = manifest.changed_images({item.name: digest for item, digest in zip(items, digests, strict=True)})
    missing = [
        index
        for index, item in enumerate(items)
        if output.overwrite or item.name in changed or not is_zipfile(item.scores)
    ]
    if missing and rethreshold:
        raise ValueError(
            f'--rethreshold needs the scores of all {len(items)} images, but {len(missing)} have none in {folder}, the '
            f'first is {items[missing[0]].name!r}. Run the command without it first.'
        )
    print(f'{len(items) - len(missing)} of {len(items)} images have scores in {folder}')
    return missing


def begin_folder(
    output: OutputFolder, manifest: Manifest, items: Sequence[ImageItem], predicted: Sequence[ImageItem], keep: bool
) -> None:
    """Begin to write the output folder, in the first process, without old files of the images to predict."""
    if dist.is_main_process():
        output.begin(output_names(output.root, items), keep)
        if not keep:
            (output.root / DIGESTS).unlink(missing_ok=True)
        for item in predicted:
            for path in (item.scores, item.mask, staged_mask(item, output.root)):
                path.unlink(missing_ok=True)
        manifest.update()
    dist.barrier()


def differs_from(folder: Path, cfg: Config, checkpoint: str | None, tta: bool) -> bool:
    """Tell whether the scores in a folder were made by another network, or in another way."""
    options = read_settings(cfg, checkpoint, folder, tta=tta).options
    return bool(list_option_differences(Manifest(folder).content.get('options'), as_recorded(options, folder)))


def output_names(folder: Path, items: Sequence[ImageItem]) -> list[str]:
    """Return the files of a folder of pseudo-labels, relative to it; ``mmwsl run`` and ``mmwsl label`` write some."""
    files = [*(item.scores for item in items), *(folder / 'masks' / f'{item.name}.png' for item in items)]
    return [MANIFEST, 'quality.json', 'thresholds.json', 'agreement.json', *(str(f.relative_to(folder)) for f in files)]
