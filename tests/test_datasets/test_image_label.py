"""Behavior of all datasets with image-level labels: lists, matching, classes, checks."""

import warnings

import numpy as np
import pytest
from mmcv.transforms import BaseTransform
from mmengine.dataset import ClassBalancedDataset, ConcatDataset, RepeatDataset
from mmseg.registry import TRANSFORMS
from PIL import Image

from mmwsl.datasets import VOCWeakDataset
from mmwsl.datasets.classes import VOC_CLASSES, voc_colormap

FIVE = ('background', 'car', 'cat', 'dog', 'horse')


@pytest.fixture
def voc(build, labeled):
    """A function that builds the labeled images as VOC, without the warning of unused classes."""

    def build_voc(**settings):
        settings = {
            **dict(data_root=str(labeled), label_file='labels.csv', data_prefix=dict(img_path='images')),
            **settings,
        }
        with warnings.catch_warnings():
            warnings.filterwarnings('ignore', 'no image of')
            return build('VOCWeakDataset', **settings)

    return build_voc


def test_data_info(voc, labeled):
    dataset = voc()
    assert len(dataset) == 4
    info = dataset.get_data_info(2)
    assert info == dict(
        img_path=str(labeled / 'images/c.jpg'),
        img_label=[15],
        unknown_label=[13],
        num_classes=21,
        label_map=None,
        reduce_zero_label=False,
        seg_fields=[],
        sample_idx=2,
    )
    assert dataset.get_data_info(1)['img_label'] == []


def test_size_labels_follow_the_classes(voc, labeled):
    (labeled / 'sizes.csv').write_text(
        'image,labels,large,small\na,dog cat,dog,cat\nb,,,\nc,person,,\nd,car bus,car,\n'
    )
    dataset = voc(label_file='sizes.csv', metainfo=dict(classes=('background', 'person', 'cat', 'bus', 'dog')))
    infos = [dataset.get_data_info(index) for index in range(4)]
    assert [(info.get('large_label'), info.get('small_label')) for info in infos] == [
        ([4], [2]),
        (None, None),
        (None, None),
        ([], []),
    ]


def test_size_labels_from_boxes_need_xml(voc):
    with pytest.raises(
        ValueError, match=r"`large_area=0.1` needs the boxes of XML files, got label_file='.*labels.csv'"
    ):
        voc(large_area=0.1)


def test_list_selects_and_orders(voc, by_name):
    assert list(by_name(voc(ann_file='list.txt'))) == ['c', 'a']


def test_classes_select_and_order_labels_palette_and_masks(voc, by_name):
    dataset = voc(metainfo=dict(classes=('background', 'person', 'cat')))
    assert by_name(dataset) == dict(a=(['cat'], []), b=([], []), c=(['person'], []), d=([], []))
    assert dataset.get_data_info(2)['img_label'] == [1]
    colors = voc_colormap(21)
    assert dataset.metainfo['palette'] == [colors[0], colors[15], colors[8]]
    assert dataset.label_map == {index: {0: 0, 15: 1, 8: 2}.get(index, 255) for index in range(21)}


def test_palette_follows_a_mere_reordering(voc):
    classes = ('background', *reversed(VOC_CLASSES[1:]))
    colors = voc_colormap(21)
    assert voc(metainfo=dict(classes=classes)).metainfo['palette'] == [colors[0], *reversed(colors[1:])]


def test_palette_of_the_user_stays(voc):
    palette = [[9, 9, 9], [8, 8, 8]]
    assert voc(metainfo=dict(classes=('background', 'cat'), palette=palette)).metainfo['palette'] == palette


def test_masks_follow_the_classes_through_stock_transforms(voc, labeled):
    (labeled / 'masks').mkdir()
    mask = np.array([[0, 15, 8], [12, 255, 20]], np.uint8)
    image = Image.fromarray(mask, 'P')
    image.putpalette(sum(voc_colormap(256), []))
    for name in 'ac':
        image.save(labeled / f'masks/{name}.png')
    dataset = voc(
        ann_file='list.txt',
        test_mode=True,
        metainfo=dict(classes=('background', 'person', 'cat')),
        data_prefix=dict(img_path='images', seg_map_path='masks'),
        pipeline=[dict(type='LoadAnnotations')],
    )
    assert dataset[1]['seg_map_path'] == str(labeled / 'masks/a.png')
    assert dataset[1]['gt_seg_map'].tolist() == [[0, 1, 2], [255, 255, 255]]


