"""Atomic writes, and digests of the files that a config names."""

import hashlib
import os
import resource
from contextlib import contextmanager

import pytest
from mmengine.config import Config

from mmwsl.utils.files import atomic_write, files_of_config, is_inside, load_json, parse_json, read_bytes
from mmwsl.utils.nested import digest_files
from mmwsl.utils.text import first_five, plain, shorten


def test_a_file_is_replaced_atomically(tmp_path):
    path = tmp_path / 'folder' / 'file'
    with atomic_write(path) as file:
        file.write(b'one')
    with pytest.raises(KeyError), atomic_write(path) as file:
        file.write(b'tw')
        raise KeyError
    assert path.read_bytes() == b'one' and list(path.parent.iterdir()) == [path]
    plain = tmp_path / 'plain'
    plain.touch()
    assert path.stat().st_mode == plain.stat().st_mode


@contextmanager
def small_files(size):
    """Limit the size of the files that this process writes, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize('size', [20, 1 << 20], ids=['found when it is closed', 'found while it is written'])
def test_a_full_disk_leaves_the_old_file_and_names_it(tmp_path, size):
    path = tmp_path / 'file'
    path.write_bytes(b'old')
    with pytest.raises(OSError, match=f"File too large: '{path}'"), small_files(10), atomic_write(path) as file:
        file.write(b'x' * size)
    assert path.read_bytes() == b'old' and list(tmp_path.iterdir()) == [path]


def test_a_folder_of_the_same_name_is_named_and_leaves_no_partial_file(tmp_path):
    (tmp_path / 'a').mkdir()
    with pytest.raises(IsADirectoryError) as error, atomic_write(tmp_path / 'a') as file:
        file.write(b'new')
    assert str(error.value).endswith(f"Is a directory: '{tmp_path / 'a'}'")
    assert [path.name for path in tmp_path.iterdir()] == ['a']


def test_a_pipe_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / 'pipe')
    reader = os.open(tmp_path / 'pipe', os.O_RDONLY | os.O_NONBLOCK)
    with atomic_write(tmp_path / 'pipe') as file:
        file.write(b'content')
    assert os.read(reader, 100) == b'content' and (tmp_path / 'pipe').is_fifo()
    os.close(reader)


def test_an_error_about_another_file_keeps_its_name(tmp_path):
    with pytest.raises(FileNotFoundError, match="'nowhere'"), atomic_write(tmp_path / 'file'):
        open('nowhere')


def test_digests_cover_the_files_that_a_config_names(tmp_path):
    contents = {'a.pth': b'1', 'sets/labels.csv': b'2', 'sets/other.csv': b'3'}
    for name, content in contents.items():
        with atomic_write(tmp_path / name) as file:
            file.write(content)
    config = dict(
        model=dict(steps=[dict(type='Step', file=str(tmp_path / 'a.pth'), url='https://a/b.pth', none=None)]),
        dataset=dict(
            data_root=str(tmp_path / 'sets'), label_file='labels.csv', ann_file='', prefix=dict(path='images')
        ),
    )
    expected = {
        str(tmp_path / name): hashlib.sha256(contents[name]).hexdigest() for name in ('a.pth', 'sets/labels.csv')
    }
    assert digest_files(config) == expected
    (tmp_path / 'a.pth').write_bytes(b'changed')
    assert digest_files(config)[str(tmp_path / 'a.pth')] != expected[str(tmp_path / 'a.pth')]


@pytest.mark.parametrize(
    ('name', 'inside'),
    [
        *((name, True) for name in ('a', 'a/b.png', '..a', 'a/..b', '...', 'a..', '-', '~/a')),
        *(
            (name, False)
            for name in ('', '.', '/', '/a', '..', '../a', 'a/../b', 'a/..', '..\\a', 'a\\..\\..\\b', '//a')
        ),
    ],
)
def test_names_that_leave_their_folder(name, inside):
    assert is_inside(name) is inside


@pytest.mark.parametrize(
    'text', ['', '{', '[' * 10**5, '{"a":' * 10**5, '9' * 10**5, '-' + '9' * 10**5, '\0', '"\0"', '1 2', '\ufeff1']
)
def test_text_that_is_not_json_is_one_error(text):
    with pytest.raises(ValueError, match=r'^here\.json: not JSON \(') as error:
        parse_json(text, 'here.json')
    assert type(error.value) is ValueError and len(str(error.value)) < 200


def test_repeated_keys_are_rejected_where_they_matter():
    text = '{"a": {"b": 1, "c": 2, "b": 3}}'
    assert parse_json(text, 'x') == {'a': {'b': 3, 'c': 2}}
    with pytest.raises(ValueError, match=r"x: not JSON \(the key 'b' appears twice in one object\)"):
        parse_json(text, 'x', unique_keys=True)


def test_what_is_no_file_is_named(tmp_path):
    (tmp_path / 'file').touch()
    for path in (tmp_path, tmp_path / 'nothing', tmp_path / 'file' / 'x'):
        for read in (read_bytes, load_json):
            with pytest.raises(FileNotFoundError, match='^the list .* is not a file'):
                read(path, 'the list')


def test_values_in_messages_are_one_short_line():
    assert first_five(['a', 'b\nc', '\x1b[2J', 'é', 'd' * 10**6, 'f']) == f"a, 'b\\nc', '\\x1b[2J', é, {'d' * 200} ..."
    assert plain('\u2028') == r"'\u2028'"
    deep = []
    for _ in range(10**5):
        deep = [deep]
    assert shorten(deep) == 'a list that is nested too deeply'
    assert len(shorten('x' * 10**6)) == 60
    while deep:  # Python frees nested lists one by one
        deep = deep[0]


def test_files_of_a_config(tmp_path, monkeypatch):
    """All that it inherits from, in any order, but no other file that it names."""
    second = "_base_ = ['a.py']\ny = '''\nother.py\n'''"
    for name, text in dict(a='x = 1', b=second, c="_base_ = 'b.py'", other='').items():
        (tmp_path / f'{name}.py').write_text(f'{text}\n')
    monkeypatch.chdir(tmp_path)
    found = files_of_config(Config.fromfile(tmp_path / 'c.py').text)
    assert sorted(found) == [str(tmp_path / f'{name}.py') for name in 'abc']
