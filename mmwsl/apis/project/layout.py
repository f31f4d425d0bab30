"""Layout of a project folder."""

import re
import shlex
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mmwsl.utils.files import load_json, write_json
from mmwsl.utils.json_shape import check_shape
from mmwsl.utils.output_folder import RECORD, OutputFolder

SUMMARY = 'summary.json'
UNRECORDED = re.compile(
    r'(train|val|train_masks|train_pseudo)\.jsonl|val_masks\.txt|(iter|epoch)_\d+\.pth|last_checkpoint|'
    r'(project|affinity|(segmentor|labels|teacher)(_\d)?)\.py|\d{8}_\d{6}|test|\..*|.*\.part|Thumbs\.db|desktop\.ini'
)
"""Names in the folders of the lists and trainings, which do not record what they make."""
STAGE = {'inputs?': dict, 'finished?': bool, 'seconds?': float}
STAGE_SHAPES: dict[str, dict] = dict(
    check=STAGE | {'messages?': [[str]]},
    split=STAGE | {'train?': [str], 'val?': [str]},
    classifier=STAGE | {'config?': str, 'checkpoint?': str, 'mAP?': (float, None)},
    labels=STAGE | {'thresholds?': {str: float}, 'config?': str, 'teacher?': {'folder': str, 'config': str}},
    affinity=STAGE | {'config?': str, 'checkpoint?': str},
    segmentor=STAGE | {'config?': str, 'checkpoint?': str},
    evaluation=STAGE | {'mIoU?': (float, None), 'IoU?': {str: (float, None)}},
    report=STAGE,
)
"""Shape of what each stage, of any round, has in the summary."""
SHAPES: dict[str, dict] = {
    SUMMARY: {
        'classes?': [str],
        'version?': str,
        'rounds?': int,
        'data?': {'images': str, 'labels': str, 'val?': (str, None), 'masks?': (str, None), 'label_options?': dict},
        'times?': {'forward': float, 'mask': float},
    },
    'thresholds.json': {
        'classes': [str],
        'thresholds': [float],
        'tuned_on?': (str, None),
        'spread?': ({str: [float]}, None),
        'curves?': ({str: {'t': [float], 'value': [(float, None)]}}, None),
    },
    'quality.json': {'images': int, 'ignored': float, 'classes': [{'name': str}], 'label_without_pixel': [str]},
    'agreement.json': {str: float},
}
"""Shapes of the files of a project that are read again."""
MADE = dict(
    split=('train', 'val'),
    classifier=('inputs', 'config', 'checkpoint'),
    labels=('thresholds',),
    affinity=('config', 'checkpoint'),
    segmentor=('config', 'checkpoint'),
)
"""What the summary of a finished stage has."""
MAX_ROUNDS = 9
LATER_ROUND = re.compile(rf'(labels|segmentor)_([2-{MAX_ROUNDS}])')


def stage_name(stage: str, round: int) -> str:
    """Return the name of a stage in a self-training round: ``labels``, ``labels_2``, ..."""
    return stage if round == 1 else f'{stage}_{round}'


def split_name(name: str) -> tuple[str, int]:
    """Return the stage and the round of a name of :func:`stage_name`."""
    found = LATER_ROUND.fullmatch(name)
    return (found[1], int(found[2])) if found else (name, 1)


