"""Rows of a large dataset shared by the processes of a machine, by files that are mapped into memory."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from mmwsl.utils.files import atomic_write
from mmwsl.utils.folder_lock import folder_lock

from .packed_infos import InfoFormat, PackedInfos

VARIABLE = 'MMWSL_SHARED_ROWS'
"""Environment variable with the folder of the files."""
VERSION = 1
"""Version of :class:`.packed_infos.InfoFormat` and of what a dataset reads from its files."""


def share_rows(load: Callable[[], PackedInfos], form: InfoFormat, options: object, files: list[str]) -> PackedInfos:
    """Load data infos once per machine, if the environment variable ``MMWSL_SHARED_ROWS`` names a folder.

    The first process loads them and writes them there; the others wait, and map the files. A label file that is changed
    gives other files. A changed folder of images does not: remove the files of its rows.

    Args:
        load: Loads the data infos.
        form: What the data infos have in common.
        options: All other things on which they depend, whose ``repr`` tells them apart.
        files: Files on which they depend, '' for none. If one is a folder or not local, every process loads the data
            infos.

    Raises:
        ValueError: If the environment variable names a file.
    """
    folder, used = os.environ.get(VARIABLE), [name for name in files if name]
    if not folder or not used or not all(map(os.path.isfile, used)):
        return load()
    if os.path.exists(folder) and not os.path.isdir(folder):
        raise ValueError(f'the environment variable {VARIABLE} must name a folder, got the file {folder!r}. Change it.')
    stats = [(name, status.st_size, status.st_mtime_ns) for name, status in zip(used, map(os.stat, used), strict=True)]
    key = hashlib.sha256(repr([VERSION, form, options, stats]).encode(errors='surrogateescape')).hexdigest()[:32]
    rows, ends = (Path(folder) / f'{key}.{part}.npy' for part in ('rows', 'ends'))
    with folder_lock(folder, VARIABLE, wait=True):
        if not ends.exists():
            infos = load()
            for path, array in ((rows, infos.rows), (ends, infos.ends)):
                with atomic_write(path) as file:
                    np.save(file, array)
    # a slice of the mapped array itself would take longer: numpy makes an object of its class
    mapped = [np.asarray(np.load(path, mmap_mode='r')) for path in (rows, ends)]
    return PackedInfos(mapped[0], mapped[1], form)
