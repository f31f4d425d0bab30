"""Readers with random bytes and damaged files: records, or one clear error that names the file."""

import copy
import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.io import savemat

from mmwsl.annotations import (
    COCOResults,
    ImageLabelRecord,
    ObjectBox,
    ProposalRecord,
    coco_boxes,
    coco_masks,
    load_coco,
    read_coco,
    read_csv,
    read_cvat_xml,
    read_image_labels,
    read_json,
    read_jsonl,
    read_label_studio,
    read_mask,
    read_names,
    read_one_hot,
    read_proposals,
    read_voc_lists,
    read_voc_xml,
    read_yolo,
    voc_boxes,
)
from mmwsl.annotations.score_file import read_codes

from .helpers import LABELS, SHAPE, SUPERPIXELS, random_masks, uncompressed

# Derandomized: every run tries the same files.
PROFILE = settings(max_examples=150, derandomize=True, deadline=10000, database=None)

CSV = b'image,labels,unknown,large\na.jpg,cat;dog,,cat\n"b c.png","[\'cat\', ""bus""]",dog,\n'
ONE_HOT = b'file\tcat\tdog\na.jpg\t1\t0\nb.jpg\tTrue\t-1\n'
JSON = [dict(image='a.jpg', labels=['cat', 'dog'], unknown='bus'), dict(image='b.jpg', labels='cat', small=['cat'])]
COCO = dict(
    images=[dict(id=7, file_name='7.jpg'), dict(id=9, file_name='a/9.jpg')],
    categories=[dict(id=90, name='cat'), dict(id=1, name='dog')],
    annotations=[
        dict(id=1, image_id=7, category_id=90, bbox=[1, 2, 3, 4], iscrowd=0),
        dict(id=2, image_id=9, category_id=1, bbox=[0.5, 2, 0, 4.5], iscrowd=1),
    ],
)
INSTANCES = COCO | dict(
    images=[dict(id=7, file_name='7.jpg', height=SHAPE[0], width=SHAPE[1])],
    annotations=[
        dict(id=1, image_id=7, category_id=90, segmentation=[[1, 1, 4, 1, 4, 4.5]], iscrowd=0),
        dict(
            id=2,
            image_id=7,
            category_id=1,
            segmentation=dict(size=[*SHAPE], counts=uncompressed(random_masks()[0])),
            iscrowd=1,
        ),
    ],
)
RESULTS = [
    dict(
        image_id=42,
        bbox=[1, 1, 3, 2],
        score=0.5,
        segmentation=dict(size=[*SHAPE], counts=uncompressed(random_masks()[0])),
    ),
    dict(image_id=42, bbox=[0, 0, 2, 2], score=0.1, segmentation=[[1, 1, 4, 1, 4, 4.5], [2, 2, 8, 2, 8, 5, 2, 5]]),
    dict(image_id=42, bbox=[0, 0, 2, 2], score=1, segmentation=dict(size=[*SHAPE], counts='06000m0')),
]
LABEL_STUDIO = [
    dict(
        id=1,
        data=dict(image='/data/upload/3/ab12cd34-a.jpg', text='b'),
        annotations=[
            dict(result=[dict(type='choices', value=dict(choices=['cat']))]),
            dict(result=[dict(value=dict(brushlabels=['dog'], rle=[1]))], was_cancelled=False),
        ],
    ),
    dict(image='s3://bucket/a/b.jpg', choice='cat', annotator=1),
]
CVAT = (
    b'<?xml version="1.0" encoding="utf-8"?><annotations><meta/><image id="0" name="a.jpg"><tag label="cat"/>'
    b'<box label="dog" xtl="0"/></image></annotations>'
)
VOC = (
    b'<annotation><size><width>20</width><height>10</height></size><object><name>cat</name><difficult>1</difficult>'
    b'<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>5</xmax><ymax>9.5</ymax></bndbox></object></annotation>'
)


def encode(save):
    file = io.BytesIO()
    save(file)
    return file.getvalue()


def npz(save=np.savez, **arrays):
    return encode(lambda file: save(file, scores=np.array([0.5, 2]), **arrays))


