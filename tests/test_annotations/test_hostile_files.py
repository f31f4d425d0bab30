"""Files made to do harm: bombs, paths that leave the folder, names that are commands. Each is an error or harmless."""

import io
import json
import pickle
import struct
import time
import tracemalloc
import zipfile
import zlib
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from mmwsl.annotations import (
    COCOResults,
    open_mask_writer,
    read_csv,
    read_cvat_xml,
    read_image_labels,
    read_json,
    read_label_studio,
    read_mask,
    read_one_hot,
    read_proposals,
    read_voc_xml,
    read_yolo,
    voc_boxes,
)
from mmwsl.utils.arrays import MAX_BYTES, load_npy, load_npz

from .helpers import SHAPE

SECRET = 'do not read me'


@pytest.fixture
def bounded():
    """Fail if a test takes more than 10 seconds or 300 MB in Python."""
    tracemalloc.start()
    start = time.perf_counter()
    yield
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert time.perf_counter() - start < 10 and peak < 300e6


def xml_bomb(root='annotation', levels=10):
    entities = '<!ENTITY e0 "boom">' + ''.join(
        f'<!ENTITY e{level} "{f"&e{level - 1};" * 10}">' for level in range(1, levels)
    )
    return (
        f'<?xml version="1.0"?><!DOCTYPE x [{entities}]><{root}><object><name>&e{levels - 1};</name></object></{root}>'
    )


def quadratic_bomb():
    name = '&e;' * 100_000
    return f'<!DOCTYPE x [<!ENTITY e "{"a" * 100_000}">]><annotation><object><name>{name}</name></object></annotation>'


@pytest.mark.parametrize('text', [xml_bomb(), quadratic_bomb()], ids=['billion laughs', 'quadratic'])
def test_entities_do_not_fill_the_memory(tmp_path, text, bounded):
    # expat counts every kind of expansion, so the standard library needs no help
    (tmp_path / 'a.xml').write_text(text)
    for read in (
        lambda: read_voc_xml(tmp_path),
        lambda: voc_boxes(tmp_path / 'a.xml'),
        lambda: read_cvat_xml(tmp_path / 'a.xml'),
    ):
        with pytest.raises(ValueError, match=r'a\.xml: not XML \(limit on input amplification factor'):
            read()


def test_entities_of_a_usual_size_expand(tmp_path):
    (tmp_path / 'a.xml').write_text(xml_bomb(levels=3))
    assert read_voc_xml(tmp_path)[0].labels == ('boom' * 100,)


@pytest.mark.parametrize('kind', ['SYSTEM "{path}"', 'SYSTEM "file://{path}"', 'PUBLIC "x" "http://127.0.0.1:9/x"'])
def test_external_entities_are_not_read(tmp_path, kind):
    (tmp_path / 'secret').write_text(SECRET)
    entity = kind.format(path=tmp_path / 'secret')
    folder = tmp_path / 'xml'
    folder.mkdir()
    (folder / 'a.xml').write_text(
        f'<!DOCTYPE x [<!ENTITY e {entity}>]><annotation><object><name>&e;</name></object></annotation>'
    )
    with pytest.raises(ValueError, match=r'a\.xml: not XML \(undefined entity') as error:
        read_voc_xml(folder)
    assert SECRET not in str(error.value)
    # an external document type and one that only parameter entities define are not read either
    (folder / 'a.xml').write_text(f'<!DOCTYPE x {entity}><annotation><object><name>cat</name></object></annotation>')
    assert read_voc_xml(folder)[0].labels == ('cat',)


def test_deep_xml(tmp_path, bounded):
    (tmp_path / 'a.xml').write_text('<annotation>' + '<a>' * 200_000 + '</a>' * 200_000 + '</annotation>')
    assert read_voc_xml(tmp_path)[0].labels == ()


@pytest.mark.parametrize('size', [10**5, 10**9, 10**18, '9' * 5000, '1e3', '-5', 'nan'])
def test_a_size_of_any_number_allocates_nothing(tmp_path, size, bounded):
    box = '<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox>'
    (tmp_path / 'a.xml').write_text(
        f'<annotation><size><width>{size}</width><height>{size}</height></size><object><name>a</name>{box}</object></annotation>'
    )
    with pytest.raises(ValueError, match=r'a\.xml: <size> must have a positive .* of at most \d+ pixels'):
        read_voc_xml(tmp_path, large_area=0.5)


