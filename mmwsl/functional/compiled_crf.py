"""Compiled kernels and mean-field updates of the fully connected CRF, with numba.

One update is one pass over the pixels: a pixel gathers its message from the lattices, and scatters its new
probabilities into the lattices of the next update. So no array of all pixels and labels is written in between. Arrays
of labels are padded to a multiple of ``LANES``. Row 0 of a table of corners stands for missing neighbors and stays
zero. All loops run in one order, on one thread, so that results are reproducible.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

LANES = 8
"""Labels that one instruction processes."""

TILE = 64  # pixels whose softmax is computed together, in the cache

_VECTOR = ir.VectorType(ir.FloatType(), LANES)
_FAST = ('fast',)


def jit(signature: str) -> Callable[[Callable], Callable]:
    """Compile for a signature, and store the result for later processes where a folder for it can be written."""

    def compile_function(function: Callable) -> Callable:
        options = dict(fastmath=True, nogil=True, error_model='numpy')
        try:
            return njit(signature, cache=True, **options)(function)
        except Exception:  # no cache folder, a full disk, a damaged file: numba does not list what it raises
            return njit(signature, **options)(function)

    return compile_function


# The two functions below are written as LLVM instructions, because the compiler vectorizes the loop over the corners,
# with indices, instead of the loop over the labels. A whole update then takes five times as long.


@intrinsic
def gather_row(typing, target, to, start, at, table, rows, weights, first, weight_at, count, width):  # type: ignore[no-untyped-def]
    """Set ``target[to:] = start[at:] + sum_i weights[weight_at + i] * table[rows[first + i]]``, offsets in values."""
    index = types.int64
    signature = types.void(target, index, start, index, table, rows, weights, index, index, index, index)

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        data = _pointers(context, builder, signature, values)
        _, to, _, at, _, _, _, first, weight_at, count, width = values
        total = cgutils.alloca_once(builder, _VECTOR)
        with cgutils.for_range_slice(builder, index_of(0), width, index_of(LANES), inc=True) as (lane, _):
            builder.store(builder.load(_lanes(builder, data[2], at, lane), align=4), total)
            with cgutils.for_range(builder, count) as loop:
                row = _row(builder, data[5], first, loop.index, width)
                weight = builder.load(builder.gep(data[6], [builder.add(weight_at, loop.index)]))
                value = builder.load(_lanes(builder, data[4], row, lane), align=4)
                product = builder.fmul(value, _broadcast(builder, weight), flags=_FAST)
                builder.store(builder.fadd(builder.load(total), product, flags=_FAST), total)
            builder.store(builder.load(total), _lanes(builder, data[0], to, lane), align=4)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def scatter_row(typing, source, at, table, rows, weights, first, count, scale, width):  # type: ignore[no-untyped-def]
    """Add ``scale * weights[first + i] * source[at:]`` to ``table[rows[first + i]]``, for each i below ``count``."""
    index = types.int64
    signature = types.void(source, index, table, rows, weights, index, index, types.float32, index)

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        data = _pointers(context, builder, signature, values)
        _, at, _, _, _, first, count, scale, width = values
        with cgutils.for_range_slice(builder, index_of(0), width, index_of(LANES), inc=True) as (lane, _):
            value = builder.load(_lanes(builder, data[0], at, lane), align=4)
            value = builder.fmul(value, _broadcast(builder, scale), flags=_FAST)
            with cgutils.for_range(builder, count) as loop:
                weight = builder.load(builder.gep(data[4], [builder.add(first, loop.index)]))
                place = _lanes(builder, data[2], _row(builder, data[3], first, loop.index, width), lane)
                product = builder.fmul(value, _broadcast(builder, weight), flags=_FAST)
                builder.store(builder.fadd(builder.load(place, align=4), product, flags=_FAST), place, align=4)
        return context.get_dummy_value()

    return signature, generate


def index_of(value: int) -> ir.Constant:
    """Return a constant 64-bit integer."""
    return ir.Constant(ir.IntType(64), value)


def _pointers(context: Any, builder: Any, signature: Any, values: Any) -> dict[int, Any]:
    """Return the pointers to the arguments that are arrays, by their position."""
    arrays = [i for i, kind in enumerate(signature.args) if isinstance(kind, types.Array)]
    return {i: context.make_array(signature.args[i])(context, builder, values[i]).data for i in arrays}


def _lanes(builder: Any, data: Any, offset: Any, lane: Any) -> Any:
    return builder.bitcast(builder.gep(data, [builder.add(offset, lane)]), _VECTOR.as_pointer())


def _row(builder: Any, rows: Any, first: Any, i: Any, width: Any) -> Any:
    """Return the offset of row ``rows[first + i]`` of a table."""
    row = builder.load(builder.gep(rows, [builder.add(first, i)]))
    return builder.mul(builder.zext(row, ir.IntType(64)), width)


def _broadcast(builder: Any, value: Any) -> Any:
    undefined = ir.Constant(_VECTOR, ir.Undefined)
    vector = builder.insert_element(undefined, value, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(vector, undefined, ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES))


@jit('void(int32[:,:,::1], float32[:,::1], float32[:,::1], int64)')
def blur(neighbors: np.ndarray, table: np.ndarray, scratch: np.ndarray, base: int) -> None:
    """Blur the rows of one lattice, from row ``base``, along each direction; overwrites ``scratch``."""
    directions, corners, _ = neighbors.shape
    width = table.shape[1]
    halves = np.full(2, 0.5, np.float32)
    for direction in range(directions):
        for corner in range(corners):
            at, first = (base + corner) * width, (direction * corners + corner) * 2
            gather_row(scratch, at, table, at, table, neighbors, halves, first, 0, 2, width)
        table, scratch = scratch, table
    if directions % 2:
        scratch[base : base + corners] = table[base : base + corners]


@jit('void(int32[:,::1], float32[:,::1], int32[:,:,::1], int64, int64, float32)')
def normalize(
    rows: np.ndarray, weights: np.ndarray, neighbors: np.ndarray, column: int, base: int, kernel_weight: float
) -> None:
    """Normalize one kernel symmetrically, and multiply it by its weight, by scaling ``weights`` from ``column``."""
    points, columns = rows.shape
    count = neighbors.shape[0]
    table = np.zeros((base + neighbors.shape[1], LANES), np.float32)
    scratch = np.zeros_like(table)
    one = np.ones((1, LANES), np.float32)
    zero = np.zeros((1, LANES), np.float32)
    total = np.zeros((1, LANES), np.float32)
    for point in range(points):
        scatter_row(one, 0, table, rows, weights, point * columns + column, count, np.float32(1), LANES)
    blur(neighbors, table, scratch, base)
    for point in range(points):
        first = point * columns + column
        gather_row(total, 0, zero, 0, table, rows, weights, first, first, count, LANES)
        weights[point, column : column + count] *= np.sqrt(kernel_weight / total[0, 0])


@jit('int64(int64[::1], int32[::1], int64)')
def find(keys: np.ndarray, slots: np.ndarray, key: int) -> Any:
    """Return the slot of the hash table that holds ``key``, or the free one for it."""
    mask = len(slots) - 1
    # Fibonacci hashing: the upper half of the product depends on all lower bits of the key.
    slot = np.int64((np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(32)) & mask
    while slots[slot] >= 0 and keys[slots[slot]] != key:
        slot = (slot + 1) & mask
    return slot


@jit('int32[:,:,::1](float32[:,::1], int64[::1], int64[::1], int32[:,::1], float32[:,::1], int64, int64, int64)')
def build_lattice(
    coordinates: np.ndarray,
    lowest: np.ndarray,
    strides: np.ndarray,
    rows: np.ndarray,
    weights: np.ndarray,
    column: int,
    base: int,
    limit: int,
) -> np.ndarray:
    """Number the corners around the points from ``base``, and write them and their weights from ``column``.

    The arguments are those of :func:`mmwsl.functional.permutohedral.lattice_coordinates`.

    Returns:
        Rows of the neighbors before and after each corner, ``(d + 1, corners, 2)``; 0 where it has none. It is empty
        if there are ``limit`` corners, a power of two, or more: tables that grow in this loop make it three times as
        slow.
    """
    dim, points = coordinates.shape
    gain = np.float32((1 + 2.0**-dim) ** -0.5)  # the blur returns 1 + 2^-d of a value to itself
    slots = np.full(2 * limit, -1, np.int32)
    keys = np.empty(limit, np.int64)
    corners = 0
    fractions, axes = np.zeros(dim + 1, np.float32), np.zeros(dim + 1, np.int64)
    last_keys, last_corners = np.full(dim + 1, -1, np.int64), np.zeros(dim + 1, np.int64)
    for point in range(points):
        key = 0
        for axis in range(dim):
            coordinate = coordinates[axis, point]
            cube = math.floor(coordinate)
            key += (np.int64(cube) - lowest[axis] + 1) * strides[axis]
            fraction, i = coordinate - np.float32(cube), axis
            while i > 0 and fractions[i - 1] < fraction:  # in descending order
                fractions[i], axes[i] = fractions[i - 1], axes[i - 1]
                i -= 1
            fractions[i], axes[i] = fraction, axis
        larger = np.float32(1)
        for i in range(dim + 1):
            smaller = fractions[i] if i < dim else np.float32(0)
            weights[point, column + i] = (larger - smaller) * gain
            larger = smaller
            if key != last_keys[i]:  # the pixel before this one often has the same corners
                slot = find(keys, slots, key)
                if slots[slot] < 0:
                    slots[slot], keys[corners] = corners, key
                    corners += 1
                last_keys[i], last_corners[i] = key, slots[slot]
                if corners == len(keys):
                    return np.zeros((0, 0, 2), np.int32)
            rows[point, column + i] = base + last_corners[i]
            if i < dim:
                key += strides[axes[i]]
    neighbors = np.zeros((dim + 1, corners, 2), np.int32)
    for direction in range(dim + 1):
        step = strides[direction] if direction < dim else strides.sum()
        for corner in range(corners):
            after = slots[find(keys, slots, keys[corner] + step)]
            if after >= 0:
                neighbors[direction, corner, 1] = base + after
                neighbors[direction, after, 0] = base + corner
    return neighbors


@jit('float32(float32)')
def exp(x: Any) -> Any:
    """Compute the exponential of values up to 0, to float32 precision (Cephes' expf); 0 below -80."""
    clipped = max(x, np.float32(-80))
    power = np.floor(clipped * np.float32(1.4426950408889634) + np.float32(0.5))
    rest = clipped - power * np.float32(0.693359375) + power * np.float32(2.12194440e-4)
    value = np.float32(1.9875691500e-4)
    value = value * rest + np.float32(1.3981999507e-3)
    value = value * rest + np.float32(8.3334519073e-3)
    value = value * rest + np.float32(4.1665795894e-2)
    value = value * rest + np.float32(1.6666665459e-1)
    value = value * rest + np.float32(5.0000001201e-1)
    value = value * rest * rest + rest + np.float32(1)
    exponent = np.int32((np.int32(power) + np.int32(127)) << np.int32(23))
    return value * exponent.view(np.float32) if x > np.float32(-80) else np.float32(0)


@jit(
    'void(float32[:,::1], int32[:,::1], float32[:,::1], float32[:,::1], float32[:,::1], float32[:,::1])',
)
def update(
    log_unary: np.ndarray,
    rows: np.ndarray,
    weights: np.ndarray,
    table: np.ndarray,
    splat: np.ndarray,
    probs: np.ndarray,
) -> None:
    """Compute the probabilities from the blurred ``table``, and add them to ``splat``.

    Args:
        log_unary: Logarithm of the unary distribution, ``(N, width)``.
        rows: Rows of the corners around each pixel in a table, ``(N, corners)``.
        weights: Their weights, ``(N, corners)``.
        table: Blurred values of all corners, ``(rows, width)``.
        splat: Table of the same shape. With no row, the probabilities are written to ``probs`` instead.
        probs: ``(K, N)``.
    """
    pixels, width = log_unary.shape
    count = rows.shape[1]
    values = np.empty((TILE, width), np.float32)
    flat = values.reshape(-1)
    for start in range(0, pixels, TILE):
        size = min(TILE, pixels - start)
        for i in range(size):
            at, first = (start + i) * width, (start + i) * count
            gather_row(flat, i * width, log_unary, at, table, rows, weights, first, first, count, width)
            highest = flat[i * width]
            for j in range(1, width):
                highest = max(highest, flat[i * width + j])
            for j in range(width):
                flat[i * width + j] -= highest
        for i in range(size * width):
            flat[i] = exp(flat[i])
        for i in range(size):
            total = np.float32(0)
            for j in range(width):
                total += flat[i * width + j]
            scale = np.float32(1) / total
            if len(splat):
                scatter_row(flat, i * width, splat, rows, weights, (start + i) * count, count, scale, width)
            else:
                for j in range(len(probs)):
                    probs[j, start + i] = flat[i * width + j] * scale
