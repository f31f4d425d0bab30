"""Batches whose data samples can be copied to pinned memory."""

from collections.abc import Sequence
from typing import Any

from mmengine.dataset import pseudo_collate
from mmengine.structures import BaseDataElement
from torch import Tensor


class PinnableBatch(dict):
    """Batch of a loader, ``inputs`` and ``data_samples``.

    With ``pin_memory`` of the loader, torch pins tensors in dictionaries and lists only: masks and test images, which
    are in data samples, would be copied to the GPU from pageable memory, and the program would wait for each.
    """

    def pin_memory(self) -> 'PinnableBatch':
        """Return the batch in pinned memory."""
        return PinnableBatch({name: _pinned(value) for name, value in self.items()})


def collate_pinnable(batch: Sequence[dict]) -> PinnableBatch:
    """Join images and samples to a batch, as mmengine's ``pseudo_collate`` does."""
    return PinnableBatch(pseudo_collate(batch))


def _pinned(data: Any) -> Any:
    if isinstance(data, Tensor):
        return data.pin_memory()
    if isinstance(data, list | tuple):
        return [_pinned(value) for value in data]
    if isinstance(data, BaseDataElement):
        pinned = data.new()
        pinned.set_data({name: _pinned(value) for name, value in data.items()})
        return pinned
    return data
