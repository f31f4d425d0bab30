"""Short form of ``python -m tests.faults``: a few kills, full disks and pairs of each command."""

import json
import subprocess
import sys

import pytest

from tests.conftest import REPOSITORY

# `mmwsl run`, with each preset, takes longer.
COMMANDS = ('train', 'labels', 'label', 'compare', 'predict', 'test', 'export', 'coco', 'predict-coco')
ONCE = dict(kills=1, disks=1, pairs=0, memories=0)
COUNTS = dict(kills=('kill', 'kills'), disks=('disk', 'full'), pairs=('twice', 'pairs'))


@pytest.mark.parametrize(
    ('commands', 'numbers'),
    [(COMMANDS, dict(kills=1, disks=1, pairs=1, memories=1)), (('run', 'best'), ONCE)],
    ids=['short', 'run'],
)
def test_nothing_is_lost(tmp_path, commands, numbers):
    script = [sys.executable, '-m', 'tests.faults', '--json', f'{tmp_path}/out.json', '--folder', f'{tmp_path}/work']
    options = [text for part, number in numbers.items() for text in (f'--{part}', str(number))]
    ended = subprocess.run(
        [*script, *options, '--commands', *commands], cwd=REPOSITORY, capture_output=True, text=True, timeout=1800
    )
    assert ended.returncode == 0, ended.stdout[-4000:] + ended.stderr[-4000:]
    found = json.loads((tmp_path / 'out.json').read_text())
    for option, (part, count) in COUNTS.items():
        for command in commands if numbers[option] else ():
            assert found[f'{command} {part}'][count] >= 1, f'the fault did not happen: {command} {part}'
