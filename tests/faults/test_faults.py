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
    results = tmp_path / 'out.json'
    found = json.loads(results.read_text()) if results.exists() else {}
    problems = {name: part['problems'] for name, part in found.items() if part['problems']}
    assert ended.returncode == 0, problems or ended.stderr[-4000:]
    for option, (part, count) in COUNTS.items():
        for command in commands if numbers[option] else ():
            assert found[f'{command} {part}'][count] >= 1, f'the fault did not happen: {command} {part}'
