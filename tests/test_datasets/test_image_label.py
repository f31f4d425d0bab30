"""What all datasets with tags share: lists, matching, classes, checks."""

import warnings

import numpy as np
import pytest
from mmengine.dataset import ClassBalancedDataset, ConcatDataset, RepeatDataset
from PIL import Image

from mmwsl.datasets import VOCWeakDataset
from mmwsl.datasets.classes import VOC_CLASSES, voc_colormap
from mmwsl.datasets.images import list_images, locate, stem

FIVE = ('background', 'car', 'cat', 'dog', 'horse')


@pytest.fixture
def voc(build, tagged):
    """A function that builds the tagged images as VOC, without the warning of classes unseen."""

    def build_voc(**settings):
        settings = {
            **dict(data_root=str(tagged), label_file='tags.csv', data_prefix=dict(img_path='images')),
            **settings,
        }
        with warnings.catch_warnings():
            warnings.filterwarnings('ignore', 'no image of')
            return build('VOCWeakDataset', **settings)

    return build_voc


def test_data_info(voc, tagged):
    dataset = voc()
    assert len(dataset) == 4
    info = dataset.get_data_info(2)
    assert info == dict(
        img_path=str(tagged / 'images/c.jpg'),
        img_label=[15],
        unknown_label=[13],
        num_classes=21,
        label_map=None,
        reduce_zero_label=False,
        seg_fields=[],
        sample_idx=2,
    )
    assert dataset.get_data_info(1)['img_label'] == []


def test_sizes_follow_the_classes(voc, tagged):
    (tagged / 'sizes.csv').write_text('image,labels,large,small\na,dog cat,dog,cat\nb,,,\nc,person,,\nd,car bus,car,\n')
    dataset = voc(label_file='sizes.csv', metainfo=dict(classes=('background', 'person', 'cat', 'bus', 'dog')))
    infos = [dataset.get_data_info(index) for index in range(4)]
    assert [(info.get('large_label'), info.get('small_label')) for info in infos] == [
        ([4], [2]),
        (None, None),
        (None, None),
        ([], []),
    ]


def test_sizes_from_boxes_need_xml(voc):
    with pytest.raises(ValueError, match=r"`large_area=0.1` reads the boxes of XML files, but label_file='.*tags.csv'"):
        voc(large_area=0.1)


def test_list_selects_and_orders(voc, by_name):
    assert list(by_name(voc(ann_file='list.txt'))) == ['c', 'a']


def test_classes_restrict_and_reorder_tags_palette_and_masks(voc, by_name):
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


def test_masks_follow_the_classes_through_stock_transforms(voc, tagged):
    (tagged / 'masks').mkdir()
    mask = np.array([[0, 15, 8], [12, 255, 20]], np.uint8)
    image = Image.fromarray(mask, 'P')
    image.putpalette(sum(voc_colormap(256), []))
    for name in 'ac':
        image.save(tagged / f'masks/{name}.png')
    dataset = voc(
        ann_file='list.txt',
        test_mode=True,
        metainfo=dict(classes=('background', 'person', 'cat')),
        data_prefix=dict(img_path='images', seg_map_path='masks'),
        pipeline=[dict(type='LoadAnnotations')],
    )
    assert dataset[1]['seg_map_path'] == str(tagged / 'masks/a.png')
    assert dataset[1]['gt_seg_map'].tolist() == [[0, 1, 2], [255, 255, 255]]


def test_pseudo_labels_hold_the_ids_of_the_model(voc):
    classes = ('background', 'person', 'cat')
    prefix = dict(img_path='images', seg_map_path='pseudo')
    assert voc(metainfo=dict(classes=classes), seg_map_classes=classes, data_prefix=prefix).label_map is None
    with pytest.raises(ValueError, match=r"the mask files have no index for \['cat'\].*`seg_map_classes`"):
        voc(metainfo=dict(classes=classes), seg_map_classes=('background', 'person'), data_prefix=prefix)


def test_evaluation_and_full_supervision_need_no_tags(voc):
    for settings in (dict(test_mode=True), dict(data_prefix=dict(img_path='images', seg_map_path='masks'))):
        dataset = voc(label_file='', **settings)
        assert len(dataset) == 4 and 'img_label' not in dataset.get_data_info(0)


def test_no_prefix_means_no_mask_path(voc):
    for prefix in (dict(img_path='images'), dict(img_path='images', seg_map_path=None)):
        assert 'seg_map_path' not in voc(data_prefix=prefix).get_data_info(0)


