"""Setting of cuDNN."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def untuned_convolutions() -> Iterator[None]:
    """Let cuDNN choose algorithms without trying them within the block: it would try them for every image size."""
    before = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = False
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = before
