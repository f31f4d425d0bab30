"""Lock of a file that a command makes."""

import multiprocessing

import pytest

from mmwsl.utils.folder_lock import FolderInUseError, file_lock


def attempt(path, found):
    """Try to lock a file from another process."""
    try:
        with file_lock(path):
            found.put('locked')
    except FolderInUseError as error:
        found.put(str(error))


def other_process(path):
    context = multiprocessing.get_context('spawn')
    found = context.Queue()
    process = context.Process(target=attempt, args=(path, found))
    process.start()
    result = found.get(timeout=100)
    process.join()
    return result


def test_a_second_process_is_rejected_and_nothing_is_left(tmp_path):
    path = tmp_path / 'out.json'
    with file_lock(path):
        path.write_text('{}')
        assert f"--out must be a file that no other command writes, got '{path}'" in other_process(path)
    assert other_process(path) == 'locked'
    assert [item.name for item in tmp_path.iterdir()] == ['out.json']


def test_a_missing_folder_is_made_only_if_the_command_makes_it(tmp_path):
    with file_lock(tmp_path / 'none' / 'out.json'):
        assert not (tmp_path / 'none').exists()
    with file_lock(tmp_path / 'none' / 'out.json', make_folder=True):
        assert (tmp_path / 'none').is_dir()
    assert not (tmp_path / 'none').exists()
    with pytest.raises(RuntimeError), file_lock(tmp_path / 'out.json'):
        raise RuntimeError
    assert not list(tmp_path.iterdir())