def test_warning_names_the_classes_without_a_tag(build, tagged):
    settings = dict(data_root=str(tagged), label_file='tags.csv', data_prefix=dict(img_path='images'))
    with pytest.warns(UserWarning, match='has a tag of horse: these classes will not be learned'):
        build('VOCWeakDataset', metainfo=dict(classes=FIVE), **settings)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        build('VOCWeakDataset', metainfo=dict(classes=FIVE), test_mode=True, **settings)
        build('VOCWeakDataset', metainfo=dict(classes=FIVE[:-1]), **settings)


def test_remark_where_no_image_has_a_tag(build, tagged):
    (tagged / 'background.txt').write_text('b\n')
    settings = dict(data_root=str(tagged), ann_file='background.txt', data_prefix=dict(img_path='images'))
    with pytest.warns(
        UserWarning,
        match=r'no image of .*background\.txt.* has any tag of the 20 classes: all are '
        'background images. That is fine for one part of a `ConcatDataset`',
    ) as caught:
        dataset = build('VOCWeakDataset', label_file='tags.csv', **settings)
    assert len(caught) == 1
    assert dataset.get_data_info(0)['img_label'] == []
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        build('VOCWeakDataset', label_file='tags.csv', test_mode=True, **settings)
    (tagged / 'unknown.csv').write_text('image,labels,unknown\nb,,cat\n')
    with pytest.warns(UserWarning, match='has a tag of aeroplane, bicycle'):
        build('VOCWeakDataset', label_file='unknown.csv', **settings)


