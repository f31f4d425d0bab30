"""Proposals from disk: .npz files and COCO's format, and errors for invalid ones."""

import json

import numpy as np
import pytest
from scipy.io import savemat
from scipy.sparse import coo_matrix

from mmwsl.annotations.rle import mask_runs, rle_boxes
from mmwsl.datasets.proposals import COCOProposals, FolderProposals
from mmwsl.registry import TRANSFORMS

from ..test_annotations.helpers import LABELS, SHAPE, SUPERPIXELS, random_masks, uncompressed

IMAGE = np.zeros((*SHAPE, 3), np.uint8)
RESULTS = dict(img_path='some/folder/000042.jpg')
BOXES = [[1, 1, 4, 3], [2, 0, 9, 6]]


@pytest.fixture
def npz(tmp_path):
    """A function that writes the arrays of one image and reads them back."""

    def write_and_read(**arrays):
        np.savez_compressed(tmp_path / '000042.npz', **arrays)
        return FolderProposals(str(tmp_path))(IMAGE, RESULTS)

    return write_and_read


@pytest.fixture
def coco(tmp_path):
    """A function that writes a file and reads the proposals of the one image."""

    def write_and_read(content):
        path = tmp_path / 'proposals.json'
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return COCOProposals(str(path))(IMAGE, RESULTS)

    return write_and_read


def result(**settings):
    return {**dict(image_id=42, bbox=[1, 1, 3, 2], score=0.5), **settings}


@pytest.mark.parametrize('packed', [False, True])
def test_npz_with_masks(npz, packed):
    masks = random_masks()
    arrays = dict(packed_masks=np.packbits(masks, axis=-1)) if packed else dict(masks=masks)
    proposals = npz(scores=[0.1, 5, -2], **arrays)
    assert proposals.scores.tolist() == [0.1, 5, -2] and len(proposals.masks) == 3
    for index in range(3):
        np.testing.assert_array_equal(proposals.masks[index], masks[index])
    np.testing.assert_array_equal(proposals.boxes, rle_boxes([mask_runs(mask) for mask in masks], SHAPE))


def test_npz_boxes_are_clipped(npz):
    proposals = npz(scores=[1.0, 2.0, 3.0], boxes=[[-3, 0.5, 4, 20], [1, 1, 2, 2], [50, 50, 60, 60]])
    assert proposals.boxes[:2].tolist() == [[0, 0.5, 4, 6], [1, 1, 2, 2]] and proposals.masks is None
    assert not proposals.objectness('box', [0, 0, 1.0]).any()  # the third lies outside


@pytest.mark.parametrize(
    'wrap',
    [
        lambda results: results,
        lambda results: dict(images=[dict(id=42, file_name='x/000042.jpg')], annotations=results),
        lambda results: [entry | dict(image_id='000042') for entry in results],
    ],
    ids=['list', 'images', 'names'],
)
def test_coco(coco, wrap):
    masks = random_masks()
    coco_mask = pytest.importorskip('pycocotools.mask', reason='pip install pycocotools')
    compressed = coco_mask.encode(np.asfortranarray(masks[1].astype(np.uint8)))['counts'].decode()
    codings = [uncompressed(masks[0]), compressed, uncompressed(masks[2])]
    entries = [
        result(bbox=[1, 1, 3 + index, 2], score=index / 4, segmentation=dict(size=[6, 9], counts=counts))
        for index, counts in enumerate(codings)
    ]
    proposals = coco(wrap([result(image_id=42) | entry for entry in entries]))
    assert proposals.boxes.tolist() == [[1, 1, 4, 3], [1, 1, 5, 3], [1, 1, 6, 3]]
    assert proposals.scores.tolist() == [0, 0.25, 0.5]
    for index in range(3):
        np.testing.assert_array_equal(proposals.masks[index], masks[index])


def test_coco_of_masks_or_boxes_alone(coco):
    segmentation = dict(size=[6, 9], counts=[7, 2, 45])
    proposals = coco([dict(image_id=42, score=1, segmentation=segmentation), result(image_id=43)])
    assert proposals.boxes.tolist() == [[1, 1, 2, 3]]
    assert coco([result()]).masks is None