@dataclass(frozen=True)
class Project:
    """Folder of a project: where each stage of ``mmwsl run`` keeps its files.

    In each self-training round, a network labels the training images and a segmentor is trained on these labels. The
    files of the later rounds have the number of their round in their names.

    Attributes:
        root: The folder.
        round: The round whose labels and segmentor the properties name.
    """

    root: Path
    round: int = 1

    def at(self, round: int) -> 'Project':
        """Return the project in another round."""
        return replace(self, round=round)

    def _in_round(self, name: str, suffix: str = '') -> Path:
        return self.root / f'{stage_name(name, self.round)}{suffix}'

    @property
    def config(self) -> Path:
        """Config of the network that is trained on image-level labels."""
        return self.root / 'project.py'

    @property
    def segmentor_config(self) -> Path:
        """Config of the segmentor that is trained on the pseudo-labels."""
        return self._in_round('segmentor', '.py')

    @property
    def labels_config(self) -> Path:
        """Config of the network that generates the pseudo-labels."""
        return self.config if self.round == 1 else self._in_round('labels', '.py')

    @property
    def data(self) -> Path:
        """Image-level labels of the split: ``train.jsonl``, ``val.jsonl``."""
        return self.root / 'data'

    @property
    def checkpoints(self) -> Path:
        """Work folder of the training on image-level labels."""
        return self.root / 'checkpoints'

    @property
    def labels(self) -> Path:
        """Pseudo-labels: ``scores/``, ``masks/``, ``thresholds.json``, ``manifest.json``, ``quality.json``."""
        return self._in_round('labels')

    @property
    def teacher_config(self) -> Path:
        """Config of the CLIP that scores the images instead of the trained network, if there is one."""
        return self._in_round('teacher', '.py')

    @property
    def affinity_config(self) -> Path:
        """Config of the network that is trained on the boundaries of the pseudo-labels of the first round."""
        return self.root / 'affinity.py'

    @property
    def affinity(self) -> Path:
        """Work folder of its training."""
        return self.root / 'affinity'

    @property
    def val_labels(self) -> Path:
        """Scores of the validation images with masks, ``scores/``."""
        return self._in_round('val_labels')

    @property
    def segmentor(self) -> Path:
        """Work folder of the training on the pseudo-labels."""
        return self._in_round('segmentor')

    @property
    def predictions(self) -> Path:
        """Masks of the validation images, predicted by the segmentor."""
        return self.root / 'predictions'

    @property
    def report(self) -> Path:
        """The report, ``index.html`` and the files beside it."""
        return self.root / 'report'

    @property
    def summary(self) -> Path:
        """Settings and results of the finished stages, as JSON."""
        return self.root / SUMMARY

    def outputs(self, name: str) -> list[Path]:
        """Return the files and folders that a stage makes, by the name of :func:`stage_name`."""
        stage, round = split_name(name)
        there = self.at(round)
        return dict(
            split=[self.data],
            classifier=[self.config, self.checkpoints],
            labels=[
                there.labels,
                there.val_labels,
                there.teacher_config,
                *([there.labels_config] if round > 1 else []),
            ],
            affinity=[self.affinity_config, self.affinity],
            segmentor=[there.segmentor_config, there.segmentor],
            evaluation=[self.predictions],
            report=[self.report],
        ).get(stage, [])

    def foreign_files(self, name: str) -> list[Path]:
        """Return the files in the folders of a stage that it did not make."""
        found: list[Path] = []
        for folder in self.outputs(name):
            if (folder / RECORD).is_file():
                found += [folder / name for name in OutputFolder(folder, '').foreign()]
            elif folder.is_dir():
                found += [path for path in sorted(folder.iterdir()) if not UNRECORDED.fullmatch(path.name)]
        return found

    def read_summary(self) -> dict[str, Any]:
        """Read the summary of the finished stages.

        Raises:
            ValueError: If it is damaged: a file that is no JSON object, or an entry of another type.
        """
        summary = read_json(self.summary)
        if not 1 <= summary.get('rounds', 1) <= MAX_ROUNDS:
            raise ValueError(
                f'{self.summary}: `rounds` must be in [1, {MAX_ROUNDS}], got {summary["rounds"]}. Restore the file.'
            )
        for name, entry in summary.items():
            made = MADE.get(split_name(name)[0], ())
            if made and entry.get('finished') and (missing := [key for key in made if key not in entry]):
                raise ValueError(f'{self.summary}: `{name}.{missing[0]}` must be there, got none. Restore the file.')
        return summary

    @property
    def rounds(self) -> int:
        """Number of self-training rounds of the last run."""
        return int(self.read_summary().get('rounds', 1))

    def last(self, stage: str) -> 'Project':
        """Return the project in the last round in which a stage has a result; in the first one if none has."""
        summary = self.read_summary()
        rounds = [
            split_name(name)[1]
            for name, entry in summary.items()
            if split_name(name)[0] == stage and all(key in entry for key in MADE[stage])
        ]
        return self.at(max(rounds, default=1))

    def update_summary(self, **values: Any) -> None:
        """Set entries of the summary."""
        self.write_summary(self.read_summary() | values)

    def write_summary(self, content: dict[str, Any]) -> None:
        """Replace the summary."""
        write_json(self.summary, content)

    def labeler(self) -> tuple[Path, Path]:
        """Return the config and the checkpoint that generate the pseudo-labels of the round.

        In the first round it is the network that is trained on image-level labels, then the segmentor of the round
        before.
        """
        summary = self.read_summary()
        trained = 'classifier' if self.round == 1 else stage_name('segmentor', self.round - 1)
        return self.labels_config, self.root / summary[trained]['checkpoint']

    def model(self) -> tuple[Path, Path]:
        """Return the config and the checkpoint that predict masks: those of the last segmentor if one is trained.

        Raises:
            FileNotFoundError: If the folder is not a project, or nothing is trained.
        """
        summary = self.read_summary()
        for name in (stage_name('segmentor', self.last('segmentor').round), 'classifier'):
            if 'checkpoint' in (summary.get(name) or {}):
                if name == 'classifier':
                    warnings.warn(
                        f'project={str(self.root)!r} has no trained segmentor: the masks are those of its classifier. '
                        'Repeat its `mmwsl run` to finish it.',
                        stacklevel=3,
                    )
                return self.root / summary[name]['config'], self.root / summary[name]['checkpoint']
        raise FileNotFoundError(
            f'project={str(self.root)!r} has no trained network. Run `mmwsl run IMAGES --labels FILE --out '
            f'{shlex.quote(str(self.root))}` first.'
        )


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON file; empty if there is none."""
    advice = (
        'Restore it, or repeat `mmwsl run` with a new --out.'
        if path.name == SUMMARY
        else f'Restore it, or delete it and run `mmwsl label {shlex.quote(str(path.parents[1]))}`.'
    )
    if not path.is_file():
        return {}
    content: dict[str, Any] = load_json(path, 'file of the project', advice=advice)
    if path.name == SUMMARY and isinstance(content, dict):
        content = {name: value for name, value in content.items() if value is not None}
        stages = {f'{name}?': STAGE_SHAPES.get(split_name(name)[0]) for name in content}
        check_shape(content, {name: shape for name, shape in stages.items() if shape}, path, advice)
    check_shape(content, SHAPES[path.name], path, advice)
    return content