@pytest.mark.parametrize(
    ('files', 'settings', 'error', 'match'),
    [
        (
            {'tags.csv': 'image,labels\na,ct\n'},
            {},
            ValueError,
            r"tags\.csv:2: .*unknown class 'ct': did you mean 'cat'",
        ),
        (
            {'tags.csv': 'image,labels\na,cat\na.jpg,dog\n'},
            {},
            ValueError,
            r"tags\.csv:3: image 'a\.jpg' has tags twice \(first at .*tags\.csv:2\)",
        ),
        ({'tags.csv': 'image,labels\n'}, {}, ValueError, r"label_file='.*tags\.csv' is empty"),
        (
            {'tags.csv': 'image,labels\n' + ''.join(f'{n},\n' for n in 'azyxwvu')},
            {},
            FileNotFoundError,
            r"6 of the 7 images of label_file='.*tags\.csv' are not in '.*images'.*: z, y, x, w, v \.\.\.",
        ),
        (
            {'list.txt': 'a\nz\n'},
            dict(ann_file='list.txt'),
            FileNotFoundError,
            r"1 of the 2 images of ann_file='.*list\.txt' are not in .*: z\.",
        ),
        (
            {'tags.csv': 'image,labels\na,\n', 'list.txt': 'a\nb\nc'},
            dict(ann_file='list.txt'),
            ValueError,
            r"2 of the 3 images of ann_file='.*list\.txt' have no tags in label_file='.*tags\.csv': b, c\.",
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
        ({}, dict(label_file=''), ValueError, 'training needs tags or masks: give `label_file`'),
        ({}, dict(metainfo=dict(classes=('cat', 'background'))), ValueError, "must start with 'background'"),
        ({}, dict(metainfo=dict(classes=('background', 'dgo'))), ValueError, "did you mean 'dog'"),
        ({}, dict(reduce_zero_label=True), ValueError, '`reduce_zero_label=True` would ignore the background'),
        (
            {},
            dict(filter_cfg=dict(filter_empty_gt=True), metainfo=dict(classes=('background', 'sofa'))),
            ValueError,
            r"leaves no image: none has a tag of \['sofa'\]",
        ),
    ],
)
def test_mistakes(voc, tagged, files, settings, error, match):
    for name, text in files.items():
        (tagged / name).write_text(text)
    with pytest.raises(error, match=match):
        voc(**settings)


def test_masks_that_are_opened_must_be_there(voc, tagged):
    masks = dict(
        data_prefix=dict(img_path='images', seg_map_path='labels'),
        ann_file='list.txt',
        pipeline=[dict(type='LoadAnnotations')],
    )
    (tagged / 'list.txt').write_text('a\nb\nc\n')
    with pytest.raises(FileNotFoundError, match="folder '.*labels' does not exist"):
        voc(**masks)
    (tagged / 'labels').mkdir()
    (tagged / 'labels' / 'b.png').touch()
    with pytest.raises(FileNotFoundError, match=r"2 of the 3 masks that LoadAnnotations opens .*labels': a.png, c.png"):
        voc(**masks)
    (tagged / 'list.txt').write_text('b\n')
    assert len(voc(**masks)) == 1
    (tagged / 'list.txt').write_text('b\nc\n')  # of a subset, only its own
    assert len(voc(**masks, indices=1)) == len(voc(**masks, indices=[0])) == 1
    with pytest.raises(FileNotFoundError, match='1 of the 1 masks'):
        voc(**masks, indices=-1)
    with pytest.raises(ValueError, match='`data_prefix` has no `seg_map_path`'):
        voc(**{**masks, 'data_prefix': dict(img_path='images')})


def test_name_that_fits_two_files():
    assert locate(['a', 'b.png', 'c'], ['a.jpg', 'b.png', 'b.jpg']) == {'a': 'a.jpg', 'b.png': 'b.png'}
    with pytest.raises(ValueError, match=r"image 'b' fits several files: b\.jpg, b\.png"):
        locate(['b'], ['b.png', 'b.jpg'])


@pytest.mark.parametrize(
    ('image', 'suffixes', 'expected'),
    [
        ('a/b.JPG', ('.jpg',), 'a/b'),
        ('2007.0063', ('.jpg',), '2007.0063'),
        ('aachen/a_0_leftImg8bit.png', ('_leftimg8bit.png',), 'aachen/a_0'),
        ('a_leftImg8bit.png', ('.png', '_leftimg8bit.png'), 'a'),
        ('a.png', ('_leftimg8bit.png',), 'a.png'),
        ('a.jpg', ('',), 'a.jpg'),
    ],
)
def test_stem(image, suffixes, expected):
    assert stem(image, suffixes) == expected


def test_compound_suffix(build, tmp_path, write_images):
    """As Cityscapes has them: the list holds what image and mask share."""
    write_images(tmp_path / 'images', [f'bonn/{name}_leftImg8bit.png' for name in 'ab'] + ['bonn/a_other.png'])
    (tmp_path / 'tags.csv').write_text('image,labels\nbonn/b,dog\nbonn/a_leftImg8bit.png,cat\n')
    (tmp_path / 'list.txt').write_text('bonn/a\nbonn/b\n')
    suffixes = dict(img_suffix='_leftImg8bit.png', seg_map_suffix='_gtFine_labelTrainIds.png')
    for ann_file, order in (('list.txt', 'ab'), ('', 'ba')):
        dataset = build(
            'FolderWeakDataset',
            data_root=str(tmp_path),
            ann_file=ann_file,
            label_file='tags.csv',
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


def test_listing_leaves_out_what_is_hidden(tmp_path, write_images):
    write_images(tmp_path, ['cat/B.JPG', 'a.png', '.hidden.png', '.checkpoints/a.png', 'cat/.old/a.png'])
    (tmp_path / 'notes.txt').write_text('')
    assert list_images(str(tmp_path)) == ['a.png', 'cat/B.JPG']


def test_filter_empty_gt(voc, by_name):
    assert list(by_name(voc(filter_cfg=dict(filter_empty_gt=True)))) == ['a', 'c', 'd']


def test_images_of_a_list_are_left_out(voc, by_name, tagged):
    assert list(by_name(voc(filter_cfg=dict(exclude_file='list.txt')))) == ['b', 'd']
    assert list(by_name(voc(filter_cfg=dict(exclude_file='list.txt', filter_empty_gt=True)))) == ['d']
    (tagged / 'folders').mkdir()
    (tagged / 'images').rename(tagged / 'folders' / 'a')
    (tagged / 'tags.csv').write_text('image,labels\na/a,cat\na/b.jpg,\n')
    (tagged / 'list.txt').write_text('a/a.jpg\na\n')
    dataset = voc(data_prefix=dict(img_path='folders'), filter_cfg=dict(exclude_file='list.txt'))
    assert list(by_name(dataset)) == ['b']


def test_without_a_root_the_list_is_relative_to_the_current_folder(voc, tagged, monkeypatch, by_name):
    monkeypatch.chdir(tagged)
    assert list(by_name(voc(data_root=None, filter_cfg=dict(exclude_file='list.txt')))) == ['b', 'd']


@pytest.mark.parametrize(('names', 'left'), [('e', 4), ('a b c d', 0)])
def test_a_list_that_leaves_out_nothing_or_everything(voc, tagged, names, left):
    (tagged / 'other.txt').write_text('\n'.join(names.split()))
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


def test_table_options_reach_the_reader(build, tagged):
    (tagged / 'own.csv').write_text('file,what\na,dog/cat\n')
    dataset = build(
        'VOCWeakDataset',
        data_root=str(tagged),
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
