"""CPU cores that a process may use."""

import os


def available_cores() -> int:
    """Return the number of CPU cores that this process may use, which may be fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1
