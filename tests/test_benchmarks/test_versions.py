"""Tests of the comparison with another version."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture
def versions(repository, monkeypatch):
    monkeypatch.syspath_prepend(repository / 'benchmarks')
    import versions

    yield versions
    del sys.modules['versions']


def test_the_table_has_medians_ratios_and_counts(versions):
    def rounds(*values, **more):
        return [[dict(name='a', unit='ms', value=value, **more)] for value in values]

    table = versions.table(
        rounds(10.0, 30.0, 20.0, operations=7, reads=2), rounds(4.0, 5.0, 90.0, operations=3, reads=0)
    )
    assert table.splitlines()[2] == '| a | 20 ms | 5 ms | 0.25 | 7 | 3 | 2 | 0 |'
    assert len({line.count('|') for line in table.splitlines()}) == 1


def test_a_folder_without_mmwsl_is_not_measured_as_this_version(versions, tmp_path):
    """What is installed would be imported in its place."""
    (tmp_path / 'out').mkdir()
    with pytest.raises(SystemExit, match='was not imported, but'):
        versions.child(tmp_path, tmp_path / 'out', 10)


def test_the_child_imports_the_version_that_it_is_given(repository, tmp_path):
    """A package that only tells where it is, in place of a version."""
    (tmp_path / 'mmwsl').mkdir()
    (tmp_path / 'mmwsl/__init__.py').write_text('raise SystemExit("imported from " + __file__)')
    command = [sys.executable, str(repository / 'benchmarks/versions.py'), str(tmp_path), '--child', str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode and f'imported from {tmp_path}' in result.stderr


def test_a_dataset_is_measured(versions, tmp_path):
    from large_table import write_inputs

    (tmp_path / 'table').mkdir()
    write_inputs(tmp_path / 'table', 100, True, 'csv')
    time, memory = versions.dataset(tmp_path, 100)
    assert time['value'] > 0 and memory['unit'] == 'MB' and memory['value'] >= 0
    assert Path(versions.__file__).is_relative_to(versions.ROOT)
