"""Maps for post-processing, from the loader to the data sample."""

import json

import numpy as np
import pycocotools.mask
import pytest
import torch
from mmcv.transforms import Resize
from PIL import Image
from skimage.segmentation import felzenszwalb

from mmwsl.apis.pseudo_labels.store import write_scores
from mmwsl.datasets.transforms import (
    ComputeObjectness,
    ComputeRegions,
    ComputeSuperpixels,
    KeepOriginalImage,
    LoadObjectness,
    LoadSuperpixels,
    PackSegInputsWithMaps,
    PartitionByProposals,
)


def results(height=30, width=40, **keys):
    img = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    img[:, : width // 2] //= 4
    return dict(img=img, img_path='somewhere/one.jpg', img_shape=(height, width), ori_shape=(height, width), **keys)


def test_superpixels_are_those_of_scikit_image():
    found = ComputeSuperpixels(scale=10)(results())['superpixels']
    expected = felzenszwalb(results()['img'], scale=10, sigma=0.8, min_size=50)
    assert found.dtype == np.int64 and (found == expected).all()


@pytest.mark.parametrize('method', ['felzenszwalb', 'slic'])
@pytest.mark.parametrize('size', [(30, 40), (1, 40), (40, 1), (1, 1)])
def test_superpixels_cover_any_image(method, size):
    found = ComputeSuperpixels(method)(results(*size))['superpixels']
    assert found.shape == size and found.min() == 0


def test_an_image_of_one_color_has_one_superpixel():
    data = results()
    data['img'] = np.full_like(data['img'], 7)
    assert not ComputeSuperpixels()(data)['superpixels'].any()


def test_maps_reach_the_sample_at_the_size_of_the_image():
    data = results(objectness=np.random.rand(30, 40).astype(np.float32), saliency=np.zeros((30, 40), np.float32))
    image = data['img'].copy()
    for transform in (KeepOriginalImage(), ComputeSuperpixels(), Resize(scale=(20, 20), keep_ratio=True)):
        data = transform(data)
    superpixels, objectness = data['superpixels'], data['objectness']
    packed = PackSegInputsWithMaps(meta_keys=())(data)
    assert packed['inputs'].shape[1:] == (15, 20)
    sample = packed['data_samples']
    assert (sample.image.data.permute(1, 2, 0).numpy() == image).all() and sample.image.data.dtype == torch.uint8
    assert (sample.superpixels.data[0].numpy() == superpixels).all()
    assert (sample.objectness.data[0].numpy() == objectness).all()
    assert sample.saliency.data.shape == (1, 30, 40)


def _packed_masks(transform, data):
    """Return the masks ``(n, H, W)`` that the regions of the sample stand for."""
    for step in (transform, Resize(scale=(20, 20), keep_ratio=True)):
        data = step(data)
    regions = PackSegInputsWithMaps(meta_keys=())(data)['data_samples'].regions
    assert regions.superpixels.dtype == torch.int64 and regions.members.dtype == torch.bool
    return regions.members[:, regions.superpixels].numpy()


def test_regions_of_the_tree_are_its_masks():
    tree = dict(type='mmwsl.RegionTree', scale=10, min_size=20)
    expected = ComputeObjectness(tree).source(results()['img'], results())
    found = _packed_masks(ComputeRegions(tree), results())
    assert len(found) == len(expected.masks) > 1
    assert all((mask == expected.masks[index]).all() for index, mask in enumerate(found))


def test_regions_of_masks_from_disk_are_those_masks(tmp_path):
    masks = np.random.default_rng(0).random((70, 30, 40)) < 0.3
    np.savez(tmp_path / 'one.npz', scores=np.ones(70), masks=masks)
    source = dict(type='mmwsl.FolderProposals', folder=str(tmp_path))
    assert (_packed_masks(ComputeRegions(source), results()) == masks).all()
    entries = []
    for mask in masks:
        code = pycocotools.mask.encode(np.asfortranarray(mask))
        entries.append(dict(image_id='one', score=1.0, segmentation=dict(code, counts=code['counts'].decode())))
    (tmp_path / 'sam.json').write_text(json.dumps(entries))
    source = dict(type='mmwsl.COCOProposals', ann_file=str(tmp_path / 'sam.json'))
    assert (_packed_masks(ComputeRegions(source), results()) == masks).all()


def test_regions_need_masks(tmp_path):
    np.savez(tmp_path / 'one.npz', scores=np.ones(1), boxes=np.array([[0, 0, 5, 5]]))
    with pytest.raises(ValueError, match='A region needs proposals with masks, got boxes only'):
        ComputeRegions(dict(type='mmwsl.FolderProposals', folder=str(tmp_path)))(results())


def test_a_pixel_belongs_to_the_largest_mask_that_has_it(tmp_path):
    masks = np.random.default_rng(0).random((5, 30, 40)) < np.array([0.3, 0.1, 0.2, 0.05, 0.3])[:, None, None]
    masks[4] = np.roll(masks[0], 7, 1)  # as large as the first one: the last wins
    np.savez(tmp_path / 'one.npz', scores=np.ones(5), masks=masks)
    source = dict(type='mmwsl.FolderProposals', folder=str(tmp_path))
    found = PartitionByProposals(source)(results())['superpixels']
    areas = masks.sum((1, 2))
    for y in range(30):
        for x in range(40):
            owners = [(areas[i], i) for i in range(5) if masks[i, y, x]]
            assert found[y, x] == (max(owners)[1] if owners else -1)
    assert (found == -1).any() and found.dtype == np.int64


def test_an_image_of_one_superpixel_has_no_region():
    data = results()
    data['img'] = np.full_like(data['img'], 7)
    assert len(_packed_masks(ComputeRegions(), data)) == 0


def test_missing_maps_are_not_packed():
    sample = PackSegInputsWithMaps(meta_keys=())(results())['data_samples']
    assert sample.all_keys() == []


@pytest.mark.parametrize('suffix', ['.png', '.npy'])
def test_superpixels_from_disk(suffix, tmp_path):
    ids = np.arange(1200).reshape(30, 40)
    if suffix == '.npy':
        np.save(tmp_path / 'one.npy', ids)
    else:
        Image.fromarray(ids.astype(np.uint16)).save(tmp_path / 'one.png')
    found = LoadSuperpixels(str(tmp_path), suffix)(results())['superpixels']
    assert found.dtype == np.int64 and (found == ids).all()


@pytest.mark.parametrize(
    ('values', 'suffix'),
    [(np.uint8([[0, 51, 255]]), '.png'), (np.uint16([[0, 13107, 65535]]), '.png'), (np.float64([[0, 0.2, 1]]), '.npy')],
)
def test_objectness_from_disk(values, suffix, tmp_path):
    if suffix == '.npy':
        np.save(tmp_path / 'one.npy', values)
    else:
        Image.fromarray(values).save(tmp_path / 'one.png')
    found = LoadObjectness(str(tmp_path), suffix, key='saliency')(results(1, 3))['saliency']
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, np.float32([[0, 0.2, 1]]))


