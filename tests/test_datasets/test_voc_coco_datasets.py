"""PASCAL VOC, its six-class subset, and COCO."""

import json

import numpy as np
import pytest
from PIL import Image

from mmwsl.datasets import COCOWeakDataset, VOC6WeakDataset
from mmwsl.datasets.classes import COCO_CLASSES, VOC6_CLASSES, VOC_CLASSES, voc_colormap

pytestmark = pytest.mark.filterwarnings('ignore:no image of')


@pytest.fixture
def devkit(tmp_path, write_images):
    """Two images with the same labels as XML, as lists and as a table: a dog and a difficult cat; none."""
    write_images(tmp_path / 'JPEGImages', ['2007_1.jpg', '2007_2.jpg'])
    for folder in ('Annotations', 'ImageSets/Main', 'ImageSets/Segmentation'):
        (tmp_path / folder).mkdir(parents=True)
    body = ''.join(
        f'<object><name>{name}</name><difficult>{hard}</difficult></object>' for name, hard in (('dog', 0), ('cat', 1))
    )
    (tmp_path / 'Annotations/2007_1.xml').write_text(f'<annotation>{body}</annotation>')
    (tmp_path / 'Annotations/2007_2.xml').write_text('<annotation/>')
    for name in VOC_CLASSES[1:]:
        value = dict(dog=1, cat=0).get(name, -1)
        (tmp_path / f'ImageSets/Main/{name}_trainval.txt').write_text(f'2007_1 {value}\n2007_2 -1\n')
    (tmp_path / 'labels.csv').write_text('image,labels,unknown\n2007_1,dog,cat\n2007_2,,\n')
    (tmp_path / 'ImageSets/Segmentation/train.txt').write_text('2007_2\n2007_1\n')
    return tmp_path


@pytest.mark.parametrize(
    'source',
    [
        dict(label_file='Annotations', difficult='unknown'),
        dict(label_file='ImageSets/Main', label_split='trainval', difficult='unknown'),
        dict(label_file='labels.csv'),
    ],
)
@pytest.mark.parametrize('ann_file', ['', 'ImageSets/Segmentation/train.txt'])
@pytest.mark.parametrize('name', ['VOCWeakDataset', 'VOC6WeakDataset'])
def test_sources_agree(build, devkit, by_name, name, source, ann_file):
    dataset = build(name, data_root=str(devkit), ann_file=ann_file, data_prefix=dict(img_path='JPEGImages'), **source)
    assert by_name(dataset) == {'2007_1': (['dog'], ['cat']), '2007_2': ([], [])}


def test_difficult_is_present_by_default(build, devkit, by_name):
    dataset = build(
        'VOCWeakDataset', data_root=str(devkit), label_file='Annotations', data_prefix=dict(img_path='JPEGImages')
    )
    assert by_name(dataset)['2007_1'] == (['cat', 'dog'], [])


def test_listed_image_without_xml(build, devkit):
    (devkit / 'Annotations/2007_2.xml').unlink()
    with pytest.raises(ValueError, match=r'1 of the 2 images of .*train\.txt.* have no labels in .*: 2007_2\.'):
        build(
            'VOCWeakDataset',
            data_root=str(devkit),
            ann_file='ImageSets/Segmentation/train.txt',
            label_file='Annotations',
            data_prefix=dict(img_path='JPEGImages'),
        )


def test_voc6_masks_hold_the_indices_of_voc(build, devkit):
    (devkit / 'SegmentationClassAug').mkdir()
    # every VOC index once, and 255
    mask = Image.fromarray(np.array([[*range(21), 255]] * 2, np.uint8), 'P')
    mask.putpalette(sum(voc_colormap(256), []))
    for name in ('2007_1', '2007_2'):
        mask.save(devkit / f'SegmentationClassAug/{name}.png')
    dataset = build(
        'VOC6WeakDataset',
        data_root=str(devkit),
        test_mode=True,
        pipeline=[dict(type='LoadAnnotations')],
        data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClassAug'),
    )
    expected = [VOC6_CLASSES.index(name) if name in VOC6_CLASSES else 255 for name in VOC_CLASSES] + [255]
    assert dataset[0]['gt_seg_map'].tolist() == [expected] * 2
    assert dataset.metainfo['palette'] == [voc_colormap(21)[VOC_CLASSES.index(name)] for name in VOC6_CLASSES]


