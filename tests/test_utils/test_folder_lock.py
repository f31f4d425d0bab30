import itertools
import os
import signal
import subprocess
import sys
import time

import pytest

from mmwsl.cli.main import main
from mmwsl.utils.folder_lock import FolderInUseError, folder_lock

HOLDER = """
import os, sys, time
from mmwsl.utils.folder_lock import folder_lock
with folder_lock(sys.argv[1]):
    if os.fork() == 0:  # a worker that outlives its command
        print('locked', flush=True)  # the worker has closed its copy of the lock
        time.sleep(60)
        os._exit(0)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """A process that has locked a folder, and a worker of it."""
    process = subprocess.Popen(
        [sys.executable, '-c', HOLDER, str(tmp_path / 'out')], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout.readline() == 'locked\n'
    yield process
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()


def test_another_process_is_refused_until_the_first_is_killed(holder, tmp_path):
    with pytest.raises(FolderInUseError, match="--work-dir must be a folder that no other command .*, got '.*out'"):
        with folder_lock(tmp_path / 'out', '--work-dir'):
            pass
    with folder_lock(tmp_path / 'other'):
        pass
    holder.kill()  # its worker lives on
    holder.wait()
    with folder_lock(tmp_path / 'out'):
        assert (tmp_path / 'out').is_dir()


def test_waiting_ends_with_the_other_process(holder, tmp_path):
    start, ending = time.monotonic(), subprocess.Popen(['sh', '-c', f'sleep 0.5; kill -9 {holder.pid}'])
    with folder_lock(tmp_path / 'out', wait=True):
        assert time.monotonic() - start > 0.4
    ending.wait()


def test_a_folder_that_the_other_process_removes_is_made_again(tmp_path):
    out = tmp_path / 'out'
    code = (
        'import sys\nfrom mmwsl.utils.folder_lock import folder_lock\n'
        "with folder_lock(sys.argv[1], wait=True):\n    open(f'{sys.argv[1]}/made', 'w').close()"
    )
    with folder_lock(out):
        waiting = subprocess.Popen([sys.executable, '-c', code, str(out)])
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(3)
    assert waiting.wait(60) == 0 and (out / 'made').exists()


def test_a_file_system_that_numbers_folders_anew_is_no_endless_wait(tmp_path, monkeypatch):
    numbers = itertools.count()
    monkeypatch.setattr('mmwsl.utils.folder_lock._identity', lambda status: (0, next(numbers)))
    with folder_lock(tmp_path / 'out'):
        assert (tmp_path / 'out').is_dir()
    assert not (tmp_path / 'out').exists()


def test_a_lock_leaves_nothing_and_may_be_nested(tmp_path):
    (tmp_path / 'kept').mkdir()
    with folder_lock(tmp_path / 'new' / 'out'):
        with folder_lock(tmp_path / 'new' / 'out'), folder_lock(tmp_path / 'kept'):
            pass
        assert (tmp_path / 'new' / 'out').is_dir() and not list((tmp_path / 'new' / 'out').iterdir())
        second = [sys.executable, '-c', HOLDER, str(tmp_path / 'new' / 'out')]
        ended = subprocess.run(second, capture_output=True, text=True)
        assert 'FolderInUseError' in ended.stderr  # the inner block has not ended the lock
    assert [path.name for path in tmp_path.iterdir()] == ['kept']


def test_a_path_that_cannot_be_a_folder_is_the_business_of_the_command(tmp_path):
    (tmp_path / 'file').touch()
    with folder_lock(tmp_path / 'file'):
        pass
    with folder_lock(tmp_path / 'file' / 'out'):
        pass


def test_a_file_system_without_locks_stops_nothing(tmp_path, monkeypatch):
    def refuse(descriptor, operation):
        raise OSError(9, 'Bad file descriptor')  # of NFS, for a folder

    monkeypatch.setattr('mmwsl.utils.folder_lock.fcntl.flock', refuse)
    with folder_lock(tmp_path / 'out'):
        (tmp_path / 'out' / 'result').touch()
    assert (tmp_path / 'out' / 'result').exists()


def test_commands_are_refused_in_one_line(holder, tmp_path, repository, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    config = str(repository / 'configs/shapes/wsl_lse_shapes.py')
    for arguments in (
        ['train', config, '--work-dir', 'out'],
        ['generate-pseudo-labels', config, 'weights.pth', '--out', 'out'],
        ['compare', 'out', '--out', 'out'],
        ['run', 'images', '--labels', 'labels.csv', '--out', 'out'],
        ['predict', config, 'images', '--out', 'out'],
        ['label', 'out'],
        ['report', 'out'],
    ):
        with pytest.raises(SystemExit) as end:
            main(arguments)
        printed = capfd.readouterr().err
        assert end.value.code == 1, arguments
        assert printed.count('\n') == 1 and "no other command writes into, got 'out'. Wait until" in printed, arguments
        assert not list((tmp_path / 'out').iterdir()), arguments
