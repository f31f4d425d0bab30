"""Configs of a project: ordinary config files of some twenty lines that a user may extend."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mmwsl.apis.config import CONFIGS_VARIABLE, config_folder
from mmwsl.apis.weights import BackboneWeights
from mmwsl.datasets.classes import safe_palette
from mmwsl.utils.cores import available_cores
from mmwsl.utils.files import atomic_write

from .budget import SCALES

CLASSIFIERS = {
    name: f'folder/wsl_lse_{file}_folder.py'
    for name, file in (
        ('mobilenet_v2', 'mobilenet-v2'),
        ('efficientnet_lite0', 'efficientnet-lite0'),
        ('efficientnet_lite2', 'efficientnet-lite2'),
        ('resnet50', 'resnet50'),
    )
}
SEGMENTORS = {name: path.replace('wsl_lse', 'psl_deeplabv3plus') for name, path in CLASSIFIERS.items()}
AFFINITIES = {name: path.replace('wsl_lse', 'psl_irn') for name, path in CLASSIFIERS.items()}
"""Affinity networks, which are trained on the labels of the first round."""
LABELERS = {
    name: path.replace('folder/', 'best/').replace('_folder.py', '_best_pseudo.py') for name, path in SEGMENTORS.items()
}
"""The segmentors, which label the training images for the next round."""
PROJECT = '{{ fileDirname }}'
"""The project folder, replaced when the config is read."""
# Sizes in the pipelines of the base are replaced by `side`.
SCALED = """\
side = ({side}, {side})
scaled = dict(Resize=dict(scale=side), RandomResize=dict(scale=side), RandomCrop=dict(crop_size=side))
train_pipeline = [dict(step, **scaled.get(step['type'], {{}})) for step in _base_.train_pipeline]
test_pipeline = [dict(step, **scaled.get(step['type'], {{}})) for step in _base_.test_pipeline]
"""


MASKED_FRACTION = 0.25
"""Smallest fraction of a batch for images with masks, so that few masks count."""
MAX_REPEATS = 20
RARE = 0.75
"""Fraction of the mean frequency of the classes: mmengine's ``ClassBalancedDataset`` repeats images at least twice."""
LOAD_MASKS = "[*train_pipeline[:1], dict(type='LoadAnnotations'), *train_pipeline[1:]]"
# The scores of the pseudo-labels are the mean over these views.
VIEWS = """\
sizes = [dict(type='Resize', scale=(side, side), keep_ratio=True) for side in {sides}]
flips = [dict(type='RandomFlip', prob=prob, direction='horizontal') for prob in (0.0, 1.0)]
views = [sizes, flips, [{steps}[-1]]]
tta_pipeline = [*{steps}[:2], dict(type='TestTimeAug', transforms=views)]
"""


@dataclass(frozen=True)
class TrainingSet:
    """Training images of a project with the same kind of supervision.

    Attributes:
        table: Name of the table in ``data/`` with their image-level labels, without suffix.
        masks: Folder of their masks; None for training on the image-level labels.
        repeats: How often an image is in an epoch.
        rare: Images of a class that a smaller fraction of the images contains are repeated, see :func:`rare_below`.
    """

    table: str
    masks: str | None = None
    repeats: int = 1
    rare: float = 0.0


def rare_below(labels: np.ndarray) -> float:
    """Return the frequency below which classes are rare: ``RARE`` times the mean; 0 if none is.

    Otherwise their objects are taken for similar ones of frequent classes.

    Args:
        labels: 1 where an image has a class, ``(images, classes)``.
    """
    frequencies = (labels == 1).mean(0)
    frequencies = frequencies[frequencies > 0]
    limit = round(RARE * float(frequencies.mean()), 4) if len(frequencies) else 0.0
    return limit if (frequencies < limit).any() else 0.0


def mask_repeats(masked: int, others: int) -> int:
    """Return how often images with masks are repeated, so that they are ``MASKED_FRACTION`` of a batch."""
    wanted = math.ceil(MASKED_FRACTION * others / ((1 - MASKED_FRACTION) * max(1, masked)))
    return max(1, min(MAX_REPEATS, wanted))


