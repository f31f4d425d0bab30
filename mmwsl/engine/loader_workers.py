"""Processes that load images: data that they cannot send is an error of the loader, which would else wait forever."""

import os
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any

from torch._utils import ExceptionWrapper
from torch.utils.data import DataLoader
from torch.utils.data.dataloader import _MultiProcessingDataLoaderIter

from ..utils.errors import SHARED_MEMORY

SHARED_FILE = re.compile(r'</(torch_\w+)>')
"""Name, in an error of torch, of the file in shared memory that it could not make."""


def report_unsent(loader: DataLoader) -> DataLoader:
    """Make the processes of a loader send an error in place of a batch that they cannot send, and return the loader.

    Torch sends tensors as files in shared memory, which may be full: a container has 64 MB by default. The thread that
    sends prints such an error and drops the batch.
    """
    loader.worker_init_fn = partial(_start, loader.worker_init_fn)
    return loader


def end_workers(loop: object) -> None:
    """End the processes of the loader of a loop of mmengine, if it has any.

    Otherwise they end when the loader is collected as garbage, with its runner. Their queues are collected before it
    then, so that it waits five seconds for each process.
    """
    loader = getattr(loop, 'dataloader', None)
    for holder in (loader, getattr(loop, 'dataloader_iterator', None)):
        iterator = getattr(holder, '_iterator', None)
        if isinstance(iterator, _MultiProcessingDataLoaderIter):
            iterator._shutdown_workers()
    if isinstance(loader, DataLoader):
        loader._iterator = None  # a second run starts others


def _start(init: Callable[[int], None] | None, worker: int) -> None:
    # The hook that concurrent.futures overrides too; only the queues of this process have it.
    setattr(Queue, '_on_queue_feeder_error', _send_error)  # noqa: B010
    if init is not None:
        init(worker)


def _send_error(queue: Queue, error: Exception, item: Any) -> None:
    if not isinstance(item, tuple):  # it is serialized, but nobody receives it
        return
    if left := SHARED_FILE.search(str(error)):
        with suppress(OSError):
            os.unlink(Path(SHARED_MEMORY, left[1]))  # torch leaves it, and nobody else would remove it
    try:
        raise RuntimeError(
            f'A process that loads images cannot pass them on by shared memory, {SHARED_MEMORY}: '
            f'{" ".join(str(error).split())}. Enlarge it (docker run --ipc=host), raise `ulimit -f` and -n, or '
            'load the images without such processes: num_workers=0, or `--workers 0` of mmwsl predict.'
        ) from error
    except RuntimeError:
        queue.put((item[0], ExceptionWrapper(sys.exc_info(), 'in DataLoader worker process')))
