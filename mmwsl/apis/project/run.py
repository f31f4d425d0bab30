"""A project from images and image-level labels to a trained segmentor: the stages of ``mmwsl run``."""

import shlex
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import mmwsl
from mmwsl.apis.config import config_folder, load_config
from mmwsl.apis.folder_use import writes_alone
from mmwsl.apis.pseudo_labels.corrections import check_unchanged
from mmwsl.apis.weights import find_weights
from mmwsl.utils.console import Console, quiet
from mmwsl.utils.files import digest_file, remove_partial_files
from mmwsl.utils.text import check_choice

from .budget import SCALES, Budget
from .check import check_data
from .configs import CLASSIFIERS, LABELERS, label_scales
from .data_check import DataCheck
from .durations import finished_seconds, follow_length, restore_times
from .evaluation import compare_masks, predict_validation
from .labels import label_images, score_validation
from .layout import Project, read_json, stage_name
from .masks import apply_thresholds, find_walk
from .options import PRESETS, Options
from .paths import check_paths, follow_folders
from .report import report_project
from .split import validation_images, write_labels
from .stages import Stages, list_stages, wants_affinity
from .supervision import Supervision
from .teacher import find_labeler
from .trainings import Trainings

MESSAGES = 3
"""Findings of a stage that are printed; all are in the report or in the log."""


@writes_alone(lambda given: given['out'])
def run_project(images: str | Path, labels: str | Path, out: str | Path, options: Options | None = None) -> Project:
    """Train a segmentor on a folder of images with image-level labels, or resume.

    Args:
        images: Folder of images.
        labels: Image-level labels, see :func:`mmwsl.annotations.read_image_labels`.
        out: Project folder; see :class:`.layout.Project`.
        options: The options.

    Returns:
        The project.

    Raises:
        DataError: If the data cannot be used.
        ProjectError: If the folder holds results of other inputs.
        FileNotFoundError: If a file or folder does not exist, or no pretrained weights are found.
    """
    options = options or Options()
    check_choice('preset', options.preset, tuple(PRESETS))
    project = Project(Path(out))
    check_paths(project, images, labels, options.masks, options.val)
    remove_partial_files(project.root)
    with quiet(project.root / 'run.log') as console:
        return _Run(project, Path(images).absolute(), Path(labels).absolute(), options, console).run()


