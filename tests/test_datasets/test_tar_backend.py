"""Tar shards are read as the folder that they were made of."""

import io
import os
import tarfile

import pytest
from mmengine import fileio
from PIL import Image

from mmwsl.datasets import FolderWeakDataset, TarBackend

TAR = dict(backend='tar')
NAMES = [f'{folder}/{index}.jpg' for folder in ('a', 'b') for index in range(3)]


def jpeg(index):
    """Return the bytes of an image of one color."""
    file = io.BytesIO()
    Image.new('RGB', (8, 6), (40 * index, 10, 200)).save(file, 'JPEG')
    return file.getvalue()


def write_shard(path, files, mode='w'):
    with tarfile.open(path, mode) as shard:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            shard.addfile(info, io.BytesIO(content))


@pytest.fixture
def folders(tmp_path):
    """Return two folders with the same images: as files, and in two shards with a file beside them."""
    contents = {name: jpeg(index) for index, name in enumerate(NAMES)}
    for name, content in contents.items():
        path = tmp_path / 'files' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (tmp_path / 'shards').mkdir()
    write_shard(tmp_path / 'shards/000.tar', {name: contents[name] for name in NAMES[:4]})
    write_shard(tmp_path / 'shards/001.tar', {f'./{NAMES[4]}': contents[NAMES[4]]})
    (tmp_path / 'shards' / 'b').mkdir()
    (tmp_path / 'shards' / NAMES[5]).write_bytes(contents[NAMES[5]])
    return tmp_path / 'files', tmp_path / 'shards'


def test_every_file_is_read(folders):
    files, shards = folders
    for name in NAMES:
        assert fileio.get(shards / name, TAR) == (files / name).read_bytes()
        assert fileio.isfile(shards / name, TAR) and fileio.exists(shards / name, TAR)
    listed = sorted(fileio.list_dir_or_file(shards, list_dir=False, recursive=True, suffix='.jpg', backend_args=TAR))
    assert listed == NAMES
    assert not fileio.exists(shards / 'a/9.jpg', TAR)
    with pytest.raises(FileNotFoundError):
        fileio.get(shards / 'a/9.jpg', TAR)


def test_a_dataset_of_shards_is_that_of_the_files(folders, tmp_path):
    (tmp_path / 'labels.csv').write_text('image,labels\n' + ''.join(f'{name},cat\n' for name in NAMES))
    datasets = [
        FolderWeakDataset(
            data_root=str(tmp_path),
            data_prefix=dict(img_path=folder.name),
            label_file='labels.csv',
            metainfo=dict(classes=('background', 'cat')),
            backend_args=backend,
            pipeline=[dict(type='mmwsl.LoadImageAsBGR', backend_args=backend)],
        )
        for folder, backend in zip(folders, (None, TAR), strict=True)
    ]
    for one, other in zip(*datasets, strict=True):
        assert (one['img'] == other['img']).all() and one['img_label'] == other['img_label'] == [1]


def test_a_shard_that_is_written_anew_is_read_anew(folders):
    _, shards = folders
    backend = TarBackend()
    assert backend.get(shards / NAMES[0]) == jpeg(0)
    write_shard(shards / '000.tar', {'other.jpg': jpeg(5), NAMES[0]: jpeg(3)})
    os.utime(shards / '000.tar', (1, 1))
    assert backend.get(shards / NAMES[0]) == jpeg(3) and backend.get(shards / 'other.jpg') == jpeg(5)
    assert not backend.exists(shards / NAMES[1])


@pytest.mark.parametrize('damage', ['cut', 'compressed', 'no tar'])
def test_a_shard_that_cannot_be_read_is_one_line(tmp_path, damage):
    path = tmp_path / '000.tar'
    write_shard(path, {'x.jpg': jpeg(1) * 40}, 'w:gz' if damage == 'compressed' else 'w')
    if damage == 'cut':
        path.write_bytes(path.read_bytes()[:3000])
    if damage == 'no tar':
        path.write_bytes(b'nothing' * 200)
    with pytest.raises(ValueError, match=r'^[^\n]*000\.tar must be a [^\n]*tar file[^\n]*, got [^\n]*$'):
        TarBackend().get(tmp_path / 'x.jpg')
