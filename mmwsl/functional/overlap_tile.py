"""Seamless scores of images of any size, tile by tile."""

from collections.abc import Callable

import torch
from torch import Tensor


def overlap_tile(score: Callable[[Tensor], Tensor], inputs: Tensor, tile: int, margin: int) -> Tensor:
    r"""Score images by the overlap-tile strategy (Ronneberger et al., MICCAI 2015, Fig. 2).

    The image is split into tiles. The network scores a window of each tile and ``margin`` pixels around it; only the
    scores of the tile are kept. Outside the image the window is mirrored, see :func:`mirrored_positions`.

    If the margin covers the network's context, and ``tile`` and ``margin`` are multiples of its stride, the scores
    equal the scores of the whole image, mirrored at its border. Memory does not grow with the image. Unlike in a
    sliding window with averaged overlaps, every score has its full context.

    Args:
        score: The network, ``(N, C, S, S)`` to ``(N, K, S, S)`` with ``S = tile + 2 margin``.
        inputs: Images, ``(N, C, H, W)``.
        tile: Side of a tile, in pixels.
        margin: Context on each side, in pixels.

    Returns:
        Scores, ``(N, K, H, W)``.

    Raises:
        ValueError: If ``tile`` is not positive, ``margin`` is negative, ``inputs`` has no pixel, or the scores do not
            have the size of the window.
    """
    if tile < 1 or margin < 0:
        raise ValueError(f'`tile` must be positive and `margin` non-negative, got {tile} and {margin}.')
    height, width = inputs.shape[2:]
    side = tile + 2 * margin
    scores: Tensor | None = None
    for top in range(0, height, tile):
        for left in range(0, width, tile):
            rows, columns = (
                mirrored_positions(start - margin, side, length, inputs.device)
                for start, length in ((top, height), (left, width))
            )
            found = score(inputs[:, :, rows[:, None], columns])
            if found.shape[2:] != (side, side):
                raise ValueError(
                    f'`score` must keep the size of its window, {side} x {side} pixels, got '
                    f'{found.shape[2]} x {found.shape[3]}.'
                )
            if scores is None:
                scores = found.new_empty(*found.shape[:2], height, width)
            here = scores[:, :, top : top + tile, left : left + tile]
            here.copy_(found[:, :, margin : margin + here.shape[2], margin : margin + here.shape[3]])
    if scores is None:
        raise ValueError(f'`inputs` must be (N, C, H, W) with at least one pixel, got {tuple(inputs.shape)}.')
    return scores


def mirrored_positions(start: int, count: int, length: int, device: torch.device) -> Tensor:
    r"""Return the pixel indices at ``count`` positions of an axis from ``start``, mirrored at both ends.

    Position :math:`i` of an axis of :math:`n` pixels is pixel :math:`(n - 1) - |(n - 1) - (i \bmod 2 (n - 1))|`, at any
    distance from the image.
    """
    last = length - 1
    positions = torch.arange(start, start + count, device=device)
    return last - (last - positions % (2 * last)).abs() if last else torch.zeros_like(positions)
