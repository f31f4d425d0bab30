"""A project from images and image-level labels to a trained segmentor: the stages of ``mmwsl run``."""

import shlex
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import mmwsl
from mmwsl.apis.config import config_folder, load_config
from mmwsl.apis.cpu import prepare_cpu
from mmwsl.apis.folder_use import writes_alone
from mmwsl.apis.pseudo_labels.corrections import check_unchanged
from mmwsl.apis.threshold_choice import RULES
from mmwsl.apis.weights import find_weights
from mmwsl.utils.console import Console, quiet
from mmwsl.utils.files import digest_file, remove_partial_files
from mmwsl.utils.text import check_choice

from .budget import SCALES, Budget
from .check import check_data
from .configs import CLASSIFIERS, LABELERS, label_scales
from .data_check import DataCheck
from .evaluation import compare_masks, predict_validation
from .labels import label_images, score_validation, walk_labels
from .layout import Project, read_json, stage_name
from .options import PRESETS, Options
from .paths import check_paths, follow_folders
from .report import report_project
from .split import validation_images
from .stages import Stages
from .trainings import Trainings, write_labels

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
    prepare_cpu()
    with quiet(project.root / 'run.log') as console:
        return _Run(project, Path(images).absolute(), Path(labels).absolute(), options, console).run()


class _Run:
    def __init__(self, project: Project, images: Path, labels: Path, options: Options, console: Console) -> None:
        self.project, self.images, self.labels, self.options, self.console = project, images, labels, options, console
        self.rounds = max(PRESETS[options.preset], project.rounds)
        summary = project.read_summary()
        # A finished round keeps its labels.
        self.affinity = 'affinity' in summary or (options.preset == 'best' and 'segmentor' not in summary)
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
        self.stages.compare('classifier', classifier)  # before anything is written
        self.stages.compare('evaluation', dict(masks=val_masks))
        self._follow_folders()
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
                self._spent(),
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
        self.stages.run('classifier', classifier, self._classify)
        for round in range(1, self.rounds + 1):
            trainings = replace(self.trainings, project=project.at(round))
            labels = self.stages.run(stage_name('labels', round), {}, partial(self._label, trainings))
            # `mmwsl label` may have changed the thresholds
            chosen: dict[str, Any] = {key: labels[key] for key in ('thresholds', 'teacher') if key in labels}
            if self.affinity and round == 1:
                self.stages.run('affinity', {}, partial(self._walk, trainings))
            self.stages.run(stage_name('segmentor', round), chosen, partial(self._segment, trainings))
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

    def _spent(self) -> float:
        """Return the seconds of this run and of the finished stages before the last training.

        A finished project that gets more rounds has all the time for them.
        """
        summary, names = self.project.read_summary(), self.stages.names
        done = self.project.last('segmentor').round if summary.get('evaluation', {}).get('finished') else 0
        first = stage_name('labels', done + 1) if 0 < done < self.rounds else 'classifier'
        counted = names[names.index(first) : names.index(stage_name('segmentor', self.rounds))]
        return sum(summary.get(stage, {}).get('seconds', 0) for stage in counted) + time.monotonic() - self.start

    def _follow_folders(self) -> None:
        """Record where the inputs are, which may have been moved since the last run."""
        options = self.options
        follow_folders(self.project, self.images, None if options.masks is None else Path(options.masks).absolute())
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
        self.console.print(
            f'  image-level mAP {result["mAP"]} on {len(self.val_names)} validation images ({self._measured})'
        )
        return result | dict(supervision=self._measured)

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
            train_names = [name for name in check.records if name not in set(val)]
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
        if (minutes := round(budget.label_seconds(budget.scales(project.round)) / 60)) > 1:
            self.console.print(f'  about {minutes} min')
        result = label_images(project, self.console, agreement=True, overwrite=self.options.overwrite)
        values = ', '.join(f'{name} {value:.4g}' for name, value in result['thresholds'].items())
        self.console.print(f'  thresholds chosen from the scores, network {self._trained_on}: {values}')
        parts = [f'{result["ignored"]}% of the pixels are uncertain (255)']
        if 'agreement' in result:  # a teacher is not measured
            parts.append(f'{result["agreement"]}% mean IoU with the masks of mirrored images')
        self.console.print(f'  {project.labels / "masks"}: {", ".join(parts)}')
        return result | dict(supervision=self._trained_on, config=project.labels_config.name)

    def _walk(self, trainings: Trainings) -> dict[str, Any]:
        if not self.options.overwrite:
            check_unchanged(trainings.project.labels)
        result = trainings.train_affinity()
        labels = walk_labels(trainings.project, self.console, result['checkpoint'], self.options.overwrite)
        masks = trainings.project.labels / 'masks'
        self.console.print(f'  {masks}: {labels["ignored"]}% of the pixels are uncertain (255)')
        return result | labels

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
        if masks:
            score_validation(self.project.at(self.rounds), list(masks), self.console)
            self.console.print(
                f'  mIoU {result["mIoU"]} on {len(masks)} validation images with masks ({self.supervision})'
            )
        else:
            self.console.print('  no masks of validation images: only the classifier is evaluated (image-level mAP)')
        return result | dict(supervision=self.supervision)

    @property
    def _trained_on(self) -> str:
        """Labels and masks of the trainings, for every number."""
        masked = len(self.trainings.masked)
        text = f'trained on image-level labels of {len(self.train_names)} images'
        return text + (f' and masks of {masked} of them' if masked else ', without masks')

    @property
    def _measured(self) -> str:
        """Supervision of the classifier, and validation images that it was trained on, for every metric."""
        return '; '.join(filter(None, [self._trained_on, self.check.overlap]))

    @property
    def supervision(self) -> str:
        """Supervision of the segmentor: labels, masks and the choice of the thresholds."""
        text = self._measured
        summary = self.project.read_summary()
        labels = [summary.get(stage_name('labels', round), {}) for round in range(1, self.rounds + 1)]
        for folder in dict.fromkeys(stage['teacher']['folder'] for stage in labels if 'teacher' in stage):
            text += f'; pseudo-labels by CLIP in {folder}, which is not trained here'
        thresholds = read_json(self.project.at(self.rounds).labels / 'thresholds.json')
        tuned_on, method = thresholds.get('tuned_on'), thresholds.get('method', 'from a file')
        if tuned_on:
            return f'{text}; thresholds chosen with {tuned_on}'
        return text if method in RULES else f'{text}; thresholds: {method}'

    def _report(self) -> dict[str, Any]:
        path = report_project(self.project, self.check)
        return dict(path=str(path.relative_to(self.project.root)))
