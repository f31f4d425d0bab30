"""Image-level labels in every format, recognized by content."""

import json
import zipfile

import pytest

from mmwsl.annotations import ImageLabelRecord, read_image_labels, read_jsonl, write_jsonl
from mmwsl.annotations.label_studio import image_path

EXPECTED = {'a.jpg': ({'cat', 'dog'}, set()), 'sub/b c.png': (set(), set()), 'd.jpg': ({'traffic light'}, set())}


def content(records):
    assert len({record.image for record in records}) == len(records)
    return {record.image: (set(record.labels), set(record.unknown)) for record in records}


@pytest.mark.parametrize(
    ('name', 'text', 'found'),
    [
        ('t.csv', 'image,labels\na.jpg,cat;dog\nsub/b c.png,\nd.jpg,traffic light\n', 'csv'),
        ('t.csv', 'Labels;x;File Name\ncat,dog;1;a.jpg\n;2;sub/b c.png\ntraffic light;3;d.jpg\n', 'csv'),
        ('t.tsv', 'filename\ttags\na.jpg\tcat|dog\nsub/b c.png\t\nd.jpg\ttraffic light\n', 'csv'),
        ('t.txt', 'path|class\r\na.jpg|cat,dog\r\nsub/b c.png|\r\nd.jpg|traffic light\r\n', 'csv'),
        ('t.csv', 'img,class\na.jpg,"cat,dog"\nsub/b c.png,\nd.jpg,traffic light\n', 'csv'),
        (
            't.csv',
            ',name,label\n0,a.jpg,"[\'cat\', \'dog\']"\n1,sub/b c.png,[]\n2,d.jpg,"[""traffic light""]"\n',
            'csv',
        ),
        ('t.csv', 'file,cat,dog,traffic light\na.jpg,1,1,0\nsub/b c.png,0,0,0\nd.jpg,0,0,1\n', 'one-hot'),
        ('t.csv', 'cat;dog;file;traffic light\nTRUE;True;a.jpg;no\nfalse;0;sub/b c.png;0\n0;0;d.jpg;1.0\n', 'one-hot'),
        (
            't.json',
            '[{"file_name":"a.jpg","tags":["cat","dog"]},{"file_name":"sub/b c.png","tags":[]},'
            '{"file_name":"d.jpg","tags":["traffic light"]}]',
            'json',
        ),
        ('t.json', '{"a.jpg":["cat","dog"],\n"sub/b c.png":[],"d.jpg":["traffic light"]}', 'json'),
        (
            't.json',
            '{"image":"a.jpg","label":["cat","dog"]}\n{"image":"sub/b c.png","label":""}\n'
            '{"image":"d.jpg","label":["traffic light"]}\n',
            'jsonl',
        ),
        (
            't.json',
            json.dumps(
                dict(
                    images=[dict(id=i, file_name=name) for i, name in enumerate(EXPECTED)],
                    annotations=[
                        dict(id=i, image_id=im, category_id=c) for i, (im, c) in enumerate([(0, 1), (0, 5), (2, 9)])
                    ],
                    categories=[dict(id=1, name='cat'), dict(id=5, name='dog'), dict(id=9, name='traffic light')],
                )
            ),
            'coco',
        ),
        (
            't.xml',
            '<?xml version="1.0" encoding="utf-8"?><annotations><version>1.1</version><meta><task/></meta>'
            '<image id="0" name="a.jpg" width="4" height="4"><tag label="cat" source="manual"></tag>'
            '<box label="dog" xtl="0" ytl="0" xbr="1" ybr="1"/></image><image id="1" name="sub/b c.png"/>'
            '<image id="2" name="d.jpg"><polygon label="traffic light" points="0,0;1,0;1,1"/></image></annotations>',
            'cvat',
        ),
    ],
)
@pytest.mark.parametrize('encoding', ['utf-8', 'utf-8-sig', 'utf-16'])
def test_files(tmp_path, name, text, found, encoding):
    if name == 't.xml' and encoding != 'utf-8':
        text = text.replace('utf-8', encoding.removesuffix('-sig'))
    (tmp_path / name).write_text(text, encoding=encoding, newline='')
    records, kind = read_image_labels(tmp_path / name)
    assert kind == found
    assert content(records) == EXPECTED


def test_rows_of_one_image_are_joined(tmp_path):
    path = tmp_path / 'boxes.csv'
    path.write_text('filename,width,class,xmin\na,9,cat,1\nb,9,dog,1\na,9,dog,2\na,9,cat,3\n')
    records, _ = read_image_labels(path)
    assert [(record.image, record.labels, record.source) for record in records] == [
        ('a', ('cat', 'dog'), f'{path}:2'),
        ('b', ('dog',), f'{path}:3'),
    ]