def test_pseudo_labels_hold_the_ids_of_the_model(voc):
    classes = ('background', 'person', 'cat')
    prefix = dict(img_path='images', seg_map_path='pseudo')
    assert voc(metainfo=dict(classes=classes), seg_map_classes=classes, data_prefix=prefix).label_map is None
    with pytest.raises(ValueError, match=r"the mask files have no index for \['cat'\].*`seg_map_classes`"):
        voc(metainfo=dict(classes=classes), seg_map_classes=('background', 'person'), data_prefix=prefix)


def test_evaluation_and_full_supervision_need_no_labels(voc):
    for settings in (dict(test_mode=True), dict(data_prefix=dict(img_path='images', seg_map_path='masks'))):
        dataset = voc(label_file='', **settings)
        assert len(dataset) == 4 and 'img_label' not in dataset.get_data_info(0)


def test_no_prefix_means_no_mask_path(voc):
    for prefix in (dict(img_path='images'), dict(img_path='images', seg_map_path=None)):
        assert 'seg_map_path' not in voc(data_prefix=prefix).get_data_info(0)


def test_warning_names_the_classes_without_a_label(build, labeled):
    settings = dict(data_root=str(labeled), label_file='labels.csv', data_prefix=dict(img_path='images'))
    with pytest.warns(UserWarning, match='has the label horse: these classes are not trained'):
        build('VOCWeakDataset', metainfo=dict(classes=FIVE), **settings)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        build('VOCWeakDataset', metainfo=dict(classes=FIVE), test_mode=True, **settings)
        build('VOCWeakDataset', metainfo=dict(classes=FIVE[:-1]), **settings)


def test_warning_if_no_image_has_a_label(build, labeled):
    (labeled / 'background.txt').write_text('b\n')
    settings = dict(data_root=str(labeled), ann_file='background.txt', data_prefix=dict(img_path='images'))
    with pytest.warns(
        UserWarning,
        match=r'no image of .*background\.txt.* has a label of the 20 classes: all are '
        'background images. This is fine for one part of a `ConcatDataset`',
    ) as caught:
        dataset = build('VOCWeakDataset', label_file='labels.csv', **settings)
    assert len(caught) == 1
    assert dataset.get_data_info(0)['img_label'] == []
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        build('VOCWeakDataset', label_file='labels.csv', test_mode=True, **settings)
    (labeled / 'unknown.csv').write_text('image,labels,unknown\nb,,cat\n')
    with pytest.warns(UserWarning, match='has the label aeroplane, bicycle'):
        build('VOCWeakDataset', label_file='unknown.csv', **settings)


@pytest.mark.parametrize(
    ('files', 'settings', 'error', 'match'),
    [
        (
            {'labels.csv': 'image,labels\na,ct\n'},
            {},
            ValueError,
            r"labels\.csv:2: .*unknown class 'ct'. Did you mean 'cat'",
        ),
        (
            {'labels.csv': 'image,labels\na,cat\na.jpg,dog\n'},
            {},
            ValueError,
            r"labels\.csv:3: image 'a\.jpg' has labels twice \(first at .*labels\.csv:2\)",
        ),
        ({'labels.csv': 'image,labels\n'}, {}, ValueError, r"label_file='.*labels\.csv' is empty"),
        (
            {'labels.csv': 'image,labels\n' + ''.join(f'{n},\n' for n in 'azyxwvu')},
            {},
            FileNotFoundError,
            r"6 of the 7 images of label_file='.*labels\.csv' are not in '.*images'.*: z, y, x, w, v \.\.\.",
        ),
        (
            {'list.txt': 'a\nz\n'},
            dict(ann_file='list.txt'),
            FileNotFoundError,
            r"1 of the 2 images of ann_file='.*list\.txt' are not in .*: z\.",
        ),
        (
            {'labels.csv': 'image,labels\na,\n', 'list.txt': 'a\nb\nc'},
            dict(ann_file='list.txt'),
            ValueError,
            r"2 of the 3 images of ann_file='.*list\.txt' have no labels in label_file='.*labels\.csv': b, c\.",
        ),
        (
            {'list.txt': 'a\nb\na\n'},
            dict(ann_file='list.txt'),
            ValueError,
            r"list\.txt:3: image 'a' is listed twice \(first in line 1\)",
        ),
        ({'list.txt': '\n'}, dict(ann_file='list.txt'), ValueError, r'list\.txt. is empty'),
        ({}, dict(ann_file='nothing.txt'), FileNotFoundError, r"`ann_file` '.*nothing\.txt' is not a file"),
        ({}, dict(label_file='nothing.csv'), FileNotFoundError, r"'.*nothing\.csv' is not a file"),
        ({}, dict(data_prefix=dict(img_path='nothing')), FileNotFoundError, r"'.*nothing' does not exist"),
        (
            {},
            dict(label_file='', img_suffix='.png', test_mode=True),
            ValueError,
            r"no image with a suffix of \('.png',",
        ),
        ({}, dict(label_file=''), ValueError, 'training needs image-level labels or masks. Set `label_file`'),
        ({}, dict(metainfo=dict(classes=('cat', 'background'))), ValueError, "must start with 'background'"),
        ({}, dict(metainfo=dict(classes=('background', 'dgo'))), ValueError, "Did you mean 'dog'"),
        ({}, dict(reduce_zero_label=True), ValueError, '`reduce_zero_label=True` would ignore the background'),
        (
            {},
            dict(filter_cfg=dict(filter_empty_gt=True), metainfo=dict(classes=('background', 'sofa'))),
            ValueError,
            r"leaves no image: none has a label of \['sofa'\]",
        ),
    ],
)
def test_invalid_settings_are_rejected(voc, labeled, files, settings, error, match):
    for name, text in files.items():
        (labeled / name).write_text(text)
    with pytest.raises(error, match=match):
        voc(**settings)


