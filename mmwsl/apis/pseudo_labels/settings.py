"""Settings of a generation of pseudo-labels, read once from the config and the arguments."""

import os
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

from mmengine.config import Config, ConfigDict
from mmengine.fileio import join_path
from mmengine.registry import init_default_scope

from mmwsl.apis.checkpoint import identify_checkpoint
from mmwsl.apis.config_parts import check_parts
from mmwsl.apis.registered import is_mask_loader, is_subclass, select, without
from mmwsl.apis.supervision import labels_tuned_on
from mmwsl.apis.testing import use_test_time_augmentation
from mmwsl.apis.training_free import check_has_weights, digest_model_folders
from mmwsl.models import WeakEncoderDecoder
from mmwsl.registry import MODELS
from mmwsl.utils.nested import digest_files

from .store import MIN_SCORE

MASK_KEYS = ('seg_map_suffix', 'seg_map_classes', 'reduce_zero_label', 'ignore_index')
"""Arguments of a dataset that describe its mask files."""


@dataclass(frozen=True)
class Settings:
    """Inputs and outputs of a generation of pseudo-labels.

    Attributes:
        cfg: Config of the runner that predicts the scores.
        checkpoint: File or URL of the weights; None for a model that is not trained.
        folder: Output folder.
        dataset: Config of the images, whose masks are the pseudo-labels; its pipeline opens no mask.
        gt_masks: Folder of the ground-truth masks for the report; None if there are none.
        ground_truth: Config of the same images with these masks.
        use_image_labels: Whether the image-level labels restrict the predictions.
        min_score: See :func:`.store.compress_scores`.
        options: What determines the scores, for the manifest.
        labels_tuned_on: See :func:`mmwsl.apis.supervision.labels_tuned_on`.
    """

    cfg: Config
    checkpoint: str | None
    folder: Path
    dataset: ConfigDict
    gt_masks: str | None
    ground_truth: ConfigDict | None
    use_image_labels: bool
    min_score: float
    options: dict
    labels_tuned_on: str

    @property
    def processes(self) -> int:
        """Number of processes that write masks and measure them."""
        return self.cfg.test_dataloader.get('num_workers', 0)


def read_settings(
    cfg: Config,
    checkpoint: str | None,
    folder: Path,
    *,
    split: str = 'train',
    ann_file: str | None = None,
    max_images: int | None = None,
    use_image_labels: bool | None = None,
    tta: bool = False,
    min_score: float = MIN_SCORE,
    gt_masks: str | None = None,
) -> Settings:
    """Read the settings from a config, which is not changed.

    See :func:`.generate.generate_pseudo_labels` for the arguments.

    Raises:
        FileNotFoundError: If the checkpoint does not exist.
        TypeError: If the model does not predict scores in [0, 1].
        ValueError: If the dataset cannot have pseudo-labels, or an argument does not fit the config.
    """
    cfg = deepcopy(cfg)
    check_parts(cfg, 'model', 'test_dataloader', f'{split}_dataloader')
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    test_set = cfg.test_dataloader.dataset.copy()
    if gt_masks == '':
        gt_masks = (test_set.get('data_prefix') or {}).get('seg_map_path', '')
        if gt_masks is None:
            raise ValueError(
                '--gt-masks: `test_dataloader.dataset.data_prefix.seg_map_path` must name a folder, got None. Pass '
                '--gt-masks FOLDER.'
            )
    if gt_masks and os.path.isfile(join_path(test_set.get('data_root') or '', gt_masks)):
        raise ValueError(f'--gt-masks must be a folder of masks, got the file {gt_masks!r}. Pass its folder.')
    model = cfg.model
    if not is_subclass(model, MODELS, WeakEncoderDecoder):
        raise TypeError(
            f"`model.type` must be 'mmwsl.WeakEncoderDecoder' to generate pseudo-labels, got {model.type!r}. Change it "
            'in the config.'
        )
    check_has_weights(cfg, checkpoint)
    use_image_labels = split == 'train' if use_image_labels is None else use_image_labels
    set_image_labels(model, use_image_labels)
    if tta:
        use_test_time_augmentation(cfg)
    dataset = image_dataset(cfg, folder, split, ann_file, max_images)
    cfg.test_dataloader.dataset = dataset
    described = describe_dataset(dataset)
    hooks = cfg.get('custom_hooks')
    options = dict(
        split=split,
        use_image_labels=use_image_labels,
        tta=tta,
        min_score=min_score,
        model=deepcopy(model),
        dataset=described,
        files=digest_files([model, hooks, {**described, 'label_file': None}]),
        checkpoint=digest_model_folders(model) if checkpoint is None else identify_checkpoint(checkpoint),
        test_cfg=cfg.get('test_cfg'),
        custom_hooks=hooks,
    )
    return Settings(
        cfg=cfg,
        checkpoint=checkpoint,
        folder=folder,
        dataset=dataset,
        gt_masks=gt_masks,
        ground_truth=None if gt_masks is None else ground_truth_dataset(dataset, test_set, gt_masks),
        use_image_labels=use_image_labels,
        min_score=min_score,
        options=options,
        labels_tuned_on=labels_tuned_on(cfg),
    )


