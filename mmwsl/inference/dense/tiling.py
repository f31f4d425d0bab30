"""Scores of an image of any size in bounded memory."""

import math
import weakref

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from .tracing import Fields, on_meta, receptive_field, tensors


def dense_scores(
    model: nn.Module, inputs: Tensor, max_memory: int | None = None, fields: Fields | None = None
) -> Tensor:
    """Score images with a network, window by window where all at once would take too much memory.

    Windows overlap by the receptive field, start at multiples of the network's stride, and are padded where the
    image is: the scores are those of the whole image, up to rounding. A smaller ``max_memory`` costs time for
    the overlap.

    Args:
        model: A network in evaluation mode with one output map, usually of :func:`convert_to_dense`.
        inputs: Images, ``(N, C, H, W)``; with ``max_memory`` they are scored one at a time.
        max_memory: Bytes that the activations of the network may take; weights, images and the scores themselves
            are not counted. No bound if None. The need of a window is found by a run without values. What the
            libraries keep for themselves comes on top: on a CPU the C allocator's free blocks, up to as much
            again; with glibc, ``MALLOC_MMAP_THRESHOLD_=65536`` in the environment has them returned. PyTorch before
            2.3, and any in float64 on a CPU, also needs room for the inputs of a convolution, unfolded.
        fields: The network's receptive fields, if known, along height and width.

    Returns:
        Scores, ``(N, K, h, w)``.

    Raises:
        ValueError: If a window of one cell needs more than ``max_memory``, or the images are too small for a cell,
            or see :func:`trace`.
    """
    if max_memory is None:
        return one_map(model(inputs))
    fields = fields or receptive_field(model)
    size = tuple(inputs.shape[2:])
    counts = tuple(field.cells(length) for field, length in zip(fields, size, strict=True))
    if 0 in counts:
        raise ValueError(
            f'`inputs` of {size[0]} x {size[1]} pixels have no cell: the receptive field has '
            f'{fields[0].size} x {fields[1].size}'
        )
    tile = choose_tile(Memory(model, inputs), fields, size, counts, max_memory)
    scores = None
    for index in range(len(inputs)):
        for top in range(0, counts[0], tile[0]):
            for left in range(0, counts[1], tile[1]):
                cells = [
                    (start, min(start + step, count))
                    for start, step, count in zip((top, left), tile, counts, strict=True)
                ]
                windows = [field.window(*span, length) for field, span, length in zip(fields, cells, size, strict=True)]
                window = inputs[index : index + 1, :, slice(*windows[0]), slice(*windows[1])]
                found = one_map(model(window))
                if scores is None:
                    scores = found.new_empty(len(inputs), found.shape[1], *counts)
                here = [
                    slice(start - first // field.stride, stop - first // field.stride)
                    for (start, stop), (first, _), field in zip(cells, windows, fields, strict=True)
                ]
                scores[index, :, slice(*cells[0]), slice(*cells[1])] = found[0, :, here[0], here[1]]
    return scores


def one_map(outputs: object) -> Tensor:
    """Return the map of a network that has one, maybe in a tuple."""
    (scores,) = tensors(outputs)
    return scores


class Memory:
    """Peak bytes of the activations of a network, for a window of one image."""

    def __init__(self, model: nn.Module, inputs: Tensor) -> None:
        self.model = on_meta(model)
        self.inputs = inputs[:1].to('meta')

    @torch.no_grad()
    def __call__(self, height: int, width: int) -> int:
        """Run a window of ``height`` x ``width`` pixels without values."""
        with _LiveMemory() as memory:
            self.model(self.inputs.new_empty(*self.inputs.shape[:2], height, width))
        return memory.peak


def choose_tile(
    memory: Memory, fields: Fields, size: tuple[int, int], counts: tuple[int, int], max_memory: int
) -> tuple[int, int]:
    """Return the tile, in cells, that makes the least work for overlap and needs at most ``max_memory`` bytes."""
    if memory(*size) <= max_memory:
        return counts
    # Of each number of tiles along an axis, the tile, and the longest window that it needs.
    tiles, numbers, lengths = [], [], []
    for field, length, count in zip(fields, size, counts, strict=True):
        tile = np.unique([math.ceil(count / n) for n in range(1, count + 1)])
        tiles.append(tile)
        numbers.append(-(-count // tile))
        overlap = math.ceil(field.before / field.stride) * field.stride + field.after + 1
        lengths.append(np.minimum((tile - 1) * field.stride + overlap, length))
    area = lengths[0][:, None] * lengths[1]
    work = area * numbers[0][:, None] * numbers[1]
    order = np.argsort(work, axis=None, kind='stable')
    least = memory(int(lengths[0][0]), int(lengths[1][0]))
    if least > max_memory:
        raise ValueError(
            f'`max_memory` must be at least {least} bytes, what a window of one cell, '
            f'{lengths[0][0]} x {lengths[1][0]} pixels, needs, got {max_memory}'
        )
    fitting = max_memory / memory(*size) * (size[0] * size[1])  # pixels, if the need were proportional
    while True:
        for flat in order:
            row, column = np.unravel_index(flat, area.shape)
            if area[row, column] <= fitting or (row, column) == (0, 0):
                break
        need = memory(int(lengths[0][row]), int(lengths[1][column]))
        if need <= max_memory:
            return int(tiles[0][row]), int(tiles[1][column])
        fitting = min(fitting, area[row, column]) * max_memory / need * 0.99


class _LiveMemory(TorchFunctionMode):
    """Counts the bytes of the tensors that are alive at the same time.

    Tensors may share a storage. It is known by its address, and dead with its last tensor: that a storage itself can be
    watched holds only for newer releases of torch.
    """

    def __init__(self) -> None:
        super().__init__()
        self.live = self.peak = 0
        self._tensors: dict[int, int] = {}  # how many live, of each storage

    def __torch_function__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for tensor in tensors(out):
            storage = tensor.untyped_storage()
            key, size = storage._cdata, storage.nbytes()
            if key not in self._tensors:
                self._tensors[key] = 0
                self.live += size
                self.peak = max(self.peak, self.live)
            self._tensors[key] += 1
            weakref.finalize(tensor, self._free, key, size)
        return out

    def _free(self, key: int, size: int) -> None:
        self._tensors[key] -= 1
        if not self._tensors[key]:
            del self._tensors[key]
            self.live -= size
