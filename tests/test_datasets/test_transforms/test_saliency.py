"""Soft maps: computed, stored, and transformed as their images are."""

import numpy as np
import pytest
import torch
from mmseg.registry import TRANSFORMS as MMSEG
from PIL import Image

from mmwsl.apis.pseudo_labels.store import write_scores
from mmwsl.datasets.transforms import (
    CalibrateSaliency,
    ComputeSaliency,
    IgnoreEmptyMasks,
    LoadObjectness,
    TransformWithMaps,
)
from mmwsl.functional import DEQUANTIZED, calibrate_saliency, quantize_scores


def results(height=30, width=40, **keys):
    img = np.random.default_rng(0).integers(0, 30, (height, width, 3), dtype=np.uint8)
    img[height // 3 : 2 * height // 3, width // 3 : 2 * width // 3] += 200
    return dict(img=img, img_path='somewhere/one.jpg', img_shape=(height, width), ori_shape=(height, width), **keys)


@pytest.mark.parametrize('method', ['frequency_tuned', 'geodesic'])
def test_the_object_is_salient(method):
    found = ComputeSaliency(method)(results())['saliency']
    assert found.dtype == np.float32 and found.shape == (30, 40) and 0 <= found.min() and found.max() == 1
    assert found[12:18, 16:24].mean() > 3 * found[:8].mean()
    np.testing.assert_array_equal(255 * found, np.rint(255 * found))


@pytest.mark.parametrize('method', ['frequency_tuned', 'geodesic'])
@pytest.mark.parametrize('size', [(1, 40), (40, 1), (1, 1)])
def test_any_image_has_a_map(method, size):
    found = ComputeSaliency(method)(results(*size))['saliency']
    assert found.shape == size and np.isfinite(found).all()


def test_colors_are_those_of_bgr():
    """The Lab distance of a blue to a gray image is not that of a red one."""
    maps = []
    for channel in (0, 2):
        data = results()
        data['img'] = np.full_like(data['img'], 90)
        data['img'][10:20, 10:20, channel] = 250
        data['img'][0, 0] = 255
        maps.append(ComputeSaliency('frequency_tuned')(data)['saliency'])
    assert maps[0][0, 0] < maps[1][0, 0]  # blue is farther from gray than red, so that white is relatively nearer


def test_stored_maps_are_read_if_they_are_of_the_same_pixels(tmp_path):
    transform = ComputeSaliency(folder=str(tmp_path))
    computed = transform(results())['saliency']
    (file,) = tmp_path.rglob('*.png')
    assert file.name == 'one.png' and file.parent.name.startswith('geodesic_')
    np.testing.assert_array_equal(LoadObjectness(str(file.parent), key='saliency')(results())['saliency'], computed)
    written = file.stat().st_mtime_ns
    np.testing.assert_array_equal(transform(results())['saliency'], computed)
    assert file.stat().st_mtime_ns == written, 'the stored map is read'
    assert ComputeSaliency(superpixels=dict(method='slic', n_segments=20), folder=str(tmp_path)).folder != file.parent
    other = results()  # another image of the same name and size
    other['img'] = other['img'][::-1, ::-1].copy() + np.arange(40, dtype=np.uint8)[:, None]
    expected = ComputeSaliency()(dict(other))['saliency']
    np.testing.assert_array_equal(transform(other)['saliency'], expected)
    for content in (b'', file.read_bytes()[:60]):
        file.write_bytes(content)
        np.testing.assert_array_equal(transform(results())['saliency'], computed)
    Image.fromarray(np.full((30, 40), 51, np.uint8)).save(file)
    np.testing.assert_array_equal(transform(results())['saliency'], computed)


def test_scores_of_pseudo_labels_are_maps(tmp_path):
    scores = torch.rand(4, 30, 40, generator=torch.Generator().manual_seed(0))
    scores[0] = 1
    write_scores(tmp_path / 'one.npz', scores)
    found = LoadObjectness(str(tmp_path), '.npz', 'saliency')(results())['saliency']
    np.testing.assert_allclose(found, DEQUANTIZED[quantize_scores(scores[1:].amax(0)).numpy()], atol=1e-7)
    write_scores(tmp_path / 'one.npz', torch.ones(4, 30, 40) * torch.tensor([1, 0, 0, 0])[:, None, None])
    assert not LoadObjectness(str(tmp_path), '.npz', 'saliency')(results())['saliency'].any()


def test_calibrated_maps():
    saliency = np.random.default_rng(1).random((30, 40), np.float32) ** 4
    found = CalibrateSaliency()(results(saliency=saliency))['saliency']
    assert found.dtype == np.float32 and not np.array_equal(found, saliency)
    np.testing.assert_array_equal(found, calibrate_saliency(torch.from_numpy(saliency)))


GEOMETRIC = [
    dict(type='Resize', scale=(55, 55), keep_ratio=True),
    dict(type='Resize', scale=(25, 60), keep_ratio=False),
    dict(type='RandomFlip', prob=1.0),
    dict(type='RandomFlip', prob=1.0, direction='vertical'),
    dict(type='RandomCrop', crop_size=(20, 24)),
    dict(type='RandomResize', scale=(64, 64), ratio_range=(0.5, 2.0), keep_ratio=True),
]


@pytest.mark.parametrize('steps', [*[[step] for step in GEOMETRIC], GEOMETRIC])
def test_a_map_is_transformed_as_an_image(steps):
    """The map equals a channel of the image: it must still do so, whatever was drawn."""
    data = results(gt_seg_map=np.zeros((30, 40), np.uint8), seg_fields=['gt_seg_map'])
    data['saliency'] = data['img'][..., 1].astype(np.float32) / 255
    found = TransformWithMaps(steps)(data)
    assert found['img'].shape[2] == 3 and found['img'].flags.c_contiguous and found['saliency'].dtype == np.float32
    np.testing.assert_array_equal(np.rint(255 * found['saliency']), found['img'][..., 1])
    assert found['gt_seg_map'].shape == found['img'].shape[:2] == tuple(found['img_shape'])


def test_a_map_is_resized_bilinearly_and_not_to_nearest_values():
    data = results(2, 2, saliency=np.array([[0, 1], [0, 1]], np.float32))
    found = TransformWithMaps([dict(type='Resize', scale=(8, 8))])(data)['saliency']
    assert len(np.unique(found)) > 2 and found.max() == 1 and found.min() == 0
    np.testing.assert_allclose(found, [np.clip((np.arange(8) + 0.5) / 4 - 0.5, 0, 1)] * 8, atol=0.003)


def test_floating_point_images_keep_floating_point_maps():
    data = results(saliency=np.random.default_rng(1).random((30, 40), np.float32))
    data['img'] = data['img'].astype(np.float32)
    found = TransformWithMaps([dict(type='RandomFlip', prob=1.0)])(dict(data))
    np.testing.assert_array_equal(found['saliency'], data['saliency'][:, ::-1])


class Skip:
    """A transform that skips every image."""

    def __call__(self, results):
        return None


def test_a_skipped_image_is_skipped():
    assert TransformWithMaps([Skip()])(results(saliency=np.zeros((30, 40), np.float32))) is None


@pytest.mark.parametrize('saliency', [None, np.zeros((15, 40), np.float32)])
def test_a_map_of_another_size_is_an_error(saliency):
    data = results() if saliency is None else results(saliency=saliency)
    with pytest.raises(ValueError, match=r'`saliency` must have the size \(30, 40\) of its image, got'):
        TransformWithMaps([dict(type='RandomFlip', prob=1.0)])(data)


def test_masks_without_foreground_are_ignored():
    empty = np.array([[0, 255], [0, 0]], np.uint8)
    ignored = IgnoreEmptyMasks()(dict(gt_seg_map=empty, img_label=[3]))['gt_seg_map']
    assert (ignored == 255).all() and ignored.dtype == np.uint8
    assert IgnoreEmptyMasks()(dict(gt_seg_map=empty, img_label=[]))['gt_seg_map'] is empty
    full = np.array([[0, 255], [0, 3]], np.uint8)
    assert IgnoreEmptyMasks()(dict(gt_seg_map=full, img_label=[3]))['gt_seg_map'] is full


@pytest.mark.parametrize(
    ('call', 'message'),
    [
        (lambda: ComputeSaliency('drfi'), '`method` must be'),
        (lambda: ComputeSaliency(key='depth'), '`key` must be'),
        (lambda: TransformWithMaps([], keys=('depth',)), '`key` must be'),
        (lambda: ComputeSaliency()(dict(img=np.zeros((4, 4), np.uint8))), r'`img` must be .* got \(4, 4\) uint8'),
        (lambda: IgnoreEmptyMasks()(dict(gt_seg_map=np.zeros((2, 2)))), 'must have image-level labels, got none'),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_transforms_can_be_built_from_configs():
    built = MMSEG.build(
        dict(type='mmwsl.TransformWithMaps', transforms=[dict(type='mmwsl.RandomCentralCrop', crop_size=8)])
    )
    assert 'RandomCentralCrop' in repr(built) and "method='geodesic'" in repr(ComputeSaliency())
