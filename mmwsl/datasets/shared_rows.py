"""Rows of a large dataset shared by the processes of a machine, by files that are mapped into memory."""

import atexit
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from mmengine import dist

from mmwsl.utils.files import atomic_write
from mmwsl.utils.folder_lock import folder_lock

from .packed_infos import InfoFormat, PackedInfos

VARIABLE = 'MMWSL_SHARED_ROWS'
"""Environment variable with the folder of the files."""
SHARED_BYTES = 8_000_000
"""Size of label files from which the ranks of a machine share the rows: about 200,000 rows, half a second."""
VERSION = 1
"""Version of :class:`.packed_infos.InfoFormat` and of what a dataset reads from its files."""


def share_rows(load: Callable[[], PackedInfos], form: InfoFormat, options: object, files: list[str]) -> PackedInfos:
    """Load data infos once per machine, in a distributed run of large label files.

    The first process loads them and writes them into a temporary folder, which is removed at the end of the run; the
    others wait, and map the files. If the environment variable ``MMWSL_SHARED_ROWS`` names a folder, the files stay
    there for later runs, also of one process. A label file that is changed gives other files. A changed folder of
    images does not: remove the files of its rows.

    Args:
        load: Loads the data infos.
        form: What the data infos have in common.
        options: All other things on which they depend, whose ``repr`` tells them apart.
        files: Files on which they depend, '' for none. If one is a folder or not local, every process loads the data
            infos.

    Raises:
        ValueError: If the environment variable names a file.
    """
    used = [name for name in files if name]
    if not used or not all(map(os.path.isfile, used)):
        return load()
    folder = os.environ.get(VARIABLE) or (_folder_of_run() if sum(map(os.path.getsize, used)) >= SHARED_BYTES else None)
    if not folder:
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


def _folder_of_run() -> str | None:
    """Return a temporary folder that the ranks of this machine share; None if there is one process or no such folder.

    The launcher is the parent of all ranks. Its start time tells it from an earlier process of the same number.
    """
    if dist.get_world_size() == 1 or not hasattr(os, 'getuid'):
        return None
    try:
        # proc(5): the name of the program, in brackets, is the second field, the start time the 22nd
        started = Path(f'/proc/{os.getppid()}/stat').read_text(errors='replace').rpartition(')')[2].split()[19]
        folder = Path(tempfile.gettempdir(), f'mmwsl_rows_{os.getuid()}_{os.getppid()}_{started}')
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.lstat().st_uid != os.getuid():  # someone else's
            return None
    except OSError:  # another operating system, or a full disk
        return None
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return str(folder)
