import os
import re
import shutil
import signal
import time
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mmwsl import apis
from mmwsl.apis.training import main


@pytest.fixture
def again(tmp_path):
    """An option for the second run of a test, see ``tiny_config``."""
    return f'experiment_name={tmp_path.name}_again'


def log_of(work_dir):
    """Return the text of the newest log in a work folder."""
    return max(Path(work_dir).glob('*/*.log'), key=os.path.getmtime).read_text()


def trained_iterations(log):
    """Return the numbers of the training iterations that a log tells of."""
    return [int(number) for number in re.findall(r'Iter\(train\)\s*\[\s*(\d+)/', log)]


def test_a_killed_training_resumes(tiny_config, command, tmp_path, again):
    config, work = tiny_config(), tmp_path / 'work'
    process = command('train.py', config, '--work-dir', work, '--cfg-options', 'train_cfg.max_iters=100000')
    deadline = time.monotonic() + 200
    while not (work / 'iter_6.pth').exists():
        assert process.poll() is None and time.monotonic() < deadline, process.communicate()[0][-4000:]
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    process.stdout.close()

    reached = int(re.search(r'iter_(\d+)\.pth', apis.latest_checkpoint(work))[1])
    assert reached >= 4
    before = torch.load(work / f'iter_{reached}.pth', weights_only=True)['state_dict']
    main(
        [
            str(config),
            '--work-dir',
            str(work),
            '--resume',
            '--cfg-options',
            again,
            f'train_cfg.max_iters={reached + 2}',
            'optim_wrapper.optimizer.lr=0.',
        ]
    )
    log = log_of(work)
    assert f'resumed epoch: 0, iter: {reached}' in log
    assert trained_iterations(log) == [reached + 1, reached + 2]
    assert torch.load(work / f'iter_{reached + 2}.pth', weights_only=True)['state_dict'].keys() == before.keys()


@pytest.mark.parametrize('note', ['iter_4.pth', ''], ids=['noted', 'note empty'])
def test_a_training_killed_while_it_wrote_resumes_from_the_one_before(tiny_config, tmp_path, note, again):
    config, work = tiny_config(), tmp_path / 'work'
    main([str(config), '--work-dir', str(work)])
    whole = (work / 'iter_4.pth').read_bytes()
    (work / 'iter_4.pth').write_bytes(whole[: len(whole) // 2])
    (work / 'last_checkpoint').write_text(note and str(work / note))

    main([str(config), '--work-dir', str(work), '--resume', '--cfg-options', again])
    assert trained_iterations(log_of(work))[-2:] == [3, 4]
    assert 'resumed epoch: 0, iter: 2' in log_of(work)
    apis.check_checkpoint(work / 'iter_4.pth')


def test_a_training_resumes_where_its_folder_was_moved_to(tiny_config, tmp_path, again):
    config, work = tiny_config(), tmp_path / 'work'
    main([str(config), '--work-dir', str(work)])
    # the folder itself stays: within one process the visualizer of the first run writes to it
    # without its log, which a second run in the same second would add to
    moved = shutil.copytree(work, tmp_path / 'moved', ignore=shutil.ignore_patterns('*_*[0-9]'))
    for path in work.glob('*.pth'):
        path.unlink()
    main([str(config), '--work-dir', str(moved), '--resume', '--cfg-options', again, 'train_cfg.max_iters=6'])
    assert 'resumed epoch: 0, iter: 4' in log_of(moved)
    assert trained_iterations(log_of(moved)) == [5, 6]


@pytest.mark.parametrize(
    'hook, kept',
    [('mmwsl.WeightsOnlyCheckpointHook', ['iter_6.pth']), ('CheckpointHook', ['iter_4.pth', 'iter_6.pth'])],
)
def test_a_single_checkpoint_is_kept_where_its_successor_is_written_first(tiny_config, tmp_path, hook, kept):
    config, work = tiny_config(), tmp_path / 'work'
    options = [f'default_hooks.checkpoint.type={hook}', 'default_hooks.checkpoint.max_keep_ckpts=1']
    main([str(config), '--work-dir', str(work), '--cfg-options', *options, 'train_cfg.max_iters=6'])
    assert sorted(path.name for path in work.glob('*.pth*')) == kept


def test_the_config_of_a_resumed_training_starts_a_new_one(tiny_config, tmp_path):
    """Its folder has the config that it was started with: another training by it starts from the initial weights."""

    def run(config, folder, *options, resume=()):
        name = f'experiment_name={tmp_path.name}_{"_".join([folder, *resume])}'
        main([str(config), '--work-dir', str(tmp_path / folder), *resume, '--cfg-options', name, *options])
        return log_of(tmp_path / folder)

    config = tiny_config()
    run(config, 'first', 'train_cfg.max_iters=2')
    assert 'resumed epoch' in run(config, 'first', resume=['--resume'])
    (written,) = (tmp_path / 'first').glob('*.py')
    log = run(written, 'second')
    assert 'Load checkpoint' not in log and trained_iterations(log) == [1, 2, 3, 4]
    resumed = Config.fromfile(written)  # as earlier versions wrote it
    resumed.update(resume=True, load_from=str(tmp_path / 'first/iter_4.pth'))
    resumed.dump(tmp_path / 'old.py')
    with pytest.raises(ValueError, match='Pass --resume to continue it, or --cfg-options load_from=None'):
        run(tmp_path / 'old.py', 'third')
    assert 'Load checkpoint' not in run(tmp_path / 'old.py', 'third', 'load_from=None')


def test_resume_without_a_checkpoint_starts_from_the_given_weights(tiny_config, tmp_path, again):
    config = tiny_config()
    main([str(config), '--work-dir', str(tmp_path / 'first')])
    given = tmp_path / 'first' / 'iter_4.pth'
    main(
        [
            str(config),
            '--work-dir',
            str(tmp_path / 'second'),
            '--resume',
            '--cfg-options',
            again,
            f'load_from={given}',
            'train_cfg.max_iters=2',
        ]
    )
    log = log_of(tmp_path / 'second')
    assert f'Load checkpoint from {given}' in log and 'resumed' not in log
    assert trained_iterations(log) == [1, 2]


@pytest.mark.gpu
def test_float16_reaches_the_runner(tiny_config, tmp_path):
    main([str(tiny_config()), '--work-dir', str(tmp_path / 'work'), '--amp', 'float16'])
    assert 'loss_scaler' in torch.load(tmp_path / 'work' / 'iter_4.pth', weights_only=True)['optimizer']


@pytest.mark.parametrize(
    ('path', 'message'),
    [
        (
            'work_dirs/wsl_lse_voc6/epoch_6.pth',
            r"'work_dirs/wsl_lse_voc6/epoch_6\.pth', which .*Run `python tools/train\.py .*lse/wsl_lse_voc6\.py` first",
        ),
        ('work_dirs/nothing/epoch_6.pth', r'does not exist\. Set --cfg-options load_from=FILE'),
    ],
)
def test_a_missing_checkpoint_of_an_earlier_training_names_its_config(repository, tmp_path, path, message):
    options = ['--cfg-options', f'load_from={path}']
    with pytest.raises(FileNotFoundError, match=message):
        main([str(repository / 'configs/em_adapt/wsl_emadapt_voc6.py'), '--work-dir', str(tmp_path), *options])