@pytest.mark.parametrize('rows', ['a,cat;dog\na,cat', 'a,\na,cat', 'a,cat\na,'])
def test_rows_that_contradict_each_other_are_not_joined(tmp_path, rows):
    (tmp_path / 't.csv').write_text(f'image,labels\n{rows}\n')
    assert len(read_image_labels(tmp_path / 't.csv')[0]) == 2


def test_unknown_cells(tmp_path):
    (tmp_path / 't.csv').write_text('image,cat,dog\na,1,-1\nb,0,1\n')
    records, _ = read_image_labels(tmp_path / 't.csv')
    assert content(records) == {'a': ({'cat'}, {'dog'}), 'b': ({'dog'}, set())}


def test_class_columns_among_others(tmp_path):
    (tmp_path / 't.csv').write_text('width\tid\tcat\tdog\n500\ta\t1\t0\n')
    records, found = read_image_labels(tmp_path / 't.csv', image_column='id', class_columns=['cat', 'dog'])
    assert (found, content(records)) == ('one-hot', {'a': ({'cat'}, set())})


@pytest.mark.parametrize(
    ('cells', 'doubtful'),
    [
        (['cat dog', 'dog', 'cat'], False),
        (['cat dog', 'dog bus', 'bus cat'], False),
        (['bottle dog', 'dog', 'bus'], False),
        (['traffic light', 'dog'], True),
        (['traffic light', 'traffic sign'], True),
        (['traffic light dog', 'dog'], True),
        (['dining table', 'coffee table'], True),
    ],
)
@pytest.mark.parametrize('suffix', ['csv', 'jsonl'])
def test_white_space_within_names_is_rejected(tmp_path, cells, doubtful, suffix):
    path = tmp_path / f't.{suffix}'
    if suffix == 'csv':
        path.write_text('image,labels\n' + ''.join(f'{i},{cell}\n' for i, cell in enumerate(cells)))
    else:
        path.write_text(''.join(json.dumps(dict(image=str(i), labels=cell)) + '\n' for i, cell in enumerate(cells)))
    if doubtful:
        with pytest.raises(ValueError, match='may be one name or two. Set `separator`'):
            read_image_labels(path)
        assert [record.labels for record in read_image_labels(path, separator=';')[0]] == [(cell,) for cell in cells]
    words = [record.labels for record in read_image_labels(path, **dict(separator=' ') if doubtful else {})[0]]
    assert words == [tuple(cell.split()) for cell in cells]


def result(kind, *names):
    return dict(type=kind, from_name='x', to_name='image', value={kind: list(names), 'x': 1, 'rle': [1]})


def test_label_studio(tmp_path):
    tasks = [
        dict(
            id=1,
            data=dict(image='/data/upload/3/ab12cd34-a.jpg'),
            annotations=[dict(result=[result('choices', 'cat')])],
        ),
        dict(
            id=2,
            data=dict(image='/data/local-files/?d=set/sub%2Fb%20c.jpg', text='b.txt'),
            annotations=[
                dict(result=[result('rectanglelabels', 'cat'), result('brushlabels', 'dog')]),
                dict(result=[result('polygonlabels', 'dog')]),
                dict(result=[result('choices', 'bus')], was_cancelled=True),
            ],
        ),
        dict(id=3, data=dict(photo='s3://bucket/deep/set/c.jpg', who='me'), annotations=[dict(result=[])]),
        dict(id=4, data=dict(image='d.jpg'), annotations=[], predictions=[dict(result=[result('choices', 'cat')])]),
    ]
    path = tmp_path / 'export.json'
    path.write_text(json.dumps(tasks, indent=1))
    expected = {'a.jpg': ({'cat'}, set()), 'set/sub/b c.jpg': ({'dog'}, {'cat'}), 'deep/set/c.jpg': (set(), set())}
    records, found = read_image_labels(path)
    assert (found, content(records)) == ('label-studio', expected)
    records, _ = read_image_labels(path, images=['a.jpg', 'sub/b c.jpg', 'c.jpg', 'b c.jpg'])
    assert [record.image for record in records] == ['a.jpg', 'sub/b c.jpg', 'c.jpg']


def test_label_studio_minimal(tmp_path):
    rows = [
        dict(image='/data/upload/ab12cd34-a.jpg', id=1, choice='cat', annotator=1),
        dict(image='b.jpg', id=2, choice=dict(choices=['cat', 'dog']), annotator=1),
        dict(image='c.jpg', id=3, label=[dict(x=1, brushlabels=['dog'])], annotator=1),
    ]
    (tmp_path / 'export.json').write_text(json.dumps(rows))
    records, found = read_image_labels(tmp_path / 'export.json')
    assert found == 'label-studio'
    assert content(records) == {'a.jpg': ({'cat'}, set()), 'b.jpg': ({'cat', 'dog'}, set()), 'c.jpg': ({'dog'}, set())}