def set_image_labels(model: ConfigDict, use_image_labels: bool) -> None:
    """Switch the known image-level labels of a model's inference on, if they are off, or off."""
    inference = model.get('inference') or {}
    if bool(inference.get('image_labels')) != use_image_labels:
        known = dict(type='mmwsl.KnownImageLabels') if use_image_labels else None
        model.inference = dict(inference, image_labels=known)


def image_dataset(
    cfg: Config, folder: Path, split: str = 'train', ann_file: str | None = None, max_images: int | None = None
) -> ConfigDict:
    """Return the config of the dataset to label.

    It has the images and image-level labels of the split, and the pipeline of the test set without the transforms that
    load masks. Its masks are the pseudo-labels.

    Args:
        cfg: The config.
        folder: Output folder.
        split: ``'train'``, ``'val'`` or ``'test'``.
        ann_file: Another list of images.
        max_images: Maximum number of images.

    Raises:
        ValueError: If the split joins several datasets, or its masks are not PNG files.
    """
    where = f'{split}_dataloader.dataset'
    dataset = cfg[f'{split}_dataloader'].dataset
    while 'dataset' in dataset:  # RepeatDataset, ClassBalancedDataset
        dataset = dataset.dataset
    if 'datasets' in dataset:
        raise ValueError(
            f'`{where}` must be one dataset, got {len(dataset.datasets)} that are joined. Keep the one to label, by a '
            'config of its own or --cfg-options.'
        )
    suffix = dataset.get('seg_map_suffix', '.png')
    if not suffix.endswith('.png'):
        raise ValueError(f"`{where}.seg_map_suffix` must end in '.png', got {suffix!r}. Pseudo-labels are PNG files.")
    if max_images is not None and max_images < 1:
        raise ValueError(f'--max-images must be at least 1, got {max_images}.')
    dataset = deepcopy(dataset)
    dataset.update(test_mode=True, pipeline=without(cfg.test_dataloader.dataset.pipeline, is_mask_loader))
    dataset.data_prefix = dict(dataset.get('data_prefix') or {}, seg_map_path=str((folder / 'masks').absolute()))
    if ann_file:
        dataset.ann_file = ann_file
    if max_images:
        dataset.indices = max_images
    return dataset


def ground_truth_dataset(dataset: ConfigDict, test_set: ConfigDict, gt_masks: str) -> ConfigDict:
    """Return the config of the same images with their ground-truth masks.

    Args:
        dataset: Config of the images. What it says about its own masks does not apply to the ground truth.
        test_set: Config of a dataset that says how ground-truth masks are loaded, named and numbered.
        gt_masks: Folder of the masks, relative to ``data_root``.
    """
    described = {key: value for key, value in dataset.items() if key not in MASK_KEYS}
    described |= {key: value for key, value in test_set.items() if key in MASK_KEYS}
    loaders = select(test_set.pipeline, is_mask_loader) or [dict(type='LoadAnnotations')]
    return ConfigDict(described, data_prefix=dict(dataset.data_prefix, seg_map_path=gt_masks), pipeline=loaders)


def describe_dataset(dataset: ConfigDict) -> dict:
    """Describe how a dataset loads an image, for the manifest: its config without the selection of images."""
    prefix = {key: value for key, value in dataset.data_prefix.items() if key != 'seg_map_path'}
    kept = {key: value for key, value in dataset.items() if key not in ('indices', 'ann_file')}
    return dict(kept, data_prefix=prefix)
