"""Datasets of the classification protocols, in their official layouts."""

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.structures import LabelData
from PIL import Image

from mmwsl.datasets.classes import VOC_ACTIONS, VOC_CLASSES
from mmwsl.evaluation import ImageLabelMetric
from mmwsl.registry import TRANSFORMS

pytestmark = pytest.mark.filterwarnings('ignore:no image of')


@pytest.fixture
def action(tmp_path, write_images):
    """Two images: a dog, a rider and a walker who also phones; another person."""
    write_images(tmp_path / 'JPEGImages', ['2010_1.jpg', '2010_2.jpg'], (40, 20))
    (tmp_path / 'Annotations').mkdir()
    boxes = {'2010_1': [(1, 1, 9, 9), (11, 3, 20, 12), (21, 1, 40, 20)], '2010_2': [(5, 5, 6, 6)]}
    for name, corners in boxes.items():
        objects = ''.join(
            f'<object><name>{"dog" if left == 1 else "person"}</name><bndbox><xmin>{left}</xmin><ymin>{top}</ymin>'
            f'<xmax>{right}</xmax><ymax>{bottom}</ymax></bndbox></object>'
            for left, top, right, bottom in corners
        )
        (tmp_path / f'Annotations/{name}.xml').write_text(f'<annotation>{objects}</annotation>')
    (tmp_path / 'ImageSets/Action').mkdir(parents=True)
    persons = [('2010_1', 2, {'ridinghorse'}), ('2010_1', 3, {'walking', 'phoning'}), ('2010_2', 1, set())]
    for name in VOC_ACTIONS[1:]:
        lines = [f'{image} {number} {1 if name in actions else -1:2}\n' for image, number, actions in persons]
        (tmp_path / f'ImageSets/Action/{name}_val.txt').write_text(''.join(lines))
    return tmp_path


def _action(build, root, **settings):
    return build('VOCActionDataset', data_root=str(root), label_split='val', **settings)


def test_an_action_has_one_sample_per_person(build, action):
    dataset = _action(build, action)
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    assert [info['img_path'][-10:-4] for info in infos] == ['2010_1', '2010_1', '2010_2']
    names = [[VOC_ACTIONS[label] for label in info['img_label']] for info in infos]
    assert names == [['ridinghorse'], ['phoning', 'walking'], []]  # the last is a negative of all ten
    assert [info['box'] for info in infos] == [(10, 2, 19, 11), (20, 0, 39, 19), (4, 4, 5, 5)]
    assert all(info['unknown_label'] == [] and info['num_classes'] == 11 for info in infos)


@pytest.mark.parametrize(('factor', 'rows', 'columns'), [(1, (2, 12), (10, 20)), (1.5, (0, 14), (8, 22))])
def test_the_crop_of_a_person(build, action, factor, rows, columns):
    """A box of 10 x 10 pixels grows by 2.5, rounded to even, at each side, and is clipped at the top."""
    load = [dict(type='mmwsl.LoadImageAsBGR')]
    whole = _action(build, action, pipeline=load)[0]['img']
    cropped = _action(build, action, pipeline=[*load, dict(type='mmwsl.CropBox', factor=factor)])[0]
    np.testing.assert_array_equal(cropped['img'], whole[slice(*rows), slice(*columns)])
    assert cropped['img_shape'] == cropped['ori_shape'] == cropped['img'].shape[:2]


def test_a_crop_takes_the_masks_along_and_rejects_a_box_outside():
    crop = TRANSFORMS.build(dict(type='mmwsl.CropBox', factor=1))
    img, mask = np.arange(60).reshape(4, 5, 3), np.arange(20).reshape(4, 5)
    data = dict(img=img, gt=mask, seg_fields=['gt'], box=(1, 0, 2, 2), img_path='a.jpg')
    cropped = crop(dict(data))
    assert cropped['gt'].tolist() == [[1, 2], [6, 7], [11, 12]] and cropped['img'].shape == (3, 2, 3)
    with pytest.raises(ValueError, match=r"must be inside its image of 5 x 4 pixels, got \(5, 0, 9, 2\) for 'a.jpg'"):
        crop(dict(data, box=(5, 0, 9, 2)))
    with pytest.raises(ValueError, match='`factor` must be at least 1, got 0.5'):
        TRANSFORMS.build(dict(type='mmwsl.CropBox', factor=0.5))


def test_lists_of_persons_that_do_not_fit_are_errors(build, action):
    with pytest.raises(ValueError, match="`ann_file` must be empty, got 'val.txt'"):
        _action(build, action, ann_file='val.txt')
    walking = action / 'ImageSets/Action/walking_val.txt'
    good = walking.read_text()
    for text, match in (
        (good.replace('2010_2 1', '2010_2'), r'walking_val.txt:3: a line must be "name number value"'),
        (good.replace('2010_2 1', '2010_2 x'), r'walking_val.txt:3: a line must be "name number value"'),
        (good.replace('2010_2 1', '2010_1 2'), r"walking_val.txt:3: image '2010_1 2' is listed twice"),
        (good.replace('2010_2 1', '2010_2 2'), r'must name the same images, got 2 .*: 2010_2 1, 2010_2 2\.'),
    ):
        walking.write_text(text)
        with pytest.raises(ValueError, match=match):
            _action(build, action)
    for name in VOC_ACTIONS[1:]:
        path = action / f'ImageSets/Action/{name}_val.txt'
        path.write_text(path.read_text().replace('2010_2 1', '2010_2 2'))
    walking.write_text(good.replace('2010_2 1', '2010_2 2'))
    with pytest.raises(ValueError, match=r"jumping_val.txt:3: .* must be in \[1, 1\], .* XML file of '2010_2', got 2"):
        _action(build, action)
    (action / 'JPEGImages/2010_2.jpg').unlink()
    with pytest.raises(FileNotFoundError, match='1 of the 2 images'):
        _action(build, action)