class _Run:
    def __init__(self, project: Project, images: Path, labels: Path, options: Options, console: Console) -> None:
        self.project, self.images, self.labels, self.options, self.console = project, images, labels, options, console
        self.rounds = max(PRESETS[options.preset], project.rounds)
        self.affinity = wants_affinity(project.read_summary())
        self.stages = Stages(project, console, options.overwrite, self.rounds, self.affinity)
        self.start = time.monotonic()

    def run(self) -> Project:
        """Run all stages."""
        options, project = self.options, self.project
        if not options.pretrained and Path(options.backbone).is_file():
            raise ValueError(
                f'`backbone` must be a name with --no-pretrained, got the file {options.backbone!r}. Remove '
                '--no-pretrained to start from its weights.'
            )
        weights = find_weights(options.backbone) if options.pretrained else None
        backbone = weights.name.removesuffix('_v1c') if weights else options.backbone
        check_choice('backbone', backbone, tuple(CLASSIFIERS))
        self.check = self._check()
        split = self._split()
        self.train_names, self.val_names = split['train'], split['val']
        masks = {name: digest_file(path) for name, path in self.check.masks.items()}
        train_masks, val_masks = (
            {name: masks[name] for name in split[part] if name in masks} for part in ('train', 'val')
        )
        digest = digest_file(weights.file) if weights else None
        classifier: dict[str, Any] = dict(backbone=backbone, weights=digest, masks=train_masks)
        classifier |= dict(minutes=options.minutes, epochs=options.epochs, seed=options.seed)
        follow_length(project, self.rounds, options.minutes, options.epochs)
        self.stages.compare('classifier', classifier)  # before anything is written
        labels = project.read_summary().get('labels', {})
        if labels.get('finished'):
            self.stages.compare('segmentor', made_of(labels))
        self.stages.compare('evaluation', dict(masks=val_masks))
        wanted = wants_affinity(project.read_summary())  # what differs is discarded now
        self.affinity = wanted and not set(self.train_names) <= self.check.masks.keys()
        self.stages.names = list_stages(self.rounds, self.affinity)
        self._follow_folders(weights.file if weights else None)
        self.trainings = Trainings(
            project=project,
            console=self.console,
            check=self.check,
            names=self.train_names,
            budget=Budget(
                options.minutes,
                len(self.train_names),
                len(self.val_names),
                len(val_masks),
                finished_seconds(project, self.stages.names, self.rounds) + time.monotonic() - self.start,
                [SCALES, *self._later_scales(backbone)],
                self.affinity,
            ),
            backbone=backbone,
            weights=weights,
            masks=options.masks,
            epochs=options.epochs,
            seed=options.seed,
            check_data=options.check_data,
            amp=options.amp,
        )
        restore_times(project, self.trainings.budget)
        self.supervision = Supervision(
            project, len(self.train_names), len(self.trainings.masked), self.check.overlap, self.rounds
        )
        self.stages.run('classifier', classifier, self._classify)
        for round in range(1, self.rounds + 1):
            trainings = replace(self.trainings, project=project.at(round))
            labels = self.stages.run(stage_name('labels', round), {}, partial(self._label, trainings))
            if self.affinity and round == 1:
                teacher = {key: labels[key] for key in ('teacher',) if key in labels}
                self.stages.run('affinity', teacher, partial(self._learn_affinity, trainings))
            self.stages.run(stage_name('segmentor', round), made_of(labels), partial(self._segment, trainings))
        self.stages.run('evaluation', dict(masks=val_masks), self._evaluate)
        self.stages.run('report', {}, self._report)
        minutes = (time.monotonic() - self.start) / 60
        self.console.print(f'Finished in {minutes:.1f} min. Open {project.report / "index.html"}')
        self.console.print(f'Next: mmwsl predict {shlex.quote(str(project.root))} NEW_IMAGES --out masks')
        return project

    def _later_scales(self, backbone: str) -> list[tuple[float, ...]]:
        """Return the scales at which the images are predicted in the second and later rounds."""
        if self.rounds == 1:
            return []
        return [label_scales(load_config(config_folder() / LABELERS[backbone]))] * (self.rounds - 1)

    def _follow_folders(self, weights: str | Path | None) -> None:
        """Record where the inputs are, which may have been moved since the last run."""
        options = self.options
        masks = None if options.masks is None else Path(options.masks).absolute()
        follow_folders(self.project, self.images, masks, None if weights is None else str(weights))
        self.project.update_summary(
            classes=list(self.check.classes),
            version=mmwsl.__version__,
            rounds=self.rounds,
            data=dict(
                images=str(self.images),
                labels=str(self.labels),
                val=options.val and str(Path(options.val).absolute()),
                masks=options.masks and str(Path(options.masks).absolute()),
                label_options=options.label_options or {},
            ),
        )

    def _classify(self) -> dict[str, Any]:
        result = self.trainings.train_classifier()
        trained = self.supervision.of_classifier
        self.console.print(f'  image-level mAP {result["mAP"]} on {len(self.val_names)} validation images ({trained})')
        return result | dict(supervision=trained)

    def _check(self) -> DataCheck:
        options = self.options
        count = sum(path.is_file() for path in self.images.rglob('*')) if self.images.is_dir() else 0
        with self.console.progress(count, 'images read') as bar:
            check = check_data(
                self.images,
                self.labels,
                options.val,
                options.masks,
                bar.advance,
                options.check_data,
                **options.label_options or {},
            )
            bar.advance(count - bar.done)  # files that are no images
        check.require_usable()
        counts = (check.label_matrix(list(check.records)) == 1).sum(0)
        classes = ', '.join(f'{name} {count}' for name, count in zip(check.classes[1:], counts, strict=True))

        def function() -> dict[str, Any]:
            self.console.print(f'  {len(check.records)} labeled images ({check.label_format}): {classes}')
            messages = sorted(check.messages, key=lambda message: message[0] == 'info')
            self.console.print_first([f'  {severity}: {text}' for severity, text in messages], MESSAGES, 'the report')
            return dict(messages=check.messages)

        self.stages.run('check', check.inputs, function)
        return check

    def _split(self) -> dict[str, Any]:
        check = self.check

        def function() -> dict[str, Any]:
            val = validation_images(check, self.options.seed)
            validating = set(val)
            train_names = [name for name in check.records if name not in validating]
            for part, members in (('train', train_names), ('val', val)):
                write_labels(self.project, check, part, members)
            how = 'listed' if check.val is not None else 'stratified by class'
            self.console.print(f'  {len(train_names)} images to train, {len(val)} to validate ({how})')
            return dict(train=train_names, val=val)

        return self.stages.run('split', dict(seed=self.options.seed, val=check.val), function)

    def _label(self, trainings: Trainings) -> dict[str, Any]:
        project, budget = trainings.project, trainings.budget
        if project.round > 1:
            trainings.write_labeler()
        scales = label_scales(load_config(project.labels_config))
        if (minutes := round(budget.label_seconds(scales) / 60)) > 1:
            self.console.print(f'  about {minutes} min')
        result = label_images(project, self.console, agreement=True, overwrite=self.options.overwrite)
        values = ', '.join(f'{name} {value:.4g}' for name, value in result['thresholds'].items())
        self.console.print(f'  thresholds chosen from the scores, network {self.supervision.trained_on}: {values}')
        parts = [f'{result["ignored"]}% of the pixels are uncertain (255)']
        if 'agreement' in result:  # a teacher is not measured
            parts.append(f'{result["agreement"]}% mean IoU with the masks of mirrored images')
        self.console.print(f'  {project.labels / "masks"}: {", ".join(parts)}')
        return result | dict(supervision=self.supervision.trained_on, config=project.labels_config.name)

    def _learn_affinity(self, trainings: Trainings) -> dict[str, Any]:
        project, overwrite = trainings.project, self.options.overwrite
        if not overwrite:
            check_unchanged(project.labels)
        stage, chosen = project.read_summary()['affinity'], read_json(project.labels / 'thresholds.json')
        write = partial(apply_thresholds, project, self.console, find_labeler(project), chosen, overwrite=overwrite)
        if 'checkpoint' not in stage:
            if not project.affinity_config.exists():  # it must not learn from masks of an earlier affinity network
                write([])
            stage |= trainings.train_affinity()
            project.update_summary(affinity=stage)  # from now on masks are replaced
        labels = write(find_walk(project))
        parts = [f'{labels["ignored"]}% of the pixels are uncertain (255)']
        parts.append(
            f'a class has no pixel in {labels["label_without_pixel"]} of {labels["images"]} images with its label'
        )
        self.console.print(f'  {project.labels / "masks"}: {", ".join(parts)}')
        return stage | labels

    def _segment(self, trainings: Trainings) -> dict[str, Any]:
        """Train the segmentor of a round; the predictions of the round before are made again."""
        evaluated = 'evaluation' in self.project.read_summary()
        if evaluated:
            self.stages.check_discard('evaluation')
        result = trainings.train_segmentor()
        if evaluated:
            self.stages.discard('evaluation')
        return result

    def _evaluate(self) -> dict[str, Any]:
        predicted = predict_validation(self.project, self.images, self.val_names, self.console)
        failed = [f'  {name} was not predicted: {error}' for name, error in predicted.failed.items()]
        self.console.print_first(failed, MESSAGES, str(self.project.root / 'run.log'))
        classes = list(self.check.classes)
        given = self.check.masks
        masks = {name: given[name] for name in self.val_names if name in given and name in predicted.entries}
        result = compare_masks(self.project, predicted, masks, classes) if masks else {}
        trained = self.supervision.of_segmentor
        if masks:
            score_validation(self.project.at(self.rounds), list(masks), self.console)
            self.console.print(f'  mIoU {result["mIoU"]} on {len(masks)} validation images with masks ({trained})')
        else:
            self.console.print('  no masks of validation images: only the classifier is evaluated (image-level mAP)')
        return result | dict(supervision=trained)

    def _report(self) -> dict[str, Any]:
        path = report_project(self.project, self.check)
        return dict(path=str(path.relative_to(self.project.root)))


def made_of(labels: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a segmentor depends on of the stage of its labels: `mmwsl label` may have changed it."""
    return {key: labels[key] for key in ('thresholds', 'teacher') if key in labels}
