"""The synthetic shapes dataset: determinism, labels that agree with the pixels, documented statistics."""

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from scipy import stats
from torch.utils.data import DataLoader

from mmwsl.datasets.classes import SHAPES_CLASSES
from mmwsl.datasets.synthetic import draw_layout, render_image, render_instances, render_mask

PACKED = [dict(type='mmwsl.RenderShapesImage'), dict(type='mmwsl.PackImageLabelInputs')]
RING, STAR = SHAPES_CLASSES.index('ring'), SHAPES_CLASSES.index('star')


@pytest.fixture(scope='module')
def label_sets():
    """The sets of labels of 2000 scenes."""
    return [{item.label for item in draw_layout(0, index, 96)} for index in range(2000)]


def test_labels_agree_with_the_visible_pixels():
    for index in range(200):
        objects = draw_layout(3, index, 96)
        mask = render_mask(objects, 96)
        assert set(np.unique(mask)) - {0} == {item.label for item in objects}
        for item in objects:
            # the circle around an object lies in the image, and holds no pixel of another class
            rows, columns = np.mgrid[:96, :96]
            inside = np.hypot(columns - item.x, rows - item.y) <= item.radius
            assert item.radius <= min(item.x, item.y) and max(item.x, item.y) + item.radius <= 95
            assert set(np.unique(mask[inside])) <= {0, item.label}
            assert (mask[inside] == item.label).mean() > 0.3


def test_mask_matches_the_image():
    objects = draw_layout(0, 3, 96)
    mask = render_mask(objects, 96)
    with_objects = render_image(objects, 96, 0, 3).astype(int)
    # without objects the same background is rendered, up to the noise
    without = render_image((), 96, 0, 3).astype(int)
    changed = np.abs(with_objects - without).sum(axis=-1) > 90
    assert changed[mask > 0].mean() > 0.9 and changed[mask == 0].mean() < 0.1


def test_ring_has_a_hole():
    index = next(i for i in range(100) if any(item.label == RING for item in draw_layout(0, i, 96)))
    objects = draw_layout(0, index, 96)
    ring = next(item for item in objects if item.label == RING)
    assert render_mask(objects, 96)[round(ring.y), round(ring.x)] == 0


def test_statistics_are_as_documented(label_sets):
    total = len(label_sets)
    empty = sum(not labels for labels in label_sets)
    assert stats.binomtest(empty, total, 0.1).pvalue > 1e-3
    for label in range(1, 7):
        assert sum(label in labels for labels in label_sets) > 0.2 * total
    # 1 - P(no ring drawn | star drawn) * 0.4, where P(ring drawn | star) = (1/3 * 1/5 + 1/6 * 2/5) / (1/6 * ...)
    drawn = {count: share * count / 6 for count, share in ((1, 1 / 2), (2, 1 / 3), (3, 1 / 6))}  # with a star
    ring_drawn = sum(share * (count - 1) / 5 for count, share in drawn.items()) / sum(drawn.values())
    stars = [labels for labels in label_sets if STAR in labels]
    with_ring = sum(RING in labels for labels in stars)
    assert stats.binomtest(with_ring, len(stars), 1 - (1 - ring_drawn) * 0.4).pvalue > 1e-3
    without_star = [RING in labels for labels in label_sets if labels and STAR not in labels]
    assert with_ring / len(stars) > 1.5 * np.mean(without_star)


def test_same_scene_in_every_worker(build):
    dataset = build('ShapesDataset', length=6, size=48, pipeline=PACKED)
    images = [
        torch.cat(
            [
                batch['inputs'][0][None]
                for batch in DataLoader(dataset, batch_size=1, num_workers=workers, collate_fn=pseudo_collate)
            ]
        )
        for workers in (0, 2)
    ]
    assert torch.equal(*images)
    assert len({image.numpy().tobytes() for image in images[0]}) == 6


def test_seeds_are_disjoint(build):
    first, second = (build('ShapesDataset', length=20, size=48, seed=seed, pipeline=PACKED) for seed in (0, 1))
    images = {dataset[index]['inputs'].numpy().tobytes() for dataset in (first, second) for index in range(20)}
    assert len(images) == 40


