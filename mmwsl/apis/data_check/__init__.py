"""Checks of the files of a run before it starts: images, masks, and what training and evaluation share."""

from .files import check_files, list_problems, read_masks, warn_unusual
from .hook import OVERLAP, DataCheckHook
from .overlap import describe_overlap, image_digests

__all__ = [
    'OVERLAP',
    'DataCheckHook',
    'check_files',
    'describe_overlap',
    'image_digests',
    'list_problems',
    'read_masks',
    'warn_unusual',
]
