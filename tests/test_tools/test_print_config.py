"""File of `print-config --out`: one command writes it at a time, and what an interrupted one left is removed."""

import fcntl
import os

import pytest

from mmwsl.apis.print_config import main
from mmwsl.utils.folder_lock import FolderInUseError

CONFIG = 'wsl_lse_shapes'


def test_partial_files_of_interrupted_commands_are_removed(tmp_path):
    for name in ('tmp_config.py_a1b2.part', 'tmp_other.py_a1b2.part'):
        (tmp_path / name).touch()
    main([CONFIG, '--out', f'{tmp_path}/config.py'])
    assert sorted(os.listdir(tmp_path)) == ['config.py', 'tmp_other.py_a1b2.part']


def test_a_file_that_another_command_writes_is_refused(tmp_path):
    lock = tmp_path / '.config.py.lock'
    lock.mkdir()
    descriptor = os.open(lock, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    with pytest.raises(FolderInUseError, match='must be a file that no other command writes'):
        main([CONFIG, '--out', f'{tmp_path}/config.py'])
    os.close(descriptor)
    main([CONFIG, '--out', f'{tmp_path}/config.py'])
