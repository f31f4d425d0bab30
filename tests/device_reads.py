"""Operations whose result the program reads, so that a GPU must finish all work before them."""

from collections import Counter
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

aten = torch.ops.aten
READS = {
    aten._local_scalar_dense.default: 'item',
    aten.nonzero.default: 'nonzero',
    aten.masked_select.default: 'masked_select',
    aten.equal.default: 'equal',
    aten._unique2.default: 'unique',
    aten.unique_dim.default: 'unique',
    aten.unique_consecutive.default: 'unique',
    aten.bincount.default: 'bincount',
}
INDEXED = (aten.index.Tensor, aten.index_put_.default, aten.index_put.default)
COPIES = {torch.Tensor.cpu: 'cpu', torch.Tensor.numpy: 'numpy', torch.Tensor.tolist: 'tolist'}
"""Methods that copy to the host. On a CPU they run no operation, so that only a mode of functions sees them."""
CONSTANTS = {torch.tensor, torch.as_tensor}
"""Functions that copy numbers to a device, if it is given, and wait for it."""


class CountCopies(TorchFunctionMode):
    """Counter of the functions that copy a tensor to the host, or numbers to the device."""

    def __init__(self, found: Counter):
        super().__init__()
        self.found = found

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func in COPIES:
            self.found[COPIES[func]] += 1
        elif func is torch.Tensor.to and any(isinstance(value, str) and value == 'cpu' for value in args[1:]):
            self.found['cpu'] += 1
        elif func is torch.Tensor.new_tensor or (func in CONSTANTS and (kwargs or {}).get('device') is not None):
            self.found['constant'] += 1
        result = func(*args, **(kwargs or {}))
        if func is torch.Tensor.to and args[0].device.type == 'cpu' and result.device.type != 'cpu':
            self.found['blocking copy'] += not (kwargs or {}).get('non_blocking')
        return result


class CountReads(TorchDispatchMode):
    """Counter of the operations that a GPU must wait for."""

    def __init__(self):
        super().__init__()
        self.found: Counter = Counter()
        self._copies = CountCopies(self.found)

    def __enter__(self):
        self._copies.__enter__()
        return super().__enter__()

    def __exit__(self, *error: Any):
        super().__exit__(*error)
        self._copies.__exit__(*error)

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func in READS:
            self.found[READS[func]] += 1
        if func is aten.repeat_interleave.Tensor and (kwargs or {}).get('output_size') is None:
            self.found['repeat_interleave'] += 1
        if func in INDEXED and any(index is not None and index.dtype == torch.bool for index in args[1]):
            self.found['boolean index'] += 1
        return func(*args, **(kwargs or {}))