@dataclass(frozen=True)
class TrainingConfig:
    """Config of a training of a project.

    Attributes:
        text: First comment of the file.
        base: Path of the base in :func:`mmwsl.apis.config.config_folder`.
        images: Folder of images.
        classes: Names of the classes, background first.
        masks: Folder of ground-truth masks, which ``TrainingSet.masks`` calls ``'masks'``.
        parts: Training sets.
        model: Settings of the model, of :func:`model_settings`.
        frozen: Parts of the model that are not trained.
        base_side: Size that the base scales images to.
        side: Size that images are scaled to; 0 is that of the base.
        batch_size: Batch size.
        scales: Scales of an image in the test-time augmentation, each also mirrored. Empty is :data:`.budget.SCALES`.
        load_masks: Whether the pipeline of the base must be told to load the masks.
        validate: Whether the training ends with a validation of the image-level labels.
        seed: Random seed.
        length: Settings of the length of the training, see :func:`.plan.schedule`.
    """

    text: str
    base: str
    images: Path
    classes: Sequence[str]
    masks: Path | None
    parts: Sequence[TrainingSet]
    model: Mapping[str, Any]
    base_side: int
    side: int = 0
    batch_size: int = 0
    frozen: Sequence[str] = ()
    scales: Sequence[float] = ()
    load_masks: bool = False
    validate: bool = False
    seed: int = 0
    length: Mapping[str, Any] = field(default_factory=dict)

    @property
    def scaled(self) -> bool:
        """Whether images have another size than in the base."""
        return self.side not in (0, self.base_side)

    def render(self) -> str:
        """Return the text of the file."""
        lines = [
            f'# {self.text} Made by `mmwsl run`, an ordinary config: inherit from it, or train it with `mmwsl train`.',
            f"_base_ = ['{{{{${CONFIGS_VARIABLE}:{config_folder().as_posix()}}}}}/{self.base}']",
            f'data_root = {str(self.images)!r}',
            *([f'masks = {str(self.masks)!r}'] if any(part.masks == 'masks' for part in self.parts) else []),
        ]
        if self.scaled:
            lines += SCALED.format(side=self.side).splitlines()
        if scales := self.scales or (SCALES if self.scaled else ()):
            sides = tuple(round((self.side or self.base_side) * scale) for scale in scales)
            lines += VIEWS.format(
                steps='test_pipeline' if self.scaled else '_base_.test_pipeline', sides=sides
            ).splitlines()
        lines += [
            f'classes = {list(self.classes)!r}',
            f'palette = {safe_palette(len(self.classes))}',
            'images = dict(data_root=data_root, metainfo=dict(classes=classes, palette=palette))',
            f'workers = dict(num_workers={workers()}, persistent_workers=True)',
            f'model = {code(self._model())}',
        ]
        sets = [self._training_set(part) for part in self.parts]
        joined = f"dict(_delete_=True, type='ConcatDataset', datasets=[\n    {f',{chr(10)}    '.join(sets)},\n])"
        pipeline = ', pipeline=test_pipeline' if self.scaled else ''
        lines += [
            f'train_dataloader = dict(**workers, batch_size={self.batch_size}, '
            f'dataset={sets[0] if len(sets) == 1 else joined})',
            f'test_dataloader = dict(**workers, dataset=dict(**images, {_files("val")}{pipeline}))',
            *(['val_dataloader = test_dataloader'] if self.validate else []),
            *(f'{name} = {code(value)}' for name, value in self.length.items()),
            *([f'optim_wrapper = {code(frozen_parts(self.frozen))}'] if self.frozen else []),
            f'randomness = dict(seed={self.seed})',
        ]
        return '\n'.join([*lines, ''])

    def write(self, path: Path) -> None:
        """Write the file."""
        with atomic_write(path) as file:
            file.write(self.render().encode())

    def _model(self) -> dict[str, Any]:
        model = merged(self.model, dict(decode_head=dict(num_classes=len(self.classes))))
        return model if not self.scaled else merged(model, dict(data_preprocessor=dict(size=(self.side, self.side))))

    def _training_set(self, part: TrainingSet) -> str:
        """Return the source of a training set."""
        pipeline = ', pipeline=train_pipeline' if self.scaled else ''
        if self.load_masks and part.masks:
            pipeline = f', pipeline={LOAD_MASKS if self.scaled else LOAD_MASKS.replace("train", "_base_.train")}'
        single = len(self.parts) == 1
        base = '' if single and not part.rare else '_base_.train_dataloader.dataset, '
        text = f'dict({base}**images, {_files(part.table, part.masks)}{pipeline})'
        if part.rare:
            new = "_delete_=True, type='ClassBalancedDataset'" if single else "type='ClassBalancedDataset'"
            text = f'dict({new}, oversample_thr={part.rare}, dataset={text})'
        if single or part.repeats == 1:
            return text
        return f"dict(type='RepeatDataset', times={part.repeats}, dataset={text})"


def _files(table: str, masks: str | None = None) -> str:
    folder = masks if masks == 'masks' else code(masks)
    return f"data_prefix=dict(img_path='', seg_map_path={folder}), label_file='{PROJECT}/data/{table}.jsonl'"


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
        trained = dict(frozen=False, frozen_stages=-1)
        return dict(backbone=backbone | {key: value for key, value in trained.items() if key in backbone})
    differing = {key: value for key, value in weights.backbone.items() if inner.get(key) != value}
    backbone = dict(differing, init_cfg=dict(type='Pretrained', checkpoint=str(Path(weights.file).absolute())))
    settings = dict(backbone=dict(backbone=backbone, cache_dir=f'{PROJECT}/cache') if cached else backbone)
    scaling = {key: list(value) for key, value in (('mean', weights.mean), ('std', weights.std))}
    if any(list(base['data_preprocessor'][key]) != value for key, value in scaling.items()):
        settings['data_preprocessor'] = scaling
    return settings


def same_image_head(segmentor: Mapping[str, Any], classifier: Mapping[str, Any]) -> bool:
    """Tell whether the auxiliary head of a segmentor on frozen features can have the weights of a classifier's head."""
    head, other = segmentor.get('auxiliary_head') or {}, classifier['decode_head']
    settings = ('type', 'in_channels', 'hidden_channels', 'kernel_size', 'aggregator', 'background')
    return segmentor['backbone'].get('frozen', False) and all(head.get(key) == other.get(key) for key in settings)


def frozen_parts(names: Sequence[str]) -> dict[str, Any]:
    """Return the settings of an optimizer that does not train these parts of a model."""
    return dict(paramwise_cfg=dict(custom_keys={name: dict(lr_mult=0.0) for name in names}))


def label_scales(base: Mapping[str, Any]) -> tuple[float, ...]:
    """Return the scales of the test-time augmentation of a config, relative to its image size."""
    sizes = base['tta_pipeline'][-1]['transforms'][0]
    return tuple(size['scale'][0] / base['model']['data_preprocessor']['size'][0] for size in sizes)


def workers() -> int:
    """Return the number of processes that read images."""
    return max(1, min(8, available_cores() - 1))
