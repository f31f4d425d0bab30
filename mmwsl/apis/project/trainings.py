"""Trainings of a project: on image-level labels, and on pseudo-labels."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mmwsl.annotations import make_record, write_jsonl
from mmwsl.apis.checkpoint import latest_checkpoint
from mmwsl.apis.config import config_folder, load_config
from mmwsl.apis.testing import test
from mmwsl.apis.training import train
from mmwsl.apis.weights import BackboneWeights
from mmwsl.utils.console import Console

from . import plan
from .configs import CLASSIFIERS, PROJECT, SEGMENTORS, TrainingConfig, TrainingSet, model_settings
from .data_check import DataCheck
from .layout import Project
from .progress import ProgressHook


@dataclass(frozen=True)
class Trainings:
    """The two trainings of a project. The length of a training is derived once, and stands in its config.

    Attributes:
        project: The project.
        console: Where progress is shown.
        check: The data.
        names: Training images.
        backbone: Name of the backbone, a key of :data:`.configs.CLASSIFIERS`.
        weights: Its weights; None are random ones.
        masks: Folder of ground-truth masks.
        epochs: Epochs of each training, instead of the derived number.
        seed: Random seed.
    """

    project: Project
    console: Console
    check: DataCheck
    names: list[str]
    backbone: str
    weights: BackboneWeights | None = None
    masks: str | None = None
    epochs: float | None = None
    seed: int = 0

    def train_classifier(self, seconds: float | None = None) -> dict[str, Any]:
        """Train on image-level labels, or resume.

        Args:
            seconds: Time for it; None trains as long as needed.

        Returns:
            Config, checkpoint, number of iterations and image-level mAP on the validation images.
        """
        project = self.project
        if not project.config.exists():
            config = self._config('Trains on image-level labels.', CLASSIFIERS, [TrainingSet('train')], validate=True)
            self._write(project.config, config, plan.CLASSIFIER, seconds)
        result = self._train(project.config, project.checkpoints, 'training on image-level labels')
        if (mean := result.pop('metrics').get('mAP')) is None:  # the training was finished before
            cfg = load_config(project.config, work_dir=str(project.checkpoints / 'test'))
            mean = test(cfg, str(project.root / result['checkpoint']))['mAP']
        return result | dict(mAP=None if mean is None or math.isnan(mean) else mean)

    def train_segmentor(self, seconds: float | None = None) -> dict[str, Any]:
        """Train on the pseudo-labels, or resume; see :meth:`train_classifier`."""
        project = self.project
        masked = [name for name in self.names if name in self.check.masks]
        if not project.segmentor_config.exists():
            others = [name for name in self.names if name not in self.check.masks]
            masks = None if self.masks is None else str(Path(self.masks).absolute())
            parts = []
            for table, folder, names in (
                ('train_masks', masks, masked),
                ('train_pseudo', f'{PROJECT}/labels/masks', others),
            ):
                if names:
                    write_labels(project, self.check, table, names)
                    parts.append(TrainingSet(table, folder))
            config = self._config('Trains a segmentor on the pseudo-labels of project.py.', SEGMENTORS, parts)
            self._write(project.segmentor_config, config, plan.SEGMENTOR, seconds)
        result = self._train(project.segmentor_config, project.segmentor, 'training on pseudo-labels')
        return result | dict(images_with_masks=len(masked))

    def _config(
        self, text: str, bases: Mapping[str, str], parts: Sequence[TrainingSet], validate: bool = False
    ) -> TrainingConfig:
        base = load_config(config_folder() / bases[self.backbone])
        before = int(base.model.data_preprocessor.size[0])
        files = (self.check.files[name] for name in self.names)
        side = plan.image_side([max(file.width, file.height) for file in files], before)
        return TrainingConfig(
            text=text,
            base=bases[self.backbone],
            images=self.check.folder,
            classes=self.check.classes,
            parts=parts,
            model=model_settings(base.model, self.weights),
            batch_size=plan.batch_size(len(self.names)),
            side=None if side == before else side,
            validate=validate,
            seed=self.seed,
        )

    def _write(self, path: Path, config: TrainingConfig, need: plan.Need, seconds: float | None) -> None:
        """Measure an iteration, derive the length of the training, and write its config."""
        trial = path.with_name(f'{path.stem}_trial.py')
        try:
            replace(config, length=plan.schedule(need.least)).write(trial)
            step, first = plan.measure_steps(load_config(trial, work_dir=str(self.project.root / 'log')))
        finally:
            trial.unlink(missing_ok=True)
        count, batch = len(self.names), config.batch_size
        slow = 2 * count // batch  # the cache stores an image and its mirror image
        times = dict(step_seconds=step, first_seconds=first, first_steps=slow)
        iterations = plan.plan_iterations(need, count, batch, epochs=self.epochs, seconds=seconds, **times)
        replace(config, length=plan.schedule(iterations)).write(path)
        minutes = max(1, round(plan.training_seconds(iterations, **times) / 60))
        epochs = iterations * batch / count
        self.console.print(f'  {iterations} iterations with {batch} images ({epochs:.0f} epochs), about {minutes} min')

    def _train(self, config: Path, work_dir: Path, text: str) -> dict[str, Any]:
        """Train a config, or resume it."""
        cfg = load_config(config, work_dir=str(work_dir))
        cfg.visualizer.name = str(work_dir)  # one of the same name in this process would log to another folder
        iterations = cfg.train_cfg.max_iters
        with self.console.progress(iterations, text) as bar:
            hook = ProgressHook(bar)
            train(cfg, resume=True, hooks=[hook])
        checkpoint = latest_checkpoint(work_dir)
        assert checkpoint is not None
        path = Path(checkpoint).relative_to(self.project.root.absolute())
        self.console.print(f'  {self.project.root / path}')
        return dict(config=config.name, checkpoint=path.as_posix(), iterations=iterations, metrics=hook.metrics)


def write_labels(project: Project, check: DataCheck, part: str, names: list[str]) -> None:
    """Write the image-level labels of images into ``data/PART.jsonl``, which is also their list."""
    records = [(name, check.records[name]) for name in names]
    write_jsonl(
        project.data / f'{part}.jsonl',
        [make_record(name, record.labels, record.unknown) for name, record in records],
    )
