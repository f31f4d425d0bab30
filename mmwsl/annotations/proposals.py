"""The record that every reader of proposals returns."""

from dataclasses import dataclass

import numpy as np

MaskRecord = list[np.ndarray] | tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class ProposalRecord:
    """The scored proposals of one image, as a file gives them.

    Attributes:
        boxes: Half open ``(x1, y1, x2, y2)`` in pixels, clipped to the image, ``(n, 4)`` float64. Boxes outside the
            image have no area.
        scores: Larger is more like an object, ``(n,)`` float64. The range depends on the file.
        masks: None, or for each proposal the runs of its mask, see :mod:`mmwsl.annotations.rle`, or masks as unions of
            superpixels: superpixel of each pixel ``(H, W)`` from 0, and superpixels of each mask ``(n, R)`` bool.
    """

    boxes: np.ndarray
    scores: np.ndarray
    masks: MaskRecord | None = None


def make_proposals(
    boxes: np.ndarray, scores: np.ndarray, masks: MaskRecord | None, shape: tuple[int, int], source: str
) -> ProposalRecord:
    """Check the proposals of one image, and clip the boxes to it.

    Args:
        boxes: ``(n, 4)``, half open ``(x1, y1, x2, y2)`` in pixels.
        scores: ``(n,)``.
        masks: See :class:`ProposalRecord`.
        shape: Height and width of the image.
        source: Where they were read, for errors.

    Raises:
        ValueError: If there are none, shapes differ, a number is not finite, a box has ``x1 > x2`` or ``y1 > y2``, or
            all boxes are outside the image.
    """
    for name, values in (('boxes', boxes), ('scores', scores)):
        if values.dtype.kind not in 'iuf':
            raise ValueError(f'{source}: `{name}` must be numbers, got {values.dtype}.')
    if scores.ndim != 1 or boxes.shape != (len(scores), 4):
        raise ValueError(f'{source}: `boxes` must be (n, 4) and `scores` (n,), got {boxes.shape} and {scores.shape}.')
    if not len(scores):
        raise ValueError(f'{source}: no proposals. Remove the image from the list, or generate proposals for it.')
    for name, values in (('boxes', boxes), ('scores', scores)):
        if not np.isfinite(values).all():
            first = tuple(np.argwhere(~np.isfinite(values))[0])
            raise ValueError(f'{source}: `{name}` must be finite numbers, got {values[first]} in proposal {first[0]}.')
    boxes = boxes.astype(np.float64)
    inverted = (boxes[:, :2] > boxes[:, 2:]).any(1)
    if inverted.any():
        raise ValueError(
            f'{source}: a box must be x1, y1, x2, y2 with x1 <= x2 and y1 <= y2, got '
            f'{boxes[inverted][0].tolist()}. Is it x, y, width, height?'
        )
    clipped = boxes.clip(0, np.tile(shape[::-1], 2))
    if (clipped[:, :2] >= clipped[:, 2:]).any(1).all():
        raise ValueError(
            f'{source}: the boxes must overlap the image of {shape[0]}x{shape[1]} (height, width), got {len(boxes)} '
            f'outside of it, the first {boxes[0].tolist()}. Use the boxes of this image size.'
        )
    return ProposalRecord(clipped, scores.astype(np.float64), masks)