def test_objectness_of_files(npz, tmp_path):
    masks, scores = random_masks(), np.array([1.0, 3.0, 2.0])
    masks[0, :, 4:] = masks[1, :2] = masks[2, :, :3] = False
    npz(scores=scores, masks=masks)
    for kind in ('box', 'mask'):
        transform = TRANSFORMS.build(
            dict(
                type='mmwsl.ComputeObjectness',
                kind=kind,
                source=dict(type='mmwsl.FolderProposals', folder=str(tmp_path)),
            )
        )
        objectness = transform(dict(img=IMAGE, **RESULTS))['objectness']
        covers = masks.copy()
        if kind == 'box':
            for cover, (x1, y1, x2, y2) in zip(
                covers, rle_boxes([mask_runs(m) for m in masks], SHAPE).astype(int), strict=True
            ):
                cover[y1:y2, x1:x2] = True
        expected = np.einsum('n,nhw->hw', [0, 1, 0.5], covers) / np.maximum(covers.sum(0), 1)
        np.testing.assert_allclose(objectness, expected, atol=1e-6)
        assert objectness.max() > objectness.min()


@pytest.mark.parametrize(
    ('arrays', 'message'),
    [
        (dict(scores=[], boxes=np.zeros((0, 4))), r'000042.npz: no proposals\. Remove'),
        (
            dict(scores=[1.0], masks=np.zeros((1, 9, 6), bool)),
            r'`masks` must be bool \(n, 6, 9\).*got bool \(1, 9, 6\)',
        ),
        (dict(scores=[1.0], masks=np.zeros((1, *SHAPE))), 'must be bool.*got float64'),
        (dict(scores=[1.0], packed_masks=np.zeros((1, 6, 3), np.uint8)), r'uint8 \(n, 6, 2\).*got uint8 \(1, 6, 3\)'),
        (dict(scores=[1.0], masks=np.zeros((2, *SHAPE), bool)), '2 masks for 1 scores'),
        (dict(scores=[1.0], boxes=BOXES), r'got \(2, 4\) and \(1,\)'),
        (dict(scores=[[1.0], [2.0]], boxes=BOXES), r'got \(2, 4\) and \(2, 1\)'),
        (dict(scores=[1.0, np.nan], boxes=BOXES), '`scores` must be finite numbers, got nan in proposal 1'),
        (
            dict(scores=[1.0, 2.0], boxes=[[0, 0, 1, 1], [0, np.inf, 1, 1]]),
            '`boxes` must be finite .* inf in proposal 1',
        ),
        (dict(scores=[1.0], boxes=[[5, 5, 2, 1]]), r'x1 <= x2.*got \[5.0, 5.0, 2.0, 1.0\]. Is it x, y, width, height'),
        (
            dict(scores=[1.0, 2.0], boxes=[[90, 0, 95, 5], [0, -9, 9, 0]]),
            'must overlap the image of 6x9 .* got 2 outside',
        ),
        (dict(scores=['a', 'b'], boxes=BOXES), '`scores` must be numbers, got <U1'),
        (dict(scores=[1.0]), r"expected the arrays `scores`, and `boxes` or .* got \['scores'\]"),
        (dict(boxes=BOXES), r"got \['boxes'\]"),
        (dict(scores=np.array([dict()], dtype=object), boxes=[[0, 0, 1, 1]]), 'cannot be read as .npz .*allow_pickle'),
    ],
)
def test_invalid_npz_files_are_rejected(npz, arrays, message):
    with pytest.raises(ValueError, match=message):
        npz(**arrays)


@pytest.mark.parametrize('content', [b'', b'no archive', b'PK\x03\x04 cut off', b'\x93NUMPY\x01\x00v\x00'])
def test_files_in_other_formats_are_rejected(tmp_path, content):
    (tmp_path / '000042.npz').write_bytes(content)
    with pytest.raises(ValueError, match='000042.npz: cannot be read as .npz'):
        FolderProposals(str(tmp_path))(IMAGE, RESULTS)