def test_a_class_with_difficult_objects_only_is_skipped(build, tmp_path, write_images):
    """Label 0 of the lists, through dataset, packing and metric: it is neither a positive nor a negative."""
    names = [f'2007_{i}' for i in range(4)]
    write_images(tmp_path / 'JPEGImages', [f'{name}.jpg' for name in names])
    (tmp_path / 'ImageSets/Main').mkdir(parents=True)
    values = (1, -1, 1, 0)
    for name in VOC_CLASSES[1:]:
        lines = [f'{image} {value if name == "dog" else -1}\n' for image, value in zip(names, values, strict=True)]
        (tmp_path / f'ImageSets/Main/{name}_test.txt').write_text(''.join(lines))
    results = {}
    for difficult in ('unknown', 'absent', 'present'):
        dataset = build(
            'VOCWeakDataset',
            data_root=str(tmp_path),
            label_file='ImageSets/Main',
            label_split='test',
            difficult=difficult,
            data_prefix=dict(img_path='JPEGImages'),
            pipeline=[dict(type='mmwsl.LoadImageAsBGR'), dict(type='mmwsl.PackImageLabelInputs')],
        )
        evaluator = Evaluator(ImageLabelMetric(variants=('area', 'all_points', '11point')))
        evaluator.dataset_meta = dataset.metainfo
        for index, score in enumerate((0.9, 0.8, 0.7, 0.95)):  # the difficult one is ranked first
            sample = dataset[index]['data_samples']
            sample.pred_label = LabelData(score=torch.full((21,), score))
            evaluator.process([sample])
        results[difficult] = evaluator.evaluate(4)['mAP']
    assert results == {
        'unknown': pytest.approx(100 * (1 + 2 / 3) / 2, abs=0.01),
        'absent': pytest.approx(100 * (1 / 2 + 2 / 4) / 2, abs=0.01),
        'present': pytest.approx(100 * (1 + 1 + 3 / 4) / 3, abs=0.01),
    }


@pytest.fixture
def scenes(tmp_path, write_images):
    """Two folders of six and four images."""
    return write_images(tmp_path, [f'kitchen/{i}.jpg' for i in range(6)] + [f'store/{i}.jpg' for i in range(4)])


def _scenes(build, root, **settings):
    dataset = build('FolderWeakDataset', data_root=str(root), class_folders=True, background_folder=None, **settings)
    return [dataset.get_data_info(i) for i in range(len(dataset))]


def test_lists_win_over_the_folders(build, scenes):
    (scenes / 'TrainImages.txt').write_text('store/3.jpg\nkitchen/0.jpg\n')
    infos = _scenes(build, scenes, ann_file='TrainImages.txt')
    assert [(info['img_path'][-11:], info['img_label']) for info in infos] == [
        ('store/3.jpg', [2]),
        ('tchen/0.jpg', [1]),
    ]


def test_the_same_number_of_images_per_class_and_the_others(build, scenes):
    def paths(**per_class):
        infos = _scenes(build, scenes, filter_cfg=dict(per_class=per_class))
        return {info['img_path'] for info in infos}, [info['img_label'] for info in infos]

    chosen, labels = paths(count=3, seed=1)
    assert labels == [[1]] * 3 + [[2]] * 3
    others, labels = paths(count=3, seed=1, rest=True)
    assert labels == [[1]] * 3 + [[2]]
    assert not chosen & others and len(chosen | others) == 10
    assert paths(count=3, seed=1)[0] == chosen
    assert len({frozenset(paths(count=3, seed=seed)[0]) for seed in range(6)}) > 1
    for count, match in ((4, 'got 4 for 4 images of class 2'), (0, 'at least 1, got 0')):
        with pytest.raises(ValueError, match=match):
            paths(count=count)


def test_a_number_per_class_needs_one_class_per_image(build, labeled):
    with pytest.raises(ValueError, match='got 2 of 4 images without a class or with several'):
        build(
            'VOCWeakDataset',
            data_root=str(labeled),
            label_file='labels.csv',
            data_prefix=dict(img_path='images'),
            filter_cfg=dict(per_class=dict(count=1)),
        )


def test_gray_and_palette_images_get_three_channels(tmp_path):
    """15-Scene is gray, and MIT67 has files of other formats under `.jpg`."""
    values = np.arange(48, dtype=np.uint8).reshape(6, 8) * 5
    load = TRANSFORMS.build(dict(type='mmwsl.LoadImageAsBGR'))
    for mode, kind in (('L', 'PNG'), ('P', 'GIF')):
        Image.fromarray(values).convert(mode).save(tmp_path / 'a.jpg', kind)
        img = load(dict(img_path=str(tmp_path / 'a.jpg')))['img']
        assert img.shape == (6, 8, 3) and (img[..., 0] == img[..., 2]).all()
        np.testing.assert_array_equal(img[..., 1], values)
