"""Comparison of finished runs: accuracy, size, speed and annotation time."""

from .command import compare
from .runs import RunError

__all__ = ['RunError', 'compare']
