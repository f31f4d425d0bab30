"""Superpixels of labeled images as instances of bags, with their zoom-out features, cached on disk."""

import hashlib
import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmengine.utils import track_iter_progress
from torch.utils.data import Subset

import mmwsl
from mmwsl.apis.checkpoint import weights_only_loading
from mmwsl.apis.launch import build_runner
from mmwsl.apis.registered import is_mask_loader, is_subclass, without
from mmwsl.datasets.transforms.formatting import multi_hot_labels
from mmwsl.engine.runner import discarded_if_rejected
from mmwsl.inference import ZoomOutMaps
from mmwsl.registry import CLASS_MAPS, DATASETS
from mmwsl.utils.arrays import load_npy
from mmwsl.utils.file_cache import HASHED, FileCache
from mmwsl.utils.files import atomic_write
from mmwsl.utils.nested import dicts_in, digest_files

HEADER = 128
"""Bytes of a file beside the features."""


class Instances(NamedTuple):
    """Superpixels of a set of images.

    Attributes:
        features: Zoom-out features of each superpixel, ``(n, D)`` float32.
        bags: Index of its image, ``(n,)``.
        labels: Image-level labels of each image, 1 present, 0 absent, -1 unknown, ``(B, K)``.
        classes: Names of the K classes.
    """

    features: np.ndarray
    bags: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]


def collect_instances(
    cfg: Config,
    checkpoint: str,
    cache_dir: str | Path,
    per_image: int = 20,
    every: int = 1,
    seed: int = 0,
    trust_checkpoint: bool = False,
    max_size: int | str = '20GB',
) -> Instances:
    """Compute zoom-out features of superpixels of the training images with a trained network.

    The images and image-level labels are from the training set. The pipeline is the one of the test set, without the
    transforms that load masks. From each image ``per_image`` superpixels are sampled in proportion to their area, as
    the evaluation counts pixels, and stored in half precision, one file per image. An interrupted run is resumed.
    Another network, image, pipeline, sample or version of mmwsl gets new files.

    Args:
        cfg: The config, whose class maps use :class:`mmwsl.inference.ZoomOutMaps`; changed in place.
        checkpoint: File or URL of the weights.
        cache_dir: Folder of the features; it may be deleted at any time.
        per_image: Number of superpixels to sample from an image; of an image with fewer, all are used.
        every: Use every n-th image of the list.
        seed: Random seed of the sample.
        trust_checkpoint: Whether to load a checkpoint that can run code.
        max_size: Largest size of the folder, see :class:`mmwsl.utils.file_cache.FileCache`.

    Raises:
        ValueError: If ``per_image`` or ``every`` is less than 1, the config has no zoom-out features, or the training
            set has no image-level labels.
    """
    for name, value in dict(per_image=per_image, every=every).items():
        if value < 1:
            raise ValueError(f'`{name}` must be at least 1, got {value}.')
    use_features_only(cfg)
    pipeline = without(cfg.test_dataloader.dataset.pipeline, is_mask_loader)
    cfg.load_from = checkpoint
    with weights_only_loading(cfg, trust_checkpoint):
        runner = build_runner(cfg)
        with discarded_if_rejected(runner):
            runner.load_checkpoint(checkpoint, map_location='cpu')
    dataset = DATASETS.build(dict(cfg.train_dataloader.dataset, pipeline=pipeline, test_mode=True))
    dataset.get_subset_(list(range(0, len(dataset), every)))
    infos = [dataset.get_data_info(index) for index in range(len(dataset))]
    if any('img_label' not in info for info in infos):
        raise ValueError('`train_dataloader.dataset` must have image-level labels, got none. Set its `label_file`.')
    settings = [cfg.model, pipeline, dict(cfg.train_dataloader.dataset, pipeline=[])]
    version = f'{mmwsl.__version__}{settings}{digest_files(settings[:2])}{per_image},{seed}'
    network = hashlib.blake2b(version.encode(), digest_size=32)
    for name, tensor in runner.model.state_dict().items():
        network.update(name.encode() + tensor.cpu().numpy().tobytes())
    paths = [Path(cache_dir, _entry(index, info, network.digest())) for index, info in enumerate(infos)]
    parts = read_features(runner, dataset, paths, per_image, seed, FileCache(cache_dir, max_size, own=HASHED))
    labels = [multi_hot_labels(info['img_label'], info['unknown_label'], info['num_classes']) for info in infos]
    bags = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    return Instances(
        np.concatenate(parts).astype(np.float32), bags, np.stack(labels), tuple(dataset.metainfo['classes'])
    )