@pytest.mark.parametrize('edge', ['inf', '-inf', 'nan', '1e999'])
def test_boxes_are_finite(tmp_path, edge):
    box = f'<bndbox><xmin>{edge}</xmin><ymin>1</ymin><xmax>{edge}</xmax><ymax>2</ymax></bndbox>'
    (tmp_path / 'a.xml').write_text(f'<annotation><object><name>a</name>{box}</object></annotation>')
    with pytest.raises(ValueError, match=r'a\.xml: object 1 \(a\): <bndbox> must have'):
        voc_boxes(tmp_path / 'a.xml')


@pytest.mark.parametrize(
    'text', ['[' * 100_000, '{"a":' * 100_000, '[' * 100_000 + ']' * 100_000, '[' + '9' * 100_000 + ']']
)
@pytest.mark.parametrize('read', [read_json, read_label_studio, read_image_labels, COCOResults])
def test_deep_json_and_long_numbers(tmp_path, text, read):
    (tmp_path / 't.json').write_text(text)
    with pytest.raises(
        ValueError, match=r't\.json: not JSON \((maximum recursion depth|Exceeds the limit|Expecting)'
    ) as error:
        read(str(tmp_path / 't.json'))
    assert len(str(error.value)) < 500


def test_json_as_deep_as_the_parser_allows(tmp_path):
    for depth in range(100, 1000, 50):
        deep = '[' * depth + ']' * depth
        (tmp_path / 't.json').write_text(f'[{{"image": "a", "labels": {deep}}}]')
        with pytest.raises(ValueError, match=r't\.json'):
            read_json(tmp_path / 't.json')
        (tmp_path / 's.json').write_text(f'[{{"data": {{"image": "a"}}, "annotations": [{{"result": {deep}}}]}}]')
        try:
            assert read_label_studio(tmp_path / 's.json')[0].labels == ()
        except ValueError as error:  # deeper than the parser allows from this place of the test
            assert 's.json: not JSON' in str(error)


@pytest.mark.parametrize('number', ['NaN', 'Infinity', '-Infinity', '1e999', '1' + '0' * 400, 'true', '"1e999"'])
@pytest.mark.parametrize('key', ['bbox', 'score', 'image_id', 'polygon', 'counts'])
def test_numbers_that_are_none_in_proposals(tmp_path, number, key, recwarn):
    values = dict(bbox='[1, 1, 2, 2]', score='1', image_id='42', polygon='[1,1,4,1,4,4]', counts='[54]')
    values[key] = f'[{number}, 1, 2, 2]' if key == 'bbox' else f'[{number},1,4,1,4,4]' if key == 'polygon' else number
    mask = f'{{"size": [6, 9], "counts": [{number}]}}' if key == 'counts' else f'[{values["polygon"]}]'
    path = tmp_path / 't.json'
    path.write_text(
        f'[{{"image_id": {values["image_id"]}, "bbox": {values["bbox"]}, "score": {values["score"]}, '
        f'"segmentation": {mask}}}]'
    )
    if number == 'true' and key in ('bbox', 'score', 'polygon'):
        COCOResults(path).read('42', SHAPE)  # Python's true is 1
        return
    with pytest.raises(ValueError, match=r't\.json: '):
        COCOResults(path).read('42', SHAPE)
    assert not recwarn


@pytest.mark.parametrize(
    'segmentation',
    [
        [[1e9] * 8],
        [[0, 0, 2e9, 0, 2e9, 2e9]],
        [[0, 0, 9, 0] * 5000],
        dict(size=[*SHAPE], counts=[2**62, 2**62, 2**62, 2**62 + 54]),
        dict(size=[*SHAPE], counts='o' * 11 + 'O' + 'P'),
        dict(size=[10**9, 10**9], counts=[10**18]),
    ],
    ids=['far', 'huge', 'long', 'overflow', 'compressed', 'size'],
)
def test_masks_of_more_pixels_than_the_image(tmp_path, segmentation, bounded):
    # pycocotools would list every point of the outlines, and sums of counts wrap around
    path = tmp_path / 't.json'
    path.write_text(json.dumps([dict(image_id=42, score=1, segmentation=segmentation)]))
    with pytest.raises(ValueError, match=r"t\.json: image '42': (the outline of|the counts of|a run-length)"):
        COCOResults(path).read('42', SHAPE)


