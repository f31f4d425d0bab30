"""Shapes of JSON files."""

import pytest

from mmwsl.utils.json_shape import check_shape

SHAPE = {'names': [str], 'scores?': {str: (float, None)}, 'stage?': ({'inputs': dict, 'done?': bool}, None)}


@pytest.mark.parametrize(
    'value',
    [
        {'names': []},
        {'names': ['a'], 'scores': {'a': 1, 'b': 0.5, 'c': None}, 'other': 3},
        {'names': ['a'], 'stage': {'inputs': {}, 'done': False}},
        {'names': ['a'], 'stage': None},
    ],
)
def test_values_of_the_shape(value):
    check_shape(value, SHAPE, 'a.json', 'Delete it.')


@pytest.mark.parametrize(
    ('value', 'message'),
    [
        ([], r'a\.json: the file must be an object, got \[\]\. Delete it\.'),
        ({}, '`names` must be a list, got none'),
        ({'names': 'ab'}, '`names` must be a list, got'),
        ({'names': ['a', 3]}, r'`names\[1\]` must be a text, got 3'),
        ({'names': [], 'scores': {'a': '0.5'}}, r'`scores\.a` must be a number, got'),
        ({'names': [], 'scores': {'a': True}}, r'`scores\.a` must be a number, got True'),
        ({'names': [], 'stage': {}}, r'`stage\.inputs` must be an object, got none'),
        ({'names': [], 'stage': {'inputs': {}, 'done': 1}}, r'`stage\.done` must be true or false, got 1'),
        ({'names': [], 'stage': 7}, '`stage` must be an object, got 7'),
        ({'names': None}, '`names` must be a list, got None'),
    ],
)
def test_the_error_names_the_innermost_value(value, message):
    with pytest.raises(ValueError, match=message):
        check_shape(value, SHAPE, 'a.json', 'Delete it.')
