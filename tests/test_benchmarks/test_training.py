"""Tests of the command of the training benchmark, with tiny settings."""

import json
import os
import subprocess
import sys


def test_each_row_has_times_memory_and_fractions(repository, tmp_path):
    arguments = 'lse wildcat --size 32 --batch-size 2 --rounds 2 --steps 2 --device cpu --out found.json'
    done = subprocess.run(
        [sys.executable, str(repository / 'benchmarks' / 'training.py'), *arguments.split()],
        text=True,
        cwd=tmp_path,
        env=dict(os.environ, OMP_NUM_THREADS='1'),
        capture_output=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    rows = {row['name']: row for row in json.loads((tmp_path / 'found.json').read_text())['rows']}
    assert list(rows) == ['fcn', 'none', 'lse', 'wildcat']
    assert rows['fcn']['over_fcn'] == rows['none']['over_none'] == 1
    for row in rows.values():
        assert row['step_ms'] > 0 and row['images_per_second'] > 0 and row['peak_mib'] > 0
        assert 0 < row['own_fraction'] < 1 and 0 <= row['loader_fraction'] < 1
        assert row['name'] in done.stdout
