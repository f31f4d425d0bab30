"""Operations whose result the program reads, so that a GPU must finish all work before them."""

from collections import Counter

import torch
from torch.utils._python_dispatch import TorchDispatchMode

READS = {
    torch.ops.aten._local_scalar_dense.default: 'item',
    torch.ops.aten.nonzero.default: 'nonzero',
    torch.ops.aten.masked_select.default: 'masked_select',
    torch.ops.aten.equal.default: 'equal',
}
INDEXED = (torch.ops.aten.index.Tensor, torch.ops.aten.index_put_.default, torch.ops.aten.index_put.default)


class CountReads(TorchDispatchMode):
    """Counter of the operations that a GPU must wait for."""

    def __init__(self):
        super().__init__()
        self.found = Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func in READS:
            self.found[READS[func]] += 1
        if func in INDEXED and any(index is not None and index.dtype == torch.bool for index in args[1]):
            self.found['boolean index'] += 1
        return func(*args, **(kwargs or {}))
