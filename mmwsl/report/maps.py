"""Maps of an image as the browser reads them: codes of the scores, masks, and counts of their pixels."""

import base64
import io
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

IGNORE_INDEX = 255
IGNORE_COLOR = (224, 224, 192, 255)
"""Color of ignored pixels in the masks of VOC, opaque."""


def scaled_size(width: int, height: int, side: int) -> tuple[int, int]:
    """Return the width and height of an image that is scaled down so that its longer side has ``side`` pixels."""
    factor = min(1.0, side / max(width, height))
    return max(1, round(width * factor)), max(1, round(height * factor))


def nearest(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resize maps ``(..., H, W)`` by taking the nearest pixel, so that every value is one that exists."""
    rows = ((np.arange(height) + 0.5) * pixels.shape[-2] / height).astype(int)
    columns = ((np.arange(width) + 0.5) * pixels.shape[-1] / width).astype(int)
    return pixels[..., rows[:, None], columns]


def subsample(pixels: np.ndarray, side: int) -> np.ndarray:
    """Scale maps ``(..., H, W)`` down by :func:`nearest` so that their longer side has ``side`` pixels."""
    height, width = pixels.shape[-2:]
    new_width, new_height = scaled_size(width, height, side)
    return nearest(pixels, new_height, new_width)


def pack_codes(codes: np.ndarray, side: int) -> dict[str, Any]:
    """Pack the codes of the scores, scaled down, for the script of the gallery.

    Args:
        codes: Codes ``(K, H, W)`` uint8, see :mod:`mmwsl.functional.quantization`; channel 0 is not used.
        side: Longer side of the packed maps.

    Returns:
        ``width``, ``height``, ``classes`` (the n foreground classes with a code above 0) and ``data``: the codes of
        these classes ``(n, H, W)`` as differences modulo 256 along each row, which compress well, deflated, in base64.
    """
    small = subsample(codes, side)
    classes = 1 + np.flatnonzero(small[1:].any((1, 2)))
    planes = small[classes]
    differences = np.diff(planes, axis=2, prepend=np.uint8(0))  # uint8 wraps around
    return dict(
        width=small.shape[2],
        height=small.shape[1],
        classes=classes.tolist(),
        data=base64.b64encode(zlib.compress(differences.tobytes(), 6)).decode(),
    )


def winner_histograms(codes: np.ndarray) -> dict[int, list[int]]:
    """Count the codes of the highest-scoring foreground class.

    The mask of the rule of :func:`mmwsl.functional.class_thresholds` has as many pixels of class k as there are in the
    bins of k from its threshold on: a threshold of one class changes no other.

    Args:
        codes: Codes ``(K, H, W)`` uint8; channel 0 is not used.

    Returns:
        Histogram of 256 bins by class. Pixels of code 0, which no threshold selects, and classes without others are
        left out.
    """
    classes = 1 + np.flatnonzero(codes[1:].any((1, 2)))
    if not len(classes):
        return {}
    planes = codes[classes]
    counts = np.bincount((256 * planes.argmax(0) + planes.max(0)).ravel(), minlength=256 * len(classes))
    counts = counts.reshape(len(classes), 256)
    counts[:, 0] = 0
    return {int(k): row.tolist() for k, row in zip(classes, counts, strict=True) if row.any()}


def count_areas(mask: np.ndarray) -> dict[int, int]:
    """Count the pixels of each index of a mask ``(H, W)`` uint8."""
    counts = np.bincount(mask.ravel(), minlength=256)
    return {int(k): int(counts[k]) for k in np.flatnonzero(counts)}


def mean_iou(mask: np.ndarray, ground_truth: np.ndarray) -> float | None:
    """Return the IoU of a mask, mean over the classes in the mask or the ground truth; None if sizes differ.

    Pixels that either of the two ignores are left out.
    """
    if mask.shape != ground_truth.shape:
        return None
    valid = (mask != IGNORE_INDEX) & (ground_truth != IGNORE_INDEX)
    pairs = np.bincount(256 * ground_truth[valid].astype(np.int64) + mask[valid], minlength=256**2).reshape(256, 256)
    hits, union = pairs.diagonal(), pairs.sum(0) + pairs.sum(1) - pairs.diagonal()
    return float((hits[union > 0] / union[union > 0]).mean()) if union.any() else None


def encode_mask(mask: np.ndarray, palette: Sequence[Sequence[int]], side: int) -> bytes:
    """Encode a mask ``(H, W)`` uint8, scaled down, as a PNG file with a palette, whose background is transparent."""
    colors = np.full((256, 4), IGNORE_COLOR, np.uint8)  # an index without a class looks ignored
    colors[: len(palette), :3] = palette
    colors[0, 3] = 0
    image = Image.fromarray(subsample(mask, side))
    image.putpalette(colors[:, :3].tobytes())
    file = io.BytesIO()
    image.save(file, 'PNG', transparency=colors[:, 3].tobytes())
    return file.getvalue()
