"""CRF, PAMR and random walk: single images and batches, with each of their implementations."""

import os
from collections.abc import Iterator
from unittest.mock import patch

import torch
from cases import crf as crf_case
from skimage.segmentation import slic

from mmwsl.functional import (
    CRF_PRESETS,
    affinity_random_walk,
    crf_kernels,
    dense_crf,
    pixel_adaptive_refinement,
    superpixel_crf,
    superpixel_mean,
)
from mmwsl.functional.neighbor_average import triton_kernels

from .timing import Call, compared

BATCH = 8
SPLIT = 'mmwsl.functional.dense_crf._is_split'
"""Function that decides whether the images of a batch follow one another: on a CPU they do."""


def rows(device: torch.device) -> Iterator[dict]:
    """Measure; an image has 375 x 500 pixels."""
    image = crf_case.make_image()
    on_device = torch.from_numpy(image).permute(2, 0, 1).contiguous().to(device)
    yield from compared('lattices of the CRF', lattices(on_device), device)
    for labels in (21, 4):
        probs = crf_case.scores(labels).to(device)
        yield from compared(f'dense CRF, {labels} labels, 10 iterations', crfs(probs, on_device), device)
        refine = with_triton(lambda probs=probs: pixel_adaptive_refinement(probs, on_device), device)
        yield from compared(f'PAMR, {labels} labels, 10 iterations', refine, device)
    probs = crf_case.scores(21).to(device)
    name = f'dense CRF, 21 labels, {BATCH} images'
    yield from compared(
        name, crf_batches(probs, on_device), device, 1 if device.type == 'cpu' else 5, BATCH, 'ms/image'
    )
    yield from compared(
        'random walk, 21 labels', with_triton(lambda: affinity_random_walk(probs, on_device), device), device
    )
    superpixels = torch.from_numpy(slic(image, 400, start_label=0)).to(device)
    calls = {'mmwsl': lambda: superpixel_crf(probs, on_device, superpixels)}
    yield from compared('superpixel CRF, 21 labels, 400 superpixels', calls, device)
    calls = {'mmwsl': lambda: superpixel_mean(probs, superpixels)}
    yield from compared('mean over superpixels, 21 labels', calls, device)


def with_triton(call: Call, device: torch.device) -> dict[str, Call | str]:
    """Return a call of mmwsl, and on a GPU the same one with the kernels of Triton, or why they cannot run."""
    calls: dict[str, Call | str] = {'mmwsl': call}
    if device.type == 'cuda':
        with patch.dict(os.environ, MMWSL_TRITON='1'):
            can_run = triton_kernels() is not None
        calls['mmwsl, MMWSL_TRITON=1'] = (
            patch.dict(os.environ, MMWSL_TRITON='1')(call) if can_run else 'Triton cannot run'
        )
    return calls


def without_numba(call: Call) -> Call:
    """Return a call that computes with torch alone, as on a GPU."""
    return patch.object(crf_kernels, 'compiled_functions', return_value=None)(lambda _: call())


def crfs(probs: torch.Tensor, image: torch.Tensor) -> dict[str, Call | str]:
    """Return the calls of the CRF, with what computes it on the device."""
    own = with_triton(lambda: dense_crf(probs, image), probs.device)
    if probs.is_cuda:
        return own
    try:
        peer: Call | str = crf_case.pydensecrf(len(probs))
    except ImportError:
        peer = 'pydensecrf2 is not installed'
    calls = {'pydensecrf2': peer, **own, 'mmwsl without numba': without_numba(own['mmwsl'])}
    if crf_kernels.compiled_functions() is None:
        calls['mmwsl'] = 'numba is not installed'
    return calls


def crf_batches(probs: torch.Tensor, image: torch.Tensor) -> dict[str, Call | str]:
    """Return the calls of the CRF of images of equal size, which share a lattice on a GPU."""
    batch = torch.stack([image.roll(20 * index, -1) for index in range(BATCH)])
    maps = torch.stack([probs.roll(20 * index, -1) for index in range(BATCH)])

    def single() -> list[torch.Tensor]:
        return [dense_crf(*pair) for pair in zip(maps, batch, strict=True)]

    calls: dict[str, Call | str] = {'one after the other': single}
    if not probs.is_cuda:
        shared = patch(SPLIT, return_value=False)(lambda _: dense_crf(maps, batch))
        return {**calls, 'one lattice, as on a GPU': shared}
    together = with_triton(lambda: dense_crf(maps, batch), probs.device)
    return calls | {name.replace('mmwsl', 'in a batch'): call for name, call in together.items()}


def lattices(image: torch.Tensor) -> dict[str, Call | str]:
    """Return the calls that build the lattices of the CRF."""
    params, like = CRF_PRESETS['psa'], torch.zeros(1, device=image.device)

    def by_torch() -> object:
        return crf_kernels.CRFKernels(image, params).lattice(like)

    if image.is_cuda:
        return {'mmwsl': by_torch}

    def compiled() -> object:
        return crf_kernels.CRFKernels(image, params).compiled()

    found = 'numba is not installed' if crf_kernels.compiled_functions() is None else compiled
    return {'mmwsl': found, 'mmwsl without numba': by_torch}
