"""A trained model: its config and checkpoint, by project folder, config file or name."""

from copy import deepcopy
from os import PathLike
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.models.segmentors import SegTTAModel

from mmwsl.apis.checkpoint_fit import check_classes
from mmwsl.apis.config import get_config
from mmwsl.apis.config_check import merge_options
from mmwsl.apis.config_parts import check_parts
from mmwsl.apis.project import Project
from mmwsl.apis.pseudo_labels.settings import set_image_labels
from mmwsl.apis.registered import is_subclass, registered_class
from mmwsl.apis.testing import use_test_time_augmentation
from mmwsl.models import WeakEncoderDecoder
from mmwsl.registry import DATASETS, MODELS
from mmwsl.utils.text import shorten


def find_model(
    model: str | PathLike | Config,
    weights: str | PathLike | None = None,
    options: dict | None = None,
    tta: bool = False,
) -> tuple[Config, str]:
    """Read the config of a trained model, and find its checkpoint.

    The config is changed to predict images without labels: known image-level labels are not used.

    Args:
        model: Folder of a project, path of a config file, name of one of mmwsl's configs, or a config.
        weights: File or URL of the checkpoint. A project has its own.
        options: Settings that override the config, keys in ``a.b`` form.
        tta: Predict the views of ``tta_pipeline``, merged by ``tta_model``.

    Raises:
        FileNotFoundError: If there is no such project or config, or the project has no trained network.
        ValueError: If a config has no ``weights``, it has no views for ``tta``, or an argument is of another type.
    """
    if not isinstance(model, str | PathLike | Config) or not str(model):
        raise ValueError(
            f'`model` must be a folder of a project, a config file, the name of a config, or a Config, got '
            f'{shorten(model)}.'
        )
    if isinstance(model, Config):
        cfg = deepcopy(model)
    elif Path(model).is_dir():
        config, checkpoint = Project(Path(model)).model()
        cfg, weights = get_config(config), weights or checkpoint
    else:
        cfg = get_config(Path(model))
    if not weights:
        raise ValueError(
            '`weights` must be the checkpoint of the config, got None. Pass a .pth file, or the folder of a project.'
        )
    if not isinstance(weights, str | PathLike):
        raise ValueError(f'`weights` must be a file or URL of a checkpoint, got {shorten(weights)}.')
    merge_options(cfg, options)
    check_parts(cfg, 'model', 'test_dataloader')
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    if is_subclass(cfg.model, MODELS, WeakEncoderDecoder):
        set_image_labels(cfg.model, False)
    if 'data_preprocessor' in cfg:
        cfg.model.setdefault('data_preprocessor', cfg.data_preprocessor)  # as the runner does
    if tta:
        if registered_class(cfg.get('tta_model') or {}, MODELS) is SegTTAModel:
            cfg.tta_model.type = 'mmwsl.ScoredSegTTAModel'
        use_test_time_augmentation(cfg)
    return cfg, str(weights)


def find_dataset_meta(cfg: Config, recorded: dict[str, Any] | None, num_classes: int | None = None) -> dict[str, Any]:
    """Return the names and colors of the classes: those of the config's test set, else those of the checkpoint.

    Args:
        cfg: The config.
        recorded: ``dataset_meta`` of the checkpoint.
        num_classes: Number of classes of the model, if known.

    Returns:
        ``classes`` and ``palette``.

    Raises:
        ValueError: If neither names the classes, both do and differ, or the number of names is not ``num_classes``.
    """
    dataset = cfg.test_dataloader.dataset
    while 'dataset' in dataset or 'datasets' in dataset:
        dataset = dataset.dataset if 'dataset' in dataset else dataset.datasets[0]
    known = recorded or {}
    kind: Any = registered_class(dataset, DATASETS)
    if kind._load_metainfo(dataset.get('metainfo')).get('classes'):
        built = DATASETS.build(dict(dataset, pipeline=[], test_mode=True, lazy_init=True))
        meta = dict(classes=list(built.metainfo['classes']), palette=built.metainfo['palette'])
        if known.get('classes'):
            key = 'test_dataloader.dataset.metainfo.classes'
            check_classes(known['classes'], meta['classes'], key, 'Correct the config, or pass `classes`.')
    elif known.get('classes'):
        meta = dict(classes=list(known['classes']), palette=known.get('palette') or kind.METAINFO.get('palette'))
    else:
        raise ValueError(
            '`test_dataloader.dataset.metainfo.classes` must name the classes, got None, and the checkpoint has no '
            'names. Set it in the config, or pass `classes`.'
        )
    if num_classes is not None and len(meta['classes']) != num_classes:
        raise ValueError(
            f'`classes` must be one name for each of the {num_classes} classes of the model, got {meta["classes"]}. '
            'Correct the config.'
        )
    return meta
