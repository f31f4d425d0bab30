"""Superpixels as a graph: appearance and position of each, and the pairs that touch.

The means and boxes are counted with ``bincount`` and indexing. For the 262 superpixels of a 500 x 375 image,
``skimage.measure.regionprops_table`` takes 42 ms for area, bounding box, centroid and mean color instead of 5.6 ms,
and 4.4 ms for the bounding boxes instead of 2.1 ms; its time grows with the number of superpixels, up to 10000 here.
``relabel_sequential`` takes 3.0 ms instead of 0.5 ms, 1% of the time of :class:`RegionTree`.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from skimage.segmentation import relabel_sequential

COLOR_BINS = 25
ORIENTATIONS = 8


@dataclass(frozen=True)
class SuperpixelGraph:
    """The R superpixels of an image and the E pairs of them that touch.

    Attributes:
        labels: Superpixel of each pixel, ``(H, W)`` int in 0..R-1.
        sizes: Pixels of each superpixel, ``(R,)`` float.
        boxes: Bounding boxes, half open ``(x1, y1, x2, y2)``, ``(R, 4)`` int.
        centers: Mean position ``(y, x)`` in pixels, ``(R, 2)``.
        border: Number of pixels of each superpixel on the image border, ``(R,)`` float.
        lab: Mean CIE Lab color, ``(R, 3)``.
        colors: Histograms of the three Lab channels, 25 bins each, ``(R, 75)``; each row sums to 1.
        textures: Histograms of gradient orientation, weighted by magnitude, 8 bins for each channel, ``(R, 24)``; each
            row sums to 1, or to 0 in a constant superpixel.
        edges: Pairs ``i < j`` of superpixels that touch, ``(E, 2)``.
        lengths: Number of pairs of neighboring pixels along each edge, ``(E,)`` float.
        contrasts: Mean Lab distance of these pairs, ``(E,)``.
    """

    labels: np.ndarray
    sizes: np.ndarray
    boxes: np.ndarray
    centers: np.ndarray
    border: np.ndarray
    lab: np.ndarray
    colors: np.ndarray
    textures: np.ndarray
    edges: np.ndarray
    lengths: np.ndarray
    contrasts: np.ndarray


def superpixel_graph(image: np.ndarray, superpixels: np.ndarray) -> SuperpixelGraph:
    """Describe the superpixels of an image.

    Args:
        image: ``(H, W, 3)`` uint8, BGR.
        superpixels: ``(H, W)`` int, any labels.

    Raises:
        ValueError: If the sizes differ, the image is not ``(H, W, 3)`` uint8, or the labels are not integers.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
        raise ValueError(f'`image` must be (H, W, 3) uint8, got {image.dtype} of shape {image.shape}.')
    if superpixels.shape != image.shape[:2]:
        raise ValueError(
            f'`superpixels` must have the size {image.shape[:2]} of the image, got {superpixels.shape}. '
            'Compute both before any resizing.'
        )
    if superpixels.dtype.kind not in 'iu':
        raise ValueError(f'`superpixels` must be integers, got {superpixels.dtype}.')
    superpixels = superpixels.astype(np.int64)
    labels = relabel_sequential(superpixels - superpixels.min() + 1)[0] - 1
    flat = labels.reshape(-1)
    count = int(flat.max()) + 1
    sizes = np.bincount(flat).astype(np.float64)
    lab = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_BGR2LAB)
    rows, columns = (axis.reshape(-1) for axis in np.indices(labels.shape))
    rim = np.ones(labels.shape, dtype=bool)
    rim[1:-1, 1:-1] = False

    def mean(values: np.ndarray) -> np.ndarray:
        return np.bincount(flat, values.reshape(-1), minlength=count) / sizes

    edges, lengths, contrasts = _edges(labels, lab, count)
    return SuperpixelGraph(
        labels=labels,
        sizes=sizes,
        boxes=_boxes(labels, count),
        centers=np.stack([mean(rows), mean(columns)], axis=1),
        border=np.bincount(labels[rim], minlength=count).astype(np.float64),
        lab=np.stack([mean(channel) for channel in np.moveaxis(lab, 2, 0)], axis=1),
        colors=_colors(flat, lab, count),
        textures=_textures(flat, lab, count),
        edges=edges,
        lengths=lengths,
        contrasts=contrasts,
    )


def _boxes(labels: np.ndarray, count: int) -> np.ndarray:
    # Row by row, the first and the last pixel of a label have its extreme rows, and column by column its columns.
    # Assignment with repeated indices keeps the last value.
    boxes = np.zeros((count, 4), dtype=np.int64)
    for axis, lines in ((1, labels), (0, labels.T)):
        order, position = lines.reshape(-1), np.repeat(np.arange(lines.shape[0]), lines.shape[1])
        boxes[order, axis + 2] = position + 1
        boxes[order[::-1], axis] = position[::-1]
    return boxes


def _colors(flat: np.ndarray, lab: np.ndarray, count: int) -> np.ndarray:
    low, high = np.array([0, -128, -128], np.float32), np.array([100, 128, 128], np.float32)
    bins = ((lab - low) * (COLOR_BINS / (high - low))).astype(np.int64).clip(0, COLOR_BINS - 1).reshape(-1, 3)
    return _histograms(flat, bins, None, COLOR_BINS, count)


def _textures(flat: np.ndarray, lab: np.ndarray, count: int) -> np.ndarray:
    smooth = cv2.GaussianBlur(lab, (0, 0), 1)
    across, down = cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)
    magnitude, angle = cv2.cartToPolar(across, down)
    bins = (angle * (ORIENTATIONS / (2 * np.pi))).astype(np.int64) % ORIENTATIONS
    return _histograms(flat, bins.reshape(-1, 3), magnitude.reshape(-1, 3), ORIENTATIONS, count)


def _histograms(flat: np.ndarray, bins: np.ndarray, weights: np.ndarray | None, size: int, count: int) -> np.ndarray:
    channels = [
        np.bincount(
            flat * size + bins[:, channel], None if weights is None else weights[:, channel], minlength=count * size
        ).reshape(count, size)
        for channel in range(bins.shape[1])
    ]
    table = np.concatenate(channels, axis=1).astype(np.float64)
    return table / np.maximum(table.sum(1, keepdims=True), 1e-6)


def _edges(labels: np.ndarray, lab: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    pairs, distances = [], []
    for before, after in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:])):
        first, second = labels[before], labels[after]
        differ = first != second
        first, second = first[differ], second[differ]
        pairs.append(np.minimum(first, second) * count + np.maximum(first, second))
        distances.append(np.linalg.norm(lab[before][differ] - lab[after][differ], axis=-1))
    codes, place, lengths = np.unique(np.concatenate(pairs), return_inverse=True, return_counts=True)
    totals = np.bincount(place, np.concatenate(distances), minlength=len(codes))
    return np.stack([codes // count, codes % count], axis=1), lengths.astype(np.float64), totals / lengths
