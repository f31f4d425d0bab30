"""What a training was told, and what that costs to annotate."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from mmengine.config import Config
from mmengine.fileio import join_path
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS

from mmwsl.apis.registered import is_mask_loader
from mmwsl.utils.nested import dicts_in

TAGS, SIZES, PSEUDO_LABELS, MASKS = 'tags', 'tags and sizes', 'pseudo-labels', 'masks'
SECONDS = {TAGS: 1.0, SIZES: 2.0, PSEUDO_LABELS: 1.0, MASKS: 79.0}
"""Seconds for one label, a class in an image (Bearman et al., ECCV 2016, for an object's mask in COCO). That a size
takes as long as a tag is an assumption."""


@dataclass(frozen=True)
class Supervision:
    """Labels of a training set.

    Attributes:
        kind: ``'tags'``, ``'tags and sizes'``, ``'pseudo-labels'``, ``'masks'``, or several, joined by `` + ``.
        images: Images with labels.
        labels: Pairs of an image and a foreground class in it.
        seconds: Time to annotate: 1 s for a tag, 2 s with its size, 79 s for a mask. Pseudo-labels cost the tags
            that they came from.
        tuned_on: See :func:`labels_tuned_on`.
    """

    kind: str
    images: int
    labels: int
    seconds: float
    tuned_on: str = ''


def measure_supervision(cfg: Config) -> Supervision:
    """Look at what the training set of a config reads.

    Its pipelines and folders tell the kind, not its name. Labels are counted in the tags of the dataset, or in its
    masks where it has no tags.

    Args:
        cfg: The config.

    Returns:
        The supervision, summed over the parts of a mixed set.

    Raises:
        ValueError: If a set of pseudo-labels has no tags: its masks do not tell what was annotated.
    """
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    kinds, images, labels, seconds = [], 0, 0, 0.0
    for part in training_sets(cfg):
        kind = kind_of(part, cfg)
        counts, sizes = count_labels(part, kind)
        kind = SIZES if sizes and kind == TAGS else kind
        kinds.append(kind)
        images += len(counts)
        labels += sum(counts)
        seconds += SECONDS[kind] * sum(counts)
    return Supervision(' + '.join(dict.fromkeys(kinds)), images, labels, seconds, labels_tuned_on(cfg))


def training_sets(cfg: Config) -> list[dict]:
    """Return the datasets that a config trains on, out of their wrappers, which may have a pipeline too."""
    loader = cfg.get('train_dataloader') or {}
    return [
        part
        for part in dicts_in(loader.get('dataset'))
        if 'pipeline' in part and not {'dataset', 'datasets'} & part.keys()
    ]


def kind_of(dataset: dict, cfg: Config) -> str:
    """Tell the supervision of a dataset.

    Masks are pseudo-labels if their folder has the ``manifest.json`` of ``tools/generate_pseudo_labels.py`` above it,
    or is the one that the config names in ``pseudo_labels``.
    """
    if not any(is_mask_loader(step) for step in dataset['pipeline']):
        return TAGS
    masks = (dataset.get('data_prefix') or {}).get('seg_map_path') or ''
    named = ((cfg.get('pseudo_labels') or {}).get('data_prefix') or {}).get('seg_map_path')
    if masks and (masks == named or (label_folder(dataset) / 'manifest.json').is_file()):
        return PSEUDO_LABELS
    return MASKS


def label_folder(dataset: dict) -> Path:
    """Return the folder above that of the masks."""
    masks = dataset['data_prefix']['seg_map_path']
    return Path(join_path(dataset['data_root'], masks) if dataset.get('data_root') else masks).parent


def labels_tuned_on(cfg: Config) -> str:
    """Say which masks the pseudo-labels that a config trains on owe their numbers to, by their ``manifest.json``.

    These are the masks of the chain, those of the thresholds, and, where a network that made the labels had learned
    from others itself, theirs. '' if there are none.
    """
    texts = []
    for part in training_sets(cfg):
        if kind_of(part, cfg) == PSEUDO_LABELS:
            path = label_folder(part) / 'manifest.json'
            if path.is_file():
                manifest = json.loads(path.read_text())
                provenance, masks = manifest.get('provenance', {}), manifest.get('masks', {})
                texts += [
                    provenance.get('labels_tuned_on'),
                    provenance.get('tuned_on'),
                    masks.get('rule', {}).get('tuned_on'),
                ]
            else:
                texts.append(f'unknown, {path} is not there')
    return '; '.join(dict.fromkeys(text for text in texts if text))


def count_labels(dataset: dict, kind: str) -> tuple[list[int], bool]:
    """Count the foreground classes in each image of a dataset, and tell whether sizes are tagged."""
    loaders = [step for step in dataset['pipeline'] if is_mask_loader(step)]
    built = DATASETS.build(dict(dataset, pipeline=[]))  # masks that are not opened need not be there
    infos = [built.get_data_info(index) for index in range(len(built))]
    if infos and 'img_label' in infos[0]:
        return [len(info['img_label']) for info in infos], any('large_label' in info for info in infos)
    if kind != MASKS:
        raise ValueError(
            f'a training set of {kind} has no tags to count: give its dataset the `label_file` that the '
            f'{kind} came from.'
        )
    built = DATASETS.build(dict(dataset, pipeline=loaders))
    masks = (built[index]['gt_seg_map'] for index in range(len(built)))
    return [len(set(np.unique(mask)) - {0, built.ignore_index}) for mask in masks], False
