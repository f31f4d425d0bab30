"""Times on a CPU and on a GPU, and the number of kernels that a GPU starts."""

import statistics
import time
from collections.abc import Callable

import torch

Call = Callable[[], object]


def row(name: str, value: float, unit: str, peer: str = '', ratio: float | None = None, **more: object) -> dict:
    """Return a row: a value, and its ratio to the value of a peer."""
    return dict(name=name, value=value, unit=unit, peer=peer, ratio=ratio, **more)


def wait(device: torch.device) -> None:
    """Wait until a GPU has finished its work."""
    if device.type == 'cuda':
        torch.cuda.synchronize()


def seconds(call: Call, device: torch.device) -> float:
    """Measure a call: CPU time of this process, or time until the GPU is done."""
    clock = time.process_time if device.type == 'cpu' else time.perf_counter
    wait(device)
    start = clock()
    call()
    wait(device)
    return clock() - start


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


def compared(name: str, calls: dict[str, Call], device: torch.device, repeats: int = 5) -> list[dict]:
    """Measure calls of one operation; ratios are to the first one, the peer."""
    peer, *others = calls
    found = medians(calls, device, repeats)
    return [
        row(
            f'{name}: {other}',
            value,
            'ms',
            peer if others else '',
            value / found[peer] if others else None,
            kernels=kernels(calls[other], device),
        )
        for other, value in found.items()
    ]


def kernels(call: Call, device: torch.device) -> int | None:
    """Count the kernels that a call starts on a GPU; None on a CPU."""
    if device.type != 'cuda':
        return None
    activities = [torch.profiler.ProfilerActivity.CUDA]
    with torch.profiler.profile(activities=activities) as profile:
        call()
        wait(device)
    return sum(event.count for event in profile.key_averages() if event.device_type.name == 'CUDA')