@pytest.mark.parametrize(
    ('url', 'path'),
    [
        ('/data/upload/3/ab12cd34-x-1.jpg', 'x-1.jpg'),
        ('http://localhost:8080/data/upload/ab12cd34-x%20y.jpg', 'x y.jpg'),
        ('upload/1/x.jpg', 'upload/1/x.jpg'),
        ('/data/local-files/?d=a/x%20y.jpg', 'a/x y.jpg'),
        ('gs://bucket/a/x.jpg', 'a/x.jpg'),
        ('https://host/a/x.jpg?token=1', 'a/x.jpg'),
        ('a/x#1?.jpg', 'a/x#1?.jpg'),
    ],
)
def test_urls_are_reduced_to_paths(url, path):
    assert image_path(url) == path


def test_yolo_folder(tmp_path):
    labels = tmp_path / 'labels' / 'train'
    labels.mkdir(parents=True)
    (labels / 'a.txt').write_text('1 0.5 0.5 0.1 0.1\n0 0.1 0.1 0.2 0.1 0.2 0.3\n1 0.2 0.2 0.1 0.1\n')
    (labels / 'b.txt').write_text('')
    (tmp_path / 'data.yaml').write_text('path: .\nnames:\n  0: cat\n  1: traffic light\n')
    expected = {'train/a': ({'cat', 'traffic light'}, set()), 'train/b': (set(), set())}
    records, found = read_image_labels(tmp_path)
    assert (found, content(records)) == ('yolo', expected)
    assert content(read_image_labels(tmp_path / 'labels')[0]) == expected
    (tmp_path / 'data.yaml').unlink()
    (labels / 'classes.txt').write_text('cat\ntraffic light\n')
    assert content(read_image_labels(labels)[0]) == {name[6:]: value for name, value in expected.items()}


def test_voc_folder(tmp_path):
    (tmp_path / 'a.xml').write_text(
        '<annotation><object><name>cat</name></object><object><name>dog</name><difficult>1</difficult></object></annotation>'
    )
    assert content(read_image_labels(tmp_path)[0]) == {'a': ({'cat', 'dog'}, set())}
    records, found = read_image_labels(tmp_path, difficult='unknown')
    assert (found, content(records)) == ('voc-xml', {'a': ({'cat'}, {'dog'})})


def test_class_folders(tmp_path):
    for name in ('cat/1.jpg', 'cat/deep/1.jpg', 'background/2.png', 'cat/notes.txt'):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    expected = {'cat/1.jpg': ({'cat'}, set()), 'cat/deep/1.jpg': ({'cat'}, set()), 'background/2.png': (set(), set())}
    records, found = read_image_labels(tmp_path)
    assert (found, content(records)) == ('class-folders', expected)
    assert content(read_image_labels(tmp_path, images=['dog\\3.jpg'])[0]) == {'dog/3.jpg': ({'dog'}, set())}


@pytest.mark.parametrize(
    ('name', 'text', 'options', 'match'),
    [
        ('t.csv', 'a.jpg,cat\nb.jpg,dog\n', {}, r't\.csv:1: one column must have a name .*"filename".* got none'),
        ('t.csv', 'path,name,label\na,b,cat\n', {}, r"t\.csv:1: .* got \['path', 'name'\].*Set `image_column`"),
        ('t.csv', 'image,label,class\na,b,cat\n', {}, r"got \['label', 'class'\].*Set `label_column`"),
        ('t.csv', 'image,what\na,cat\n', {}, r"got none in the header \['image', 'what'\].*`label_column`"),
        ('t.csv', 'image\na\n', {}, r"t\.csv:1: the header must name at least two columns.*'image'"),
        ('t.csv', 'image;labels\na;cat;dog\n', {}, r"t\.csv:2: the row must have 2 cells like the header, got 3.*';'"),
        ('t.csv', 'image,labels,labels\na,cat,dog\n', {}, r"own name, got 'labels' twice"),
        ('t.csv', 'image,cat,dog\na,1,-1\nb,-1,1\n', {}, r'absent classes must be 0, got only 1 and -1'),
        ('t.csv', 'image,cat,dog\na,1,2\n', dict(class_columns=['cat', 'dog']), r"t\.csv:2: the cell 'dog' .* got '2'"),
        ('t.csv', 'image,cat\na,1\n', dict(class_columns=['dog']), r"no column 'dog'.*`class_columns`"),
        ('t.csv', 'image,labels\na,cat\n', dict(crowd='x'), r"options of format 'csv' must be among .*got \['crowd'\]"),
        ('t.csv', '', {}, 'at least two columns'),
        ('t.json', '[{"what": "a", "labels": []}]', {}, r'entry 0: one column must have a name'),
        (
            't.json',
            '[{"data": {"image": "a.jpg"}, "annotations": []}]',
            {},
            'at least one task must have an annotation',
        ),
        (
            't.json',
            '[{"data": {"a": "b"}, "annotations": [{"result": []}]}]',
            {},
            r"task 0: .* must be an image, got \['a'\]",
        ),
        ('t.json', '[{"image": "a.jpg", "animal": "cat", "annotator": 1}]', {}, r'task 0: .* must name a class'),
        ('t.json', '[{"data": {"image"', {}, 'not JSON'),
        ('t.json', '[{"data": {}}, 3]', {}, 'must be a list of tasks'),
        ('t.xml', '<annotation/>', {}, r'must have the root <annotations> .*got <annotation>.*give its folder'),
        ('t.xml', '<annotations><track/></annotations>', {}, r"<annotations> must contain <image>.*\['track'\]"),
        ('t.xml', '<annotations><image id="7"/></annotations>', {}, r'image 7: <image> must have a `name`'),
        ('t.xml', '<annotations><image', {}, 'not XML'),
        ('t.xml', '<', {}, 'not XML'),
    ],
)
def test_errors_name_the_place(tmp_path, name, text, options, match):
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=match):
        read_image_labels(tmp_path / name, **options)


