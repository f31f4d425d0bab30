"""Names in tables and lists that leave the folder of images: no file there is opened."""

import json
import os

import pytest
from PIL import Image

from mmwsl.annotations import read_image_labels
from mmwsl.utils.file_index import locate
from mmwsl.utils.images import list_images


@pytest.fixture
def folder(tmp_path, write_images):
    """A folder of images beside an image that is none of its images."""
    write_images(tmp_path / 'root' / 'images', ['a.png'])
    Image.new('RGB', (8, 8)).save(tmp_path / 'secret.png')
    Image.new('RGB', (8, 8)).save(tmp_path / 'root' / 'secret.png')
    return tmp_path


NAMES = [
    '../secret.png',
    '../../secret',
    '{folder}/secret.png',
    'images/../../secret.png',
    '..\\secret.png',
    'file://{folder}/secret.png',
    'a.png\0',
]


@pytest.mark.parametrize('name', NAMES)
@pytest.mark.parametrize('source', ['csv', 'json', 'jsonl', 'list'])
def test_names_outside_of_the_folder_are_missing_images(build, folder, name, source):
    name = name.format(folder=folder)
    root = folder / 'root'
    rows = [dict(image='a.png', labels=['cat']), dict(image=name, labels=['cat'])]
    texts = dict(
        csv=f'image,labels\na.png,cat\n{name},cat\n',
        json=json.dumps(rows),
        jsonl=''.join(f'{json.dumps(row)}\n' for row in rows),
    )
    texts['list'] = texts['csv']
    label_file = f'labels.{"csv" if source == "list" else source}'
    (root / label_file).write_text(texts[source])
    (root / 'list.txt').write_text(f'a.png\n{name}\n')
    settings = dict(ann_file='list.txt') if source == 'list' else {}
    with pytest.raises(FileNotFoundError, match='1 of the 2 images of .* are not in') as error:
        build(
            'FolderWeakDataset',
            data_root=str(root),
            label_file=label_file,
            data_prefix=dict(img_path='images'),
            **settings,
        )
    assert str(error.value).isprintable()


def test_labels_of_other_images_are_ignored(build, folder, by_name):
    root = folder / 'root'
    (root / 'labels.csv').write_text('image,labels\na.png,cat\n../secret.png,cat\n')
    (root / 'list.txt').write_text('a\n')
    dataset = build(
        'FolderWeakDataset',
        data_root=str(root),
        label_file='labels.csv',
        ann_file='list.txt',
        data_prefix=dict(img_path='images'),
    )
    assert by_name(dataset) == dict(a=(['cat'], []))
    paths = [os.path.realpath(dataset.get_data_info(index)['img_path']) for index in range(len(dataset))]
    assert paths == [os.path.realpath(root / 'images' / 'a.png')]


@pytest.mark.parametrize('name', ['../../secret.png', '/etc/secret.png', '..\\secret.png', '../images/a.png'])
@pytest.mark.parametrize('format', ['coco', 'label-studio', 'cvat'])
def test_names_in_other_formats_mean_images_of_the_folder_or_none(folder, format, name):
    coco = dict(
        images=[dict(id=1, file_name=name)],
        categories=[dict(id=1, name='cat')],
        annotations=[dict(id=1, image_id=1, category_id=1)],
    )
    texts = {
        'coco': json.dumps(coco),
        'label-studio': json.dumps([dict(data=dict(image=name), annotations=[dict(result=[dict(choices=['cat'])])])]),
        'cvat': f'<annotations><image name="{name}"><tag label="cat"/></image></annotations>',
    }
    path = folder / 'root' / 'labels'
    path.write_text(texts[format])
    listing = list_images(str(folder / 'root' / 'images'))
    records, found = read_image_labels(path, images=listing)
    assert (found, len(records)) == (format, 1)
    files = locate([records[0].image], listing)
    assert list(files.values()) == (['a.png'] if name.endswith('a.png') else [])
