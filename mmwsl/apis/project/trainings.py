"""Trainings of a project: on image-level labels, and on pseudo-labels."""

from dataclasses import dataclass
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
from .configs import (
    CLASSIFIERS,
    SEGMENTORS,
    backbone_settings,
    classifier_settings,
    mask_settings,
    merged,
    scaled_settings,
    training_settings,
    write_config,
)
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
        project, weights = self.project, self.weights
        key = self.backbone
        base = load_config(config_folder() / CLASSIFIERS[key])
        if not project.config.exists():
            batch = plan.batch_size(len(self.names))
            settings = merged(
                scaled_settings(base, self._sides()),
                classifier_settings(self.check, backbone_settings(base.model, weights), batch, self.seed),
            )
            self._write(project.config, CLASSIFIERS[key], settings, plan.CLASSIFIER, batch, seconds)
        result = self._train(project.config, project.checkpoints, 'training on image-level labels')
        if (mean := result.pop('metrics').get('mAP')) is None:  # the training was finished before
            cfg = load_config(project.config, work_dir=str(project.checkpoints / 'test'))
            mean = test(cfg, str(project.root / result['checkpoint']))['mAP']
        return result | dict(mAP=mean)

    def train_segmentor(self, seconds: float | None = None) -> dict[str, Any]:
        """Train on the pseudo-labels, or resume; see :meth:`train_classifier`."""
        project, weights = self.project, self.weights
        key = self.backbone
        base = load_config(config_folder() / SEGMENTORS[key])
        masked = [name for name in self.names if name in self.check.masks]
        if not project.segmentor_config.exists():
            for part, members in (
                ('masks', masked),
                ('pseudo', [name for name in self.names if name not in self.check.masks]),
            ):
                write_labels(self.project, self.check, f'train_{part}', members)
            batch = plan.batch_size(len(self.names))
            model = backbone_settings(base.model, weights)
            scaled = scaled_settings(base, self._sides())
            dataset = merged(
                base.train_dataloader.dataset.to_dict(), scaled.get('train_dataloader', {}).get('dataset', {})
            )
            train = mask_settings(self.check, dataset, self.masks, len(masked), len(self.names))
            settings = merged(scaled, training_settings(self.check, model, batch, self.seed, train))
            self._write(project.segmentor_config, SEGMENTORS[key], settings, plan.SEGMENTOR, batch, seconds)
        result = self._train(project.segmentor_config, project.segmentor, 'training on pseudo-labels')
        return result | dict(images_with_masks=len(masked))

    def _sides(self) -> list[int]:
        """Return the longer side of each training image."""
        files = (self.check.files[name] for name in self.names)
        return [max(file.width, file.height) for file in files]

    def _write(self, path: Path, base: str, settings: dict, need: plan.Need, batch: int, seconds: float | None) -> None:
        """Measure an iteration, derive the length of the training, and write its config."""
        trial = path.with_name(f'{path.stem}_trial.py')
        try:
            write_config(trial, base, settings | plan.schedule(need.least))
            step, first = plan.measure_steps(load_config(trial, work_dir=str(self.project.root / 'log')))
        finally:
            trial.unlink(missing_ok=True)
        count = len(self.names)
        slow = 2 * count // batch  # the cache stores an image and its mirror image
        times = dict(step_seconds=step, first_seconds=first, first_steps=slow)
        iterations = plan.plan_iterations(need, count, batch, epochs=self.epochs, seconds=seconds, **times)
        write_config(path, base, settings | plan.schedule(iterations))
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
