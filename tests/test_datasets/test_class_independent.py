"""Masks of some classes as "any object": the split of the classes, and losses that see no other class."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmseg.registry import MODELS
from PIL import Image

from mmwsl.datasets import ClassIndependentMasks
from mmwsl.datasets.classes import VOC_CLASSES
from tests.conftest import write_images

CONFIGS = Path(__file__).parents[2] / 'configs' / 'objectness'
NAMES = ('a', 'b', 'c', 'd', 'e')
TRAINED, TESTED = ('cat', 'cow', 'dog'), ('horse', 'person', 'sheep')


@pytest.fixture
def root(tmp_path):
    """Images whose masks contain every index of VOC, in another order each."""
    write_images(tmp_path / 'JPEGImages', [f'{name}.jpg' for name in NAMES], (22, 4))
    (tmp_path / 'masks').mkdir()
    for shift, name in enumerate(NAMES):
        Image.fromarray(np.tile(np.roll([*range(21), 255], shift), (4, 1)).astype(np.uint8)).save(
            tmp_path / 'masks' / f'{name}.png'
        )
    return tmp_path


def build(root, object_classes=TRAINED, **settings):
    return ClassIndependentMasks(
        object_classes=object_classes,
        data_root=str(root),
        data_prefix=dict(img_path='JPEGImages', seg_map_path='masks'),
        pipeline=[dict(type='mmwsl.LoadImageAsBGR'), dict(type='LoadAnnotations'), dict(type='PackSegInputs')],
        **settings,
    )


@pytest.mark.parametrize('objects', [TRAINED, TESTED])
def test_the_target_has_no_pixel_of_another_class(root, objects):
    dataset = build(root, objects)
    assert dataset.metainfo['classes'] == ('background', 'object')
    for index in range(len(NAMES)):
        target = dataset[index]['data_samples'].gt_sem_seg.data[0].numpy()
        mask = np.asarray(Image.open(dataset.get_data_info(index)['seg_map_path']))
        for label in range(256):
            name = VOC_CLASSES[label] if label < 21 else 'void'
            expected = 1 if name in objects else 0 if name == 'background' else 255
            assert (target[mask == label] == expected).all(), name


def test_the_classes_of_the_configs_are_disjoint_and_swapped():
    splits = []
    for name in ('fsl_objectness_voc6', 'fsl_objectness_voc6_swapped'):
        cfg = Config.fromfile(CONFIGS / f'{name}.py')
        train, test = (cfg[f'{part}_dataloader'].dataset for part in ('train', 'test'))
        assert train.type == test.type == 'mmwsl.ClassIndependentMasks'
        assert not set(train.object_classes) & set(test.object_classes)
        splits.append((train.object_classes, test.object_classes))
    assert splits[0] == splits[1][::-1]


def test_the_losses_of_the_config_leave_ignored_pixels_out():
    losses = Config.fromfile(CONFIGS / 'fsl_objectness_voc6.py').model.decode_head.loss_decode
    torch.manual_seed(0)
    target = torch.randint(0, 2, (2, 6, 7))
    target[:, 2:4] = 255
    other = torch.where(target == 255, 255, 1 - target)
    logits = torch.randn(2, 2, 6, 7, requires_grad=True)
    for settings in losses:
        loss = MODELS.build(settings)
        (gradient,) = torch.autograd.grad(loss(logits, target, ignore_index=255), logits)
        assert not gradient[:, :, 2:4].any() and gradient[:, :, [0, 1, 4, 5]].all(), settings.type
        assert loss(logits, target, ignore_index=255) != loss(logits, other, ignore_index=255)
    dice = MODELS.build(dict(type='DiceLoss', use_sigmoid=False))
    (gradient,) = torch.autograd.grad(dice(logits, target), logits)
    assert gradient[:, :, 2:4].any(), "mmseg's DiceLoss ignores them now: use it"


def test_the_second_loss_is_dice():
    settings = Config.fromfile(CONFIGS / 'fsl_objectness_voc6.py').model.decode_head.loss_decode[1]
    torch.manual_seed(0)
    logits, target = torch.randn(2, 2, 5, 5), torch.randint(0, 2, (2, 5, 5))
    probs, expected = logits.softmax(1), 0
    for image in range(2):
        for label in range(2):
            hit, p, t = (
                ((target[image] == label) * probs[image, label]).sum(),
                probs[image, label],
                target[image] == label,
            )
            # smoothing adds 1 to the hits, in the numerator and in the denominator
            expected += (1 - 2 * (hit + 1) / (p.sum() + t.sum() + 2)) / 4
    torch.testing.assert_close(MODELS.build(settings)(logits, target), expected)


def test_shuffled_masks_are_those_of_other_images(root):
    plain, shuffled, again = build(root), build(root, shuffle_seed=3), build(root, shuffle_seed=3)
    masks = [[dataset.get_data_info(i)['seg_map_path'] for i in range(5)] for dataset in (plain, shuffled, again)]
    assert masks[1] == masks[2] and sorted(masks[0]) == sorted(masks[1])
    assert all(one != other for one, other in zip(masks[0], masks[1], strict=True))
    assert [plain.get_data_info(i)['img_path'] for i in range(5)] == [
        shuffled.get_data_info(i)['img_path'] for i in range(5)
    ]


@pytest.mark.parametrize(
    ('classes', 'message'),
    [
        ((), r'must be a list of one or more classes, got \(\)'),
        ('cat', "must be a list of one or more classes, got 'cat'"),
        (('cat', 'lion'), "`object_classes` must be one of .*'lion'"),
        (('background',), "`object_classes` must be one of .*'background'"),
    ],
)
def test_wrong_classes_are_rejected(root, classes, message):
    with pytest.raises(ValueError, match=message):
        build(root, classes)