def test_large_cells(tmp_path):
    path = tmp_path / 't.csv'
    with open(path, 'wb') as file:
        file.write(b'image,labels\na,')
        for _ in range(100):
            file.write(b'x' * 10**6)
    for read in (read_csv, read_one_hot):
        with pytest.raises(ValueError, match=r't\.csv:\d: not a CSV row \(field larger than field limit') as error:
            read(path)
        assert len(str(error.value)) < 500
    path.write_bytes(b'x' * 10**6 + b'\n')
    with pytest.raises(ValueError, match=r't\.csv:1: not a CSV row') as error:
        read_image_labels(path)
    assert len(str(error.value)) < 500


def test_many_columns_keys_and_labels_take_linear_time(tmp_path):
    count = 100_000
    columns = [f'c{index}' for index in range(count)]
    start = time.perf_counter()
    (tmp_path / 't.csv').write_text(f'image,{",".join(columns)}\na{",0" * (count - 1)},1\n')
    assert read_one_hot(tmp_path / 't.csv')[0].labels == (columns[-1],)
    (tmp_path / 't.json').write_text(
        json.dumps([dict(image='a', labels=columns, unknown=columns[::-1], large=columns)])
    )
    assert read_json(tmp_path / 't.json')[0].unknown == ()
    (tmp_path / 't.json').write_text(f'{{{",".join(f"{json.dumps(name)}: []" for name in [*columns, columns[-1]])}}}')
    with pytest.raises(ValueError, match=f"the key '{columns[-1]}' appears twice"):
        read_json(tmp_path / 't.json')
    votes = [dict(result=dict(choices=columns)) for _ in range(2)]
    (tmp_path / 't.json').write_text(json.dumps([dict(data=dict(image='a'), annotations=votes)]))
    assert read_label_studio(tmp_path / 't.json')[0].labels == tuple(columns)
    assert time.perf_counter() - start < 10


@pytest.mark.parametrize(
    'cell', ['[' * 5000, "['a'" + '+' * 5000, "['a', [" + '-' * 5000, "['a\\x", '["a" "b"]', '[{[]: 1}]', "['\\N{x}']"]
)
def test_cells_that_begin_like_a_list(tmp_path, cell, recwarn):
    rows = (dict(image='a', labels=cell), dict(image='b', labels='x; y'))
    (tmp_path / 't.jsonl').write_text('\n'.join(map(json.dumps, rows)))
    record, _ = read_image_labels(tmp_path / 't.jsonl', separator=';')[0]
    assert record.labels == (cell,)
    assert not recwarn


def test_lists_in_cells_keep_their_escapes(tmp_path):
    names = ['caf\xe9', "dog's", 'a"b', 'back\\slash']
    for text in (json.dumps(names), repr(names)):
        (tmp_path / 't.jsonl').write_text(json.dumps(dict(image='a', labels=text)))
        assert read_image_labels(tmp_path / 't.jsonl')[0][0].labels == tuple(names)


def yaml_levels(entry):
    """Eleven levels, each of which names the level below it ten times."""
    levels = ''.join(f'a{level}: &a{level} {entry(f"*a{level - 1}")}\n' for level in range(1, 12))
    return f'a0: &a0 {{x: y}}\n{levels}names: '


YAML = {
    'aliases': yaml_levels(lambda alias: f'[{", ".join([alias] * 10)}]') + '[*a11]',
    'mapping': yaml_levels(lambda alias: f'{{{", ".join(f"k{key}: {alias}" for key in range(10))}}}') + '*a11',
    'merge': yaml_levels(lambda alias: f'{{<<: [{", ".join([alias] * 10)}]}}') + '*a11',
    'loop': 'names: &a [*a]',
    'deep': 'names: ' + '[' * 1000,
    'objects': 'names: !!python/object/apply:os.system ["touch hacked"]\n',
    'large': 'names: [' + 'a, ' * 10**6 + ']',
    'ids': 'names: {' + '9' * 5000 + ': a}',
}


