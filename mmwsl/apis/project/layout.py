"""Layout of a project folder."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmwsl.utils.files import load_json, write_json
from mmwsl.utils.json_shape import check_shape
from mmwsl.utils.output_folder import RECORD, OutputFolder

SUMMARY = 'summary.json'
UNRECORDED = re.compile(
    r'(train|val|train_masks|train_pseudo)\.jsonl|val_masks\.txt|(iter|epoch)_\d+\.pth|last_checkpoint|'
    r'(project|segmentor|teacher)\.py|\d{8}_\d{6}|test|\..*|.*\.part|Thumbs\.db|desktop\.ini'
)
"""Names in the folders of the lists and trainings, which do not record what they make."""
STAGE = {'inputs?': dict, 'finished?': bool, 'seconds?': float}
"""Shape of what each stage has in the summary."""
SHAPES: dict[str, dict] = {
    SUMMARY: {
        'classes?': [str],
        'version?': str,
        'data?': {'images': str, 'labels': str, 'val?': (str, None), 'masks?': (str, None), 'label_options?': dict},
        'check?': STAGE | {'messages?': [[str]]},
        'split?': STAGE | {'train?': [str], 'val?': [str]},
        'classifier?': STAGE | {'config?': str, 'checkpoint?': str, 'mAP?': (float, None)},
        'labels?': STAGE | {'thresholds?': {str: float}, 'teacher?': {'folder': str, 'config': str}},
        'segmentor?': STAGE | {'config?': str, 'checkpoint?': str},
        'evaluation?': STAGE | {'mIoU?': (float, None), 'IoU?': {str: (float, None)}},
        'report?': STAGE,
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
    segmentor=('config', 'checkpoint'),
)
"""What the summary of a finished stage has."""


@dataclass(frozen=True)
class Project:
    """Folder of a project: where each stage of ``mmwsl run`` keeps its files.

    Attributes:
        root: The folder.
    """

    root: Path

    @property
    def config(self) -> Path:
        """Config of the network that is trained on image-level labels."""
        return self.root / 'project.py'

    @property
    def segmentor_config(self) -> Path:
        """Config of the segmentor that is trained on the pseudo-labels."""
        return self.root / 'segmentor.py'

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
        return self.root / 'labels'

    @property
    def teacher_config(self) -> Path:
        """Config of the CLIP that scores the images instead of the trained network, if there is one."""
        return self.root / 'teacher.py'

    @property
    def val_labels(self) -> Path:
        """Scores of the validation images with masks, ``scores/``."""
        return self.root / 'val_labels'

    @property
    def segmentor(self) -> Path:
        """Work folder of the training on the pseudo-labels."""
        return self.root / 'segmentor'

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

    def outputs(self, stage: str) -> list[Path]:
        """Return the files and folders that a stage makes."""
        return dict(
            split=[self.data],
            classifier=[self.config, self.checkpoints],
            labels=[self.labels, self.val_labels, self.teacher_config],
            segmentor=[self.segmentor_config, self.segmentor],
            evaluation=[self.predictions],
            report=[self.report],
        ).get(stage, [])

    def foreign_files(self, stage: str) -> list[Path]:
        """Return the files in the folders of a stage that it did not make."""
        found: list[Path] = []
        for folder in self.outputs(stage):
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
        for name, keys in MADE.items():
            stage = summary.get(name, {})
            if missing := [key for key in keys if key not in stage and stage.get('finished')]:
                raise ValueError(f'{self.summary}: `{name}.{missing[0]}` must be there, got none. Restore the file.')
        return summary

    def update_summary(self, **values: Any) -> None:
        """Set entries of the summary."""
        self.write_summary(self.read_summary() | values)

    def write_summary(self, content: dict[str, Any]) -> None:
        """Replace the summary."""
        write_json(self.summary, content)

    @property
    def classifier_checkpoint(self) -> str:
        """Weights of the network that is trained on image-level labels."""
        return str(self.root / self.read_summary()['classifier']['checkpoint'])

    def model(self) -> tuple[Path, Path]:
        """Return the config and the checkpoint that predict masks: those of the segmentor if it is trained.

        Raises:
            FileNotFoundError: If the folder is not a project, or nothing is trained.
        """
        summary = self.read_summary()
        for stage in ('segmentor', 'classifier'):
            if 'checkpoint' in (summary.get(stage) or {}):
                return self.root / summary[stage]['config'], self.root / summary[stage]['checkpoint']
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
    check_shape(content, SHAPES[path.name], path, advice)
    return content
