"""Settings of a process that computes on a CPU."""

import ctypes
import os
import sys

import torch

MALLOPT = {'MALLOC_TRIM_THRESHOLD_': -1, 'MALLOC_MMAP_THRESHOLD_': -3}
"""Environment variables of glibc, and what <malloc.h> calls them."""
LARGEST = 2**31 - 1


def prepare_cpu() -> None:
    """Set the number of threads, and keep freed memory for the next tensor, if there is no GPU.

    From three cores on, one is left to the processes that read images. On two cores both compute: reading would leave
    most of one idle.

    glibc returns the memory of a large tensor to the system and gets it again for the next one, up to half of the time
    of a training step.

    The environment takes precedence: ``OMP_NUM_THREADS``, ``MALLOC_TRIM_THRESHOLD_`` and ``MALLOC_MMAP_THRESHOLD_``.
    """
    if torch.cuda.is_available():
        return
    if 'OMP_NUM_THREADS' not in os.environ:
        cores = os.cpu_count() or 1
        torch.set_num_threads(max(min(cores, 2), cores - 1))
    if sys.platform == 'linux' and hasattr(library := ctypes.CDLL(None), 'mallopt'):  # musl has none
        for variable, option in MALLOPT.items():
            if variable not in os.environ:
                library.mallopt(option, LARGEST)
