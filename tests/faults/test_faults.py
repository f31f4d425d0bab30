"""Short form of ``python -m tests.faults``: a few kills, full disks and pairs of each command."""

import json
import subprocess
import sys

import pytest

from tests.conftest import REPOSITORY
from tests.faults.__main__ import PARTS

COMMANDS = ('train', 'labels', 'run', 'compare', 'predict', 'test', 'export', 'coco', 'predict-coco')

pytestmark = pytest.mark.xdist_group('faults')  # one process: the commands run once


@pytest.fixture(scope='module')
def outcome(tmp_path_factory):
    """What happened to each command."""
    folder = tmp_path_factory.mktemp('faults')
    script = [sys.executable, '-m', 'tests.faults', '--json', f'{folder}/out.json', '--folder', f'{folder}/work']
    numbers = ['--kills', '2', '--disks', '1', '--pairs', '1']
    ended = subprocess.run(
        [*script, *numbers, '--commands', *COMMANDS], cwd=REPOSITORY, capture_output=True, text=True, timeout=1800
    )
    assert 'Traceback' not in ended.stderr, ended.stdout[-2000:] + ended.stderr[-4000:]
    return json.loads((folder / 'out.json').read_text())


@pytest.mark.parametrize('part', PARTS)
@pytest.mark.parametrize('command', COMMANDS)
def test_nothing_is_lost(outcome, command, part):
    found = outcome[f'{command} {part}']
    assert not found['problems']
    count = dict(kill='kills', disk='full', twice='pairs')[part]
    assert found[count] >= 1, 'the fault did not happen'