def test_masks_that_the_pipeline_opens_must_exist(voc, labeled):
    masks = dict(
        data_prefix=dict(img_path='images', seg_map_path='labels'),
        ann_file='list.txt',
        pipeline=[dict(type='LoadAnnotations')],
    )
    (labeled / 'list.txt').write_text('a\nb\nc\n')
    with pytest.raises(FileNotFoundError, match="folder '.*labels' does not exist"):
        voc(**masks)
    (labeled / 'labels').mkdir()
    (labeled / 'labels' / 'b.png').touch()
    with pytest.raises(FileNotFoundError, match=r"2 of the 3 masks that the pipeline opens .*labels': a.png, c.png"):
        voc(**masks)
    (labeled / 'list.txt').write_text('b\n')
    assert len(voc(**masks)) == 1
    (labeled / 'list.txt').write_text('b\nc\n')  # of a subset, only its own
    assert len(voc(**masks, indices=1)) == len(voc(**masks, indices=[0])) == 1
    with pytest.raises(FileNotFoundError, match='1 of the 1 masks'):
        voc(**masks, indices=-1)
    with pytest.raises(ValueError, match='`data_prefix` has no `seg_map_path`'):
        voc(**{**masks, 'data_prefix': dict(img_path='images')})


@TRANSFORMS.register_module()
class MasksOfAnotherPackage(BaseTransform):
    loads_masks = True

    def transform(self, results):
        return results


@pytest.mark.parametrize(
    'transform',
    [
        dict(type='MasksOfAnotherPackage'),
        dict(type='RandomApply', transforms=[dict(type='LoadAnnotations')]),
        dict(type='TestTimeAug', transforms=[[dict(type='Resize', scale=(4, 4))], [dict(type='LoadAnnotations')]]),
    ],
    ids=lambda transform: transform['type'],
)
def test_nested_mask_loaders_and_those_of_other_packages_need_their_masks(voc, labeled, transform):
    (labeled / 'masks').mkdir()
    with pytest.raises(FileNotFoundError, match=r'2 of the 2 masks that the pipeline opens'):
        voc(data_prefix=dict(img_path='images', seg_map_path='masks'), ann_file='list.txt', pipeline=[transform])


def test_compound_suffix(build, tmp_path, write_images):
    """As Cityscapes has them: the list holds what image and mask share."""
    write_images(tmp_path / 'images', [f'bonn/{name}_leftImg8bit.png' for name in 'ab'] + ['bonn/a_other.png'])
    (tmp_path / 'labels.csv').write_text('image,labels\nbonn/b,dog\nbonn/a_leftImg8bit.png,cat\n')
    (tmp_path / 'list.txt').write_text('bonn/a\nbonn/b\n')
    suffixes = dict(img_suffix='_leftImg8bit.png', seg_map_suffix='_gtFine_labelTrainIds.png')
    for ann_file, order in (('list.txt', 'ab'), ('', 'ba')):
        dataset = build(
            'FolderWeakDataset',
            data_root=str(tmp_path),
            ann_file=ann_file,
            label_file='labels.csv',
            data_prefix=dict(img_path='images', seg_map_path='masks'),
            **suffixes,
        )
        infos = [dataset.get_data_info(index) for index in range(len(dataset))]
        assert [info['img_path'] for info in infos] == [
            str(tmp_path / f'images/bonn/{name}_leftImg8bit.png') for name in order
        ]
        assert [info['seg_map_path'] for info in infos] == [
            str(tmp_path / f'masks/bonn/{name}_gtFine_labelTrainIds.png') for name in order
        ]


