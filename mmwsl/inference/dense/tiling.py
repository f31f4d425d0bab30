"""Scores of an image of any size in bounded memory."""

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import product
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils.weak import WeakTensorKeyDictionary

from .tracing import Fields, ReceptiveField, copy_network, receptive_field, tensors


def dense_scores(
    model: nn.Module, inputs: Tensor, max_memory: int | None = None, fields: Fields | None = None
) -> Tensor:
    """Score images with a network, crop by crop where the whole image would take too much memory.

    Crops overlap by the receptive field, start at multiples of the network's stride, and are padded where the image is:
    the scores equal the scores of the whole image, up to rounding. A smaller ``max_memory`` costs time for the overlap.

    Args:
        model: Network in evaluation mode with one output map, usually of :func:`convert_to_dense`.
        inputs: Images, ``(N, C, H, W)``; with ``max_memory`` they are scored one at a time.
        max_memory: Bytes for the activations of the network, as a run without values measures them. Weights, images,
            scores and buffers of the libraries come on top: on a CPU the free blocks of the C allocator, up to as much
            again (with glibc, ``MALLOC_MMAP_THRESHOLD_=65536`` in the environment returns them), and the unfolded
            inputs of convolutions in PyTorch before 2.3 and in float64.
        fields: Receptive fields of the network along height and width, if known.

    Returns:
        Scores, ``(N, K, h, w)``.

    Raises:
        ValueError: If a crop for one location needs more than ``max_memory``, or the images have no location.
    """
    if max_memory is None:
        (scores,) = tensors(model(inputs))
        return scores
    fields = fields or receptive_field(model)
    size = (inputs.shape[2], inputs.shape[3])
    counts = [field.locations(length) for field, length in zip(fields, size, strict=True)]
    if 0 in counts:
        raise ValueError(
            f'`inputs` of {size[0]} x {size[1]} pixels have no location: the receptive field has '
            f'{fields[0].size} x {fields[1].size}. Use larger images.'
        )
    tile = _choose_tile(partial(peak_memory, copy_network(model, 'meta'), inputs), fields, size, max_memory)
    crops = [list(_crops(*axis)) for axis in zip(fields, tile, size, strict=True)]
    scores = torch.empty(0)  # until the first crop tells the number of classes
    for index, rows, columns in product(range(len(inputs)), *crops):
        (crop,) = tensors(model(inputs[index : index + 1, :, rows.pixels, columns.pixels]))
        if not len(scores):
            scores = crop.new_empty(len(inputs), crop.shape[1], *counts)
        scores[index, :, rows.locations, columns.locations] = crop[0, :, rows.kept, columns.kept]
        del crop  # else it would live beside the activations of the next one
    return scores


class _Crop(NamedTuple):
    """Crop of an image along one axis."""

    locations: slice  # in the map of the image
    pixels: slice
    kept: slice  # the same locations in the map of the crop


def _crops(field: ReceptiveField, tile: int, length: int) -> Iterator[_Crop]:
    """Yield the crops of an image of ``length`` pixels that give ``tile`` locations each."""
    count = field.locations(length)
    for start in range(0, count, tile):
        stop = min(start + tile, count)
        # At a multiple of the stride, the locations of the crop are locations of the image.
        first = max(0, start - math.ceil(field.before / field.stride))
        pixels = slice(first * field.stride, min(length, (stop - 1) * field.stride + field.after + 1))
        yield _Crop(slice(start, stop), pixels, slice(start - first, stop - first))


def _choose_tile(
    memory: Callable[[int, int], int], fields: Fields, size: tuple[int, int], max_memory: int
) -> tuple[int, int]:
    """Return the tile, in locations, with the least work for overlap among those that need ``max_memory`` at most."""
    options = []  # along each axis: pixels of all crops together, pixels of the longest one, and the tile
    for field, length in zip(fields, size, strict=True):
        count = field.locations(length)
        # From the largest, which comes first where all cause the same work.
        tiles = sorted({math.ceil(count / n) for n in range(1, count + 1)}, reverse=True)
        lengths = [[crop.pixels.stop - crop.pixels.start for crop in _crops(field, tile, length)] for tile in tiles]
        options.append([(sum(crops), max(crops), tile) for crops, tile in zip(lengths, tiles, strict=True)])
    fitting = math.inf  # pixels that fit if the need is proportional to them
    for (_, height, rows), (_, width, columns) in sorted(product(*options), key=lambda tile: tile[0][0] * tile[1][0]):
        if height * width <= fitting or rows == columns == 1:
            need = memory(height, width)
            if need <= max_memory:
                return rows, columns
            fitting = height * width * max_memory / need * 0.99
    (_, height, _), (_, width, _) = options[0][-1], options[1][-1]  # the smallest crop, whose need was found last
    raise ValueError(
        f'`max_memory` must be at least {need} bytes, the need of a crop for one location, {height} x {width} pixels, '
        f'got {max_memory}.'
    )


def peak_memory(model: nn.Module, inputs: Tensor, height: int, width: int) -> int:
    """Return the peak bytes of the activations of a network without values for one image of this size."""
    with torch.no_grad(), _LiveMemory() as memory:
        model(inputs.new_empty(1, inputs.shape[1], height, width, device='meta'))
    return memory.peak


class _LiveMemory(TorchFunctionMode):
    """Mode that measures the bytes of the tensors that are alive at the same time, which may share storages."""

    def __init__(self) -> None:
        super().__init__()
        self.peak = 0
        self._tensors = WeakTensorKeyDictionary()

    def __torch_function__(
        self, func: Callable, types: Sequence[type], args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        self._tensors.update(dict.fromkeys(tensors(out)))
        storages = [tensor.untyped_storage() for tensor in self._tensors]
        self.peak = max(self.peak, sum({storage._cdata: storage.nbytes() for storage in storages}.values()))
        return out