def test_voc6_drops_labels_of_the_other_classes(build, devkit, by_name):
    (devkit / 'labels.csv').write_text('image,labels\n2007_1,car dog\n2007_2,sofa\n')
    settings = dict(data_root=str(devkit), label_file='labels.csv', data_prefix=dict(img_path='JPEGImages'))
    assert by_name(build('VOC6WeakDataset', **settings)) == {'2007_1': (['dog'], []), '2007_2': ([], [])}
    (devkit / 'labels.csv').write_text('image,labels\n2007_1,sofaa\n')
    with pytest.raises(ValueError, match="unknown class 'sofaa'. Did you mean 'sofa'"):
        build('VOC6WeakDataset', **settings)


def test_voc6_can_be_reordered_and_restricted(build, devkit, by_name):
    dataset = build(
        'VOC6WeakDataset',
        data_root=str(devkit),
        label_file='labels.csv',
        data_prefix=dict(img_path='JPEGImages'),
        metainfo=dict(classes=('background', 'sheep', 'dog')),
    )
    assert by_name(dataset)['2007_1'] == (['dog'], [])
    assert {old: new for old, new in dataset.label_map.items() if new != 255} == {0: 0, 17: 1, 12: 2}


@pytest.fixture
def coco(tmp_path, write_images):
    """Two images of COCO: a toothbrush and a crowd of people; none."""
    write_images(tmp_path / 'train2017', ['000001.jpg', '000002.jpg'])
    (tmp_path / 'annotations').mkdir()
    (tmp_path / 'annotations/instances_train2017.json').write_text(
        json.dumps(
            dict(
                images=[dict(id=1, file_name='000001.jpg'), dict(id=2, file_name='000002.jpg')],
                categories=[dict(id=90, name='toothbrush'), dict(id=1, name='person')],
                annotations=[dict(id=1, image_id=1, category_id=90), dict(id=2, image_id=1, category_id=1, iscrowd=1)],
            )
        )
    )
    return dict(
        data_root=str(tmp_path),
        label_file='annotations/instances_train2017.json',
        data_prefix=dict(img_path='train2017'),
    )


@pytest.mark.parametrize(
    ('crowd', 'present', 'unknown'), [('present', [1, 80], []), ('ignore', [80], []), ('unknown', [80], [1])]
)
def test_coco(build, coco, crowd, present, unknown):
    dataset = build('COCOWeakDataset', crowd=crowd, **coco)
    assert len(dataset) == 2
    info = dataset.get_data_info(0)
    assert (info['img_label'], info['unknown_label'], info['num_classes']) == (present, unknown, 81)
    assert dataset.get_data_info(1)['img_label'] == []


def test_coco_restricted_without_empty_images(build, coco):
    dataset = build(
        'COCOWeakDataset',
        metainfo=dict(classes=('background', 'toothbrush')),
        filter_cfg=dict(filter_empty_gt=True),
        **coco,
    )
    assert [dataset.get_data_info(i)['img_label'] for i in range(len(dataset))] == [[1]]
    assert dataset.label_map[80] == 1 and dataset.label_map[1] == 255


def test_coco_reads_a_table_too(build, coco, tmp_path):
    (tmp_path / 'labels.csv').write_text('image,labels\n000001.jpg,hot dog;stop sign\n')
    dataset = build('COCOWeakDataset', **{**coco, 'label_file': 'labels.csv'})
    assert dataset.get_data_info(0)['img_label'] == [COCO_CLASSES.index('stop sign'), COCO_CLASSES.index('hot dog')]


def test_coco_classes_are_the_80_things():
    assert COCO_CLASSES[:3] == ('background', 'person', 'bicycle') and COCO_CLASSES[-1] == 'toothbrush'


def test_numbers_of_classes():
    for dataset, count in ((VOC6WeakDataset, 7), (COCOWeakDataset, 81)):
        assert len(set(dataset.METAINFO['classes'])) == len(dataset.METAINFO['palette']) == count


@pytest.mark.parametrize(
    ('name', 'settings'), [('VOCWeakDataset', dict(difficult='maybe')), ('COCOWeakDataset', dict(crowd='maybe'))]
)
def test_unknown_options_are_rejected(build, name, settings):
    with pytest.raises(ValueError, match="must be one of .* got 'maybe'"):
        build(name, **settings)
