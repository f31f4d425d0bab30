"""Supervision of a training, and its annotation time."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config
from mmengine.fileio import join_path
from mmengine.registry import init_default_scope

from mmwsl.apis.registered import is_mask_loader, select
from mmwsl.registry import DATASETS
from mmwsl.utils.files import load_json
from mmwsl.utils.json_shape import check_shape
from mmwsl.utils.nested import dicts_in

MANIFEST = 'manifest.json'
MANIFEST_SHAPE = {
    'options?': {'dataset?': dict},
    'image_labels?': ({str: [int]}, None),
    'image_digests?': ({str: str}, None),
    'masks?': ({'rule': dict, 'complete?': bool}, None),
    'next_rule?': (dict, None),
    'provenance?': (dict, None),
    'digest?': str,
}
"""Shape of the manifests of pseudo-labels and of predictions."""
IMAGE_LABELS, SIZES, PSEUDO_LABELS, MASKS = 'image labels', 'image labels and sizes', 'pseudo-labels', 'masks'
SECONDS = {IMAGE_LABELS: 1.0, SIZES: 2.0, PSEUDO_LABELS: 1.0, MASKS: 79.0}
"""Seconds per label, a class in an image (Bearman et al., ECCV 2016; masks: one COCO object). The second for the size
is an assumption."""


@dataclass(frozen=True)
class Supervision:
    """Labels of a training set.

    Attributes:
        kind: ``'image labels'``, ``'image labels and sizes'``, ``'pseudo-labels'``, ``'masks'``, or several, joined by
            a plus sign.
        images: Number of images with labels.
        labels: Number of pairs of an image and a foreground class in it.
        seconds: Annotation time by ``SECONDS``. Pseudo-labels cost the image-level labels that they were generated
            from.
        tuned_on: See :func:`labels_tuned_on`.
    """

    kind: str
    images: int
    labels: int
    seconds: float
    tuned_on: str = ''


def measure_supervision(cfg: Config) -> Supervision:
    """Measure the supervision that the training set of a config reads.

    Its pipelines and folders determine the kind, not its name. Image-level labels are counted, or the classes in the
    masks if there are none.

    Args:
        cfg: The config.

    Returns:
        The supervision, summed over the parts of a mixed set.

    Raises:
        ValueError: If a set of pseudo-labels has no image-level labels: its masks do not tell what was annotated.
    """
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    kinds, images, labels, seconds = [], 0, 0, 0.0
    for part in training_sets(cfg):
        kind = supervision_kind(part, cfg)
        counts, sizes = count_labels(part, kind)
        kind = SIZES if sizes and kind == IMAGE_LABELS else kind
        kinds.append(kind)
        images += len(counts)
        labels += sum(counts)
        seconds += SECONDS[kind] * sum(counts)
    return Supervision(' + '.join(dict.fromkeys(kinds)), images, labels, seconds, labels_tuned_on(cfg))


def training_sets(cfg: Config) -> list[dict]:
    """Return the datasets that a config trains on."""
    return parts_of((cfg.get('train_dataloader') or {}).get('dataset'))


def parts_of(dataset: Any) -> list[dict]:
    """Return the configs of the datasets in a config, without their wrappers, which may have a pipeline too."""
    return [part for part in dicts_in(dataset) if 'pipeline' in part and not {'dataset', 'datasets'} & part.keys()]


def supervision_kind(dataset: dict, cfg: Config) -> str:
    """Return the kind of supervision of a dataset.

    Masks are pseudo-labels if the folder above theirs has the ``manifest.json`` of ``tools/generate_pseudo_labels.py``,
    or if the config names their folder in ``pseudo_labels``.
    """
    if not select(dataset['pipeline'], is_mask_loader):
        return IMAGE_LABELS
    masks = (dataset.get('data_prefix') or {}).get('seg_map_path') or ''
    named = ((cfg.get('pseudo_labels') or {}).get('data_prefix') or {}).get('seg_map_path')
    if masks and (masks == named or read_manifest(pseudo_label_folder(dataset)) is not None):
        return PSEUDO_LABELS
    return MASKS


def pseudo_label_folder(dataset: dict) -> Path:
    """Return the folder of the manifest if the masks of a dataset are pseudo-labels."""
    masks = dataset['data_prefix']['seg_map_path']
    return Path(join_path(dataset['data_root'], masks) if dataset.get('data_root') else masks).parent


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """Read the manifest of a folder of pseudo-labels; None if it has none."""
    path = folder / MANIFEST
    if not path.is_file():
        return None
    advice = 'Restore it, or delete its folder and repeat the command that made it.'
    content: dict[str, Any] = load_json(path, 'manifest', advice=advice)
    check_shape(content, MANIFEST_SHAPE, path, advice)
    return content


def labels_tuned_on(cfg: Config) -> str:
    """Return the masks on which the pseudo-labels that a config trains on were tuned, by their ``manifest.json``.

    These are the masks that the inference pipeline and the thresholds were tuned on. If the network that generated the
    labels was trained on pseudo-labels itself, the masks of these follow. '' if there are none.
    """
    texts = []
    for part in training_sets(cfg):
        if supervision_kind(part, cfg) == PSEUDO_LABELS:
            folder = pseudo_label_folder(part)
            manifest = read_manifest(folder)
            if manifest is not None:
                provenance, masks = manifest.get('provenance') or {}, manifest.get('masks') or {}
                texts += [provenance.get('labels_tuned_on'), provenance.get('tuned_on')]
                texts.append(masks.get('rule', {}).get('tuned_on'))
            else:
                texts.append(f'unknown, {folder / MANIFEST} does not exist')
    return '; '.join(dict.fromkeys(text for text in texts if text))


def count_labels(dataset: dict, kind: str) -> tuple[list[int], bool]:
    """Count the foreground classes in each image of a dataset; also return whether there are size labels."""
    built = DATASETS.build(dict(dataset, pipeline=[]))  # without mask loaders, so that the masks need not exist
    if len(built) and 'img_label' in built.get_data_info(0):
        keys: set[str] = set()
        counts = []
        for index in range(len(built)):
            info = built.get_data_info(index)
            counts.append(len(info['img_label']))
            keys.update(info)
        return counts, 'large_label' in keys
    if kind != MASKS:
        raise ValueError(
            f'a training set of {kind} must have image-level labels to count, got none. Set the `label_file` of its '
            'dataset.'
        )
    built = DATASETS.build(dict(dataset, pipeline=select(dataset['pipeline'], is_mask_loader)))
    masks = (built[index]['gt_seg_map'] for index in range(len(built)))
    return [len(set(np.unique(mask)) - {0, built.ignore_index}) for mask in masks], False