def test_filter_empty_gt(voc, by_name):
    assert list(by_name(voc(filter_cfg=dict(filter_empty_gt=True)))) == ['a', 'c', 'd']


def test_images_of_a_list_are_excluded(voc, by_name, labeled):
    assert list(by_name(voc(filter_cfg=dict(exclude_file='list.txt')))) == ['b', 'd']
    assert list(by_name(voc(filter_cfg=dict(exclude_file='list.txt', filter_empty_gt=True)))) == ['d']
    (labeled / 'folders').mkdir()
    (labeled / 'images').rename(labeled / 'folders' / 'a')
    (labeled / 'labels.csv').write_text('image,labels\na/a,cat\na/b.jpg,\n')
    (labeled / 'list.txt').write_text('a/a.jpg\na\n')
    dataset = voc(data_prefix=dict(img_path='folders'), filter_cfg=dict(exclude_file='list.txt'))
    assert list(by_name(dataset)) == ['b']


def test_without_a_root_the_list_is_relative_to_the_current_folder(voc, labeled, monkeypatch, by_name):
    monkeypatch.chdir(labeled)
    assert list(by_name(voc(data_root=None, filter_cfg=dict(exclude_file='list.txt')))) == ['b', 'd']


@pytest.mark.parametrize(('names', 'left'), [('e', 4), ('a b c d', 0)])
def test_a_list_that_excludes_nothing_or_everything_is_rejected(voc, labeled, names, left):
    (labeled / 'other.txt').write_text('\n'.join(names.split()))
    with pytest.raises(ValueError, match=rf"exclude_file='.*other\.txt'\)` leaves {left} of 4 images"):
        voc(filter_cfg=dict(exclude_file='other.txt'))


@pytest.mark.filterwarnings('ignore:no image of')
@pytest.mark.parametrize('serialize', [True, False])
def test_features_of_the_parent(voc, serialize):
    dataset = voc(indices=[2, 0], serialize_data=serialize)
    assert [dataset.get_data_info(i)['img_label'] for i in range(2)] == [[15], [8, 12]]
    assert dataset.get_subset([1]).get_data_info(0)['img_label'] == [8, 12]
    lazy = voc(lazy_init=True, serialize_data=serialize)
    assert not lazy._fully_initialized and lazy.metainfo['classes'] == VOC_CLASSES
    lazy.full_init()
    assert len(lazy) == 4


def test_wrappers(voc):
    both = ConcatDataset([voc(ann_file='list.txt'), voc()])
    assert len(both) == 6 and both.get_data_info(0)['img_label'] == [15]
    repeated = RepeatDataset(voc(), times=2)
    assert repeated.get_data_info(4)['img_label'] == repeated.get_data_info(0)['img_label'] == [8, 12]
    balanced = ClassBalancedDataset(voc(), oversample_thr=1.0)
    counts = [sum(label in balanced.get_cat_ids(i) for i in range(len(balanced))) for label in (8, 15)]
    assert len(balanced) > 4 and min(counts) > 1


def test_table_options_reach_the_reader(build, labeled):
    (labeled / 'own.csv').write_text('file,what\na,dog/cat\n')
    dataset = build(
        'VOCWeakDataset',
        data_root=str(labeled),
        label_file='own.csv',
        data_prefix=dict(img_path='images'),
        label_cfg=dict(image_column='file', label_column='what', separator='/'),
        metainfo=dict(classes=('background', 'cat', 'dog')),
    )
    assert dataset.get_data_info(0)['img_label'] == [1, 2]


def test_voc_palette_is_the_published_one():
    from mmseg.datasets import PascalVOCDataset

    assert VOCWeakDataset.METAINFO['palette'] == PascalVOCDataset.METAINFO['palette']
    assert VOCWeakDataset.METAINFO['classes'] == PascalVOCDataset.METAINFO['classes']
