"""The table of published methods has no empty cell, and names parts that exist."""

import re

import mmwsl.functional
import mmwsl.models


def _rows(repository):
    lines = (repository / 'docs' / 'methods_compared.md').read_text().splitlines()
    rows = [[cell.strip() for cell in line.strip('|').split('|')] for line in lines if line.startswith('| ')]
    header, *rows = [row for row in rows if len(row) != 2]
    assert len(rows) > 28
    return header, rows


def test_every_row_has_all_cells(repository):
    header, rows = _rows(repository)
    assert all(len(row) == len(header) == 9 and all(row) for row in rows)
    assert len({row[0] for row in rows}) == len(rows)


def test_a_result_is_a_value_or_a_dash(repository):
    for row in _rows(repository)[1]:
        for cell in row[4:6]:
            values = [value for value in re.split(r'[;/]', cell.replace(', by others', ''))]
            assert all(re.fullmatch(r'\d\d\.\d( \(u\))?|-', value.strip()) for value in values), row


def test_the_parts_exist_and_a_row_without_them_says_no(repository):
    configs = {path.stem for path in (repository / 'configs').rglob('*.py')}
    parts = configs | set(mmwsl.functional.__all__) | set(mmwsl.models.__all__)
    for row in _rows(repository)[1]:
        named = set(re.findall(r'`(\w+)`', row[-1]))
        assert named <= parts, named - parts
        assert bool(named) != (row[-1] == 'no'), row
