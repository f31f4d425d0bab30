"""Lists, labels and images from another file backend."""

import functools
import json
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from mmengine.fileio.backends import BaseStorageBackend, backends, prefix_to_backends, register_backend
from mmengine.fileio.io import backend_instances

from mmwsl.annotations import write_mask

pytestmark = pytest.mark.filterwarnings('ignore:no image of')

XML = '<?xml version="1.0" encoding="latin-1"?><annotation><object><name>{}</name></object></annotation>'


@pytest.fixture
def vault(tmp_path):
    """A folder that only paths ``vault://...`` reach, through a backend with only the methods that are used."""

    class VaultBackend(BaseStorageBackend):
        def path(self, path):
            assert path.startswith('vault://data/'), f'{path} is no path of this backend'
            return tmp_path / path.removeprefix('vault://data/')

        def get(self, path):
            return self.path(path).read_bytes()

        def get_text(self, path, encoding='utf-8'):
            return self.path(path).read_bytes().decode(encoding)

        def isdir(self, path):
            return self.path(path).is_dir()

        def join_path(self, path, *parts):
            return '/'.join([path, *parts])

        def list_dir_or_file(self, path, list_dir=True, list_file=True, suffix=None, recursive=False):
            assert list_file and not list_dir
            files = self.path(path).rglob('*') if recursive else self.path(path).glob('*')
            names = [file.relative_to(self.path(path)).as_posix() for file in files if file.is_file()]
            return (name for name in names if suffix is None or name.endswith(suffix))

    register_backend('vault', VaultBackend, prefixes='vault')
    yield tmp_path
    del backends['vault'], prefix_to_backends['vault']
    for key in [key for key in backend_instances if 'vault' in key]:
        del backend_instances[key]


@pytest.fixture
def filled(vault, write_images):
    """Two images, a dog and a cat, with a list and the labels in every format."""
    write_images(vault / 'images', ['a.jpg', 'b.jpg'])
    labels = dict(a='dog', b='cat')
    (vault / 'list.txt').write_text('a\nb\n')
    (vault / 'labels.csv').write_bytes(b'\xef\xbb\xbfimage,labels\r\na,dog\r\nb,cat\r\n')
    (vault / 'labels.jsonl').write_text(
        '\n'.join(json.dumps(dict(image=name, labels=label)) for name, label in labels.items())
    )
    (vault / 'labels.json').write_text(json.dumps(labels))
    (vault / 'xml').mkdir()
    (vault / 'main').mkdir()
    for name, label in labels.items():
        (vault / f'xml/{name}.xml').write_text(XML.format(label))
        (vault / f'main/{label}_train.txt').write_text(''.join(f'{n} {1 if n == name else -1}\n' for n in labels))
    (vault / 'instances.json').write_text(
        json.dumps(
            dict(
                images=[dict(id=i, file_name=f'{name}.jpg') for i, name in enumerate(labels)],
                annotations=[dict(id=i, image_id=i, category_id=i) for i in range(2)],
                categories=[dict(id=i, name=label) for i, label in enumerate(labels.values())],
            )
        )
    )
    return vault


@pytest.mark.parametrize('backend_args', [None, dict(backend='vault')], ids=['by prefix', 'by argument'])
@pytest.mark.parametrize(
    ('name', 'settings'),
    [
        ('VOCWeakDataset', dict(label_file='labels.csv')),
        ('VOCWeakDataset', dict(label_file='labels.jsonl')),
        ('VOCWeakDataset', dict(label_file='xml')),
        ('VOCWeakDataset', dict(label_file='main', label_split='train')),
        ('COCOWeakDataset', dict(label_file='instances.json')),
        ('FolderWeakDataset', dict(label_file='labels.json')),
    ],
)
def test_every_format(build, filled, by_name, name, settings, backend_args):
    if name != 'FolderWeakDataset':
        settings = dict(metainfo=dict(classes=('background', 'cat', 'dog')), **settings)
    dataset = build(
        name,
        data_root='vault://data',
        ann_file='list.txt',
        data_prefix=dict(img_path='images'),
        backend_args=backend_args,
        pipeline=[dict(type='mmwsl.LoadImageAsBGR')],
        **settings,
    )
    assert by_name(dataset) == dict(a=(['dog'], []), b=(['cat'], []))
    assert dataset[0]['img'].shape == (8, 12, 3)


def test_missing_file_is_named(build, filled):
    Path(filled, 'labels.csv').unlink()
    with pytest.raises(FileNotFoundError, match=r"label file 'vault://data/labels\.csv' is not a file"):
        build('VOCWeakDataset', data_root='vault://data', label_file='labels.csv', data_prefix=dict(img_path='images'))


@pytest.fixture
def server(tmp_path):
    """The address of a server of the files in ``tmp_path``."""
    handler = functools.partial(SilentHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(('127.0.0.1', 0), handler) as http:
        thread = threading.Thread(target=http.serve_forever, daemon=True)
        thread.start()
        yield f'http://127.0.0.1:{http.server_port}'
        http.shutdown()
        thread.join()


class SilentHandler(SimpleHTTPRequestHandler):
    """Handler that logs nothing."""

    def log_message(self, *args):
        """Log nothing."""


def over_http(build, server):
    """Build a dataset whose images, masks and table are on a server, which cannot list its folders."""
    load = [dict(type='mmwsl.LoadImageAsBGR'), dict(type='LoadAnnotations')]
    return build(
        'FolderWeakDataset',
        data_prefix=dict(img_path=f'{server}/images', seg_map_path=f'{server}/masks'),
        label_file=f'{server}/labels.csv',
        metainfo=dict(classes=('background', 'cat', 'dog')),
        pipeline=load,
    )


def test_images_masks_and_labels_of_a_server(build, server, tmp_path, write_images, by_name):
    write_images(tmp_path / 'images', ['a.jpg', 'b.jpg'])
    for name in ('a', 'b'):
        write_mask(tmp_path / 'masks' / f'{name}.png', np.full((8, 12), 2, np.uint8), np.zeros((3, 3), np.uint8))
    (tmp_path / 'labels.csv').write_text('image,labels\na.jpg,dog\nb.jpg,cat\n')
    dataset = over_http(build, server)
    assert by_name(dataset) == dict(a=(['dog'], []), b=(['cat'], []))
    item = dataset[1]
    assert item['img'].shape == (8, 12, 3) and (item['gt_seg_map'] == 2).all()
    (tmp_path / 'labels.csv').write_text('image,labels\na,dog\n')
    with pytest.raises(ValueError, match=r'images cannot be listed: .* must name images with a suffix of .*, got a'):
        over_http(build, server)
