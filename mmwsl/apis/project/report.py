"""Report of a project: what its stages wrote, collected for :mod:`mmwsl.report`."""

import json
import platform
from collections import Counter
from pathlib import Path
from typing import Any

import mmengine
import mmseg
import torch

import mmwsl
from mmwsl.annotations.score_file import read_codes
from mmwsl.apis.prediction_folder import read_predictions
from mmwsl.datasets.classes import safe_palette
from mmwsl.report import ReportData, ReportImage, write_report
from mmwsl.utils.images import stem, unique_stem

from .data_check import DataCheck
from .layout import Project, read_json, split_name
from .stages import list_stages

RESULTS = dict(split='data', classifier='checkpoints', evaluation='predictions')
"""Folder of the result of a stage, of those whose stages are not repeated."""


def report_project(project: Project, check: DataCheck) -> Path:
    """Write the report of a project, with the pseudo-labels of the last round.

    Args:
        project: The project.
        check: The check of its data.

    Returns:
        ``index.html``.
    """
    return write_report(collect_report(project.last('labels'), check), project.report)


def collect_report(project: Project, check: DataCheck) -> ReportData:
    """Collect what the finished stages of a project wrote."""
    summary = project.read_summary()
    classes = summary['classes']
    train, val = (  # the labels may have changed since
        [name for name in summary.get('split', {}).get(part, []) if name in check.records] for part in ('train', 'val')
    )
    quality = read_json(project.labels / 'quality.json') or None
    labels = check.label_matrix(list(check.records)) == 1
    counts = {
        part: dict(zip(classes[1:], (check.label_matrix(names) == 1).sum(0).tolist(), strict=True))
        for part, names in (('train', train), ('val', val))
        if names
    }
    evaluation = summary.get('evaluation', {})
    metrics = {'image-level mAP of the classifier on val': summary.get('classifier', {}).get('mAP')}
    class_metrics: dict[str, Any] = {}
    trained = evaluation.get('supervision', '')
    notes = {name: f'measured on image-level labels of {len(val)} images; {trained}' for name in metrics}
    if 'mIoU' in evaluation:
        metrics['mIoU of the segmentor on val'] = evaluation['mIoU']
        metrics['mean mIoU of an image on val'] = evaluation['mean_image_mIoU']
        class_metrics['IoU'] = evaluation['IoU']
        measured = f'measured on masks of {evaluation["images"]} images; {trained}'
        notes |= {name: measured for name in metrics if 'mIoU' in name}
    return ReportData(
        title=project.root.absolute().name,
        classes=classes,
        palette=safe_palette(len(classes)),
        images=report_images(project, check, train, val),
        read_scores=read_codes,
        supervision=trained,
        thresholds=read_json(project.labels / 'thresholds.json') or None,
        checks=check.messages,
        class_counts=counts,
        co_occurrence=labels.T.astype(int) @ labels,
        curves=training_curves(project),
        metrics={name: value for name, value in metrics.items() if value is not None},
        metric_notes=notes,
        class_metrics=class_metrics,
        quality=quality,
        stages=[
            (name, summary[name].get('seconds'), stage_result(project, name))
            for name in list_stages(project.rounds, affinity=True)
            if name in summary
        ],
        versions={module.__name__: module.__version__ for module in (mmwsl, mmseg, mmengine, torch)}
        | dict(python=platform.python_version()),
    )


def stage_result(project: Project, name: str) -> str:
    """Return the folder of the result of a stage, relative to the project; '' if it has none."""
    stage, round = split_name(name)
    there = project.at(round)
    masks = there.labels / 'masks'
    repeated = dict(labels=masks, affinity=masks, segmentor=there.segmentor)
    return RESULTS.get(name, '') if stage not in repeated else str(repeated[stage].relative_to(project.root))


def report_images(project: Project, check: DataCheck, train: list[str], val: list[str]) -> list[ReportImage]:
    """List the images of a project with their files."""
    stems = Counter(stem(name) for name in check.files)
    predicted = read_predictions(project.predictions)
    agreement = read_json(project.labels / 'agreement.json')
    images = []
    for part, names, labels in (('train', train, project.labels), ('val', val, project.val_labels)):
        for name in names:
            base = unique_stem(name, stems)
            files: dict[str, Any] = dict(
                scores=labels / 'scores' / f'{base}.npz',
                pseudo_label=project.labels / 'masks' / f'{base}.png',
                prediction=project.predictions / predicted.get(name, {}).get('mask', 'none'),
            )
            images.append(
                ReportImage(
                    name=name,
                    path=check.folder / name,
                    split=part,
                    labels=check.records[name].labels,
                    ground_truth=check.masks.get(name),
                    notes=check.notes.get(name, ()),
                    agreement=agreement.get(base),
                    **{key: path for key, path in files.items() if path.is_file()},
                )
            )
    return images


def training_curves(project: Project) -> dict[str, list[tuple[float, float]]]:
    """Read the losses and learning rates that the trainings logged."""
    curves: dict[str, list[tuple[float, float]]] = {}
    trainings = [('image-level labels', project.checkpoints), ('boundaries', project.affinity)]
    for round in range(1, project.rounds + 1):
        text = 'pseudo-labels' if round == 1 else f'pseudo-labels, round {round}'
        trainings.append((text, project.at(round).segmentor))
    for text, folder in trainings:
        points: dict[str, dict[float, float]] = {}
        for path in sorted(folder.glob('*/vis_data/scalars.json')):
            for line in path.read_text(errors='replace').splitlines():
                try:
                    values = json.loads(line)
                    step = float(values['step'])
                    found = {key: float(values[key]) for key in ('loss', 'lr') if key in values}
                except (ValueError, KeyError, TypeError):  # a validation, or a line that an interrupted run cut off
                    continue
                for key, value in found.items():
                    points.setdefault(key, {})[step] = value
        for key, name in (('loss', 'loss'), ('lr', 'learning rate')):
            if key in points:
                curves[f'{name}, training on {text}'] = sorted(points[key].items())
    return curves
