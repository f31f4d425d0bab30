"""Folders with a table of labels, or with one folder per class."""

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def table_folder(tmp_path, write_images):
    """Images of several formats with a table."""
    write_images(tmp_path / 'images', ['a.jpg', 'b.PNG', 'sub/c.webp'])
    (tmp_path / 'labels.csv').write_text('image,labels\na,owl\nb.PNG,\nsub/c.webp,fox;owl\n')
    return tmp_path


@pytest.fixture
def class_folders(tmp_path, write_images):
    """One folder per class."""
    return write_images(tmp_path / 'classes', ['owl/1.jpg', 'fox/1.jpg', 'fox/2.png', 'background/3.jpg'])


def test_table(build, table_folder, by_name):
    dataset = build(
        'FolderWeakDataset', data_root=str(table_folder), label_file='labels.csv', data_prefix=dict(img_path='images')
    )
    assert dataset.metainfo['classes'] == ('background', 'fox', 'owl')
    assert dataset.metainfo['palette'] == [[0, 0, 0], [128, 0, 0], [0, 128, 0]]
    assert by_name(dataset) == dict(a=(['owl'], []), b=([], []), c=(['fox', 'owl'], []))


def test_inferred_classes_are_reported(build, table_folder, monkeypatch):
    messages = []
    monkeypatch.setattr('mmwsl.datasets.folder.print_log', lambda message, **_: messages.append(message))
    settings = dict(data_root=str(table_folder), label_file='labels.csv', data_prefix=dict(img_path='images'))
    build('FolderWeakDataset', **settings)
    (message,) = messages
    assert message.startswith("Classes found in the image-level labels: ('background', 'fox', 'owl'). Set `metainfo")
    assert "`label_cfg=dict(separator=';')`" in message
    build('FolderWeakDataset', metainfo=dict(classes=('background', 'owl', 'fox')), **settings)
    assert len(messages) == 1


@pytest.mark.parametrize(
    ('rows', 'label_cfg', 'classes'),
    [
        (['dog person', 'dog'], None, ('dog', 'person')),
        (['traffic light', 'dog;person'], None, ('dog', 'person', 'traffic light')),
        (['dog;person', 'traffic light'], None, ('dog', 'person', 'traffic light')),
        (['traffic light', 'dog'], dict(separator=';'), ('dog', 'traffic light')),
        (['traffic light', 'dog'], None, ('dog', 'light', 'traffic')),
    ],
)
def test_spaces_in_inferred_classes(build, tmp_path, write_images, rows, label_cfg, classes):
    write_images(tmp_path, ['a.jpg', 'b.jpg'])
    (tmp_path / 'labels.csv').write_text('image,labels\na,{}\nb,{}\n'.format(*rows))
    dataset = build('FolderWeakDataset', data_root=str(tmp_path), label_file='labels.csv', label_cfg=label_cfg)
    assert dataset.metainfo['classes'] == ('background', *classes)


@pytest.mark.parametrize(
    ('text', 'match'),
    [
        ('image,labels\n', r"from the table label_file='.*/labels\.csv': no image is listed\."),
        ('image,labels\na,\n', r"from the table label_file='.*/labels\.csv': all are background images\. .*`metainfo="),
    ],
)
def test_table_that_names_no_class(build, table_folder, text, match):
    (table_folder / 'labels.csv').write_text(text)
    with pytest.raises(ValueError, match=match):
        build(
            'FolderWeakDataset',
            data_root=str(table_folder),
            label_file='labels.csv',
            data_prefix=dict(img_path='images'),
        )


def test_empty_class_folders(build, tmp_path):
    with pytest.raises(ValueError, match=r"from the class folders of '.*': no image is listed\."):
        build('FolderWeakDataset', class_folders=True, data_prefix=dict(img_path=str(tmp_path)))


def test_class_folders(build, class_folders, by_name):
    dataset = build('FolderWeakDataset', class_folders=True, data_prefix=dict(img_path=str(class_folders)))
    assert dataset.metainfo['classes'] == ('background', 'fox', 'owl')
    assert [dataset.get_data_info(i)['img_label'] for i in range(4)] == [[], [1], [1], [2]]


def test_class_folders_with_list_and_masks(build, class_folders, tmp_path):
    (tmp_path / 'list.txt').write_text('owl/1\nfox/2\n')
    for name in ('owl/1', 'fox/2'):
        (tmp_path / 'masks' / name).parent.mkdir(parents=True)
        Image.fromarray(np.array([[0, 1], [2, 255]], np.uint8)).save(tmp_path / f'masks/{name}.png')
    dataset = build(
        'FolderWeakDataset',
        data_root=str(tmp_path),
        ann_file='list.txt',
        class_folders=True,
        test_mode=True,
        data_prefix=dict(img_path='classes', seg_map_path='masks'),
        pipeline=[dict(type='LoadAnnotations')],
    )
    assert dataset[0]['img_label'] == [2]
    assert dataset[0]['gt_seg_map'].tolist() == [[0, 1], [2, 255]]