MASK = encode(lambda file: Image.fromarray(random_masks()[0].astype(np.uint8)).convert('P').save(file, 'PNG'))
NPZ = npz(boxes=np.array([[0, 0, 2, 3], [1, 1.5, 4, 4]]))
MCG = encode(
    lambda file: savemat(
        file, dict(superpixels=SUPERPIXELS, labels=LABELS, scores=np.array([[2.0], [0.5]])), do_compression=True
    )
)
MCG_BOXES = encode(lambda file: savemat(file, dict(bboxes=np.array([[1, 2, 3, 4]]), bboxes_scores=np.ones((1, 1)))))
CODES = encode(
    lambda file: np.savez_compressed(
        file, classes=np.array([0, 2], np.int16), codes=np.ones((2, 3, 4), np.uint8), num_classes=np.int16(3)
    )
)
PACKED = npz(np.savez_compressed, packed_masks=np.packbits(random_masks(2), axis=-1))

# The file that a reader gets, valid contents, and how it is called.
READERS = {
    'csv': ('t.csv', [CSV], lambda path: read_csv(path, None, None, delimiter=None, check_spaces=True)),
    'one-hot': ('t.csv', [ONE_HOT], lambda path: read_one_hot(path, delimiter=None)),
    'json': ('t.json', [JSON, {'a.jpg': ['cat'], 'b': 'cat;dog'}], read_json),
    'jsonl': ('t.jsonl', [b'{"image":"a","labels":[]}\n{"image":"b","labels":"cat dog"}'], read_jsonl),
    'coco': ('t.json', [COCO], read_coco),
    'coco-boxes': ('t.json', [COCO], coco_boxes),
    'coco-masks': ('t.json', [INSTANCES], lambda path: [mask for _, mask in coco_masks(load_coco(path))]),
    'coco-results': ('t.json', [RESULTS, RESULTS[:1], RESULTS[1:2]], lambda path: COCOResults(path).read('42', SHAPE)),
    'label-studio': ('t.json', [LABEL_STUDIO], read_label_studio),
    'cvat': ('t.xml', [CVAT], read_cvat_xml),
    'voc-xml': ('a.xml', [VOC], lambda path: read_voc_xml(path.parent, large_area=0.1)),
    'voc-boxes': ('a.xml', [VOC], voc_boxes),
    'voc-lists': ('cat_train.txt', [b'a 1\nb  -1\nc 0\n'], lambda path: read_voc_lists(path.parent, 'train', ['cat'])),
    'voc-actions': (
        'walking_val.txt',
        [b'a 1 1\na 2 -1\nb  1 0\n'],
        lambda path: read_voc_lists(path.parent, 'val', ['walking'], objects=True),
    ),
    'yolo': ('a.txt', [b'0 0.5 0.5 1 1\n1 0 0 1 0 1 1\n'], lambda path: read_yolo(path.parent)),
    'yolo-names': (
        'data.yaml',
        [b'path: .\nnames:\n  0: cat\n  1: dog\n', b'names: [a, b]'],
        lambda path: read_yolo(path.parent),
    ),
    'names': ('t.txt', [b'a.jpg\n\nb/c.jpg\n'], lambda path: read_names(str(path))),
    'mask': ('a.png', [MASK], read_mask),
    'codes': ('a.npz', [CODES], read_codes),
    'npz': ('a.npz', [NPZ, PACKED], lambda path: read_proposals(str(path), SHAPE)),
    'mcg': ('a.mat', [MCG, MCG_BOXES], lambda path: read_proposals(str(path), SHAPE)),
    'bing': ('a.txt', [b'2\n0.5, 1, 1, 4, 3\n-1e-3, 3, 1, 9, 6\n'], lambda path: read_proposals(str(path), SHAPE)),
    **{
        f'any-{name}': (name, contents, lambda path: read_image_labels(path, images=['a.jpg', 'sub/b.jpg']))
        for name, contents in {
            't.csv': [CSV, ONE_HOT],
            't.json': [JSON, COCO, LABEL_STUDIO],
            't.jsonl': [b'{"image":"a","label":"cat"}\n'],
            't.xml': [CVAT],
        }.items()
    },
    'any-folder': ('a.xml', [VOC], lambda path: read_image_labels(path.parent)),
}
BESIDE = {'yolo': {'classes.txt': b'cat\ndog'}, 'yolo-names': {'a.txt': b'1 0 0 1 1'}}
"""Valid files beside the fuzzed one."""

