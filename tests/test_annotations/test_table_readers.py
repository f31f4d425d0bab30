"""Tables in .csv, .json and .jsonl: equal content, and errors that name the place."""

import json

import pytest

from mmwsl.annotations import read_csv, read_json, read_jsonl, read_table

EXPECTED = [('a.jpg', ('cat', 'dog'), ()), ('b', (), ('bus',)), ('sub/c.png', ('dining table',), ())]


def content(records):
    return [(record.image, record.labels, record.unknown) for record in records]


@pytest.mark.parametrize(
    ('name', 'text'),
    [
        ('t.csv', 'image,labels,unknown\na.jpg,cat;dog;cat,\nb,,bus\nsub/c.png,dining table,\n'),
        ('t.csv', 'labels,extra,unknown,image\ncat|dog,x,,a.jpg\n,y,bus,b\ndining table,,,sub/c.png\n'),
        ('t.csv', '\ufeffimage, labels ,unknown\r\na.jpg,"cat, dog",\r\n\r\nb,,bus\r\nsub/c.png,dining table,\r\n'),
        (
            't.json',
            '[{"image":"a.jpg","labels":["cat","dog"]},{"image":"b","labels":[],"unknown":["bus"]},'
            '{"image":"sub/c.png","labels":["dining table"]}]',
        ),
        (
            't.json',
            '[{"image":"a.jpg","labels":"cat;dog"},{"image":"b","labels":"","unknown":"bus"},'
            '{"image":"sub/c.png","labels":"dining table"}]',
        ),
        (
            'T.JSONL',
            '{"image":"a.jpg","labels":["cat","dog"]}\n\n{"image":"b","labels":[],"unknown":["bus"]}\n'
            '{"image":"sub/c.png","labels":["dining table"]}\n',
        ),
    ],
)
def test_formats_agree(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text, encoding='utf-8', newline='')
    assert content(read_table(path)) == EXPECTED


def test_json_mapping(tmp_path):
    path = tmp_path / 't.json'
    path.write_text('{"a.jpg": ["cat", "dog"], "b": []}')
    assert content(read_json(path)) == [('a.jpg', ('cat', 'dog'), ()), ('b', (), ())]


def test_white_space_separates_names_without_another_separator(tmp_path):
    path = tmp_path / 't.csv'
    path.write_text('image,labels\na,cat  dog\n')
    assert read_csv(path)[0].labels == ('cat', 'dog')


def test_separator_and_columns_can_be_set(tmp_path):
    path = tmp_path / 't.csv'
    path.write_text('file,tags,maybe\na,dining table/cat,dog\n')
    (record,) = read_csv(path, image_column='file', label_column='tags', unknown_column='maybe', separator='/')
    assert (record.image, record.labels, record.unknown) == ('a', ('dining table', 'cat'), ('dog',))


