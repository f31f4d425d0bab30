"""Short form of ``python -m tests.faults``: a few kills, full disks and pairs of each command."""

import json
import subprocess
import sys

from tests.conftest import REPOSITORY

# Tests of projects kill `mmwsl run`, which takes longer.
COMMANDS = ('train', 'labels', 'compare', 'predict', 'test', 'export', 'coco', 'predict-coco')


def test_nothing_is_lost(tmp_path):
    script = [sys.executable, '-m', 'tests.faults', '--json', f'{tmp_path}/out.json', '--folder', f'{tmp_path}/work']
    numbers = ['--kills', '2', '--disks', '1', '--pairs', '1']
    ended = subprocess.run(
        [*script, *numbers, '--commands', *COMMANDS], cwd=REPOSITORY, capture_output=True, text=True, timeout=1800
    )
    assert ended.returncode == 0, ended.stdout[-4000:] + ended.stderr[-4000:]
    found = json.loads((tmp_path / 'out.json').read_text())
    for part, count in (('kill', 'kills'), ('disk', 'full'), ('twice', 'pairs')):
        for command in COMMANDS:
            assert found[f'{command} {part}'][count] >= 1, f'the fault did not happen: {command} {part}'
