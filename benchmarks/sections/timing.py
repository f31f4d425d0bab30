"""Times on a CPU and on a GPU, and the number of operations, of reads, and of kernels that a GPU starts."""

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from tests.device_reads import CountReads

Call = Callable[[], object]


def row(name: str, value: float | None, unit: str, peer: str = '', ratio: float | None = None, **more: object) -> dict:
    """Return a row: a value, and its ratio to the value of a peer; without a value, ``missing`` says why."""
    return dict(name=name, value=value, unit=unit, peer=peer, ratio=ratio, **{'missing': '', **more})


def wait(device: torch.device) -> None:
    """Wait until a GPU has finished its work."""
    if device.type == 'cuda':
        torch.cuda.synchronize()


def now(device: torch.device) -> float:
    """Return a time in seconds: the CPU time of this process, or the time when the GPU is done with its work."""
    wait(device)
    return time.process_time() if device.type == 'cpu' else time.perf_counter()


def seconds(call: Call, device: torch.device) -> float:
    """Measure a call: CPU time of this process, or time until the GPU is done."""
    start = now(device)
    call()
    return now(device) - start


def medians(calls: dict[str, Call], device: torch.device, repeats: int = 5) -> dict[str, float]:
    """Return the median milliseconds of each call; the calls take turns, after a warm-up."""
    for call in calls.values():
        call()
        if device.type == 'cuda':
            call()
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(repeats):
        for name, call in calls.items():
            times[name].append(seconds(call, device))
    return {name: 1e3 * statistics.median(values) for name, values in times.items()}


def compared(
    name: str, calls: dict[str, Call | str], device: torch.device, repeats: int = 5, of: int = 1, unit: str = 'ms'
) -> list[dict]:
    """Measure calls of one operation.

    Args:
        name: Name of the operation.
        calls: The calls; a text says why there is none. Ratios are to the first one, the peer.
        device: Where they compute.
        repeats: Number of times that each is measured.
        of: Number of images of a call, by which the time is divided.
        unit: Unit of the time.

    Returns:
        A row for each.
    """
    measured = {name: call for name, call in calls.items() if not isinstance(call, str)}
    found = medians(measured, device, repeats)
    peer = next(iter(found), '') if len(found) > 1 else ''
    rows = []
    for other, call in calls.items():
        if isinstance(call, str):
            rows.append(row(f'{name}: {other}', None, unit, missing=call))
            continue
        ratio = found[other] / found[peer] if peer else None
        rows.append(row(f'{name}: {other}', found[other] / of, unit, peer, ratio, **counts(call, device)))
    return rows


class CountOperations(TorchDispatchMode):
    """Counter of the calls of torch's operators, except those that only give a tensor another shape."""

    def __init__(self) -> None:
        super().__init__()
        self.found = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.found += not func.is_view
        return func(*args, **(kwargs or {}))


def counts(call: Call, device: torch.device) -> dict[str, int | None]:
    """Count the operations and reads of a call, forward and backward, and its kernels on a GPU (None on a CPU)."""
    with CountOperations() as operations, CountReads() as reads:
        call()
    return dict(operations=operations.found, reads=sum(reads.found.values()), kernels=kernels(call, device))


def kernels(call: Call, device: torch.device) -> int | None:
    """Count the kernels that a call starts on a GPU; None on a CPU."""
    if device.type != 'cuda':
        return None
    activities = [torch.profiler.ProfilerActivity.CUDA]
    with torch.profiler.profile(activities=activities) as profile:
        call()
        wait(device)
    return sum(event.count for event in profile.key_averages() if event.device_type.name == 'CUDA')
