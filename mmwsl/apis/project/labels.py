"""Pseudo-labels of a project: scores, thresholds without masks, masks."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS

from mmwsl.apis.pseudo_labels import generate_pseudo_labels
from mmwsl.apis.pseudo_labels.corrections import check_unchanged
from mmwsl.apis.pseudo_labels.items import ImageItem, list_items
from mmwsl.apis.pseudo_labels.settings import image_dataset
from mmwsl.apis.threshold_choice import choose_thresholds
from mmwsl.utils.console import Console
from mmwsl.utils.cores import available_cores
from mmwsl.utils.files import atomic_write, load_json, write_json
from mmwsl.utils.text import plain

from .agreement import measure_agreement
from .layout import Project
from .masks import apply_thresholds, find_walk
from .progress import ProgressHook
from .teacher import Labeler, RecordLabeler, describe_labeler, find_labeler, own_labeler

MAX_VALIDATION = 300


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
        choice = choose_thresholds(project.labels, items, classes, processes=available_cores())
        chosen = choice.content()
    report = apply_thresholds(project, console, labeler, chosen, find_walk(project), overwrite)
    if seldom := record.describe():
        console.print(seldom)
    write_json(project.labels / 'thresholds.json', chosen)  # those of the masks that are there
    by_class = dict(zip(classes[1:], chosen['thresholds'], strict=True))
    result = dict(thresholds=by_class, **report, **describe_labeler(project))
    if agreement and labeler.checkpoint is not None:
        found = measure_agreement(project, items, chosen['thresholds'], console)
        result['agreement'] = round(100 * sum(found.values()) / len(found), 1)
    return result


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
