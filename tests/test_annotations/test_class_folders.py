"""One folder per class."""

import pytest

from mmwsl.annotations import read_class_folders


def test_the_first_folder_is_the_label():
    records = read_class_folders(['dog/x/1.jpg', 'cat/1.jpg', 'background/2.jpg'])
    assert [(record.image, record.labels) for record in records] == [
        ('background/2.jpg', ()),
        ('cat/1.jpg', ('cat',)),
        ('dog/x/1.jpg', ('dog',)),
    ]


def test_background_folder_can_be_named():
    none, other = read_class_folders(['none/2.jpg', 'other/2.jpg'], background_folder='none')
    assert (none.labels, other.labels) == ((), ('other',))


def test_an_image_outside_of_the_class_folders_is_rejected():
    with pytest.raises(ValueError, match=r'/data: 1 images are in no class folder: b\.jpg'):
        read_class_folders(['cat/1.jpg', 'b.jpg'], source='/data')