def test_own_classes_in_own_order(build, class_folders):
    dataset = build(
        'FolderWeakDataset',
        class_folders=True,
        data_prefix=dict(img_path=str(class_folders)),
        metainfo=dict(classes=('background', 'owl', 'fox')),
    )
    assert [dataset.get_data_info(i)['img_label'] for i in range(4)] == [[], [2], [2], [1]]


def test_images_alone_for_inference(build, table_folder):
    dataset = build(
        'FolderWeakDataset',
        data_prefix=dict(img_path=str(table_folder / 'images')),
        test_mode=True,
        metainfo=dict(classes=('background', 'owl')),
    )
    assert len(dataset) == 3 and 'img_label' not in dataset.get_data_info(0)


@pytest.mark.parametrize(
    ('settings', 'match'),
    [
        (dict(metainfo=dict(classes=('background', 'owl', 'fax'))), r"unknown class 'fox'. Did you mean 'fax'"),
        (dict(class_folders=True), '`label_file=.*` and `class_folders=True` are two sources of labels'),
        (dict(label_file=''), 'no class is known: there are no image-level labels. Set .*`label_file`'),
        (dict(img_suffix='.jpg'), r'images of label_file=.* are not in'),
    ],
)
def test_invalid_settings_are_rejected(build, table_folder, settings, match):
    settings = {
        **dict(data_root=str(table_folder), label_file='labels.csv', data_prefix=dict(img_path='images')),
        **settings,
    }
    with pytest.raises((ValueError, FileNotFoundError), match=match):
        build('FolderWeakDataset', **settings)


def test_stray_image_and_unknown_folder(build, class_folders, write_images):
    with pytest.raises(ValueError, match=r"classes/owl/1\.jpg: .*unknown class 'owl'"):
        build(
            'FolderWeakDataset',
            class_folders=True,
            data_prefix=dict(img_path=str(class_folders)),
            metainfo=dict(classes=('background', 'fox')),
        )
    write_images(class_folders, ['stray.jpg'])
    with pytest.raises(ValueError, match=r'1 images are in no class folder: stray\.jpg'):
        build('FolderWeakDataset', class_folders=True, data_prefix=dict(img_path=str(class_folders)))


def warned(monkeypatch):
    """Return a list that receives the warnings about formats."""
    messages = []
    monkeypatch.setattr('mmwsl.datasets.matching.log_warning', lambda message: messages.append(message))
    return messages


def test_images_in_formats_that_are_not_read_are_named_once(build, class_folders, monkeypatch):
    for name in ('owl/4.gif', 'fox/5.HEIC', 'fox/notes.txt', '.hidden.gif'):
        (class_folders / name).write_text('')
    messages = warned(monkeypatch)
    settings = dict(data_root=str(class_folders), class_folders=True)
    for _ in range(2):
        assert len(build('FolderWeakDataset', **settings)) == 4
    (message,) = messages
    assert ': 2 images have other suffixes than .jpg, ' in message
    assert message.endswith('left out: fox/5.HEIC, owl/4.gif. Convert them, or set `img_suffix`.')
    assert len(build('FolderWeakDataset', img_suffix=('.jpg', '.gif', '.png'), **settings)) == 5
    assert 'left out: fox/5.HEIC.' in messages[1]


def test_masks_beside_their_images_and_images_that_are_not_listed_are_no_matter(
    build, table_folder, write_images, monkeypatch
):
    messages = warned(monkeypatch)
    (table_folder / 'images' / 'x.gif').write_text('')
    build(
        'FolderWeakDataset', data_root=str(table_folder), label_file='labels.csv', data_prefix=dict(img_path='images')
    )
    folder = write_images(table_folder / 'both', ['a.jpg', 'a.png', 'b.png'])
    plain = dict(data_root=str(folder), metainfo=dict(classes=('background', 'owl')), img_suffix='.jpg', test_mode=True)
    assert not messages
    assert len(build('FolderWeakDataset', **plain)) == 1
    (message,) = messages
    assert '1 images' in message and 'left out: b.png.' in message


@pytest.mark.parametrize('size', [(20000, 2), (2, 20000)])
def test_an_image_that_cannot_be_resized_is_named(build, write_images, tmp_path, size):
    write_images(tmp_path, ['narrow.png'], size=size)
    pipeline = [dict(type='mmwsl.LoadImageAsBGR'), dict(type='Resize', scale=(64, 64), keep_ratio=True)]
    dataset = build(
        'FolderWeakDataset',
        data_root=str(tmp_path),
        metainfo=dict(classes=('background', 'owl')),
        pipeline=pipeline,
        test_mode=True,
    )
    with pytest.raises(ValueError, match=r"image '.*narrow\.png' cannot be transformed \(.*\)\. Is it too small"):
        dataset[0]