@pytest.mark.parametrize('name, text', [('t.csv', 'image,labels\na,cat;dog\n'), ('t.json', '{"a": "cat;dog"}')])
def test_a_separator_that_occurs_in_no_cell_is_rejected_if_others_do(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(ValueError, match=r"`separator` must occur in a cell of labels, got '\|', but .*'cat;dog'.*';'"):
        read_table(path, separator='|')
    path.write_text(text.replace('cat;dog', 'traffic light'))
    assert read_table(path, separator='|')[0].labels == ('traffic light',)


@pytest.mark.parametrize('name, text', [('t.csv', 'image,labels\na,cat\n'), ('t.jsonl', '{"image": "a"}')])
def test_images_and_labels_have_a_column_each(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=r"1: `label_column` must differ from `image_column`, got 'image' for both"):
        read_table(tmp_path / name, label_column='image')


def test_present_wins_over_unknown(tmp_path):
    path = tmp_path / 't.csv'
    path.write_text('image,labels,unknown\na,cat,cat dog\n')
    (record,) = read_csv(path)
    assert (record.labels, record.unknown) == (('cat',), ('dog',))


@pytest.mark.parametrize(
    ('name', 'text'),
    [
        ('t.csv', 'small,image,labels,large\nbus,a,cat;dog;bus,dog\n,b,cat,\n'),
        (
            't.json',
            '[{"image":"a","labels":["cat","dog","bus"],"large":["dog"],"small":"bus"},{"image":"b","labels":"cat"}]',
        ),
        (
            't.jsonl',
            '{"image":"a","labels":"cat dog bus","large":"dog","small":["bus"]}\n{"image":"b","labels":["cat"]}\n',
        ),
    ],
)
def test_size_labels(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    first, second = read_table(tmp_path / name)
    assert (first.labels, first.large, first.small) == (('cat', 'dog', 'bus'), ('dog',), ('bus',))
    assert (second.labels, second.large, second.small) == (('cat',), (), ())
    first, _ = read_table(tmp_path / name, large_column='small', small_column='large')
    assert (first.large, first.small) == (('bus',), ('dog',))


@pytest.mark.parametrize(
    ('name', 'text', 'match'),
    [
        (
            't.csv',
            'image,labels,large\na,cat,dog\n',
            r"t\.csv:2: the size labels of image 'a' must be among its labels \(cat\), got 'dog'",
        ),
        ('t.csv', 'image,labels,small\na,,dog\n', r"must be among its labels \(none\), got 'dog'"),
        (
            't.jsonl',
            '{"image":"a","labels":[],"unknown":["cat"],"large":["cat"]}',
            r"t\.jsonl:1: the size labels .* got 'cat'",
        ),
        ('t.csv', 'image,labels,small,large\na,cat,cat,cat\n', r"image 'a' labels 'cat' as large and as small"),
        ('t.json', '[{"image": "a", "labels": ["cat"], "large": 1}]', "'large' must be a list of class names"),
    ],
)
def test_invalid_size_labels_are_rejected(tmp_path, name, text, match):
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=match):
        read_table(tmp_path / name)


def test_source_is_file_and_line(tmp_path):
    path = tmp_path / 't.csv'
    path.write_text('image,labels\na,cat\n\nb,dog\n')
    assert [record.source for record in read_csv(path)] == [f'{path}:2', f'{path}:4']


@pytest.mark.parametrize(
    ('name', 'text', 'match'),
    [
        ('t.csv', '', r"t\.csv:1: no column 'image' in the header \[\]"),
        ('t.csv', 'image;labels\na;cat\n', r"no column 'image' in the header \['image;labels'\].*`image_column`"),
        ('t.csv', 'image,tags\na,cat\n', r"no column 'labels'.*`label_column`"),
        ('t.csv', 'image,labels\na,cat\nb,cat,dog\n', r't\.csv:3: the row must have 2 cells.*Quote'),
        ('t.csv', 'image,labels\na\n', r't\.csv:2: the row must have 2 cells'),
        ('t.csv', 'image,labels\n ,cat\n', r"t\.csv:2: the cell 'image' is empty"),
        ('t.csv', 'image,labels\na,cat;dog\nb,cat|dog\n', r"several separators \[';', '\|'\].*`separator`"),
        ('t.csv', 'image,labels\na,"cat" x\n', r't\.csv:2: not a CSV row'),
        ('t.json', '[{"image": "a"', r't\.json: not JSON .*line 1'),
        ('t.json', '3', r't\.json: expected a list of objects or a mapping.*int'),
        (
            't.json',
            '[{"labels": []}]',
            r"entry 0: expected an object with the keys 'image'.*got \{'labels': \[\]\}",
        ),
        ('t.json', '[{"image": "a"}]', r"entry 0: expected an object with the keys 'image' .* and 'labels'"),
        ('t.json', '{"a": [1]}', r"entry 0: 'labels' must be a list of class names or one string, got \[1\]"),
        ('t.json', '{"a": ["cat"], "b": [], "a": []}', r"the key 'a' appears twice"),
        ('t.jsonl', '{"image": "a", "labels": []}\n{"image": \n', r't\.jsonl:2: not JSON'),
        ('t.jsonl', '\n["a"]\n', r"t\.jsonl:2: expected an object .*got \['a'\]"),
        ('t.xlsx', '', r"must end with one of \('.csv', '.json', '.jsonl'\)"),
    ],
)
def test_errors_name_the_place(tmp_path, name, text, match):
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=match):
        read_table(tmp_path / name)


def test_missing_and_binary_files_are_rejected(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"'.*nothing\.csv' is not a file"):
        read_csv(tmp_path / 'nothing.csv')
    (tmp_path / 'binary.jsonl').write_bytes(b'\xff\xfe\x00')
    with pytest.raises(ValueError, match=r'binary\.jsonl: not UTF-8'):
        read_jsonl(tmp_path / 'binary.jsonl')


@pytest.mark.parametrize('name', ['café', 'traffic light', '日本', 'मानव', 'می\u200cخواهم', 'ring-1', '0', 'na1'])
def test_names_of_every_language_are_read(tmp_path, name):
    (tmp_path / 'a.json').write_text(json.dumps([dict(image='a.jpg', labels=[f' {name} '])]))
    (tmp_path / 'a.csv').write_text(f'image,labels\na.jpg,{name}\n', encoding='utf-8')
    for path in (tmp_path / 'a.json', tmp_path / 'a.csv'):
        assert read_table(path, separator=';' if path.suffix == '.csv' else None)[0].labels == (name,)
