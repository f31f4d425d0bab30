"""Tests of long tables of JSON Lines: stored by columns."""

import json
import tracemalloc

import pytest

from mmwsl.annotations import read_jsonl

KINDS = [['cat'], ['cat', 'dog'], [], 'dog', 'dog;cow']


def write(path, count, extra=''):
    """Write rows with names that contain a line separator of Unicode, which JSON allows in a string."""
    lines = [
        json.dumps(dict(image=f'{i}\u2028.jpg', labels=KINDS[i % 5]), ensure_ascii=False) + '\n' for i in range(count)
    ]
    path.write_text(''.join(lines) + extra, encoding='utf-8')


def test_rows_are_those_of_the_file_and_take_few_bytes(tmp_path):
    path, count = tmp_path / 't.jsonl', 40_000
    write(path, count, '\n')
    read_jsonl(path)  # what is cached once is no part of a table
    tracemalloc.start()
    try:
        table = read_jsonl(path)
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept / count < 23  # 13 for a name, 4 for its line, 4 for its labels
    assert len(table) == count and len(table.kinds) == 5
    labels = [('cat',), ('cat', 'dog'), (), ('dog',), ('dog', 'cow')]
    for index, record in enumerate(table):
        found = record.image, record.labels, record.source
        assert found == (f'{index}\u2028.jpg', labels[index % 5], f'{path}:{index + 1}')


@pytest.mark.parametrize('labels', [[['cat']], [{}], 3, {'cat': 1}, None, ['cat', 3]])
def test_wrong_labels_far_down_are_found_where_they_are(tmp_path, labels):
    path = tmp_path / 't.jsonl'
    write(path, 20_000, json.dumps(dict(image='z', labels=labels)))
    with pytest.raises(ValueError, match=r"t.jsonl:20001: 'labels' must be a list of class names or one string, got"):
        read_jsonl(path)