TOKENS = [
    *(bytes([code]) for code in b'\0\r\n"\',;|[]{}'),
    *(b'\xff\xfe', b'\xef\xbb\xbf', b'\xed\xa0\x80', b'\\ud800', b'\x1b[2J', b'\xe2\x80\xa8'),
    *(b'../../x.jpg', b'/etc/passwd', b'C:\\x.jpg', b'=1+1'),
    *(b'NaN', b'-Infinity', b'1e999', b'-1', b'9' * 30, b'9' * 5000),
    *(b'[' * 3000, b'{"a":' * 3000, b'<a>' * 3000),
    *(b'&x;', b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>', b'encoding="utf-7"', b'encoding="x"'),
    *(b'*a', b'&a ', b'<<: ', b'!!python/object:os.x '),
]
VALUES = [
    *(None, True, -1, 0, 2**63, 10**400, float('nan'), float('inf'), 1e308),
    *('', 'x', '\0', '\ud800', '../../x.jpg', '/etc/passwd', 'http://[', '=1+1', '\x1b[2J\n', '[' * 3000),
    *([], {}, [[]], [None], [[1, [2]]], {'a': {}}, [1e9] * 8, ['1'] * 6, [10**400], [2**62] * 4),
    *({'size': [*SHAPE], 'counts': {}}, {'size': [*SHAPE], 'counts': 'o' * 99}, {'size': 3, 'counts': ''}),
]


def paths_within(value, path=()):
    """Yield the path of every value within a JSON document."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in items:
        yield from paths_within(part, (*path, key))


@st.composite
def damaged_json(draw, contents):
    """A document with up to three values replaced, removed or renamed."""
    document = {'': copy.deepcopy(draw(st.sampled_from(contents)))}
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from([path for path in paths_within(document) if path]))
        parent = document
        for key in path[:-1]:
            parent = parent[key]
        action = draw(st.sampled_from(['replace', 'replace', 'replace', 'remove', 'repeat']))
        if action == 'replace' or path == ('',):
            parent[path[-1]] = copy.deepcopy(draw(st.sampled_from(VALUES)))
        elif action == 'remove':
            del parent[path[-1]]
        elif isinstance(parent, list):
            parent += [copy.deepcopy(parent[path[-1]])] * draw(st.integers(1, 3))
        else:
            parent[draw(st.sampled_from(['x', 'labels', '../y']))] = parent[path[-1]]
    return json.dumps(document['']).encode()


@st.composite
def damaged_bytes(draw, contents):
    """A file with up to four pieces replaced, removed, repeated or added."""
    content = draw(st.sampled_from(contents))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(content)))
        stop = start + draw(st.integers(0, 12))
        piece = draw(st.one_of(st.sampled_from(TOKENS), st.binary(max_size=4), st.just(content[start:stop] * 2)))
        content = content[:start] + piece + content[stop:]
    return content


def contents_of(reader):
    """Random bytes, damaged valid files, and for JSON documents with damaged values."""
    valid = READERS[reader][1]
    documents = [content for content in valid if not isinstance(content, bytes)]
    encoded = [content if isinstance(content, bytes) else json.dumps(content).encode() for content in valid]
    damaged = [damaged_json(documents)] * 3 if documents else []
    return st.one_of(st.binary(max_size=100), st.sampled_from(encoded), damaged_bytes(encoded), *damaged)


class Opened:
    """Files that Python opens while the context is active. An audit hook stays for the whole process."""

    def __init__(self):
        self.paths = None
        sys.addaudithook(self._note)

    def _note(self, event, arguments):
        if (
            self.paths is not None
            and event in ('open', 'os.listdir', 'os.scandir')
            and isinstance(arguments[0], str | Path)
        ):
            self.paths.append(Path(arguments[0]).resolve())

    def __enter__(self):
        self.paths = []
        return self.paths

    def __exit__(self, *_):
        self.paths = None


@pytest.fixture(scope='module')
def opened():
    return Opened()


def texts_of(records):
    for record in records:
        assert type(record) is ImageLabelRecord
        yield from (record.image, record.source, *record.labels, *record.unknown, *record.large, *record.small)


def check_result(result):
    """Check that a reader returns what it promises."""
    if isinstance(result, tuple):
        result = result[0]
    if isinstance(result, np.ndarray):
        assert result.dtype == np.uint8 and result.ndim in (2, 3)
    elif result and isinstance(result, list) and isinstance(result[0], np.ndarray):
        assert all(mask.dtype == np.uint8 and mask.ndim == 2 for mask in result)
    elif isinstance(result, ProposalRecord):
        assert np.isfinite(result.boxes).all() and np.isfinite(result.scores).all()
        assert (result.boxes >= 0).all() and (result.boxes <= [*SHAPE[::-1]] * 2).all()
        for runs in result.masks if isinstance(result.masks, list) else ():
            assert (
                not len(runs)
                or 0 <= runs.min() <= runs.max() <= SHAPE[0] * SHAPE[1]
                and (runs[:, 0] < runs[:, 1]).all()
            )
    elif isinstance(result, dict):
        assert all(isinstance(box, ObjectBox) for boxes in result.values() for box in boxes)
        assert np.isfinite([box.box for boxes in result.values() for box in boxes]).all()
    elif result and isinstance(result[0], ObjectBox):
        assert np.isfinite([box.box for box in result]).all()
    else:
        assert all(
            isinstance(text, str) for text in (result if result and isinstance(result[0], str) else texts_of(result))
        )


@pytest.fixture
def attempt(tmp_path, opened):
    """A function that gives a reader a file, and checks what comes of it; returns whether it was read."""
    root = tmp_path / 'outer' / 'root'
    root.mkdir(parents=True)
    known = {(tmp_path / 'outer').resolve(), *(Path(path).resolve() for path in (sys.prefix, sys.base_prefix))}

    def run(reader, content):
        name, _, read = READERS[reader]
        for other, valid in {**BESIDE.get(reader, {}), name: content}.items():
            (root / other).write_bytes(valid)
        result = None
        with opened as paths:
            try:
                result = read(root / name)
            except (ValueError, FileNotFoundError) as error:
                message = str(error)
                assert type(error) in (ValueError, FileNotFoundError)
                assert str(root) in message and (name in message or reader in ('yolo', 'any-folder'))
                assert len(message) < 1500 and message.isprintable(), message
        if result is not None:
            check_result(result)
        imports = {Path(folder or '.').resolve() for folder in sys.path}  # an import lists these folders
        elsewhere = [path for path in paths if path not in imports and not known & {path, *path.parents}]
        assert not elsewhere, 'files elsewhere were opened'
        return result is not None

    return run


@pytest.mark.parametrize('reader', READERS)
def test_a_file_gives_records_or_one_clear_error(reader, attempt):
    outcomes = set()

    @PROFILE
    @given(contents_of(reader))
    def check(content):
        outcomes.add(attempt(reader, content))

    check()
    assert outcomes == {True, False}


@pytest.mark.parametrize('reader', [name for name, (_, valid, _) in READERS.items() if not isinstance(valid[0], bytes)])
def test_every_value_of_a_document_may_be_any_other(reader, attempt):
    outcomes = set()
    for valid in READERS[reader][1]:
        document = {'': valid}
        for path in [path for path in paths_within(document) if path and path[-1] not in range(2, 99)]:  # long lists
            for value in VALUES:
                changed = copy.deepcopy(document)
                parent = changed
                for key in path[:-1]:
                    parent = parent[key]
                parent[path[-1]] = value
                outcomes.add(attempt(reader, json.dumps(changed['']).encode()))
    assert outcomes == {True, False}
