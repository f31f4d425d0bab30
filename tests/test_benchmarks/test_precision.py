"""Tests of the command that compares precisions: arguments that it rejects before a training."""

import runpy

import pytest


@pytest.mark.parametrize('seeds', ['1', '0', '-3'])
def test_too_few_seeds_are_rejected_before_a_training(repository, capsys, seeds):
    main = runpy.run_path(str(repository / 'benchmarks' / 'precision.py'))['main']
    with pytest.raises(SystemExit) as end:
        main(['--seeds', seeds])
    assert end.value.code == 2 and f'--seeds must be at least 2, got {seeds}.' in capsys.readouterr().err
