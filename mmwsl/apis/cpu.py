"""Settings of a process that computes on a CPU."""

import ctypes
import os
import sys

import torch

from mmwsl.utils.cores import available_cores

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of <malloc.h>
VARIABLES = ('MALLOC_TRIM_THRESHOLD_', 'MALLOC_MMAP_THRESHOLD_')
LARGEST = 2**31 - 1
LIMIT_OF_OLD_GLIBC = 32 * 2**20
"""Largest threshold that older versions accept, on 64 bits."""


def prepare_cpu() -> None:
    """Set the number of threads, and keep freed memory for the next tensor, if there is no GPU.

    From three cores on, one is left to the processes that read images. On two cores both compute: reading would leave
    most of one idle.

    glibc returns the memory of a large tensor to the system and gets it again for the next one, up to half of the time
    of a training step.

    The environment takes precedence: ``OMP_NUM_THREADS``, and ``MALLOC_TRIM_THRESHOLD_`` or ``MALLOC_MMAP_THRESHOLD_``.
    """
    if torch.cuda.is_available():
        return
    if 'OMP_NUM_THREADS' not in os.environ:
        cores = available_cores()
        torch.set_num_threads(max(min(cores, 2), cores - 1))
    if sys.platform != 'linux' or any(variable in os.environ for variable in VARIABLES):
        return
    mallopt = getattr(ctypes.CDLL(None), 'mallopt', None)  # musl has none
    # The threshold of trimming alone would turn off that glibc raises the other one to the size of the tensors.
    if mallopt and any(mallopt(M_MMAP_THRESHOLD, size) for size in (LARGEST, LIMIT_OF_OLD_GLIBC)):
        mallopt(M_TRIM_THRESHOLD, LARGEST)