def test_color_does_not_reveal_the_class():
    colors = {label: [] for label in range(1, 7)}
    for index in range(300):
        objects = draw_layout(5, index, 48)
        mask, image = render_mask(objects, 48), render_image(objects, 48, 5, index)
        for label in np.unique(mask[mask > 0]):
            colors[label].append(image[mask == label].mean(axis=0))
    means = np.array([np.mean(values, axis=0) for values in colors.values()])
    within = np.mean([np.std(values, axis=0) for values in colors.values()])
    assert np.ptp(means, axis=0).max() < 0.6 * within


def test_training_sample_has_labels_and_no_mask(build):
    dataset = build('ShapesDataset', length=8, pipeline=PACKED)
    for index in range(8):
        sample = dataset[index]['data_samples']
        assert 'gt_sem_seg' not in sample
        expected = {item.label for item in draw_layout(0, index, 96)}
        assert set(sample.gt_label.label.tolist()) == expected
        assert set((sample.gt_label.score[1:] == 1).nonzero().flatten().add(1).tolist()) == expected


def test_classes_restrict_and_reorder_labels_and_masks(build):
    classes = ('background', 'ring', 'circle')
    dataset = build(
        'ShapesDataset',
        length=40,
        metainfo=dict(classes=classes),
        pipeline=[dict(type='mmwsl.RenderShapesImage'), dict(type='mmwsl.RenderShapesMask')],
    )
    ids = {SHAPES_CLASSES.index(name): index for index, name in enumerate(classes)}
    seen = set()
    for index in range(40):
        info, full = dataset[index], render_mask(draw_layout(0, index, 96), 96)
        assert np.array_equal(info['gt_seg_map'], np.vectorize(lambda old: ids.get(old, 255))(full))
        assert info['img_label'] == sorted(set(np.unique(info['gt_seg_map']).tolist()) - {0, 255})
        seen |= set(info['img_label'])
    assert seen == {1, 2}


def test_mask_keeps_the_size_of_the_image_after_resize(build):
    dataset = build(
        'ShapesDataset',
        length=1,
        pipeline=[
            dict(type='mmwsl.RenderShapesImage'),
            dict(type='Resize', scale=(64, 64)),
            dict(type='mmwsl.RenderShapesMask'),
            dict(type='PackSegInputs'),
        ],
    )
    packed = dataset[0]
    assert packed['inputs'].shape == (3, 64, 64)
    assert packed['data_samples'].gt_sem_seg.data.shape == (1, 96, 96)
    assert packed['data_samples'].ori_shape == (96, 96)


def test_features_of_the_parent(build):
    assert len(build('ShapesDataset', length=9, indices=4)) == 4
    dataset = build('ShapesDataset', length=30, filter_cfg=dict(filter_empty_gt=True))
    assert 20 < len(dataset) < 30 and all(dataset.get_cat_ids(index) for index in range(len(dataset)))


@pytest.mark.parametrize(
    ('settings', 'match'),
    [
        (dict(length=0), '`length` must be an integer of at least 1, got 0'),
        (dict(size=8), '`size` must be an integer of at least 32, got 8'),
        (dict(seed=-1), '`seed` must be an integer of at least 0, got -1'),
        (dict(seed=0.5), '`seed` must be an integer'),
        (dict(metainfo=dict(classes=('background', 'sqare'))), "Did you mean 'square'"),
    ],
)
def test_invalid_settings_are_rejected(build, settings, match):
    with pytest.raises(ValueError, match=match):
        build('ShapesDataset', **settings)


def test_touching_objects_of_a_class_overlap_and_others_do_not():
    touching = 0
    for index in range(120):
        objects = draw_layout(0, index, 96, touching=True)
        ids, mask = render_instances(objects, 96), render_mask(objects, 96)
        np.testing.assert_array_equal(mask > 0, ids > 0)
        for i, one in enumerate(objects):
            assert one.radius <= min(one.x, one.y, 96 - one.x, 96 - one.y)
            for other in objects[:i]:
                distance = np.hypot(one.x - other.x, one.y - other.y)
                assert (distance < one.radius + other.radius) == (one.label == other.label)
                touching += one.label == other.label
    assert touching >= 10
    assert all(draw_layout(0, index, 96) == draw_layout(0, index, 96, touching=False) for index in range(20))