@pytest.mark.parametrize('text', YAML.values(), ids=YAML.keys())
def test_yaml_bombs(tmp_path, text, bounded, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'a.txt').write_text('0 0 0 1 1')
    (tmp_path / 'data.yaml').write_text(text)
    try:
        records = read_yolo(tmp_path)
    except ValueError as error:
        assert 'data.yaml: ' in str(error) and len(str(error)) < 500
    else:
        assert [record.labels for record in records] == [('touch hacked',)]  # a list of names, and no call
    assert not (tmp_path / 'hacked').exists()


def test_class_names_that_yaml_would_convert_stay_text(tmp_path):
    (tmp_path / 'a.txt').write_text('0 0 0 1 1\n1 0 0 1 1\n2 0 0 1 1')
    (tmp_path / 'data.yaml').write_text('names: [no, 1e3, 2001-01-01]')
    assert read_yolo(tmp_path)[0].labels == ('no', '1e3', '2001-01-01')


@pytest.mark.parametrize('first', ['9' * 5000, '\u0662', '-1', '0x0', '1_0'])
def test_class_ids_of_any_length(tmp_path, first):
    (tmp_path / 'classes.txt').write_text('cat')
    (tmp_path / 'a.txt').write_text(f'{first} 0 0 1 1')
    with pytest.raises(ValueError, match=r'a\.txt:1: a line must be a class id') as error:
        read_yolo(tmp_path)
    assert len(str(error.value)) < 500


def png_header(width, height):
    """A PNG file that claims a size and has a row of pixels."""
    parts = [
        (b'IHDR', struct.pack('>IIBBBBB', width, height, 8, 0, 0, 0, 0)),
        (b'IDAT', zlib.compress(bytes(100))),
        (b'IEND', b''),
    ]
    blocks = [
        struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data)) for kind, data in parts
    ]
    return b'\x89PNG\r\n\x1a\n' + b''.join(blocks)


@pytest.mark.parametrize(
    ('content', 'match'),
    [
        (png_header(40_000, 25_000), 'Image size .* exceeds limit'),
        (png_header(2**31 - 1, 2**31 - 1), 'exceeds limit'),
        (b'', 'must be an image, got an empty file'),
        (png_header(100, 100)[:40], ''),
        (
            b'%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n',
            'must be an image, got another file',
        ),
    ],
    ids=['10^9 pixels', '10^18 pixels', 'empty', 'truncated', 'PostScript'],
)
def test_masks_that_cannot_be_decoded(tmp_path, content, match, bounded):
    (tmp_path / 'a.png').write_bytes(content)
    with pytest.raises(ValueError, match=rf'a\.png: cannot be read as an image \(.*{match}'):
        read_mask(tmp_path / 'a.png')


def npz_claiming(tmp_path, size):
    """A file whose directory claims a size."""
    path = tmp_path / 'a.npz'
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as archive:
        file = io.BytesIO()
        np.save(file, np.zeros(4))
        archive.writestr('scores.npy', file.getvalue())
        archive.infolist()[0].file_size = size
    return path


def npy_claiming(shape, dtype='<f8'):
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, dict(descr=dtype, fortran_order=False, shape=shape))
    return file.getvalue() + bytes(64)


def test_zip_bombs(tmp_path):
    path = npz_claiming(tmp_path, 5 << 30)
    with pytest.raises(ValueError, match=rf'a\.npz: .*must have at most {MAX_BYTES} bytes, got {5 << 30}'):
        load_npz(path, ['scores'])
    assert load_npz(path, ['boxes']) == {}  # arrays that nobody asks for are not decompressed
    with pytest.raises(ValueError, match=r'a\.npz: cannot be read as \.npz'):
        load_npz(npz_claiming(tmp_path, 100), ['scores'])  # the true size is larger
    for shape in ((10**15,), (10**6, 10**6), (2**62, 2**62), (-1,)):
        with zipfile.ZipFile(path, 'w') as archive:
            archive.writestr('scores.npy', npy_claiming(shape))
        with pytest.raises(ValueError, match=r'a\.npz: cannot be read as \.npz'):
            load_npz(path, ['scores'])
        (tmp_path / 'a.npy').write_bytes(npy_claiming(shape))
        with pytest.raises(ValueError, match=r'a\.npy: cannot be read as \.npy'):
            load_npy(tmp_path / 'a.npy')


