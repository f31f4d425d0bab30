"""A training that was killed between its last checkpoint and the end of the validation."""

import re
from pathlib import Path

import pytest

from mmwsl.apis.training import main


def validations(work):
    """Return the results of the validations in the logs of a work folder."""
    log = ''.join(path.read_text() for path in sorted(work.glob('*/*.log')))
    return re.findall(r'Iter\(val\) \[7/7\] +aAcc: (.*?) +data_time', log)


@pytest.mark.parametrize('interval', [4, 100], ids=['due', 'due at the end'])
def test_the_validation_is_repeated_and_the_path_written(tiny_config, tmp_path, interval):
    """The interval of the loop may be larger than the training: mmengine validates after the last iteration too."""
    config, work = (
        tiny_config(train_cfg=dict(type='IterBasedTrainLoop', max_iters=4, val_interval=interval)),
        tmp_path / 'work',
    )
    main([str(config), '--work-dir', str(work)])
    (expected,) = validations(work)
    (work / 'last_checkpoint').write_text('')
    main([str(config), '--work-dir', str(work), '--resume', '--cfg-options', f'experiment_name={tmp_path.name}_again'])
    assert validations(work) == [expected] * 2
    assert Path((work / 'last_checkpoint').read_text()) == work / 'iter_4.pth'


def test_a_validation_that_is_not_due_is_not_run(tiny_config, tmp_path):
    config, work = tiny_config(), tmp_path / 'work'
    main([str(config), '--work-dir', str(work)])
    options = [f'experiment_name={tmp_path.name}_again', 'train_cfg.max_iters=6', 'train_cfg.val_interval=3']
    main([str(config), '--work-dir', str(work), '--resume', '--cfg-options', *options])
    assert len(validations(work)) == 2  # after iterations 4 and 6, not again at 4
