"""Pseudo-labels: scores and masks of images, with a record of how they were generated."""

from .generate import generate_pseudo_labels
from .manifest import ManifestError

__all__ = ['ManifestError', 'generate_pseudo_labels']
