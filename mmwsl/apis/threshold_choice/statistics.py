"""Statistics of the stored scores of images, which the rules look at."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import mmcv
import numpy as np

from mmwsl.annotations.score_file import read_codes
from mmwsl.apis.pseudo_labels.items import ImageItem
from mmwsl.apis.pseudo_labels.masks import for_each
from mmwsl.datasets.transforms import ComputeSuperpixels, LoadImageAsBGR
from mmwsl.functional import DEQUANTIZED
from mmwsl.functional.unsupervised_thresholds import exceeding, region_agreement, view_kappa

LONG_SIDE = 256
"""Larger images are reduced to this length of the longer side."""
STEPS = len(DEQUANTIZED)
GRID = np.sin((np.arange(STEPS - 1) + 0.5) * (np.pi / (2 * STEPS - 2))) ** 2
"""Thresholds between adjacent codes of scores, ``(255,)``: a pixel exceeds ``GRID[i]`` if its code exceeds i."""


class Statistics(NamedTuple):
    """Statistics of the masks of each image, one row for each pair of an image and a class.

    Attributes:
        images: Index of the image, ``(n,)``.
        classes: Id of the class, ``(n,)``; 0 is the union of all foreground classes.
        histograms: Fraction of the pixels at each code, among the pixels whose highest-scoring class is the class,
            ``(n, 256)``.
        regions: Agreement of the masks with regions at each threshold of :data:`GRID`, ``(n, 255)``, see
            :func:`mmwsl.functional.unsupervised_thresholds.region_agreement`; empty if not requested.
        views: Cohen's kappa between the masks of two views, ``(n, 255)``; empty if not requested.
    """

    images: np.ndarray
    classes: np.ndarray
    histograms: np.ndarray
    regions: np.ndarray
    views: np.ndarray


def collect_statistics(
    folder: Path,
    items: Sequence[ImageItem],
    num_classes: int,
    regions: bool = False,
    views: Path | None = None,
    processes: int = 0,
) -> Statistics:
    """Collect the statistics of images from their stored scores.

    Args:
        folder: Folder with ``scores/NAME.npz``.
        items: The images.
        num_classes: Number of classes with background, K.
        regions: Whether to compute regions of the images: superpixels of Felzenszwalb & Huttenlocher.
        views: Folder with the scores of an augmented view of the images.
        processes: Number of processes that share the images; 0 or 1 is this process.

    Raises:
        FileNotFoundError: If scores or an image are missing.
        ValueError: If an image cannot be read, or scores have another number of classes or size.
    """
    collect = partial(_collect, folder=folder, num_classes=num_classes, regions=regions, views=views)
    collected: list[Statistics] = for_each(collect, list(enumerate(items)), processes)
    return Statistics(*(np.concatenate(parts) for parts in zip(*collected, strict=True)))


def _collect(
    task: tuple[int, ImageItem], folder: Path, num_classes: int, regions: bool, views: Path | None
) -> Statistics:
    index, item = task
    scores = _read(folder, item, num_classes)
    classes = np.array([k for k in range(1, num_classes) if item.labels is None or k in {*item.labels, *item.unknown}])
    winners, codes = _winners(scores, classes)
    groups = [0, *(k for k in classes if (winners == k).any())]
    maps = np.stack([codes if k == 0 else np.where(winners == k, codes, 0) for k in groups])
    chosen = [codes if k == 0 else codes[winners == k] for k in groups]
    histograms = np.stack([np.bincount(part.ravel(), minlength=STEPS) / part.size for part in chosen])
    empty = np.zeros((len(groups), 0), np.float32)
    agreement = kappa = empty
    if regions:
        superpixels = _superpixels(item, codes.shape, scores.shape[1:])
        sizes = np.bincount(superpixels.ravel())
        agreement = np.stack([region_agreement(_above(part, superpixels), sizes) for part in maps]).astype(np.float32)
    if views is not None:
        other = _read(views, item, num_classes)
        if other.shape != scores.shape:
            raise ValueError(
                f'image {item.name!r}: the scores of the view must have the shape {scores.shape}, got {other.shape}. '
                'Predict the view with the same images.'
            )
        kappa = _agreement_of_views(maps, groups, *_winners(other, classes)).astype(np.float32)
    return Statistics(np.full(len(groups), index), np.array(groups), histograms.astype(np.float32), agreement, kappa)


def _agreement_of_views(maps: np.ndarray, groups: Sequence[int], winners: np.ndarray, codes: np.ndarray) -> np.ndarray:
    others = np.stack([codes if k == 0 else np.where(winners == k, codes, 0) for k in groups])
    first, second, both = (
        np.concatenate([_above(part) for part in stack]) for stack in (maps, others, np.minimum(maps, others))
    )
    return view_kappa(first, second, both, codes.size)


def _above(codes: np.ndarray, groups: np.ndarray | None = None) -> np.ndarray:
    return exceeding(codes, STEPS, groups)[:, :-1]


def _read(folder: Path, item: ImageItem, num_classes: int) -> np.ndarray:
    """Read the codes of an image, ``(K, H, W)``."""
    path = folder / 'scores' / f'{item.name}.npz'
    try:
        scores = read_codes(path)
    except FileNotFoundError as error:
        raise FileNotFoundError(f'{path} does not exist. Generate the scores of all images first.') from error
    if len(scores) != num_classes:
        raise ValueError(
            f'{path}: `codes` must have {num_classes} classes, got {len(scores)}. Pass the classes of the model.'
        )
    return scores


def _winners(scores: np.ndarray, classes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the highest-scoring of the classes and its code in each pixel, at the reduced size."""
    height, width = _reduced(scores.shape[1:])
    present = np.stack([mmcv.imresize(scores[k], (width, height), interpolation='nearest') for k in classes])
    return classes[present.argmax(0)], present.max(0)


def _superpixels(item: ImageItem, size: tuple[int, ...], original: tuple[int, ...]) -> np.ndarray:
    img = LoadImageAsBGR()(dict(img_path=item.img_path))['img']
    if img.shape[:2] != tuple(original):
        raise ValueError(
            f'image {item.img_path!r}: its scores must have its size {img.shape[:2]}, got {tuple(original)}. Generate '
            'the scores again.'
        )
    img = mmcv.imresize(img, (size[1], size[0]), interpolation='area')
    return ComputeSuperpixels('felzenszwalb', scale=200, sigma=0.8, min_size=50)(dict(img=img))['superpixels']


def _reduced(size: tuple[int, ...]) -> tuple[int, int]:
    factor = min(1, LONG_SIDE / max(size))
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))
