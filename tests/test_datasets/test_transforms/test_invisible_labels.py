"""Image-level labels of objects that a crop may have cut out."""

import numpy as np

from mmwsl.datasets.transforms import MarkInvisibleLabelsUnknown, PackImageLabelInputs


def results(mask, present, unknown=()):
    mask = np.array(mask, np.uint8)
    image = np.zeros((*mask.shape, 3), np.uint8)
    return dict(
        img=image,
        gt_seg_map=mask,
        seg_fields=['gt_seg_map'],
        img_label=list(present),
        unknown_label=list(unknown),
        large_label=[],
        small_label=[],
        num_classes=5,
        img_path='a.jpg',
        ori_shape=mask.shape,
        img_shape=mask.shape,
    )


def test_the_size_of_an_invisible_object_is_unknown_too():
    before = results([[3]], [2, 3]) | dict(large_label=[2, 3], small_label=[])
    sample = PackImageLabelInputs()(MarkInvisibleLabelsUnknown()(before))['data_samples']
    assert sample.gt_label.size.tolist() == [-1, -1, -1, 1, -1]


def packed(*arguments):
    sample = PackImageLabelInputs()(MarkInvisibleLabelsUnknown()(results(*arguments)))['data_samples']
    return sample.gt_label.score.tolist()


def test_a_class_without_a_pixel_becomes_unknown():
    assert packed([[0, 3], [255, 3]], [2, 3]) == [-1, 0, -1, 1, 0]
    assert packed([[255, 255]], [2, 3]) == [-1, 0, -1, -1, 0]


def test_classes_that_are_not_labeled_stay_as_they_are():
    """A pixel of a class does not add its label, and an unknown label stays unknown."""
    assert packed([[4, 1]], [1], [2]) == [-1, 1, -1, 0, 0]
    assert packed([[4, 2]], [], [2]) == [-1, 0, -1, 0, 0]


def test_labels_of_the_dataset_are_not_changed():
    before = results([[0]], [1])
    present, unknown = before['img_label'], before['unknown_label']
    MarkInvisibleLabelsUnknown()(before)
    assert (present, unknown) == ([1], []) and before['img_label'] == [] and before['unknown_label'] == [1]


def test_an_image_without_labels_stays_unlabeled():
    unlabeled = {key: value for key, value in results([[0]], [1]).items() if not key.endswith('_label')}
    assert 'img_label' not in MarkInvisibleLabelsUnknown()(unlabeled) and 'unknown_label' not in unlabeled
