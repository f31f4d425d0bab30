"""Configs of a project: ordinary config files of some twenty lines that a user may extend."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmwsl.apis.config import CONFIGS_VARIABLE, config_folder
from mmwsl.apis.weights import BackboneWeights
from mmwsl.datasets.classes import safe_palette
from mmwsl.utils.files import atomic_write

CLASSIFIERS = {
    name: f'folder/wsl_lse_{file}_folder.py'
    for name, file in (
        ('mobilenet_v2', 'mobilenet-v2'),
        ('efficientnet_lite0', 'efficientnet-lite0'),
        ('resnet50', 'resnet50'),
    )
}
SEGMENTORS = {name: path.replace('wsl_lse', 'psl_deeplabv3plus') for name, path in CLASSIFIERS.items()}
PROJECT = '{{ fileDirname }}'
"""The project folder, replaced when the config is read."""
# Sizes in the pipelines of the base are replaced by `side`.
SCALED = """\
side = ({side}, {side})
scaled = dict(Resize=dict(scale=side), RandomResize=dict(scale=side), RandomCrop=dict(crop_size=side))
train_pipeline = [dict(step, **scaled.get(step['type'], {{}})) for step in _base_.train_pipeline]
test_pipeline = [dict(step, **scaled.get(step['type'], {{}})) for step in _base_.test_pipeline]
"""


@dataclass(frozen=True)
class TrainingSet:
    """Training images of a project with the same kind of supervision.

    Attributes:
        table: Name of the table in ``data/`` with their image-level labels, without suffix.
        masks: Folder of their masks; None for training on the image-level labels.
    """

    table: str
    masks: str | None = None


@dataclass(frozen=True)
class TrainingConfig:
    """Config of a training of a project.

    Attributes:
        text: First comment of the file.
        base: Path of the base in :func:`mmwsl.apis.config.config_folder`.
        images: Folder of images.
        classes: Names of the classes, background first.
        parts: Training sets.
        model: Settings of the model, of :func:`model_settings`.
        batch_size: Batch size.
        side: Size that images are scaled to; None is that of the base.
        validate: Whether the training ends with a validation of the image-level labels.
        seed: Random seed.
        length: Settings of the length of the training, see :func:`.plan.schedule`.
    """

    text: str
    base: str
    images: Path
    classes: Sequence[str]
    parts: Sequence[TrainingSet]
    model: Mapping[str, Any]
    batch_size: int
    side: int | None = None
    validate: bool = False
    seed: int = 0
    length: Mapping[str, Any] = field(default_factory=dict)

    def render(self) -> str:
        """Return the text of the file."""
        pipelines = ('', '') if self.side is None else (', pipeline=train_pipeline', ', pipeline=test_pipeline')
        lines = [
            f'# {self.text} Made by `mmwsl run`, an ordinary config: inherit from it, or train it with `mmwsl train`.',
            f"_base_ = ['{{{{${CONFIGS_VARIABLE}:{config_folder().as_posix()}}}}}/{self.base}']",
        ]
        if self.side is not None:
            lines += SCALED.format(side=self.side).splitlines()
        lines += [
            f'classes = {list(self.classes)!r}',
            f'palette = {safe_palette(len(self.classes))}',
            f'images = dict(data_root={str(self.images)!r}, metainfo=dict(classes=classes, palette=palette))',
            f'workers = dict(num_workers={workers()}, persistent_workers=False)',
            f'model = {code(self._model())}',
        ]
        sets = [f'dict({self._base_set()}**images, {_files(part)}{pipelines[0]})' for part in self.parts]
        joined = f"dict(_delete_=True, type='ConcatDataset', datasets=[\n    {f',{chr(10)}    '.join(sets)},\n])"
        lines += [
            f'train_dataloader = dict(**workers, batch_size={self.batch_size}, '
            f'dataset={sets[0] if len(sets) == 1 else joined})',
            f'test_dataloader = dict(**workers, dataset=dict(**images, {_files(TrainingSet("val"))}{pipelines[1]}))',
            *(['val_dataloader = test_dataloader'] if self.validate else []),
            *(f'{name} = {code(value)}' for name, value in self.length.items()),
            f'randomness = dict(seed={self.seed})',
        ]
        return '\n'.join([*lines, ''])

    def write(self, path: Path) -> None:
        """Write the file."""
        with atomic_write(path) as file:
            file.write(self.render().encode())

    def _model(self) -> dict[str, Any]:
        model = merged(self.model, dict(decode_head=dict(num_classes=len(self.classes))))
        return model if self.side is None else merged(model, dict(data_preprocessor=dict(size=(self.side, self.side))))

    def _base_set(self) -> str:
        return '_base_.train_dataloader.dataset, ' if len(self.parts) > 1 else ''


def _files(part: TrainingSet) -> str:
    prefix = code(dict(img_path='', seg_map_path=part.masks))
    return f"data_prefix={prefix}, label_file='{PROJECT}/data/{part.table}.jsonl'"


def code(value: Any) -> str:
    """Return Python source of a setting, in the style of configs."""
    if isinstance(value, Mapping):
        return f'dict({", ".join(f"{key}={code(entry)}" for key, entry in value.items())})'
    if isinstance(value, list):
        return f'[{", ".join(map(code, value))}]'
    return repr(value)


def merged(*settings: Mapping[str, Any]) -> dict[str, Any]:
    """Merge nested settings; later values win."""
    result: dict[str, Any] = {}
    for part in settings:
        for key, value in part.items():
            both = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
            result[key] = merged(result[key], value) if both else value
    return result


def model_settings(base: Mapping[str, Any], weights: BackboneWeights | None) -> dict[str, Any]:
    """Return the settings of a model for the weights of its backbone; None trains it from random weights."""
    cached = 'backbone' in base['backbone']
    inner = base['backbone']['backbone'] if cached else base['backbone']
    if weights is None:
        # A frozen random backbone has no useful features: all layers train, and nothing can be cached.
        backbone = dict(inner, _delete_=True, init_cfg=None)
        return dict(backbone=backbone | (dict(frozen=False) if 'frozen' in backbone else {}))
    differing = {key: value for key, value in weights.backbone.items() if inner.get(key) != value}
    backbone = dict(differing, init_cfg=dict(type='Pretrained', checkpoint=str(Path(weights.file).absolute())))
    settings = dict(backbone=dict(backbone=backbone, cache_dir=f'{PROJECT}/cache') if cached else backbone)
    scaling = {key: list(value) for key, value in (('mean', weights.mean), ('std', weights.std))}
    if any(list(base['data_preprocessor'][key]) != value for key, value in scaling.items()):
        settings['data_preprocessor'] = scaling
    return settings


def workers() -> int:
    """Return the number of processes that read images."""
    return max(1, min(8, (os.cpu_count() or 1) - 1))
