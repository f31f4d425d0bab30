"""Sizes as texts; the limit of a folder at different loads of its files."""

import os

import pytest

from mmwsl.utils.file_cache import HASHED, FileCache, parse_size


@pytest.mark.parametrize(
    'text, size',
    [(7, 7), ('7', 7), ('2kB', 2000), ('1.5 MB', 1_500_000), ('20GB', 20 * 10**9), ('1t', 10**12), ('3b', 3)],
)
def test_sizes(text, size):
    assert parse_size(text) == size


def write(folder, name, size, modified=None):
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(bytes(size))
    if modified:
        os.utime(folder / name, (modified, modified))


@pytest.mark.parametrize('writers, count', [(4, 40), (32, 320)])
def test_as_many_writers_as_announced_never_exceed_the_limit(tmp_path, writers, count):
    """The worst case: all measure the same room before any of them writes."""
    size = 100
    caches = [FileCache(tmp_path, count * size, writers) for _ in range(writers)]
    written = 0
    while not all(cache.full for cache in caches) and written <= count:
        granted = [cache for cache in caches if not cache.full and cache.reserve(size)]
        for _ in granted:
            write(tmp_path, str(written), size)
            written += 1
    assert 0.7 * count <= written <= count


def test_the_least_recently_used_files_are_removed_first(tmp_path):
    for index in range(10):
        write(tmp_path, f'old {index}', 100, modified=1000 + index)
    cache = FileCache(tmp_path, 1000)
    cache.touch(tmp_path / 'old 0')
    assert cache.reserve(50)
    left = sorted(path.name for path in tmp_path.iterdir())
    assert 'old 0' in left and 'old 1' not in left and 'old 9' in left


def test_files_in_use_are_never_removed(tmp_path):
    cache = FileCache(tmp_path, 1000)
    for index in range(10):
        write(tmp_path, str(index), 100)
    assert not cache.reserve(50) and cache.full
    assert len(list(tmp_path.iterdir())) == 10


def test_touch_of_a_deleted_file_is_no_error(tmp_path):
    FileCache(tmp_path, 10).touch(tmp_path / 'missing')


def test_files_of_others_are_never_removed(tmp_path):
    names = ['ab/' + '0' * 40 + '.npy', 'ab/' + '0' * 40 + '.txt', 'photo.npy', 'ab/photo.npz']
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(bytes(90))
        os.utime(tmp_path / name, (0, 0))
    assert FileCache(tmp_path, 100, own=HASHED).reserve(20)
    assert [(tmp_path / name).exists() for name in names] == [False, True, True, True]