def test_objectness_from_scores_is_that_of_the_highest_foreground_class(tmp_path):
    scores = torch.rand(4, 30, 40, generator=torch.Generator().manual_seed(0))
    scores[3] = 0  # a class that the file does not store
    write_scores(tmp_path / 'one.npz', scores)
    found = LoadObjectness(str(tmp_path), '.npz')(results())['objectness']
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, scores[1:].max(0).values, atol=0.0031)
    with pytest.raises(ValueError, match=r"`suffix` must be one of .*'.npz'"):
        LoadSuperpixels(str(tmp_path), '.npz')


@pytest.mark.parametrize(
    ('loader', 'values', 'message'),
    [
        (LoadSuperpixels, np.zeros((40, 30), int), r'shape \(30, 40\) of its image, got \(40, 30\)'),
        (LoadSuperpixels, np.zeros((30, 40)), 'must contain ids.*float64'),
        (LoadSuperpixels, np.full((30, 40), -1), 'must contain ids.*-1'),
        (LoadObjectness, np.full((30, 40), np.nan), r'\[0, 1\], got nan'),
        (LoadObjectness, np.full((30, 40), 2.0), r'\[0, 1\], got 2.0'),
        (LoadObjectness, np.ones((30, 40), int), 'must contain floating point numbers, got int64'),
    ],
)
def test_invalid_maps_are_rejected_by_name(loader, values, message, tmp_path):
    np.save(tmp_path / 'one.npy', values)
    with pytest.raises(ValueError, match=r'one\.npy.*' + message):
        loader(str(tmp_path), '.npy')(results())


def test_a_palette_image_is_rejected(tmp_path):
    Image.fromarray(np.zeros((30, 40), np.uint8)).convert('P').save(tmp_path / 'one.png')
    with pytest.raises(ValueError, match=r'one\.png must be a gray image.*mode P'):
        LoadObjectness(str(tmp_path))(results())


def test_a_missing_map_names_the_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'one\.png does not exist.*one file per image'):
        LoadObjectness(str(tmp_path))(results())


@pytest.mark.parametrize(
    ('make', 'message'),
    [
        (lambda: ComputeSuperpixels('watershed'), "`method` must be one of.*'watershed'"),
        (lambda: LoadSuperpixels('x', '.jpg'), "`suffix` must be.*'.jpg'"),
        (lambda: ComputeSuperpixels()(dict(img=np.zeros((4, 4), np.uint8))), r'\(H, W, 3\) uint8, got \(4, 4\)'),
        (lambda: ComputeSuperpixels()(dict(img=np.zeros((4, 4, 3), np.float32))), 'uint8, got .* float32'),
        (lambda: LoadObjectness('x', key='boxes'), "`key` must be one of.*'boxes'"),
    ],
)
def test_invalid_arguments_are_rejected(make, message):
    with pytest.raises(ValueError, match=message):
        make()
