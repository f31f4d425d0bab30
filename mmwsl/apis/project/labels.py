"""Pseudo-labels of a project: scores, thresholds without masks, masks."""

import math
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS

from mmwsl.apis.config import load_config
from mmwsl.apis.pseudo_labels import generate_pseudo_labels
from mmwsl.apis.pseudo_labels.corrections import check_unchanged
from mmwsl.apis.pseudo_labels.items import ImageItem, list_items
from mmwsl.apis.pseudo_labels.masks import MaskRule
from mmwsl.apis.pseudo_labels.settings import image_dataset
from mmwsl.apis.threshold_choice import choose_thresholds
from mmwsl.utils.console import Console
from mmwsl.utils.files import atomic_write, load_json, write_json
from mmwsl.utils.text import plain

from .agreement import measure_agreement
from .layout import Project, read_json
from .progress import ProgressHook
from .teacher import Labeler, RecordLabeler, describe_labeler, find_labeler, own_labeler

UNCERTAIN = 0.5
"""Distance in logits of the two thresholds between which a pixel is uncertain from the chosen one."""
MAX_VALIDATION = 300
BG_THRESHOLD, FG_THRESHOLD = 0.25, 0.75
"""Where two refinements, with a low and a high threshold, disagree, their mean is near 0.5: the pixel is ignored."""
REFINEMENT = (
    dict(type='mmwsl.ObjectnessPrior', relative=True),
    dict(type='mmwsl.LogitSoftmax', temperature=2.0),
    dict(type='mmwsl.DenseCRF', preset='ccnn', min_pixel_prob=0.01),
)
"""Post-processors after the thresholds, where the config has no ``refinement``.

Objectness is relative to its mean over the image: the thresholds are chosen on the scores alone, because with
objectness, which follows superpixels, the agreement with superpixels prefers thresholds that are too high.
"""


def label_images(
    project: Project,
    console: Console,
    thresholds: str | Path | None = None,
    agreement: bool = False,
    overwrite: bool = False,
    labeler: Labeler | None = None,
) -> dict[str, Any]:
    """Write the pseudo-labels of the training images in the round of a project, or resume.

    Scores are predicted once, the mean over the views of ``tta_pipeline`` in the config. Thresholds are chosen without
    masks, or read from a file; masks of other thresholds need no network.

    Args:
        project: The project, with a trained network.
        console: Where progress is shown.
        thresholds: JSON file of thresholds, as the report exports it.
        agreement: Whether to measure the agreement with mirrored images, which needs the network.
        overwrite: Whether to replace masks that were changed since they were written, such as by hand.
        labeler: Network of the scores; None is the one of :func:`.teacher.find_labeler`.

    Returns:
        Thresholds and quality of the labels.

    Raises:
        FileNotFoundError: If ``thresholds`` does not exist.
        ManifestError: If masks were changed, and ``overwrite`` is not set.
        ValueError: If the classes of ``thresholds`` are not those of the project.
    """
    chosen = None if thresholds is None else read_thresholds(thresholds, project.read_summary()['classes'])
    labeler = labeler or find_labeler(project)
    record = RecordLabeler(project, labeler)
    classes, items = project.read_summary()['classes'], project_items(project)
    replaced = labeler.replaces(project.labels)
    if replaced and not overwrite:
        check_unchanged(project.labels)
    if missing := sum(replaced or not item.scores.is_file() for item in items):
        with console.progress(missing, 'scores') as bar:
            generate_pseudo_labels(
                labeler.cfg,
                labeler.checkpoint,
                project.labels,
                tta=labeler.tta,
                scores_only=True,
                overwrite=replaced,
                replace_changed=overwrite,
                hooks=[ProgressHook(bar), record],
            )
    labeler = find_labeler(project)  # its config has its place now
    if chosen is None:
        choice = choose_thresholds(project.labels, items, classes, processes=os.cpu_count() or 1)
        chosen = choice.content()
    report = write_masks(project, console, labeler, chosen, find_walk(project), overwrite)
    if seldom := record.describe():
        console.print(seldom)
    write_json(project.labels / 'thresholds.json', chosen)  # those of the masks that are there
    by_class = dict(zip(classes[1:], chosen['thresholds'], strict=True))
    result = dict(thresholds=by_class, **report, **describe_labeler(project))
    if agreement and labeler.checkpoint is not None:
        found = measure_agreement(project, items, chosen['thresholds'], console)
        result['agreement'] = round(100 * sum(found.values()) / len(found), 1)
    return result


def walk_labels(project: Project, console: Console, checkpoint: str, overwrite: bool = False) -> dict[str, Any]:
    """Write the masks of a project again, after the scores walked by the affinity network.

    Args:
        project: The project, with labels.
        console: Where progress is shown.
        checkpoint: Weights of the affinity network, in the project folder.
        overwrite: See :func:`label_images`.

    Returns:
        Quality of the labels.
    """
    chosen = read_json(project.labels / 'thresholds.json')
    return write_masks(project, console, find_labeler(project), chosen, find_walk(project, checkpoint), overwrite)


def write_masks(
    project: Project,
    console: Console,
    labeler: Labeler,
    chosen: dict[str, Any],
    walk: Sequence[dict],
    overwrite: bool = False,
) -> dict[str, Any]:
    """Write masks from stored scores, by processes without the network, and return their quality."""
    cfg, count = labeler.cfg, len(project.read_summary()['split']['train'])
    cfg.test_dataloader.num_workers = os.cpu_count() or 1
    with console.progress(count, 'masks') as bar:
        report = generate_pseudo_labels(
            cfg,
            labeler.checkpoint,
            project.labels,
            tta=labeler.tta,
            **asdict(mask_rule(chosen['thresholds'], masks_used(project, chosen), refinement(cfg), walk)),
            rethreshold=(project.labels / 'masks').is_dir(),
            replace_changed=overwrite,
        )
        bar.advance(count)
    assert report is not None  # a single process
    lost = len(report['label_without_pixel'])
    return dict(images=report['images'], ignored=report['ignored'], label_without_pixel=lost)


