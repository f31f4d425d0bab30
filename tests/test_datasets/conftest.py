"""Tiny images and datasets on disk."""

import pytest
from mmengine.registry import DefaultScope, init_default_scope

from mmwsl.registry import DATASETS
from tests import conftest


@pytest.fixture(autouse=True)
def mmseg_scope():
    """The default scope that a Runner sets: pipelines name mmseg's transforms without a prefix."""
    instances = dict(DefaultScope._instance_dict)
    init_default_scope('mmseg')
    yield
    DefaultScope._instance_dict.clear()
    DefaultScope._instance_dict.update(instances)


@pytest.fixture
def write_images():
    """A function that writes small random images ``folder/name`` and returns the folder."""
    return conftest.write_images


@pytest.fixture
def build():
    """A function that builds a dataset of mmwsl by its short name."""

    def build_dataset(name, **settings):
        return DATASETS.build(dict(type=f'mmwsl.{name}', **settings))

    return build_dataset


@pytest.fixture
def labeled(tmp_path, write_images):
    """A folder with four VOC images, a table of their labels, and a list of two of them."""
    write_images(tmp_path / 'images', [f'{name}.jpg' for name in 'abcd'])
    (tmp_path / 'labels.csv').write_text('image,labels,unknown\na,dog cat,\nb,,\nc.jpg,person,horse\nd,car,bus\n')
    (tmp_path / 'list.txt').write_text('c\na.jpg\n\n')
    return tmp_path


@pytest.fixture
def by_name():
    """A function that maps the stem of each image to its (present, unknown) class names."""

    def labels_by_name(dataset):
        classes = dataset.metainfo['classes']
        infos = [dataset.get_data_info(index) for index in range(len(dataset))]
        return {
            info['img_path'].rsplit('/', 1)[-1].rsplit('.', 1)[0]: tuple(
                [classes[label] for label in info[key]] for key in ('img_label', 'unknown_label')
            )
            for info in infos
        }

    return labels_by_name
