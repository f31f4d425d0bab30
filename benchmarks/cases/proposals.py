"""Proposals without a trained model, and objectness from proposals, on an image of 500 x 375."""

from collections.abc import Callable

import cv2
import numpy as np
from harness import Case
from skimage import data
from skimage.segmentation import felzenszwalb

from mmwsl.annotations.rle import mask_runs, segmentation_runs
from mmwsl.datasets.proposals import RegionTree, SelectiveSearch
from mmwsl.datasets.transforms import ComputeObjectness
from mmwsl.functional import box_objectness, region_objectness, rle_objectness

SIZE = (500, 375)


def sample_image() -> np.ndarray:
    """Return an image of scikit-image, BGR."""
    return np.ascontiguousarray(cv2.resize(data.coffee(), SIZE, interpolation=cv2.INTER_AREA)[..., ::-1])


def objectness(source: str, **settings: object) -> Callable[[], np.ndarray]:
    """Prepare the computation of the map from the image."""
    image = sample_image()
    transform = ComputeObjectness(source=dict(type=source, **settings), kind='box')
    return lambda: transform(dict(img=image))['objectness']


def tree_on_given_superpixels() -> Callable[[], np.ndarray]:
    """Prepare the same computation without the segmentation."""
    image = sample_image()
    superpixels = felzenszwalb(image[..., ::-1], scale=100, sigma=0.8, min_size=50)
    transform = ComputeObjectness(kind='box')
    return lambda: transform(dict(img=image, superpixels=superpixels))['objectness']


def selective_search(mode: str) -> Callable[[], np.ndarray]:
    """Prepare OpenCV's proposals; ImportError without its contributed modules."""
    SelectiveSearch(mode)
    cv2.setNumThreads(1)
    return objectness('mmwsl.SelectiveSearch', mode=mode)


def boxes(count: int = 10000) -> tuple[np.ndarray, np.ndarray]:
    """Return random boxes and scores, as many as in the paper."""
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 1, (count, 2, 2)) * SIZE
    return np.concatenate([corners.min(1), corners.max(1)], axis=1), rng.random(count)


def loop_over_boxes() -> Callable[[], np.ndarray]:
    """Prepare the definition, box by box."""
    corners, scores = boxes()

    def call() -> np.ndarray:
        total, count = np.zeros(SIZE[::-1]), np.zeros(SIZE[::-1])
        for (x1, y1, x2, y2), score in zip(np.ceil(corners - 0.5).astype(int), scores, strict=True):
            total[y1:y2, x1:x2] += score
            count[y1:y2, x1:x2] += 1
        return (total / np.maximum(count, 1)).astype(np.float32)

    return call


def integral_images() -> Callable[[], np.ndarray]:
    """Prepare our implementation."""
    corners, scores = boxes()
    return lambda: box_objectness(corners, scores, SIZE[::-1])


def region_masks(method: str) -> Callable[[], np.ndarray]:
    """Prepare the masks of the region tree: one by one, as regions, or as runs."""
    proposals = RegionTree()(sample_image(), {})
    masks, scores = proposals.masks, proposals.scores
    if method == 'regions':
        return lambda: region_objectness(masks.members, scores, masks.superpixels)
    if method == 'runs':
        runs = [mask_runs(mask) for mask in masks]
        return lambda: rle_objectness(runs, scores, SIZE[::-1])

    def call() -> np.ndarray:
        total, count = np.zeros(SIZE[::-1]), np.zeros(SIZE[::-1])
        for mask, score in zip(masks, scores, strict=True):
            total[mask] += score
            count += mask
        return (total / np.maximum(count, 1)).astype(np.float32)

    return call


def decode(reference: bool) -> Callable[[], np.ndarray]:
    """Prepare a hundred masks in COCO's compressed encoding; the call decodes them and returns their areas."""
    from pycocotools import mask as coco_mask

    masks = list(RegionTree()(sample_image(), {}).masks)[-100:]
    encoded = [coco_mask.encode(np.asfortranarray(mask.astype(np.uint8))) for mask in masks]
    if reference:
        return lambda: np.array([coco_mask.decode(code).sum() for code in encoded], dtype=np.int64)

    def call() -> np.ndarray:
        runs = [segmentation_runs(code, SIZE[::-1]) for code in encoded]
        return np.array([(ends[:, 1] - ends[:, 0]).sum() for ends in runs])

    return call


def cases() -> list[Case]:
    """List the cases."""
    sources = 'objectness of an image, from boxes (the sources differ, so do the maps)'
    many, tree, runs = 'objectness of 10 000 boxes', 'objectness of region masks', "100 masks in COCO's encoding"
    return [
        Case(sources, 'RegionTree', lambda: objectness('mmwsl.RegionTree')),
        Case(sources, 'RegionTree, superpixels given', tree_on_given_superpixels),
        *(
            Case(sources, f'selective search, {mode}', lambda mode=mode: selective_search(mode), reference=True)
            for mode in ('single', 'fast')
        ),
        Case(many, 'integral images', integral_images),
        Case(many, 'loop over boxes', loop_over_boxes, reference=True),
        Case(tree, 'regions', lambda: region_masks('regions')),
        Case(tree, 'runs', lambda: region_masks('runs')),
        Case(tree, 'loop over masks', lambda: region_masks('loop'), reference=True),
        Case(runs, 'runs', lambda: decode(False)),
        Case(runs, 'pycocotools', lambda: decode(True), reference=True),
    ]
