"""Triton kernels of the mean-field updates of the fully connected CRF, for a GPU.

One kernel blurs along a direction, and one slices, adds the unary term and computes the softmax, so that an update
writes no message.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from .permutohedral import PermutohedralLattice

VALUES = 2048
"""Values of a program: rows times labels, filled up to a power of two."""


@triton.jit(do_not_specialize=('rows', 'labels'))
def _gather(  # type: ignore[no-untyped-def]
    table,
    indices,
    weights,
    unary,
    target,
    rows,
    labels,
    COUNT: tl.constexpr,
    ROWS: tl.constexpr,
    LABELS: tl.constexpr,
    SOFTMAX: tl.constexpr,
):
    """Write ``sum_i weights[row, i] * table[indices[row, i]]``, or the softmax of this sum and the unary term."""
    row = (tl.program_id(0) * ROWS + tl.arange(0, ROWS)).to(tl.int64)
    label = tl.arange(0, LABELS)
    inside = row < rows
    used = (label < labels)[None, :]
    mask = inside[:, None] & used
    at = row[:, None] * labels + label[None, :]
    total = tl.zeros([ROWS, LABELS], table.dtype.element_ty)
    if SOFTMAX:
        total += tl.load(unary + at, mask=mask, other=0.0)
    for i in range(COUNT):
        index = tl.load(indices + row * COUNT + i, mask=inside, other=0).to(tl.int64)
        weight = tl.load(weights + row * COUNT + i, mask=inside, other=0.0)
        total += weight[:, None] * tl.load(table + index[:, None] * labels + label[None, :], mask=mask, other=0.0)
    if SOFTMAX:
        total = tl.where(used, total, -float('inf'))
        total = tl.exp(total - tl.max(total, 1)[:, None])
        total = total / tl.sum(total, 1)[:, None]
    tl.store(target + at, total, mask=mask)


def gather(table: Tensor, indices: Tensor, weights: Tensor, target: Tensor, unary: Tensor | None = None) -> None:
    """Write weighted sums of rows of ``table (M, K)`` to ``target``, ``indices`` and ``weights`` ``(N, count)``.

    With a unary term ``(N, K)``, the softmax of its sum with them is written.
    """
    (rows, count), labels = indices.shape, table.shape[1]
    width = triton.next_power_of_2(labels)
    tile = max(VALUES // width, 1)
    with torch.cuda.device_of(table):
        _gather[(triton.cdiv(rows, tile),)](
            table,
            indices,
            weights,
            table if unary is None else unary,
            target,
            rows,
            labels,
            COUNT=count,
            ROWS=tile,
            LABELS=width,
            SOFTMAX=unary is not None,
        )


def update(lattice: PermutohedralLattice, probs: Tensor, log_unary: Tensor) -> Tensor:
    """Run one update of the Potts model on probabilities ``(N, K)``, without a gradient."""
    splat = lattice.splat(probs)
    for neighbors in lattice.neighbors:
        blurred = torch.empty_like(splat)
        gather(splat, neighbors, lattice.blur_weights, blurred)
        blurred[len(neighbors) :] = splat[len(neighbors) :]
        splat = blurred
    result = torch.empty_like(probs)
    gather(splat, lattice.corners, lattice.corner_weights, result, log_unary)
    return result
