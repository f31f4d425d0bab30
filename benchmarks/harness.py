"""Comparison of implementations: CPU time, peak memory and agreement, in one run on one thread.

On a shared machine, times of different runs are not comparable, but ratios within one run are. The cases of a group
therefore take turns, and the median over the turns counts.
"""

import ctypes
import gc
import json
import os
import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

MIB = 2**20


@dataclass
class Case:
    """One implementation of the operation of its group.

    Attributes:
        group: Operation that is compared.
        name: Name of the implementation.
        prepare: Prepares the input and returns the timed call, which returns an array or a tensor. If it raises
            ImportError, the row reports the implementation as not installed.
        reference: Whether it is a reference implementation. The group is compared with its first one that is
            installed, or with its first case if there is none.
    """

    group: str
    name: str
    prepare: Callable[[], Callable[[], object]]
    reference: bool = False


def compare(cases: Iterable[Case], repeats: int = 5) -> list[dict]:
    """Measure the cases group by group, print a table for each group, and return the rows."""
    torch.set_num_threads(1)
    groups: dict[str, list[Case]] = {}
    for case in cases:
        groups.setdefault(case.group, []).append(case)
    rows = []
    for group, members in groups.items():
        measured = _measure(members, repeats)
        print(f'\n{group}\n{"":34}{"CPU ms":>9}{"ratio":>8}{"MiB":>7}  agreement')
        for row in measured:
            print(_line(row), flush=True)
        rows.extend(measured)
    return rows


def write(rows: list[dict], path: str) -> None:
    """Write the rows and the versions of the packages as JSON."""
    versions = dict(python=platform.python_version(), torch=torch.__version__, numpy=np.__version__)
    Path(path).write_text(json.dumps(dict(versions=versions, machine=platform.processor(), rows=rows), indent=1))


def _measure(members: list[Case], repeats: int) -> list[dict]:
    rows, calls = [], {}
    for case in members:
        row = dict(group=case.group, name=case.name)
        rows.append(row)
        try:
            calls[case.name] = case.prepare()
        except ImportError as error:
            row['missing'] = f'not installed: {error}'
    memory = {name: peak_memory(call) for name, call in calls.items()}
    results = {name: np.asarray(call()) for name, call in calls.items()}
    times = {name: [] for name in calls}
    for _ in range(repeats):
        for name, call in calls.items():
            start = time.process_time()
            call()
            times[name].append(time.process_time() - start)
    running = [case for case in members if case.name in calls]
    reference = next((case.name for case in running if case.reference), running[0].name if running else None)
    for row in rows:
        if (name := row['name']) in calls:
            seconds = statistics.median(times[name])
            row.update(
                cpu_ms=1e3 * seconds,
                ratio=seconds / statistics.median(times[reference]),
                peak_mib=memory[name],
                agreement=_agreement(results[name], results[reference]),
            )
    return rows


def _agreement(result: np.ndarray, reference: np.ndarray) -> str:
    """Format the largest difference, and for class maps ``(K, H, W)`` the percentage of pixels with the same argmax."""
    if result.shape != reference.shape:
        return f'shape {result.shape}, not {reference.shape}'
    if result.dtype.kind in 'iub':
        return f'{(result == reference).mean():.4%} equal'
    text = f'max difference {np.abs(result - reference).max():.1e}'
    if result.ndim == 3 and len(result) > 1:
        text = f'{(result.argmax(0) == reference.argmax(0)).mean():.4%} labels equal, {text}'
    return text


def peak_memory(call: Callable[[], object]) -> float:
    """Measure the growth of the resident memory by one call in a child process, in MiB."""
    read, send = os.pipe()
    _return_free_memory()  # before the fork: the peak of the child includes what it has from the start
    child = os.fork()
    if child == 0:
        torch.set_num_threads(1)
        before = _resident()
        call()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == 'darwin' else 1024)
        os.write(send, str(max(peak - before, 0) / MIB).encode())
        os._exit(0)
    os.close(send)
    with os.fdopen(read) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    return float(text) if text else float('nan')


def _return_free_memory() -> None:
    """Return the freed memory of earlier cases to the system: a call that reuses it would seem to need less."""
    gc.collect()
    try:
        ctypes.CDLL('libc.so.6').malloc_trim(0)
    except OSError:  # another C library: only the memory of the first case is exact
        pass


def _resident() -> int:
    try:
        return int(Path('/proc/self/statm').read_text().split()[1]) * os.sysconf('SC_PAGE_SIZE')
    except OSError:  # no /proc: the result includes the memory that the child inherited
        return 0


def _line(row: dict) -> str:
    if 'missing' in row:
        return f'{row["name"]:34}{row["missing"]}'
    return f'{row["name"]:34}{row["cpu_ms"]:9.1f}{row["ratio"]:8.2f}{row["peak_mib"]:7.0f}  {row["agreement"]}'