def test_an_array_without_archive_is_rejected(tmp_path):
    with open(tmp_path / '000042.npz', 'wb') as file:
        np.save(file, np.zeros(3))
    with pytest.raises(ValueError, match='cannot be read as .npz'):
        FolderProposals(str(tmp_path))(IMAGE, RESULTS)


def test_a_missing_file_names_image_and_path(tmp_path):
    with pytest.raises(FileNotFoundError, match="image '000042': .*000042.npz' does not exist"):
        FolderProposals(str(tmp_path))(IMAGE, RESULTS)
    with pytest.raises(FileNotFoundError, match='proposal file .*nothing.json'):
        COCOProposals(str(tmp_path / 'nothing.json'))


def test_an_image_without_path_or_proposals_is_rejected(npz, coco, tmp_path):
    with pytest.raises(KeyError, match='FolderProposals finds proposals by the name.*`img_path`'):
        FolderProposals(str(tmp_path))(IMAGE, {})
    with pytest.raises(ValueError, match="no proposals for image '000042'; it has 1 images.*'43'"):
        coco([result(image_id=43)])


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ('{', r'proposals.json: not JSON'),
        ([], 'no proposals'),
        (dict(images=[], annotations=3), r"no list \['annotations'\]\. Give results"),
        ([dict(score=1)], 'every annotation must be an object with an `image_id`'),
        ([result(image_id=[1])], 'every annotation must be an object with an `image_id`'),
        (dict(annotations=[result()]), r"no list \['images'\]"),
        (dict(images=[3], annotations=[]), '`images` must be a list of objects with `id` and `file_name`'),
        (dict(images=[], annotations=[result()]), 'refers to image 42, which `images` lacks'),
        ([result(bbox=[1, 2, 3])], 'must be x, y, width, height, got'),
        ([result(bbox=['a', 2, 3, 4])], 'every `bbox` must be numbers'),
        ([result(), result(bbox=[1, 2, 3])], 'every `bbox` must be numbers'),
        ([result(bbox=[1, 1, -1, 2])], 'x1 <= x2'),
        ([dict(image_id=42, score=1)], 'neither `bbox` nor `segmentation`'),
        ([dict(image_id=42, bbox=[0, 0, 1, 1])], 'have no `score`'),
        ([result(), dict(image_id=42, bbox=[0, 0, 1, 1])], '1 of 2 proposals have a `score`'),
        ([result(score=None)], '`scores` must be finite numbers, got nan'),
        ([result(score=float('nan'))], '`scores` must be finite numbers, got nan'),
        ([result(segmentation=dict(size=[9, 6], counts=[54]))], r'`size` \[6, 9\].*got the size \[9, 6\]'),
        ([result(segmentation=dict(counts=[54]))], 'got the size None'),
        (
            [result(segmentation=dict(size=[6, 9], counts=[50]))],
            'add up to the 54 pixels of the image, got .50. .sum 50',
        ),
        ([result(segmentation=dict(size=[6, 9], counts=[60, -6]))], 'non-negative integers that add up'),
        ([result(segmentation=dict(size=[6, 9], counts=[53.5, 0.5]))], 'non-negative integers that add up'),
        ([result(segmentation=dict(size=[6, 9], counts='3Q'))], 'cut off or too long'),
        ([result(segmentation=dict(size=[6, 9], counts='ü~'))], 'must be characters from "0" to "o"'),
        ([result(segmentation=[[0, 0, 1, 1]])], 'at least three corners'),
        ([result(segmentation=dict(size=[6, 9], counts=[54])), result()], '1 of 2 proposals have a `segmentation`'),
    ],
)
def test_invalid_coco_files_are_rejected(coco, content, message):
    with pytest.raises(ValueError, match=message):
        coco(content)


def of_mcg(tmp_path, **arrays):
    """Write the arrays of one image as MCG does and read them back."""
    savemat(tmp_path / '000042.mat', arrays, do_compression=True)
    return FolderProposals(str(tmp_path), '.mat')(IMAGE, RESULTS)


