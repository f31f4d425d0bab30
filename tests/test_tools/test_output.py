"""What the scripts print: the run's own lines, and one line for an error that a user can cause."""

import logging
import subprocess
import sys

import pytest

from mmwsl.engine.runner import ConsoleFilter

SHORT = ['param_scheduler=None', 'train_cfg.max_epochs=1', 'val_dataloader.dataset.indices=8']


def test_a_training_of_one_epoch_prints_few_lines(run, tmp_path):
    options = [*SHORT, 'train_dataloader.dataset.indices=320', 'default_hooks.logger.interval=1']
    printed = run('train.py', 'wsl_lse_shapes', '--work-dir', tmp_path / 'work', '--cfg-options', *options)
    lines = printed.splitlines()
    assert len(lines) <= 25, printed
    assert '320 images in batches of 16 on ' in printed and 'Epoch(train) [1]' in printed
    assert '|  circle  |' not in printed and 'mIoU' in printed
    assert lines[-1] == 'Next: mmwsl test wsl_lse_shapes work/epoch_1.pth'
    noise = ('Exp name', 'Warning', 'Hooks will be executed', 'sys.platform', 'OneDL', 'SyncBN', 'build_runner')
    assert not [word for word in noise if word in printed]
    assert printed.count('Epoch(train) [1]') == 10 and 'Epoch(train) [1][20/20]' in printed
    (log,) = (tmp_path / 'work').glob('*/*.log')
    assert log.read_text().count('Epoch(train) [1]') == 20
    everything = ('|  circle  |', 'Hooks will be executed', 'sys.platform', 'decode_head', 'Epoch(train)')
    assert all(word in log.read_text() for word in everything)


def test_an_evaluation_prints_its_metrics_and_the_log_how_the_weights_were_loaded(run, tmp_path):
    run(
        'train.py',
        'wsl_lse_shapes',
        '--work-dir',
        tmp_path,
        '--cfg-options',
        *SHORT,
        'train_dataloader.dataset.length=32',
    )
    options = ['--work-dir', tmp_path / 'test', '--cfg-options', 'test_dataloader.dataset.length=4']
    printed = run('test.py', 'wsl_lse_shapes', tmp_path / 'epoch_1.pth', *options)
    assert 'mIoU' in printed and f'Log: {tmp_path / "test"}' in printed and 'Loads checkpoint' not in printed
    (log,) = (tmp_path / 'test').glob('*/*.log')
    assert 'Loads checkpoint by local backend' in log.read_text()


@pytest.mark.parametrize(
    'script, arguments, message',
    [
        ('train.py', ['none.py'], "config='none.py' does not exist"),
        ('train.py', ['wsl_lse_shapes', '--cfg-options', 'train_cfg.max_epochs=1'], '`param_scheduler.1.end` must be'),
        ('train.py', ['wsl_lse_shapes', '--cfg-options', 'model.decode_head.aggregator.r=-1'], '`r` must be'),
        ('train.py', ['wsl_lse_shapes', '--cfg-options', 'model.decode_head.type=mmwsl.Nothing'], 'mmwsl.Nothing'),
        ('test.py', ['wsl_lse_shapes', 'none.pth'], "checkpoint='none.pth' does not exist"),
        ('compare.py', ['none'], 'none'),
        ('generate_pseudo_labels.py', ['wsl_lse_shapes', 'none.pth', '--out', 'labels'], "'none.pth'"),
    ],
)
def test_an_error_of_the_user_is_one_message(command, script, arguments, message):
    process = command(script, *arguments)
    printed, _ = process.communicate(timeout=300)
    assert process.returncode == 2 and message in printed, printed
    assert 'Traceback' not in printed and len(printed.splitlines()) <= 3, printed
    assert printed.startswith(f'{script}: ')


def test_debug_shows_the_traceback(command):
    for arguments, environment in ((['--debug'], {}), ([], dict(MMWSL_DEBUG='1'))):
        process = command('train.py', 'none.py', *arguments, **environment)
        printed, _ = process.communicate(timeout=300)
        assert process.returncode == 1 and 'Traceback' in printed and "config='none.py' does not exist" in printed


def test_the_progress_of_a_long_epoch_is_a_few_lines():
    def shown(line):
        return console.filter(logging.LogRecord('mmengine', logging.INFO, '', 0, line, (), None))

    console = ConsoleFilter()
    for epoch in (1, 2):
        steps = [step for step in range(7, 701, 7) if shown(f'Epoch(train)  [{epoch}][{step:3}/700]  lr: 0.1')]
        assert steps == [*range(70, 701, 70)]
        assert [step for step in range(20, 101, 20) if shown(f'Epoch(val) [{epoch}][{step}/100]')] == [40, 60, 80, 100]
        assert shown(f'Epoch(val) [{epoch}][100/100]    mIoU: 40.0')
    assert [step for step in range(1, 8) if shown(f'Iter(train) [ {step}/7]')] == [*range(1, 8)]


def test_no_deprecated_name_is_used_at_import():
    subprocess.run([sys.executable, '-W', 'error::DeprecationWarning', '-c', 'import mmwsl'], check=True)
