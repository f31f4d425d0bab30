"""Every bad input ends as it must; see the script of this folder."""

import subprocess
import sys

import pytest

from .cases import ALL


@pytest.fixture(scope='module')
def sandbox(tmp_path_factory):
    """A folder name; the first group makes the folder."""
    return tmp_path_factory.mktemp('bad_inputs') / 'sandbox'


@pytest.mark.parametrize('group', ALL)
def test_bad_inputs_end_in_one_clear_line(repository, sandbox, group):
    command = [sys.executable, '-m', 'tests.bad_inputs', '--group', group, '--quick', '--sandbox', str(sandbox)]
    done = subprocess.run(command, cwd=repository, text=True, capture_output=True, timeout=1200)
    wrong = '\n'.join(line for line in done.stdout.splitlines() if 'as expected ' not in line)
    assert done.returncode == 0, f'{wrong[-6000:]}\n{done.stderr[-2000:]}'
    assert f'{sum(not case.slow for case in ALL[group])} cases: ' in done.stdout


def test_there_are_at_least_352_cases_with_names_of_their_own():
    names = [(group, case.name) for group, cases in ALL.items() for case in cases]
    assert len(set(names)) == len(names) >= 352
