"""Trainings of a project: on image-level labels, and on pseudo-labels."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mmwsl.apis.checkpoint import latest_checkpoint
from mmwsl.apis.config import config_folder, load_config
from mmwsl.apis.testing import test
from mmwsl.apis.training import train
from mmwsl.apis.weights import BackboneWeights
from mmwsl.utils.console import Console

from . import plan
from .budget import Budget
from .configs import (
    AFFINITIES,
    CLASSIFIERS,
    LABELERS,
    PROJECT,
    SEGMENTORS,
    TrainingConfig,
    TrainingSet,
    mask_repeats,
    merged,
    model_settings,
    rare_below,
    same_image_head,
)
from .data_check import DataCheck
from .durations import record_times
from .layout import Project
from .masks import mask_rule
from .measure import StepTime, first_that_fits, measure_mask, measure_steps
from .progress import ProgressHook
from .split import write_labels

# The loss of the image-level labels of the base, and that of the masks.
SEMI_SUPERVISED = [dict(type='mmwsl.MultiLabelSoftMarginLoss'), dict(type='mmwsl.MaskBinaryCrossEntropyLoss')]


@dataclass(frozen=True)
class Trainings:
    """The trainings of a round of a project. The length of a training is derived once, and stands in its config.

    Attributes:
        project: The project in the round.
        console: Where progress is shown.
        check: The data.
        names: Training images.
        budget: Time of the trainings.
        backbone: Name of the backbone, a key of :data:`.configs.CLASSIFIERS`.
        weights: Its weights; None are random ones.
        masks: Folder of ground-truth masks.
        epochs: Epochs of each training, instead of the derived number.
        seed: Random seed.
        check_data: Whether to check images and masks before a training.
        amp: Precision of the trainings; None is automatic.
    """

    project: Project
    console: Console
    check: DataCheck
    names: list[str]
    budget: Budget
    backbone: str
    weights: BackboneWeights | None = None
    masks: str | None = None
    epochs: float | None = None
    seed: int = 0
    check_data: bool = True
    amp: str | None = None

    @property
    def masked(self) -> list[str]:
        """Training images with masks."""
        return [name for name in self.names if name in self.check.masks]

    def train_classifier(self) -> dict[str, Any]:
        """Train on image-level labels, and on the masks that some images have, or resume.

        Returns:
            Config, checkpoint, number of iterations and image-level mAP on the validation images.
        """
        project, masked = self.project, self.masked
        if not project.config.exists():
            # All images are in the last set: their pseudo-labels will be generated.
            parts = [*self._masked_set(len(self.names)), TrainingSet('train')]
            text = f'Trains on image-level labels{" and masks" if masked else ""}.'
            config = self._config(text, CLASSIFIERS, parts, load_masks=True, validate=True)
            if masked:
                losses = dict(decode_head=dict(loss_decode=SEMI_SUPERVISED))
                config = replace(config, model=merged(config.model, losses))
            self._write_classifier(config)
        result = self._train(project.config, project.checkpoints, f'training on image-level labels{self._masks_too}')
        if (mean := result.pop('metrics').get('mAP')) is None:  # the training was finished before
            cfg = load_config(project.config, work_dir=str(project.checkpoints / 'test'))
            mean = test(cfg, str(project.root / result['checkpoint']), check_data=self.check_data)['mAP']
        return result | dict(mAP=None if mean is None or math.isnan(mean) else mean)

    def train_segmentor(self) -> dict[str, Any]:
        """Train on the pseudo-labels, and on the masks that some images have, or resume."""
        project = self.project
        self._write_on_labels(
            'a segmentor', project.segmentor_config, SEGMENTORS, plan.SEGMENTOR, self._segmentor_iterations
        )
        result = self._train(project.segmentor_config, project.segmentor, f'training on pseudo-labels{self._masks_too}')
        return result | dict(images_with_masks=len(self.masked))

    def train_affinity(self) -> dict[str, Any]:
        """Train the affinity network on the same masks as :meth:`train_segmentor`, or resume."""
        project = self.project
        self._write_on_labels(
            'boundaries',
            project.affinity_config,
            AFFINITIES,
            plan.AFFINITY,
            lambda length: length.iterations(self.epochs, self.budget.affinity_seconds),
        )
        return self._train(project.affinity_config, project.affinity, f'training on boundaries{self._masks_too}')

    def _write_on_labels(
        self,
        what: str,
        path: Path,
        bases: Mapping[str, str],
        need: plan.Need,
        iterations: Callable[[plan.Length], int],
    ) -> None:
        """Write the config of a training on the pseudo-labels of the round, if there is none."""
        project = self.project
        if path.exists():
            return
        others = [name for name in self.names if name not in self.check.masks]
        parts = self._masked_set(len(others))
        if others:
            write_labels(project, self.check, 'train_pseudo', others)
            rare = rare_below(self.check.label_matrix(others)) if bases is SEGMENTORS else 0.0
            parts.append(TrainingSet('train_pseudo', f'{PROJECT}/{project.labels.name}/masks', rare=rare))
        text = f'Trains {what} on the pseudo-labels of {project.labels_config.name}.'
        config = self._share_classifier(self._config(text, bases, parts))
        fitted, length = self._fit(config, need, path, iterations)
        self._write(path, fitted, length, iterations(length))

    def _share_classifier(self, config: TrainingConfig) -> TrainingConfig:
        """Take the head of the classifier for the image-level prior, where the features are the same.

        Trained on whole images, it predicts the labels better than a head that is trained on crops, unless it was
        trained on masks too.
        """
        classifier = latest_checkpoint(self.project.checkpoints)
        base, trained = load_config(config_folder() / config.base), load_config(self.project.config)
        fits = self.weights is not None and same_image_head(base.model, trained.model)
        if not fits or self.masked or classifier is None:
            return config
        file = f'{PROJECT}/{Path(classifier).relative_to(self.project.root.absolute()).as_posix()}'
        init_cfg = dict(type='Pretrained', checkpoint=file, prefix='decode_head.')
        shared = dict(auxiliary_head=dict(init_cfg=init_cfg, loss_decode=dict(loss_weight=0.0)))
        return replace(config, model=merged(config.model, shared), frozen=('auxiliary_head',))

    def write_labeler(self) -> None:
        """Write the config that labels the training images with the segmentor of the round before, if there is none."""
        project = self.project
        if project.labels_config.exists():
            return
        before = project.at(project.round - 1)
        trained = load_config(before.segmentor_config)
        parts = [TrainingSet('train', f'{PROJECT}/{before.labels.name}/masks')]
        text = f'Labels the images for round {project.round} with the network of {before.segmentor_config.name}.'
        config = self._config(
            text,
            LABELERS,
            parts,
            side=int(trained.model.data_preprocessor.size[0]),
            batch_size=trained.train_dataloader.batch_size,
            scales=self.budget.scales(project.round),
        )
        config.write(project.labels_config)

    @property
    def _masks_too(self) -> str:
        return f' and {len(self.masked)} masks' if self.masked else ''

    def _masked_set(self, others: int) -> list[TrainingSet]:
        """Return the set of the images with masks, if there are any, repeated for a number of other images."""
        if not self.masked:
            return []
        write_labels(self.project, self.check, 'train_masks', self.masked)
        return [TrainingSet('train_masks', 'masks', mask_repeats(len(self.masked), others))]

    def _config(
        self, text: str, bases: Mapping[str, str], parts: Sequence[TrainingSet], **settings: Any
    ) -> TrainingConfig:
        base = load_config(config_folder() / bases[self.backbone])
        return TrainingConfig(
            text=text,
            base=bases[self.backbone],
            images=self.check.folder,
            classes=self.check.classes,
            masks=None if self.masks is None else Path(self.masks).absolute(),
            parts=parts,
            model=model_settings(base.model, self.weights),
            base_side=int(base.model.data_preprocessor.size[0]),
            seed=self.seed,
            **settings,
        )

    def _write_classifier(self, config: TrainingConfig) -> None:
        """Write the config of the training on image-level labels; its time is shared with the other stages."""
        path, budget = self.project.config, self.budget
        name = self.names[len(self.names) // 2]
        file = self.check.files[name]
        budget.mask = measure_mask(mask_rule([0.5] * 2), self.check.folder / name, (file.height, file.width))

        def iterations(length: plan.Length) -> int:
            budget.forward = length.time.forward
            return length.iterations(self.epochs, budget.classifier_seconds)

        fitted, length = self._fit(config, plan.CLASSIFIER, path, iterations)
        count = iterations(length)
        if shortage := budget.shortage(length, count):
            self.console.print(f'  {shortage}')
        self._write(path, replace(fitted, scales=budget.scales()), length, count)
        record_times(self.project, budget)

    def _segmentor_iterations(self, length: plan.Length) -> int:
        if self.project.round < len(self.budget.views):
            self.budget.forward = length.time.forward  # this network predicts the next labels
            record_times(self.project, self.budget)
        return length.iterations(self.epochs, self.budget.segmentor_seconds(self.project.round))

    def _fit(
        self, config: TrainingConfig, need: plan.Need, path: Path, iterations: Callable[[plan.Length], int]
    ) -> tuple[TrainingConfig, plan.Length]:
        """Choose batch and image size: the largest with which the memory and the time suffice.

        Raises:
            ValueError: If the memory does not suffice for the smallest ones.
        """
        files = [self.check.files[name] for name in self.names]
        sides = plan.image_sides([max(file.width, file.height) for file in files], config.base_side)
        batches = plan.batch_sizes(len(self.names))
        chosen: tuple[TrainingConfig, plan.Length] | None = None
        for side in sides:
            candidates = [replace(config, side=side, batch_size=batch) for batch in batches]
            found = first_that_fits(candidates, lambda candidate: self._measure(path, candidate, need))
            if found is None:
                continue
            fitted, times = found
            chosen = fitted, plan.Length(need, times.images, fitted.batch_size, times)
            wanted = need.iterations(times.images, fitted.batch_size)
            if self.epochs is not None or iterations(chosen[1]) >= plan.ENOUGH * wanted:
                break
        if chosen is None:
            raise ValueError(
                f'--backbone {self.backbone!r} must fit into the memory with {batches[-1]} images of {sides[-1]} '
                'pixels, got too little memory. Close other programs, or pass a smaller backbone.'
            )
        return chosen

    def _measure(self, path: Path, config: TrainingConfig, need: plan.Need) -> StepTime:
        """Measure an iteration of a config."""
        trial = path.with_name(f'{path.stem}_trial.py')
        try:
            replace(config, length=plan.schedule(need.least)).write(trial)
            return measure_steps(load_config(trial, work_dir=str(self.project.root / 'log')), self.amp)
        finally:
            trial.unlink(missing_ok=True)

    def _write(self, path: Path, config: TrainingConfig, length: plan.Length, iterations: int) -> None:
        """Write a config with the length of its training, and print it."""
        replace(config, length=plan.schedule(iterations)).write(path)
        minutes = max(1, round(length.seconds(iterations) / 60))
        epochs = iterations * length.batch / length.num_images
        text = f'{iterations} iterations with {length.batch} images of {config.side} pixels ({epochs:.0f} epochs)'
        wanted = length.need.iterations(length.num_images, length.batch)
        short = f'; {wanted} without --time' if self.epochs is None and iterations < wanted else ''
        self.console.print(f'  {text}, about {minutes} min{short}')

    def _train(self, config: Path, work_dir: Path, text: str) -> dict[str, Any]:
        """Train a config, or resume it."""
        cfg = load_config(config, work_dir=str(work_dir))
        # One of the same name in this process would log to another folder, or to this one before it was deleted.
        cfg.visualizer.name = f'{work_dir} {time.monotonic_ns()}'
        iterations = cfg.train_cfg.max_iters
        with self.console.progress(iterations, text) as bar:
            hook = ProgressHook(bar)
            train(cfg, resume=True, hooks=[hook], check_data=self.check_data, amp=self.amp)
        checkpoint = latest_checkpoint(work_dir)
        assert checkpoint is not None
        path = Path(checkpoint).relative_to(self.project.root.absolute())
        return dict(config=config.name, checkpoint=path.as_posix(), iterations=iterations, metrics=hook.metrics)