class Command:
    """A pickled call that creates a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def test_pickled_objects_are_not_loaded(tmp_path):
    command = Command(tmp_path / 'hacked')
    np.savez(tmp_path / 'a.npz', scores=np.array([command], dtype=object), boxes=np.zeros((1, 4)))
    np.save(tmp_path / 'a.npy', np.array([command], dtype=object))
    (tmp_path / 'b.npz').write_bytes(pickle.dumps(command))
    for name in ('a.npz', 'b.npz'):
        with pytest.raises(ValueError, match=rf'{name}: cannot be read as \.npz'):
            read_proposals(str(tmp_path / name), SHAPE)
    for name in ('a.npy', 'b.npz'):
        with pytest.raises(ValueError, match=rf'{name}: cannot be read as \.npy'):
            load_npy(tmp_path / name)
    assert not (tmp_path / 'hacked').exists()
    np.load(tmp_path / 'a.npy', allow_pickle=True)  # the command would work
    assert (tmp_path / 'hacked').exists()


@pytest.mark.parametrize(
    'content',
    [b'\x00image,labels\na\x00,b\n', b'im\xe4ge,labels\n', 'image,labels\na,b'.encode('utf-16-be'), b'\xff\xfea'],
)
@pytest.mark.parametrize('name', ['t.csv', 't.json', 't.jsonl', 't.xml'])
def test_encodings_and_nul(tmp_path, content, name):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=rf'{name}.*(not UTF-8|one column|at least two columns)') as error:
        read_image_labels(tmp_path / name)
    assert str(error.value).isprintable()


@pytest.mark.parametrize('encoding', ['utf-7', 'utf-32', 'idna', 'rot13', 'no-such', 'hex'])
def test_xml_encodings(tmp_path, encoding):
    (tmp_path / 't.xml').write_text(
        f'<?xml version="1.0" encoding="{encoding}"?><annotations><image name="a"/></annotations>'
    )
    with pytest.raises(ValueError, match=r't\.xml: not XML'):
        read_cvat_xml(tmp_path / 't.xml')
    with pytest.raises(ValueError, match=r't\.xml: not XML'):
        read_image_labels(tmp_path / 't.xml')


def test_terminal_codes_in_names_are_escaped(tmp_path):
    (tmp_path / 't.csv').write_text('image,\x1b]0;title\x07\x1b[2J,label s\na,b,c\n')
    with pytest.raises(ValueError, match=r't\.csv:1: one column must') as error:
        read_image_labels(tmp_path / 't.csv')
    assert str(error.value).isprintable()


@pytest.mark.parametrize('name', ['../x.png', '/x.png', 'a/../../x.png', '..\\x.png', '', '.', '..', 'a/..'])
@pytest.mark.parametrize('format', ['png', 'coco', 'yolo', 'cvat', 'label-studio', 'color'])
def test_writers_stay_in_their_folder(tmp_path, format, name):
    folder = tmp_path / 'outer' / 'masks'
    colors = [(0, 0, 0), (9, 9, 9)]
    with open_mask_writer(format, folder, ['background', 'cat'], colors) as writer:
        with pytest.raises(ValueError, match='`name` must be a path within the folder of images, got'):
            writer.write(name, np.ones((4, 4), np.uint8))
        writer.write('..a/...png', np.ones((4, 4), np.uint8))
    written = {path for path in tmp_path.rglob('*') if path.is_file()}
    assert written and all(folder in path.parents for path in written)


def test_hostile_class_names_stay_text_in_every_format(tmp_path):
    names = ['background', '"><script>&x;</script>', '=1+1', "a'b", '- !!python/object:os.x', '{{x}}']
    colors = [(index, 0, 9) for index in range(len(names))]
    mask = np.arange(36, dtype=np.uint8).reshape(6, 6) % len(names)
    for format in ('coco', 'yolo', 'label-studio'):
        with open_mask_writer(format, tmp_path / format, names, colors) as writer:
            writer.write('a.png', mask)
    assert [
        item['name'] for item in json.loads((tmp_path / 'coco' / 'annotations.json').read_text())['categories']
    ] == names[1:]
    assert read_image_labels(tmp_path / 'yolo')[0][0].labels == tuple(names[1:])
    labels = ElementTree.fromstring((tmp_path / 'label-studio' / 'labels.xml').read_text()).iter('Label')
    assert [label.get('value') for label in labels] == names[1:]
