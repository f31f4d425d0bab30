"""Stored facts about files: read once, again after a change, and whatever happens to the store."""

import json
import os
import subprocess
import sys
import threading
import time

import pytest

from mmwsl.utils import file_facts as module
from mmwsl.utils.file_facts import file_facts, store_folder


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An own folder for the store."""
    monkeypatch.setenv('MMWSL_CACHE', str(tmp_path / 'cache'))
    return tmp_path / 'cache' / 'file_facts'


@pytest.fixture
def files(tmp_path):
    """Five files that were written an hour ago."""
    paths = []
    for index in range(5):
        path = tmp_path / 'files' / f'{index}.txt'
        path.parent.mkdir(exist_ok=True)
        path.write_text('x' * index)
        age(path)
        paths.append(str(path))
    return paths


def age(path, seconds=3600):
    """Set the time of a file back."""
    then = time.time_ns() - seconds * 10**9
    os.utime(path, ns=(then, then))


class Reader:
    """Reads the size of a file, and remembers what was read."""

    def __init__(self):
        self.read = []

    def __call__(self, path):
        self.read.append(path)
        if not os.path.exists(path):
            return dict(error='missing')
        return dict(size=os.path.getsize(path))


def sizes(paths, kind='size'):
    """Return the facts, and the files that were read."""
    reader = Reader()
    return [facts.get('size') for facts in file_facts(paths, reader, kind)], sorted(reader.read)


def test_a_file_is_read_once(cache, files):
    assert sizes(files) == ([0, 1, 2, 3, 4], files)
    assert sizes(files[::-1]) == ([4, 3, 2, 1, 0], [])
    assert sizes(files, 'other')[1] == files
    assert len(list(cache.iterdir())) == 2  # one per folder and kind


def test_a_file_that_changed_is_read_again(cache, files):
    sizes(files)
    with open(files[1], 'w') as file:
        file.write('changed')
    age(files[1])
    age(files[2], 1800)  # only its time
    assert sizes(files) == ([0, 7, 2, 3, 4], files[1:3])
    assert sizes(files)[1] == []


def test_a_file_that_was_just_written_is_not_stored(cache, files):
    """It could change once more within the resolution of its time."""
    age(files[0], 0)
    sizes(files)
    assert sizes(files)[1] == files[:1]


def test_errors_and_missing_files_are_not_stored(cache, files):
    gone = f'{files[0]}.gone'
    assert sizes([*files, gone]) == ([0, 1, 2, 3, 4, None], [*files[:1], gone, *files[1:]])
    assert sizes([*files, gone])[1] == [gone]
    broken = [dict(error='broken')]
    assert file_facts(files[:1], lambda path: broken[0], 'other') == broken
    assert sizes(files[:1], 'other') == ([0], files[:1])


def test_a_path_that_occurs_twice_is_read_once(cache, files):
    assert sizes([files[2], files[2]]) == ([2, 2], [files[2]])


@pytest.mark.parametrize(
    'damage',
    [
        lambda content: b'',
        lambda content: b'{"0.txt": 7}',
        lambda content: content[: len(content) // 2],
        lambda content: content.replace(b'"size": 4', b'"size": 5'),
        lambda content: bytes(255 - byte for byte in content),
    ],
)
def test_a_damaged_store_is_made_anew(cache, files, damage):
    sizes(files)
    (store,) = cache.iterdir()
    content = store.read_bytes()
    assert damage(content) != content
    store.write_bytes(damage(content))
    assert sizes(files) == ([0, 1, 2, 3, 4], files)
    assert sizes(files)[1] == []


def test_a_store_that_cannot_be_written_costs_time_only(tmp_path, files, monkeypatch):
    (tmp_path / 'file').write_text('no folder')
    for place in (tmp_path / 'file', 'relative'):
        monkeypatch.setenv('MMWSL_CACHE', str(place))
        assert sizes(files) == sizes(files) == ([0, 1, 2, 3, 4], files)
    monkeypatch.delenv('MMWSL_CACHE')
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'xdg'))
    assert store_folder() == tmp_path / 'xdg' / 'mmwsl' / 'file_facts'


def test_the_store_is_bounded(cache, files, monkeypatch):
    monkeypatch.setattr(module, 'MAX_FILES', 3)
    sizes(files)
    (store,) = cache.iterdir()
    assert list(json.loads(store.read_bytes().partition(b'\n')[2])) == ['2.txt', '3.txt', '4.txt']
    monkeypatch.setattr(module, 'MAX_SIZE', '1kB')
    old = cache / 'old'
    old.write_bytes(b'x' * 900)
    age(old)
    sizes(files[:1], 'other')
    assert not old.exists() and sizes(files[:1], 'other')[1] == []


def test_the_facts_of_an_interrupted_check_are_stored(cache, files):
    def read(path):
        if path == files[3]:
            raise KeyboardInterrupt
        return dict(size=os.path.getsize(path))

    with pytest.raises(KeyboardInterrupt):
        file_facts(files, read, 'size', threads=1)
    assert sizes(files)[1] == files[3:]


def test_files_are_read_at_the_same_time(cache, files):
    barrier = threading.Barrier(5, timeout=10)

    def read(path):
        barrier.wait()
        return {}

    assert file_facts(files, read, 'size', threads=5) == [{}] * 5


def test_two_processes_write_one_store(cache, files):
    code = (
        'import os, sys; from mmwsl.utils.file_facts import file_facts\n'
        'for path in sys.argv[1:]: file_facts([path], lambda path: dict(size=os.path.getsize(path)), "size")'
    )
    runs = [subprocess.Popen([sys.executable, '-c', code, *paths]) for paths in (files, files[::-1])]
    assert [run.wait() for run in runs] == [0, 0]
    found, read = sizes(files)
    assert found == [0, 1, 2, 3, 4] and len(read) < 5
    assert len(list(cache.iterdir())) == 1