@pytest.mark.parametrize(
    ('line', 'names', 'match'),
    [
        ('2 0 0 1 1', 'cat\ndog', r'a\.txt:1: a line must be a class id of classes\.txt \(0 to 1\)'),
        ('0 0 1', 'cat', r'at least four numbers, got'),
        ('cat 0 0 1 1', 'cat', r"got 'cat 0 0 1 1'"),
    ],
)
def test_invalid_yolo_labels_are_rejected(tmp_path, line, names, match):
    (tmp_path / 'a.txt').write_text(line)
    (tmp_path / 'classes.txt').write_text(names)
    with pytest.raises(ValueError, match=match):
        read_image_labels(tmp_path)


def test_yaml_without_names_is_rejected(tmp_path):
    (tmp_path / 'a.txt').write_text('0 0 0 1 1')
    for text in ('nc: 3', 'names: 3', '- a', 'names: !!python/object/apply:os.getcwd []'):
        (tmp_path / 'data.yaml').write_text(text)
        with pytest.raises(ValueError, match=r'data\.yaml: `names` must be a list'):
            read_image_labels(tmp_path)


def test_yolo_names_are_as_many_as_the_classes(tmp_path):
    (tmp_path / 'a.txt').write_text('0 0 0 1 1')
    (tmp_path / 'data.yaml').write_text('nc: 3\nnames: [cat, dog]')
    with pytest.raises(ValueError, match=r"data\.yaml: `nc` must be 2, the number of `names`, got '3'"):
        read_image_labels(tmp_path)
    (tmp_path / 'data.yaml').write_text('nc: 2  # classes\nnames: [cat, dog]')
    assert read_image_labels(tmp_path)[0][0].labels == ('cat',)


def test_an_archive_is_rejected(tmp_path):
    with zipfile.ZipFile(tmp_path / 'labels.txt', 'w') as archive:
        archive.writestr('x.xml', '<x/>')
    with pytest.raises(ValueError, match='must be text, got a ZIP archive or a spreadsheet'):
        read_image_labels(tmp_path / 'labels.txt')


def test_a_missing_source_and_folders_without_classes_are_rejected(tmp_path):
    with pytest.raises(FileNotFoundError, match="'.*nothing' is not a file"):
        read_image_labels(tmp_path / 'nothing')
    with pytest.raises(ValueError, match='must contain one folder of images per class, got none'):
        read_image_labels(tmp_path)
    with pytest.raises(ValueError, match='got test, train'):
        read_image_labels(tmp_path, images=['train/cat/1.jpg', 'test/cat/2.jpg'])
    with pytest.raises(ValueError, match=r'1 images are in no class folder: 1\.jpg'):
        read_image_labels(tmp_path, images=['cat/1.jpg', '1.jpg'])


def test_written_records_are_read_back(tmp_path):
    records = [
        ImageLabelRecord('a b/ü\u2028.jpg', ('cat', 'traffic light'), ('dog;bus',), '', ('cat',), ('traffic light',)),
        ImageLabelRecord('b'),
    ]
    path = tmp_path / 'new' / 't.jsonl'
    write_jsonl(path, records)
    read = read_jsonl(path)
    assert [record.source for record in read] == [f'{path}:1', f'{path}:2']
    assert [vars(record) | dict(source='') for record in read] == [vars(record) for record in records]
    assert [file.name for file in path.parent.iterdir()] == ['t.jsonl']
