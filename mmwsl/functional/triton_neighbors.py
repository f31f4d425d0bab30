"""Triton kernels of refinements by the neighbors of each pixel, for a GPU.

A program computes a tile of pixels. What torch writes for each neighbor and reads again stays in registers here.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from .inputs import numbers_on

TILE = 128
"""Pixels of a program."""

SIZES = ('height', 'width', 'count')
"""Arguments of which each value would otherwise be compiled that is 1 or a multiple of 16."""


@triton.jit
def _near(pixel, shifts, i, height, width):  # type: ignore[no-untyped-def]
    """Return the index of neighbor ``i`` of each pixel, or of the pixel of the image nearest to it."""
    y = tl.minimum(tl.maximum(pixel // width + tl.load(shifts + 2 * i), 0), height - 1)
    x = tl.minimum(tl.maximum(pixel % width + tl.load(shifts + 2 * i + 1), 0), width - 1)
    return y * width + x


@triton.jit(do_not_specialize=SIZES)
def _average(  # type: ignore[no-untyped-def]
    source, target, weights, shifts, labels, height, width, count, LABELS: tl.constexpr, PIXELS: tl.constexpr
):
    """Write the weighted sums of one iteration, for a tile of labels and pixels."""
    size = height * width
    pixel = tl.program_id(0) * PIXELS + tl.arange(0, PIXELS)
    label = tl.program_id(1) * LABELS + tl.arange(0, LABELS)
    inside = pixel < size
    mask = (label < labels)[:, None] & inside[None, :]
    rows = label[:, None].to(tl.int64) * size
    total = tl.zeros([LABELS, PIXELS], source.dtype.element_ty)
    weight_at = weights + pixel
    for i in range(count):
        near = _near(pixel, shifts, i, height, width)
        weight = tl.load(weight_at, mask=inside, other=0.0)
        total += weight[None, :] * tl.load(source + rows + near[None, :], mask=mask, other=0.0)
        weight_at += size
    tl.store(target + rows + pixel[None, :], total, mask=mask)


@triton.jit(do_not_specialize=SIZES)
def _affinity(  # type: ignore[no-untyped-def]
    image,
    weights,
    shifts,
    near_weights,
    channels,
    height,
    width,
    count,
    samples,
    eps,
    PAMR: tl.constexpr,
    PIXELS: tl.constexpr,
):
    """Write the weights of all neighbors of a tile of pixels; see ``pixel_adaptive_refinement``."""
    size = height * width
    pixel = tl.program_id(0) * PIXELS + tl.arange(0, PIXELS)
    inside = pixel < size
    channel_at = image
    for channel in range(channels):
        center = tl.load(channel_at + pixel, mask=inside, other=0.0)
        total = tl.zeros([PIXELS], image.dtype.element_ty)
        squares = tl.zeros([PIXELS], image.dtype.element_ty)
        for i in range(count):
            near = _near(pixel, shifts, i, height, width)
            difference = tl.load(channel_at + near, mask=inside, other=0.0) - center
            total += difference
            squares += difference * difference
        std = tl.sqrt(tl.maximum(squares - total * total / samples, 0.0) / (samples - 1))
        scale = 1 / (0.1 * std + eps) if PAMR else 1 / ((std + eps) * 0.3)
        weight_at = weights + pixel
        for i in range(count):
            near = _near(pixel, shifts, i, height, width)
            step = (tl.load(channel_at + near, mask=inside, other=0.0) - center) * scale
            distance = tl.abs(step) if PAMR else step * step
            # The first channel starts the sums, which lie where the weights will.
            before = tl.load(weight_at, mask=inside & (channel > 0), other=0.0)
            tl.store(weight_at, before + distance / channels, mask=inside)
            weight_at += size
        channel_at += size
    nearest = tl.full([PIXELS], float('inf'), image.dtype.element_ty)
    weight_at = weights + pixel
    for _ in range(count):
        nearest = tl.minimum(nearest, tl.load(weight_at, mask=inside, other=0.0))
        weight_at += size
    total = tl.zeros([PIXELS], image.dtype.element_ty)
    weight_at = weights + pixel
    for _ in range(count):
        total += tl.exp(nearest - tl.load(weight_at, mask=inside, other=0.0))
        weight_at += size
    weight_at = weights + pixel
    for i in range(count):
        weight = tl.exp(nearest - tl.load(weight_at, mask=inside, other=0.0)) / total
        tl.store(weight_at, weight + tl.load(near_weights + i), mask=inside)
        weight_at += size


def average_neighbors(maps: Tensor, weights: Tensor, offsets: list[tuple[int, int]], iterations: int) -> Tensor:
    """Compute :func:`mmwsl.functional.neighbor_average.average_neighbors` without a gradient."""
    labels, height, width = maps.shape
    shifts = numbers_on(maps.device, offsets, torch.int32)
    weights, source = weights.contiguous(), maps.contiguous()
    # All labels of a pixel share the load of its weights; more than 16 need too many registers.
    tile = min(16, triton.next_power_of_2(labels))
    grid = triton.cdiv(height * width, TILE), triton.cdiv(labels, tile)
    buffers = [torch.empty_like(source) for _ in range(min(iterations, 2))]
    for iteration in range(iterations):
        target = buffers[iteration % 2]
        with torch.cuda.device_of(maps):
            _average[grid](
                source, target, weights, shifts, labels, height, width, len(offsets), LABELS=tile, PIXELS=TILE
            )
        source = target
    return source if iterations else maps


def affinity(
    image: Tensor, offsets: list[tuple[int, int]], near: Tensor, samples: int, eps: float, pamr: bool
) -> Tensor:
    """Compute the weights of pixel-adaptive refinement in one kernel.

    Args:
        image: The image, ``(C, H, W)``.
        offsets: Offsets of the neighbors, y and x.
        near: What is added to the weight of each neighbor, ``(O,)``.
        samples: Number of values in a standard deviation.
        eps: Added to standard deviations.
        pamr: Whether the distances are those of PAMR, else those of PAR.

    Returns:
        The weights, ``(O, H, W)``.
    """
    channels, height, width = image.shape
    image = image.contiguous()
    shifts = numbers_on(image.device, offsets, torch.int32)
    weights = image.new_empty(len(offsets), height, width)
    grid = (triton.cdiv(height * width, TILE),)
    with torch.cuda.device_of(image):
        _affinity[grid](
            image, weights, shifts, near, channels, height, width, len(offsets), samples, eps, PAMR=pamr, PIXELS=TILE
        )
    return weights