def use_features_only(cfg: Config) -> None:
    """Reduce the inference of a config to its zoom-out features, without the SVMs that are not fitted yet.

    Raises:
        ValueError: If the class maps do not use zoom-out features.
    """
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    inference = cfg.model.get('inference') or {}
    maps = [part for part in dicts_in(inference.get('class_maps')) if is_subclass(part, CLASS_MAPS, ZoomOutMaps)]
    if not maps:
        raise ValueError(
            '`model.inference.class_maps` must use zoom-out features, got '
            f"{inference.get('class_maps')}. Set it to dict(type='mmwsl.ZoomOutMaps', layers=[...]), as "
            'configs/saliency/wsl_zof_gbp_voc6.py does.'
        )
    cfg.model.inference = dict(scorer=inference.get('scorer'), class_maps=dict(maps[0], svm=None))


def _entry(index: int, info: dict, network: bytes) -> str:
    """Return the path of the features of an image in the cache, a hash of what they depend on."""
    path = info['img_path']
    status = os.stat(path) if os.path.isfile(path) else None
    content = [index, path] + ([status.st_size, status.st_mtime_ns] if status else [])
    name = hashlib.blake2b(str(content).encode(), key=network, digest_size=20).hexdigest()
    return f'{name[:2]}/{name}.npy'


@torch.no_grad()
def read_features(
    runner: Runner, dataset: BaseDataset, paths: list[Path], per_image: int, seed: int, cache: FileCache
) -> list[np.ndarray]:
    """Read the features of each image from the cache, or compute and write those that are missing or damaged.

    Args:
        runner: Runner with the trained network.
        dataset: The images.
        paths: File of each image.
        per_image: Number of superpixels to sample from an image.
        seed: Random seed of the sample.
        cache: The folder of the files.
    """
    parts = [_read(path, cache) for path in paths]
    missing = [index for index, part in enumerate(parts) if part is None]
    if not missing:
        return parts
    model = runner.model.eval()
    loader = dict(runner.cfg.test_dataloader, dataset=Subset(dataset, missing))
    loader['sampler'] = dict(type='DefaultSampler', shuffle=False)
    batches = runner.build_dataloader(loader, seed=seed)
    remaining = iter(missing)
    for batch in track_iter_progress((iter(batches), len(batches))):
        data = model.data_preprocessor(batch)
        for sample, features in zip(
            data['data_samples'], model.pipeline.class_maps.features(model, **data), strict=True
        ):
            index = next(remaining)
            areas = sample.superpixels.data.unique(return_counts=True)[1].cpu().numpy()
            part = _sample(features.half().cpu().numpy(), areas, per_image, (seed, index))
            parts[index] = part
            if cache.reserve(part.nbytes + HEADER):
                with atomic_write(paths[index]) as file:
                    np.save(file, part)
    return parts


def _read(path: Path, cache: FileCache) -> Any:
    """Return the features of a file, or None."""
    try:
        part = load_npy(path)
    except (OSError, ValueError):
        return None
    cache.touch(path)
    return part if part.ndim == 2 else None


def _sample(rows: np.ndarray, areas: np.ndarray, count: int, seed: tuple[int, int]) -> np.ndarray:
    """Sample ``count`` rows in proportion to their areas, without replacement."""
    if len(rows) <= count:
        return rows
    chosen = np.random.default_rng(seed).choice(len(rows), count, replace=False, p=areas / areas.sum())
    return rows[np.sort(chosen)]
