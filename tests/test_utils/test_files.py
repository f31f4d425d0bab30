"""Atomic writes, and digests of the files that a config names."""

import hashlib

import pytest

from mmwsl.utils.files import atomic_write
from mmwsl.utils.nested import digest_files


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
