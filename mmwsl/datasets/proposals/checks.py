"""Checks of proposals that come from a user's file."""

import numpy as np


def check_proposals(boxes: np.ndarray, scores: np.ndarray, shape: tuple[int, int], source: str) -> np.ndarray:
    """Check boxes and scores of one image, and clip the boxes to it.

    Args:
        boxes: Should be ``(n, 4)``, ``(x1, y1, x2, y2)`` in pixels.
        scores: Should be ``(n,)``.
        shape: Height and width of the image.
        source: Where they were read, for errors.

    Returns:
        The clipped boxes, ``(n, 4)`` float64. Boxes outside the image have no area there.

    Raises:
        ValueError: There are none, shapes do not agree, numbers are not finite, a box is turned round, or all lie
            outside the image.
    """
    for name, values in (('boxes', boxes), ('scores', scores)):
        if values.dtype.kind not in 'iuf':
            raise ValueError(f'{source}: `{name}` must be numbers, got {values.dtype}.')
    if scores.ndim != 1 or boxes.shape != (len(scores), 4):
        raise ValueError(f'{source}: `boxes` must be (n, 4) and `scores` (n,), got {boxes.shape} and {scores.shape}.')
    if not len(scores):
        raise ValueError(f'{source}: no proposals. Remove the image from the list, or make proposals for it.')
    for name, values in (('boxes', boxes), ('scores', scores)):
        if not np.isfinite(values).all():
            first = tuple(np.argwhere(~np.isfinite(values))[0])
            raise ValueError(f'{source}: `{name}` must be finite numbers, got {values[first]} in proposal {first[0]}.')
    boxes = boxes.astype(np.float64)
    turned = (boxes[:, :2] > boxes[:, 2:]).any(1)
    if turned.any():
        raise ValueError(
            f'{source}: a box must be x1, y1, x2, y2 with x1 <= x2 and y1 <= y2, got '
            f'{boxes[turned][0].tolist()}. Is it x, y, width, height?'
        )
    clipped = boxes.clip(0, np.tile(shape[::-1], 2))
    if (clipped[:, :2] >= clipped[:, 2:]).any(1).all():
        raise ValueError(
            f'{source}: all {len(boxes)} boxes lie outside the image of {shape[0]}x{shape[1]} (height, '
            f'width), the first is {boxes[0].tolist()}. Were they made for another size?'
        )
    return clipped


def image_name(results: dict, source: str) -> str:
    """Return the image's file name without folder and suffix.

    Raises:
        KeyError: The pipeline has no ``img_path``.
    """
    if not results.get('img_path'):
        raise KeyError(
            f'{source} finds proposals by the name of the image and needs `img_path` of the pipeline: use '
            'it with a dataset of files'
        )
    return str(results['img_path']).replace('\\', '/').rsplit('/', 1)[-1].rsplit('.', 1)[0]
