"""Garbage collection of Python, paused."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused_collection() -> Iterator[None]:
    """Pause the collection of reference cycles, within a block or as a decorator of a function.

    Each collection visits every object of the process, and many new lists cause many collections: with torch imported,
    reading a table would take eight times as long. The block must not make cycles of large objects.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
