"""Image-level labels in the data sample."""

import numpy as np
import pytest
import torch
from mmengine.structures import LabelData
from mmseg.datasets.transforms import PackSegInputs

from mmwsl.datasets.transforms import PackImageLabelInputs, multi_hot_labels


@pytest.mark.parametrize(
    ('present', 'unknown', 'score'),
    [
        ([1, 3], [], [-1, 1, 0, 1]),
        ([1], [2], [-1, 1, -1, 0]),
        ([], [2], [-1, 0, -1, 0]),
        ([], [], [-1, 0, 0, 0]),
    ],
)
def test_multi_hot_labels_leave_the_background_unknown(present, unknown, score):
    result = multi_hot_labels(present, unknown, 4)
    assert result.dtype == np.float32 and result.tolist() == score


@pytest.mark.parametrize(
    ('present', 'unknown', 'match'),
    [
        ([0, 1], [], r'must be ids of foreground classes, 1 to 3, got \[0\]'),
        ([4], [-1], r'got \[4, -1\]'),
    ],
)
def test_wrong_ids(present, unknown, match):
    with pytest.raises(ValueError, match=match):
        multi_hot_labels(present, unknown, 4)


def results():
    return dict(
        img=np.arange(24, dtype=np.uint8).reshape(2, 4, 3),
        img_path='a.jpg',
        ori_shape=(2, 4),
        img_shape=(2, 4),
        img_label=[2],
        unknown_label=[1],
        num_classes=4,
    )


def test_sample_is_the_sample_of_the_parent_and_the_labels():
    packed, plain = PackImageLabelInputs()(results()), PackSegInputs()(results())
    assert torch.equal(packed['inputs'], plain['inputs'])
    sample = packed['data_samples']
    assert sample.metainfo == plain['data_samples'].metainfo
    assert sample.keys() == ['gt_label'] and isinstance(sample.gt_label, LabelData)
    assert sample.gt_label.label.dtype == torch.int64 and sample.gt_label.label.tolist() == [2]
    assert sample.gt_label.score.dtype == torch.float32 and sample.gt_label.score.tolist() == [-1, -1, 1, 0]


def test_size_labels():
    assert 'size' not in PackImageLabelInputs()(results())['data_samples'].gt_label
    labeled = {**results(), 'img_label': [1, 2, 3], 'num_classes': 5, 'large_label': [3], 'small_label': [1]}
    label = PackImageLabelInputs()(labeled)['data_samples'].gt_label
    assert label.size.dtype == torch.float32 and label.size.tolist() == [-1, 0, -1, 1, -1]


def test_background_image():
    sample = PackImageLabelInputs()({**results(), 'img_label': [], 'unknown_label': []})['data_samples']
    assert sample.gt_label.label.shape == (0,) and sample.gt_label.label.dtype == torch.int64
    assert sample.gt_label.score.tolist() == [-1, 0, 0, 0]


def test_mask_is_packed_if_there_is_one():
    sample = PackImageLabelInputs()({**results(), 'gt_seg_map': np.ones((2, 4), np.uint8)})['data_samples']
    assert sample.gt_sem_seg.data.shape == (1, 2, 4) and 'gt_label' in sample


def test_an_unlabeled_image_has_no_labels():
    packed = PackImageLabelInputs()({key: value for key, value in results().items() if key != 'img_label'})
    assert 'gt_label' not in packed['data_samples'] and packed['inputs'].shape[0] == 3
