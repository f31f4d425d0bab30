"""Proposals from the image itself, and the transform that turns proposals into objectness."""

import tracemalloc

import cv2
import numpy as np
import pytest
import torch

from mmwsl.datasets.proposals import Proposals, ProposalSource, RegionMasks, RegionTree, SelectiveSearch
from mmwsl.datasets.proposals.graph import superpixel_graph
from mmwsl.datasets.proposals.grouping import group_regions
from mmwsl.datasets.proposals.scoring import contrast_to_ring, score_regions
from mmwsl.functional import image_level_prior, objectness_prior, region_objectness
from mmwsl.registry import PROPOSALS, TRANSFORMS

SQUARE = np.s_[25:60, 40:80]


def blocks(shape=(12, 16), side=4):
    """Superpixels of square blocks."""
    rows, columns = np.indices(shape) // side
    return rows * (-(-shape[1] // side)) + columns


def noise(shape=(12, 16), seed=0):
    return np.random.default_rng(seed).integers(0, 256, (*shape, 3), dtype=np.uint8)


def scene(background=(180, 60, 40), square=(30, 90, 220), shape=(90, 120)):
    """A square a bit off the center, with noise."""
    image = np.full((*shape, 3), background, dtype=np.int64)
    image[SQUARE] = square
    return (image + np.random.default_rng(0).integers(-8, 8, image.shape)).clip(0, 255).astype(np.uint8)


def compute(image, **settings):
    transform = TRANSFORMS.build(dict(type='mmwsl.ComputeObjectness', **settings))
    return transform(dict(img=image))[settings.get('key', 'objectness')]


def test_graph_against_loops_over_pixels():
    image, labels = noise(), blocks()
    labels[5, 5:9] = 0  # one in several parts, not convex
    graph = superpixel_graph(image, labels * 7 - 3)
    lab = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_BGR2LAB).astype(np.float64)
    pairs = {}
    for row in range(12):
        for column in range(16):
            for below, right in ((row + 1, column), (row, column + 1)):
                if below < 12 and right < 16 and labels[below, right] != labels[row, column]:
                    key = tuple(sorted((labels[below, right], labels[row, column])))
                    pairs.setdefault(key, []).append(np.linalg.norm(lab[below, right] - lab[row, column]))
    assert [tuple(edge) for edge in graph.edges] == sorted(pairs)
    np.testing.assert_array_equal(graph.lengths, [len(pairs[key]) for key in sorted(pairs)])
    np.testing.assert_allclose(graph.contrasts, [np.mean(pairs[key]) for key in sorted(pairs)], rtol=1e-5)
    for index in range(len(graph.sizes)):
        mask = labels == index
        rows, columns = np.nonzero(mask)
        assert graph.sizes[index] == mask.sum()
        assert graph.boxes[index].tolist() == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        assert graph.border[index] == sum((rows == 0) | (rows == 11) | (columns == 0) | (columns == 15))
        np.testing.assert_allclose(graph.centers[index], [rows.mean(), columns.mean()])
        np.testing.assert_allclose(graph.lab[index], lab[mask].mean(0), rtol=1e-5)
        expected = np.histogram(lab[mask][:, 0], 25, (0, 100))[0] / (3 * mask.sum())
        np.testing.assert_allclose(graph.colors[index, :25], expected, atol=1e-12)
    np.testing.assert_allclose(graph.colors.sum(1), 1)
    np.testing.assert_allclose(graph.textures.sum(1), 1)


@pytest.mark.parametrize('values', [[3, 5, 11], [-4, 0, 2], [0, 1, 2], [5, 10**9, 10**12]])
def test_any_labels_are_numbered_in_order(values):
    labels = np.random.default_rng(0).integers(0, 3, (12, 16))
    np.testing.assert_array_equal(superpixel_graph(noise(), np.array(values)[labels]).labels, labels)


def test_texture_depends_on_the_direction_of_stripes():
    columns = np.broadcast_to((np.arange(32) % 8 < 4)[None, :, None] * 200, (32, 32, 3)).astype(np.uint8)
    image = np.concatenate([columns, columns.transpose(1, 0, 2)], axis=1)
    upright, lying = superpixel_graph(image, np.indices((32, 64))[1] // 32).textures[:, :8]
    # right and left against up and down
    assert upright[[0, 7, 3, 4]].sum() > 0.9 * upright.sum() and lying[[1, 2, 5, 6]].sum() > 0.9 * lying.sum()


@pytest.mark.parametrize('seed', range(3))
def test_grouping_merges_the_most_similar_pair_each_time(seed):
    image, labels = noise(seed=seed), blocks()
    graph = superpixel_graph(image, labels)
    members, boxes = group_regions(graph)
    regions = {frozenset([i]): (graph.colors[i], graph.textures[i]) for i in range(12)}

    def bounds(region):
        rows, columns = np.nonzero(np.isin(labels, list(region)))
        return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1

    def size(region):
        return graph.sizes[list(region)].sum()

    def similarity(one, other):
        x1, y1, x2, y2 = bounds(one | other)
        shared = sum(np.minimum(a, b).sum() for a, b in zip(regions[one], regions[other], strict=True))
        area = size(one) + size(other)
        return shared + (1 - area / labels.size) + 1 - ((x2 - x1) * (y2 - y1) - area) / labels.size

    edges = {tuple(edge) for edge in graph.edges.tolist()}
    for new in range(12, 23):
        pairs = [
            (similarity(one, other), one, other)
            for one in regions
            for other in regions
            if one != other and any((i, j) in edges for i in one for j in other)
        ]
        _, one, other = max(pairs, key=lambda pair: pair[0])
        merged = tuple(
            (size(one) * a + size(other) * b) / (size(one) + size(other))
            for a, b in zip(regions.pop(one), regions.pop(other), strict=True)
        )
        regions[one | other] = merged
        assert set(np.flatnonzero(members[new])) == one | other
        assert tuple(boxes[new]) == bounds(one | other)
    assert members[-1].all() and len(members) == 23


def test_scores_by_definition():
    image, labels = noise(), blocks()
    graph = superpixel_graph(image, labels)
    members, _ = group_regions(graph)
    members = members[:-1]
    rim = np.ones(labels.shape, bool)
    rim[1:-1, 1:-1] = False
    distance = np.array(
        [np.mean([np.linalg.norm(color - graph.lab[label]) for label in labels[rim]]) for color in graph.lab]
    )
    y, x = (np.indices(labels.shape) + 0.5) / np.reshape(labels.shape, (2, 1, 1))
    location = np.exp(-((x - 0.5) ** 2 + (y - 0.5) ** 2) / (2 * 0.25**2))
    for score, region in zip(score_regions(graph, members), members, strict=True):
        mask = region[labels]
        outline = (mask[1:] != mask[:-1]).sum() + (mask[:, 1:] != mask[:, :-1]).sum()
        border = (mask & rim).sum()
        expected = (
            location[mask].mean()
            * outline
            / (outline + border)
            * np.sqrt(distance[labels][mask].mean() / distance.max())
        )
        assert score == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize('seed', range(2))
def test_contrast_to_the_ring_by_definition(seed):
    image, labels = noise(seed=seed), blocks()
    members, boxes = group_regions(superpixel_graph(image, labels))
    objectness = np.random.default_rng(seed).random(labels.shape).astype(np.float32)
    found = contrast_to_ring(objectness, labels, members, boxes)
    pixels = np.argwhere(np.ones(labels.shape, bool))
    for score, region in zip(found, members, strict=True):
        mask = region[labels]
        width = max(1, round(0.2 * mask.sum() ** 0.5))
        far = np.abs(pixels[:, None] - np.argwhere(mask)[None]).max(2).min(1).reshape(labels.shape)
        ring = (far > 0) & (far <= width)
        outside = objectness[ring].mean(dtype=float) if ring.any() else 0
        assert score == pytest.approx(objectness[mask].mean(dtype=float) - outside, abs=1e-9)
    assert members[-1].all() and found[-1] == pytest.approx(objectness.mean(dtype=float))


def test_a_perfect_map_ranks_its_object_first():
    image, mask = scene(), np.zeros((90, 120), np.float32)
    mask[SQUARE] = 1
    labels = (np.indices(mask.shape) // 5).astype(int)
    labels = labels[0] * 24 + labels[1]
    results = dict(superpixels=labels, objectness=mask)
    proposals = RegionTree(objectness='objectness')(image, results)
    best = proposals.masks[int(proposals.scores.argmax())]
    assert (best == mask.astype(bool)).all() and proposals.scores.max() == 1 and proposals.scores.min() >= -1
    parts = [i for i in range(len(proposals.masks)) if (proposals.masks[i] & (mask == 0)).sum() == 0]
    assert len(parts) > 10 and sorted(proposals.scores[parts])[-2] < 1
    # the regions are those of the tree without a map
    np.testing.assert_array_equal(RegionTree()(image, results).masks.members, proposals.masks.members)


def test_a_map_from_disk_scores_the_tree(tmp_path):
    image, mask = scene(), np.zeros((90, 120), np.float32)
    mask[SQUARE] = 1
    np.save(tmp_path / 'one.npy', mask)
    data = dict(img=image, img_path='somewhere/one.jpg')
    source = dict(type='mmwsl.RegionTree', objectness='objectness')
    for step in (
        dict(type='mmwsl.LoadObjectness', folder=str(tmp_path), suffix='.npy'),
        dict(type='mmwsl.ComputeObjectness', source=source),
    ):
        data = TRANSFORMS.build(step)(data)
    inside = mask.astype(bool)
    assert data['objectness'][inside].mean() > data['objectness'][~inside].max() - 0.1
    inside[24:61, 39:81] = True
    assert data['objectness'][~inside].mean() < 0.4


def test_ground_truth_masks_limit_the_image_level_prior_to_objects():
    mask = np.zeros((12, 16), bool)
    mask[2:7, 3:9] = True
    proposals = Proposals(
        np.array([[3.0, 2, 9, 7]]),
        np.array([1.0]),
        mask.shape,
        RegionMasks(mask.astype(int), np.array([[False, True]])),
    )
    objectness = proposals.objectness('mask', proposals.scores)
    probs = torch.rand(4, 12, 16, generator=torch.Generator().manual_seed(0))
    prior = image_level_prior(probs, torch.tensor([1.0, 0.9, 0.2, 0.6]))
    found = objectness_prior(prior, torch.from_numpy(objectness))
    assert torch.equal(found[1:], torch.where(torch.from_numpy(mask), prior[1:], 0)) and torch.equal(found[0], prior[0])


def test_region_tree_finds_a_square():
    image = scene()
    proposals = RegionTree()(image, {})
    mask = np.zeros(image.shape[:2], bool)
    mask[SQUARE] = True
    overlaps = [(region & mask).sum() / (region | mask).sum() for region in proposals.masks]
    best = int(np.argmax(overlaps))
    assert overlaps[best] > 0.99
    # the blurred rim of the square is a region of its own, so the square with or without it may come first
    assert best in np.argsort(-proposals.scores)[:3] and proposals.scores[np.equal(overlaps, 0)].max() < 0.1
    assert np.abs(proposals.boxes[best] - [40, 25, 80, 60]).max() <= 1
    for kind in ('box', 'mask'):
        objectness = compute(image, kind=kind)
        assert objectness.dtype == np.float32 and objectness.shape == mask.shape
        assert 0 <= objectness.min() and objectness.max() <= 1
        assert objectness[mask].min() > objectness[~mask].mean() + 0.3


def test_boxes_of_regions_are_those_of_their_masks():
    proposals = RegionTree(min_size=10)(noise((40, 50)), {})
    assert len(proposals.boxes) == len(proposals.scores) == len(proposals.masks) > 10
    for index, (x1, y1, x2, y2) in enumerate(proposals.boxes.astype(int)):
        rows, columns = np.nonzero(proposals.masks[index])
        assert (x1, y1, x2, y2) == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)


def test_superpixels_of_the_pipeline_are_used():
    image = noise((24, 32))
    labels = blocks((24, 32), 8)
    before = labels.copy()
    proposals = RegionTree(max_area=1.0)(image, dict(superpixels=labels))
    assert len(proposals.scores) == 2 * 12 - 1
    np.testing.assert_array_equal(proposals.masks.superpixels, labels)
    np.testing.assert_array_equal(labels, before)
    small = RegionTree(max_area=0.5)(image, dict(superpixels=labels))
    areas = [small.masks[index].mean() for index in range(len(small.masks))]
    assert max(areas) <= 0.5 and len(areas) < 23


def test_memory_is_bounded_with_thousands_of_superpixels():
    image, labels = noise((200, 200)), blocks((200, 200))
    graph = superpixel_graph(image, labels)
    members, _ = group_regions(graph)
    assert members.shape == (4999, 2500)
    tracemalloc.start()
    scores = score_regions(graph, members)
    region_objectness(members, scores, labels)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < members.size * 3  # a copy in float64 alone would take 8
    some = np.random.default_rng(0).choice(4999, 20, replace=False)
    np.testing.assert_allclose(scores[some], score_regions(graph, members[some]))


def test_large_images_get_larger_superpixels():
    image = np.kron(noise((60, 80)), np.ones((8, 8, 1), np.uint8))  # 4800 patches of 64 pixels
    proposals = RegionTree(sigma=0, scale=1, min_size=1)(image, {})
    sizes = np.bincount(proposals.masks.superpixels.reshape(-1))
    assert sizes.min() >= 480 * 640 // 4000 and len(sizes) <= 4000
    with pytest.raises(ValueError, match='at most 10000 superpixels, got 19200.*`min_size`'):
        RegionTree()(image, dict(superpixels=blocks((480, 640))))


def test_the_same_image_gives_the_same_proposals():
    first, second = (RegionTree()(scene(), {}) for _ in range(2))
    np.testing.assert_array_equal(first.scores, second.scores)
    np.testing.assert_array_equal(first.masks.members, second.masks.members)


@pytest.mark.parametrize(
    'image',
    [
        np.full((30, 40, 3), 77, np.uint8),
        np.zeros((1, 1, 3), np.uint8),
        np.zeros((1, 40, 3), np.uint8),
    ],
    ids=['constant', 'one pixel', 'constant row'],
)
@pytest.mark.parametrize('kind', ['box', 'mask'])
def test_an_image_of_one_superpixel_has_no_objects(image, kind):
    assert len(RegionTree(max_area=1.0)(image, {}).scores) == 0
    objectness = compute(image, kind=kind)
    assert objectness.shape == image.shape[:2] and not objectness.any()


@pytest.mark.parametrize(
    'image',
    [
        noise((1, 200)),
        noise((200, 1)),
        noise((2, 60)),
        np.repeat(noise((40, 60))[..., :1], 3, axis=-1),
        scene((90,) * 3, (160,) * 3),
    ],
    ids=['row', 'column', 'two rows', 'gray noise', 'gray scene'],
)
def test_thin_and_gray_images(image):
    source = dict(type='mmwsl.RegionTree', min_size=5)
    for kind in ('box', 'mask'):
        objectness = compute(image, kind=kind, source=source)
        assert objectness.shape == image.shape[:2] and np.isfinite(objectness).all()
        assert objectness.max() > objectness.min()


def test_colors_of_the_border_alone_give_zero():
    """Two superpixels of one color: nothing differs from the border, so no score exceeds zero."""
    image = np.full((8, 8, 3), 50, np.uint8)
    proposals = RegionTree()(image, dict(superpixels=(np.indices((8, 8))[1] > 3).astype(int)))
    assert len(proposals.scores) == 2 and not proposals.scores.any()


@pytest.mark.parametrize(
    ('call', 'message'),
    [
        (lambda: RegionTree()(noise(), dict(superpixels=blocks((12, 20)))), r'size \(12, 16\) of the image, got'),
        (lambda: RegionTree()(noise() / 255.0, dict(superpixels=blocks())), r'must be \(H, W, 3\) uint8, got float64'),
        (lambda: RegionTree()(noise()[..., 0], dict(superpixels=blocks())), r'got uint8 of shape \(12, 16\)'),
        (
            lambda: RegionTree()(noise(), dict(superpixels=blocks() / 2)),
            '`superpixels` must be integers, got float64',
        ),
        (
            lambda: RegionTree(objectness='saliency')(noise(), dict(img=1)),
            r"`objectness` must be a map of the pipeline, got 'saliency', which is none of \['img'\]",
        ),
        (
            lambda: RegionTree(objectness='o')(noise(), dict(o=np.zeros((16, 12)))),
            r'`objectness` must have the shape \(12, 16\) of the superpixels, got \(16, 12\)',
        ),
        (lambda: RegionTree(scale=0), '`scale` must be positive'),
        (lambda: RegionTree(max_area=2), r'`max_area` must be in \(0, 1\], got 2'),
        (lambda: SelectiveSearch(mode='slow'), "must be one of .* got 'slow'"),
        (lambda: SelectiveSearch(max_boxes=0), '`max_boxes` must be at least 1, got 0'),
        (lambda: compute(noise(), kind='pixel'), "`kind` must be one of .*'pixel'"),
    ],
)
def test_invalid_input_is_rejected(call, message):
    with pytest.raises(ValueError, match=message):
        call()


class Fixed(ProposalSource):
    """Two boxes with given scores."""

    def __init__(self, scores):
        self.scores = scores

    def __call__(self, image, results):
        from mmwsl.datasets.proposals import Proposals

        return Proposals(np.array([[0, 0, 2, 4], [2, 0, 4, 4]]), np.array(self.scores), image.shape[:2])


@pytest.fixture
def fixed_source():
    PROPOSALS.register_module(module=Fixed)
    yield 'mmwsl.Fixed'
    PROPOSALS.module_dict.pop('Fixed')


def test_normalization_and_key(fixed_source):
    image = noise((4, 4))
    source = dict(type=fixed_source, scores=[0.5, 0.75])
    normalized = compute(image, source=source, kind='box', key='saliency')
    assert not normalized[:, :2].any() and (normalized[:, 2:] == 1).all()
    plain = compute(image, source=source, kind='box', normalize=False)
    assert (plain[:, :2] == 0.5).all() and (plain[:, 2:] == 0.75).all()
    with pytest.raises(ValueError, match=r'in \[0, 1\], got 0.5 to 3'):
        compute(image, source=dict(type=fixed_source, scores=[0.5, 3]), kind='box', normalize=False)
    with pytest.raises(ValueError, match="needs proposals with masks.*`kind='box'`"):
        compute(image, source=source, kind='mask')
    with pytest.raises(ValueError, match="`key` must be one of.*'boxes'"):
        compute(image, source=source, kind='box', key='boxes')


def test_selective_search():
    if not hasattr(cv2, 'ximgproc'):
        with pytest.raises(ImportError, match='pip install opencv-contrib-python-headless'):
            SelectiveSearch()
        return
    image = scene()
    proposals = SelectiveSearch(max_boxes=50)(image, {})
    boxes, scores = proposals.boxes, proposals.scores
    assert 1 < len(boxes) == len(scores) <= 50 and proposals.masks is None
    assert scores[0] == 1 and (np.diff(scores) < 0).all() and scores[-1] > 0
    assert (boxes[:, :2] >= 0).all() and (boxes[:, :2] < boxes[:, 2:]).all() and (boxes[:, 2:] <= [120, 90]).all()
    assert np.abs(boxes - [40, 25, 80, 60]).max(1).min() <= 3
