"""The table of systems names configs that exist, and has no empty cell."""

import re


def test_every_row_names_configs_and_has_all_cells(repository):
    configs = {path.stem for path in (repository / 'configs').rglob('*.py')}
    lines = (repository / 'docs' / 'systems.md').read_text().splitlines()
    rows = [[cell.strip() for cell in line.strip('|').split('|')] for line in lines if line.startswith('| ')]
    header, *rows = rows
    assert len(rows) > 38 and len(header) == 7
    for row in rows:
        assert len(row) == 7 and all(row), row
        names = re.findall(r'`([^`=]+)`', row[2])
        assert names or row[2] == 'cited only', row[2]
        assert set(names) <= configs, set(names) - configs
