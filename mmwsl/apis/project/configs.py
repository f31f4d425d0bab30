"""Configs of a project: ordinary config files that a user may extend."""

import os
import pprint
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmwsl.apis.config import CONFIGS_VARIABLE, config_folder
from mmwsl.apis.weights import BackboneWeights
from mmwsl.utils.files import atomic_write

from .data_check import DataCheck
from .plan import image_side

CLASSIFIERS = {
    name: f'folder/wsl_lse_{file}_folder.py'
    for name, file in (
        ('mobilenet_v2', 'mobilenet-v2'),
        ('efficientnet_lite0', 'efficientnet-lite0'),
        ('resnet50', 'resnet50'),
    )
}
SEGMENTORS = {name: path.replace('wsl_lse', 'psl_deeplabv3plus') for name, path in CLASSIFIERS.items()}
FOLDER = '{{ fileDirname }}'
"""The project folder, replaced when the config is read."""
HEADER = {
    'project': 'Trains on image-level labels. Made by `mmwsl run`, an ordinary config: inherit from it, or train it.',
    'segmentor': 'Trains a segmentor on the pseudo-labels of project.py. Made by `mmwsl run`, an ordinary config.',
}


def write_config(path: Path, base: str, settings: Mapping[str, Any]) -> None:
    """Write a config that inherits from one of mmwsl's.

    Args:
        path: The file.
        base: Path of the base in :func:`mmwsl.apis.config.config_folder`.
        settings: Settings that differ from the base. A string that starts with ``{{ fileDirname }}`` is a path in the
            project folder.
    """
    lines = [
        f'# {HEADER[path.stem.removesuffix("_trial")]}',
        f"_base_ = ['{{{{${CONFIGS_VARIABLE}:{config_folder().as_posix()}}}}}/{base}']",
    ]
    for name, value in settings.items():
        text = pprint.pformat(value, width=110 - len(name), compact=True, sort_dicts=False)
        lines.append(f'{name} = {text}'.replace('\n', '\n' + ' ' * (len(name) + 3)))
    with atomic_write(path) as file:
        file.write('\n'.join([*lines, '']).encode())


def dataset_settings(check: DataCheck, part: str, masks: str | None = None) -> dict[str, Any]:
    """Return the settings of a dataset of a project.

    Args:
        check: The data.
        part: Name of the table of image-level labels in ``data/``, which also lists the images.
        masks: Folder of masks; None without.
    """
    return dict(
        data_root=str(check.folder),
        data_prefix=dict(img_path='', seg_map_path=masks),
        label_file=f'{FOLDER}/data/{part}.jsonl',
        metainfo=dict(classes=list(check.classes)),
    )


def classifier_settings(check: DataCheck, model: dict[str, Any], batch: int, seed: int) -> dict[str, Any]:
    """Return the settings of the training on image-level labels, without its length."""
    if 'backbone' in model.get('backbone', {}):
        model['backbone']['cache_dir'] = f'{FOLDER}/cache'
    settings = training_settings(check, model, batch, seed, dataset_settings(check, 'train'))
    return dict(settings, val_dataloader=settings['test_dataloader'])


def mask_settings(check: DataCheck, base: Mapping[str, Any], masks: str | None, count: int, total: int) -> dict:
    """Return the settings of the training set of a segmentor: pseudo-labels, ground-truth masks, or both.

    Args:
        check: The data.
        base: The training set of the base, which is repeated if there are both.
        masks: Folder of ground-truth masks.
        count: Number of training images that have a ground-truth mask.
        total: Number of training images.
    """
    pseudo = dataset_settings(check, 'train_pseudo', f'{FOLDER}/labels/masks')
    if masks is None or not count:
        return pseudo
    own = dataset_settings(check, 'train_masks', str(Path(masks).absolute()))
    if count == total:
        return own
    return dict(_delete_=True, type='ConcatDataset', datasets=[dict(base, **part) for part in (own, pseudo)])


def training_settings(
    check: DataCheck, model: dict[str, Any], batch: int, seed: int, train: dict[str, Any]
) -> dict[str, Any]:
    """Return the settings of a training, without its length; ``train`` are those of its dataset."""
    model['decode_head'] = dict(num_classes=len(check.classes))
    processes = dict(num_workers=workers(), persistent_workers=False)
    val = dict(processes, dataset=dataset_settings(check, 'val'))
    return dict(
        model=model,
        train_dataloader=dict(processes, batch_size=batch, dataset=train),
        test_dataloader=val,
        randomness=dict(seed=seed),
    )


def backbone_settings(base: Mapping[str, Any], weights: BackboneWeights | None) -> dict[str, Any]:
    """Return the settings of a model for the weights of its backbone; None trains it from random weights."""
    cached = 'backbone' in base['backbone']
    inner = base['backbone']['backbone'] if cached else base['backbone']
    settings: dict[str, Any] = {}
    if weights is None:
        # A frozen random backbone has no useful features: all layers train, and nothing can be cached.
        backbone = dict(inner, _delete_=True, init_cfg=None)
        if 'frozen' in backbone:
            backbone['frozen'] = False
        return dict(backbone=backbone)
    differing = {key: value for key, value in weights.backbone.items() if inner.get(key) != value}
    backbone = dict(differing, init_cfg=dict(type='Pretrained', checkpoint=str(weights.file)))
    settings['backbone'] = dict(backbone=backbone) if cached else backbone
    scaling = {key: list(value) for key, value in (('mean', weights.mean), ('std', weights.std))}
    if any(list(base['data_preprocessor'][key]) != value for key, value in scaling.items()):
        settings['data_preprocessor'] = scaling
    return settings


def scaled_settings(base: Config, sides: Sequence[int]) -> dict[str, Any]:
    """Return the settings that scale images to another size than the base, empty if it is the same."""
    before = int(base.model.data_preprocessor.size[0])
    side = image_side(sides, before)
    if side == before:
        return {}
    settings: dict[str, Any] = dict(
        tta_pipeline=_scaled(base.tta_pipeline, before, side), model=dict(data_preprocessor=dict(size=(side, side)))
    )
    for part in ('train_dataloader', 'test_dataloader'):
        settings[part] = dict(dataset=dict(pipeline=_scaled(base[part].dataset.pipeline, before, side)))
    if base.val_dataloader:
        settings['val_dataloader'] = settings['test_dataloader']
    return dict(settings, test_pipeline=settings['test_dataloader']['dataset']['pipeline'])


def _scaled(value: Any, before: int, side: int) -> Any:
    """Scale the sizes in a pipeline."""
    if isinstance(value, dict):
        return {
            key: tuple(round(length * side / before) for length in entry)
            if key in ('scale', 'crop_size')
            else _scaled(entry, before, side)
            for key, entry in value.items()
        }
    return [_scaled(entry, before, side) for entry in value] if isinstance(value, list | tuple) else value


def merged(*settings: Mapping[str, Any]) -> dict[str, Any]:
    """Merge nested settings; later values win, and replace the whole setting with ``_delete_``."""
    result: dict[str, Any] = {}
    for part in settings:
        for key, value in part.items():
            both = isinstance(value, Mapping) and isinstance(result.get(key), Mapping) and '_delete_' not in value
            result[key] = merged(result[key], value) if both else value
    return result


def workers() -> int:
    """Return the number of processes that read images."""
    return max(1, min(8, (os.cpu_count() or 1) - 1))
