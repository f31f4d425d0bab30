"""Superpixels of tagged images as instances of bags, with their zoom-out features; kept on disk."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.utils import track_iter_progress
from torch.utils.data import Subset

from mmwsl.apis.checkpoint import weights_only_loading
from mmwsl.apis.launch import build_runner
from mmwsl.apis.registered import is_mask_loader, without
from mmwsl.datasets.transforms.formatting import multi_hot_labels
from mmwsl.registry import DATASETS
from mmwsl.utils.files import atomic_write


def collect_instances(
    cfg: Config,
    checkpoint: str,
    cache_dir: str | Path,
    per_image: int = 20,
    every: int = 1,
    seed: int = 0,
    trust_checkpoint: bool = False,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, Sequence[str]]:
    """Describe superpixels of the training images by the zoom-out features of a trained classifier.

    The images and tags are those of the config's training set, the pipeline is that of its test set without
    the steps that load masks: no mask is opened. Of each image ``per_image`` superpixels are drawn by area, as
    pixels are what counts, and stored in half precision under ``cache_dir``, one file an image. A run that was
    stopped goes on where it was; another network, pipeline or draw makes new files.

    Args:
        cfg (Config): The config, with ``model.zoom_out``; changed in place.
        checkpoint (str): The classifier, a file or an address.
        cache_dir (str | Path): Folder of the files; it may be deleted at any time.
        per_image (int): How many superpixels to draw from an image; of fewer all are taken. Defaults to 20.
        every (int): Use every so many-th image of the list. Defaults to 1.
        seed (int): Of the draw. Defaults to 0.
        trust_checkpoint (bool): Whether to load a checkpoint that can run code. Defaults to False.

    Returns:
        tuple: ``features (n, D)`` float32, ``bags (n,)``, the number of the image of each row, and ``tags (B, K)``,
            1 present, 0 absent, -1 unknown, and the names of the K classes.

    Raises:
        ValueError: If a number is less than 1, the config computes no zoom-out features, or the training set has no
            tags.
    """
    for name, value in dict(per_image=per_image, every=every).items():
        if value < 1:
            raise ValueError(f'`{name}` must be at least 1, got {value}')
    if not cfg.model.get('zoom_out'):
        raise ValueError(
            'the config computes no zoom-out features: give its model `zoom_out=dict(layers=[...])`, as '
            'configs/wsl_zof_gbp_voc6.py does'
        )
    # The step that uses what is about to be fitted is among them, and features need no saliency.
    cfg.model.postprocessors = cfg.model.saliency = None
    pipeline = without(cfg.test_dataloader.dataset.pipeline, is_mask_loader)
    with weights_only_loading(cfg, trust_checkpoint):
        runner = build_runner(cfg)
        runner.load_checkpoint(checkpoint, map_location='cpu')
    model = runner.model.eval()
    dataset = DATASETS.build(dict(cfg.train_dataloader.dataset, pipeline=pipeline, test_mode=True))
    dataset.get_subset_(list(range(0, len(dataset), every)))
    infos = [dataset.get_data_info(index) for index in range(len(dataset))]
    if any('img_label' not in info for info in infos):
        raise ValueError('the training set of the config has no tags: give it a `label_file`')
    digest = hashlib.blake2b(f'{cfg.model}{pipeline}{per_image},{every},{seed}'.encode(), digest_size=10)
    for name, value in model.state_dict().items():
        digest.update(name.encode() + value.cpu().numpy().tobytes())
    folder = Path(cache_dir, digest.hexdigest())
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / hashlib.blake2b(info['img_path'].encode(), digest_size=20).hexdigest() for info in infos]
    paths = [path.with_suffix('.npy') for path in paths]
    missing = [index for index, path in enumerate(paths) if not path.exists()]
    if missing:
        loader = dict(cfg.test_dataloader, dataset=Subset(dataset, missing))
        loader['sampler'] = dict(type='DefaultSampler', shuffle=False)
        batches = runner.build_dataloader(loader, seed=seed)
        position = 0
        for batch in track_iter_progress((iter(batches), len(batches))):
            with torch.no_grad():
                samples = model.test_step(batch)
            for sample in samples:
                index = missing[position]
                sizes = sample.superpixels.data.unique(return_counts=True)[1].cpu().numpy()
                with atomic_write(paths[index]) as file:
                    np.save(file, _draw(sample.superpixel_features, sizes, per_image, (seed, index)))
                position += 1
    instances = [np.load(path) for path in paths]
    tags = np.stack([multi_hot_labels(info['img_label'], info['unknown_label'], info['num_classes']) for info in infos])
    bags = np.repeat(np.arange(len(instances)), [len(part) for part in instances])
    return np.concatenate(instances).astype(np.float32), bags, tags, dataset.metainfo['classes']


def _draw(features: torch.Tensor, sizes: np.ndarray, count: int, seed: tuple[int, int]) -> np.ndarray:
    """Take ``count`` rows, drawn by size without replacement."""
    rows = features.half().cpu().numpy()
    if len(rows) <= count:
        return rows
    chosen = np.random.default_rng(seed).choice(len(rows), count, replace=False, p=sizes / sizes.sum())
    return rows[np.sort(chosen)]