def masks_used(project: Project, chosen: dict[str, Any]) -> str | None:
    """Return the masks that the thresholds and the network learned from, for the manifest; None if there are none."""
    taught = project.teacher_config.is_file()
    masked = 0 if taught else len(project.read_summary()['classifier']['inputs']['masks'])
    network = f'masks of {masked} training images, on which the network was trained' if masked else None
    return '; '.join(filter(None, [chosen.get('tuned_on'), network])) or None


def refinement(cfg: Config) -> list[dict]:
    """Return the post-processors after the thresholds of the network that generates the pseudo-labels."""
    return [dict(step) for step in cfg.get('refinement', REFINEMENT)]


def find_walk(project: Project, checkpoint: str | None = None) -> list[dict]:
    """Return the post-processor by which the scores walk; none without a trained affinity network.

    Args:
        project: The project in its round.
        checkpoint: Weights in the project folder; None are those of the finished stage.
    """
    checkpoint = checkpoint or project.read_summary().get('affinity', {}).get('checkpoint')
    if checkpoint is None or project.round > 1:
        return []
    cfg = load_config(project.affinity_config)
    files = dict(config=project.affinity_config, checkpoint=project.root / checkpoint)
    paths = {name: str(path.absolute()) for name, path in files.items()}
    return [dict(cfg.walk, image_size=int(cfg.model.data_preprocessor.size[0]), **paths)]


def mask_rule(
    thresholds: Sequence[float],
    tuned_on: str | None = None,
    refinement: Sequence[dict] = REFINEMENT,
    walk: Sequence[dict] = (),
) -> MaskRule:
    """Return the rule of the masks: two refinements, with a low and with a high threshold, averaged; then the walk."""

    def shifted(distance: float) -> list[float]:
        logits = (math.log(t / (1 - t)) if 0 < t < 1 else math.copysign(20, t - 0.5) for t in thresholds)
        return [1 / (1 + math.exp(-logit - distance)) for logit in logits]

    pipelines = [
        [dict(type='mmwsl.ClassThresholds', thresholds=shifted(distance)), *refinement]
        for distance in (-UNCERTAIN, UNCERTAIN)
    ]
    ensemble = dict(type='mmwsl.PostProcessorEnsemble', pipelines=pipelines)
    return MaskRule(BG_THRESHOLD, FG_THRESHOLD, tuned_on, [ensemble, *walk])


def score_validation(project: Project, names: Sequence[str], console: Console) -> None:
    """Write the scores of validation images as in the round of a project, into ``val_labels/``, or resume.

    With their ground truth the report shows how the mIoU reacts to the thresholds.

    Args:
        project: The project.
        names: The images, of which at most ``MAX_VALIDATION`` are predicted, evenly spread.
        console: Where progress is shown.
    """
    indices = np.unique(np.linspace(0, len(names) - 1, min(MAX_VALIDATION, len(names))).astype(int))
    listed = project.data / 'val_masks.txt'
    with atomic_write(listed) as file:
        file.write(''.join(f'{names[index]}\n' for index in indices).encode())
    labeler = find_labeler(project)
    with console.progress(len(indices), 'scores of images with masks') as bar:
        generate_pseudo_labels(
            labeler.cfg,
            labeler.checkpoint,
            project.val_labels,
            split='test',
            ann_file=str(listed.absolute()),
            use_image_labels=True,
            tta=labeler.tta,
            scores_only=True,
            hooks=[ProgressHook(bar)],
        )
        bar.advance(len(indices) - bar.done)


def project_items(project: Project) -> list[ImageItem]:
    """List the training images of a project with the files of their pseudo-labels."""
    cfg = own_labeler(project).cfg
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    return list_items(DATASETS.build(image_dataset(cfg, project.labels)), project.labels)


def read_thresholds(path: str | Path, classes: list[str]) -> dict[str, Any]:
    """Read a JSON file of thresholds.

    Raises:
        FileNotFoundError: If it is not a file.
        ValueError: If it is not such a file, or its classes are not ``classes``.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f'--thresholds {str(path)!r} is not a file. Export it from the report.')
    try:
        content = load_json(path, '--thresholds')
    except ValueError as error:
        raise ValueError(f'--thresholds {str(path)!r} must be JSON, got another file ({plain(error)}).') from error
    for key in ('classes', 'thresholds'):
        value = content.get(key) if isinstance(content, dict) else content
        if not (isinstance(content, dict) and isinstance(value, list)):
            found = f'no {key!r}' if value is None else plain(value)
            raise ValueError(
                f'--thresholds {str(path)!r} must be JSON with a list {key!r}, got {found}. Export it from the report.'
            )
    named, values = content['classes'], [_number(value) for value in content['thresholds']]
    if named != classes or len(values) != len(classes) - 1 or not all(0 <= value <= 1 for value in values):
        raise ValueError(
            f'--thresholds {str(path)!r} must have one threshold in [0, 1] for each of {classes[1:]}, got '
            f'{plain(content["thresholds"])} for {plain(named[1:])}.'
        )
    if not isinstance(content.get('tuned_on'), str | None):
        raise ValueError(f'--thresholds {str(path)!r}: `tuned_on` must be a text, got {plain(content["tuned_on"])}.')
    return dict(tuned_on=None, method='from a file') | content | dict(thresholds=values)


def _number(value: Any) -> float:
    """Return a value of JSON as a number, NaN if it is none."""
    known = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
    return float(value) if known else math.nan
