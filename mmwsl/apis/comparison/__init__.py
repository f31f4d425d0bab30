"""Finished runs side by side: accuracy, size, speed and what their labels cost."""

from .command import compare
from .runs import RunError

__all__ = ['RunError', 'compare']