def test_masks_of_mcg_are_unions_of_superpixels(tmp_path):
    superpixels = np.random.default_rng(0).integers(1, 6, SHAPE)
    labels = np.empty((3, 1), object)
    labels[:, 0] = [np.array([[1, 3]]), np.array([[5]]), np.array([[2, 3, 4]])]
    boxes = np.array([[1, 1, 2, 2]])  # reduced separately: they do not belong to the masks
    found = of_mcg(
        tmp_path, superpixels=superpixels, labels=labels, scores=np.array([[0.9], [0.4], [-1]]), bboxes=boxes
    )
    np.testing.assert_array_equal(found.scores, [0.9, 0.4, -1])
    for mask, box, part in zip(found.masks, found.boxes, labels[:, 0], strict=True):
        np.testing.assert_array_equal(mask, np.isin(superpixels, part))
        rows, columns = np.nonzero(mask)
        assert box.tolist() == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


def test_boxes_of_mcg_are_rows_first_and_numbered_from_1(tmp_path):
    found = of_mcg(tmp_path, bboxes=np.array([[2, 3, 4, 9], [1, 1, 6, 1]]), bboxes_scores=np.array([[2.0], [1.0]]))
    assert found.boxes.tolist() == [[2, 1, 9, 4], [0, 0, 1, 6]]
    assert found.masks is None


@pytest.mark.parametrize(
    ('arrays', 'message'),
    [
        (
            dict(superpixels=np.ones((5, 9)), labels=LABELS, scores=np.ones(2)),
            '`superpixels` must be 6x9 like the image',
        ),
        (dict(superpixels=np.zeros(SHAPE), labels=LABELS, scores=np.ones(2)), '`superpixels` must be numbered from 1'),
        (dict(superpixels=np.ones(SHAPE), labels=LABELS, scores=np.ones(2)), r'superpixels from 1 to 1, got \[1, 2\]'),
        (dict(superpixels=SUPERPIXELS, labels=LABELS, scores=np.ones(3)), '`scores`'),
        (
            dict(superpixels=SUPERPIXELS, labels=LABELS, scores=np.zeros(1 << 25)),
            'must unpack to at most 268435456 bytes',
        ),
        (dict(bboxes=coo_matrix((1 << 30, 4)), scores=np.ones(2)), '`bboxes` must have as many values as the file'),
        (dict(scores=np.ones(3)), r"`bboxes`, got \['scores'\]"),
        (dict(bboxes=np.ones((2, 3)), scores=np.ones(2)), r'`bboxes` must be numbers \(n, 4\), got .* \(2, 3\)'),
    ],
)
def test_invalid_files_of_mcg(tmp_path, arrays, message):
    with pytest.raises(ValueError, match=message) as error:
        of_mcg(tmp_path, **arrays)
    assert '000042.mat' in str(error.value)


def test_files_of_matlab_7_3_say_how_to_save_them(tmp_path):
    (tmp_path / '000042.mat').write_bytes(b'MATLAB 7.3 MAT-file' + bytes(200))
    with pytest.raises(ValueError, match='must be of MATLAB 5, got MATLAB 7.3'):
        FolderProposals(str(tmp_path), '.mat')(IMAGE, RESULTS)


def test_boxes_of_bing_are_numbered_from_1(tmp_path):
    (tmp_path / '000042.txt').write_text('2\n1.25, 1, 1, 9, 6\n-2e-3, 3, 2, 3, 4\n')
    found = FolderProposals(str(tmp_path), '.txt')(IMAGE, RESULTS)
    assert found.boxes.tolist() == [[0, 0, 9, 6], [2, 1, 3, 4]]
    assert found.scores.tolist() == [1.25, -0.002]


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('3\n1, 1, 1, 2, 2\n', r"000042.txt:1: must be the number of the following boxes, 1, got '3'"),
        ('1\n1, 1, 1, 2\n', 'a box must be `score, x1, y1, x2, y2`'),
        ('1\n1, 1, a, 2, 2\n', 'a box must be `score, x1, y1, x2, y2`'),
        ('', 'must be the number of the following boxes'),
    ],
)
def test_invalid_files_of_bing(tmp_path, text, message):
    (tmp_path / '000042.txt').write_text(text)
    with pytest.raises(ValueError, match=message):
        FolderProposals(str(tmp_path), '.txt')(IMAGE, RESULTS)
