import json
import os
import re
import stat

import pytest
import torch
from mmengine.registry import init_default_scope

from mmwsl.apis.config import load_config
from mmwsl.apis.pseudo_labels.command import main as label
from mmwsl.apis.testing import main as evaluate
from mmwsl.apis.training import main as train
from mmwsl.apis.tuning import main as tune
from mmwsl.registry import MODELS

# Without normalization over the batch, two processes with two images each are one process with four.
NO_BATCH_STATISTICS = ['model.backbone.norm_cfg=None', 'model.decode_head.norm_cfg=None']


def needs_gpus(processes):
    """Skip where there are GPUs, but fewer than processes."""
    return pytest.mark.skipif(
        0 < torch.cuda.device_count() < processes,
        reason=f'{processes} processes cannot share {torch.cuda.device_count()} GPUs; tested on CPUs with '
        'CUDA_VISIBLE_DEVICES= in the environment',
    )


TWO_GPUS, THREE_GPUS = needs_gpus(2), needs_gpus(3)


def scores_of(work_dir):
    """Return the metrics that a test wrote into its work folder."""
    return json.loads(next(work_dir.glob('*/*.json')).read_text())


@TWO_GPUS
def test_two_processes_train_as_one_and_evaluate_to_the_same_digits(tiny_config, run, tmp_path):
    config = tiny_config()
    options = ['train_cfg.max_iters=12', 'optim_wrapper.optimizer.lr=0.3', *NO_BATCH_STATISTICS]
    exact = ['--amp', 'off', '--cfg-options', 'acceleration_cfg.tf32=False', *options]
    run('dist_train.sh', config, 2, '--work-dir', 'two', *exact)
    train([str(config), '--work-dir', str(tmp_path / 'one'), *exact, 'train_dataloader.batch_size=4'])
    one, two = (torch.load(tmp_path / name / 'iter_12.pth', weights_only=True)['state_dict'] for name in ('one', 'two'))
    assert one.keys() == two.keys()
    for name, weights in one.items():
        torch.testing.assert_close(two[name], weights, rtol=1e-3, atol=1e-5, msg=name)

    # Seven images: the processes get four and three, and none may count twice.
    checkpoint = tmp_path / 'two' / 'iter_12.pth'
    run(
        'dist_test.sh',
        config,
        checkpoint,
        2,
        '--work-dir',
        'evaluated_by_two',
        '--cfg-options',
        'default_hooks.logger.type=mmwsl.MainProcessLoggerHook',
        *NO_BATCH_STATISTICS,
    )
    evaluate(
        [
            str(config),
            str(checkpoint),
            '--work-dir',
            str(tmp_path / 'evaluated_by_one'),
            '--cfg-options',
            *NO_BATCH_STATISTICS,
        ]
    )
    by_one, by_two = (scores_of(tmp_path / f'evaluated_by_{number}') for number in ('one', 'two'))
    assert 40 < by_one['mIoU'] < 100
    for name in ('aAcc', 'mIoU', 'mAcc'):
        assert by_one[name] == by_two[name]


@THREE_GPUS
def test_three_processes_train_as_one(tiny_config, run, tmp_path):
    """Gradients are summed in another order, so that the last digits may differ."""
    config = tiny_config()
    exact = ['--amp', 'off', '--cfg-options', 'acceleration_cfg.tf32=False', 'train_cfg.max_iters=4']
    exact += ['optim_wrapper.optimizer.lr=0.3', *NO_BATCH_STATISTICS]
    run('dist_train.sh', config, 3, '--work-dir', 'three', *exact)
    train([str(config), '--work-dir', str(tmp_path / 'one'), *exact, 'train_dataloader.batch_size=6'])
    one, three = (
        torch.load(tmp_path / name / 'iter_4.pth', weights_only=True)['state_dict'] for name in ('one', 'three')
    )
    for name, weights in one.items():
        torch.testing.assert_close(three[name], weights, rtol=1e-3, atol=1e-5, msg=name)


KILL = """
import os, signal, sys, time
from pathlib import Path
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

def die_once():
    if os.environ['RANK'] == '1' and not Path('died').exists():
        Path('died').touch()
        os.kill(os.getpid(), signal.SIGKILL)

@HOOKS.register_module(force=True)
class DieOnceHook(Hook):
    priority = 'LOWEST'
    def after_train_iter(self, runner, *args, **kwargs):
        if runner.iter + 1 == 5:
            die_once()
    def before_test_iter(self, runner, batch_idx, data_batch=None):
        if batch_idx == 2:
            if '--out' in sys.argv:  # threads write the scores of labels: one image must have arrived
                out = Path(sys.argv[sys.argv.index('--out') + 1])
                while not any(out.rglob('*.npz')):
                    time.sleep(0.01)
            die_once()
"""


def test_one_process_trains_an_epoch(tiny_config, run):
    config = tiny_config(
        train_cfg=dict(type='EpochBasedTrainLoop', max_epochs=1, val_interval=1), log_processor=dict(by_epoch=True)
    )
    logger = 'default_hooks.logger.log_metric_by_epoch=True'
    sampler = 'train_dataloader.sampler.type=DefaultSampler'
    checkpoint = 'default_hooks.checkpoint.by_epoch=True'
    options = [logger, sampler, checkpoint, 'default_hooks.checkpoint.interval=1']
    output = run('dist_train.sh', config, 1, '--work-dir', 'one', '--cfg-options', *options)
    assert re.search(r'Epoch\(train\) +\[1\]\[4/4\]', output) and re.search(r'Epoch\(val\) +\[1\]\[7/7\]', output)
    assert (config.parent / 'one' / 'epoch_1.pth').exists()


def test_a_killed_process_restarts_and_resumes(tiny_config, run, tmp_path):
    """torchrun stops the other process and starts both again: they continue from the last checkpoint."""
    (tmp_path / 'die_once.py').write_text(KILL)
    settings = dict(custom_imports=dict(imports=['die_once']), custom_hooks=[dict(type='DieOnceHook')])
    config = tiny_config(**settings)
    options = ['--resume', '--cfg-options', 'train_cfg.max_iters=8', *NO_BATCH_STATISTICS]
    environment = dict(MAX_RESTARTS='1', PYTHONPATH=str(tmp_path), CUDA_VISIBLE_DEVICES='')
    output = run('dist_train.sh', config, 2, '--work-dir', 'killed', *options, **environment)
    assert (tmp_path / 'died').exists()
    assert re.search(r'training continues from \S*iter_4\.pth', output)
    run('dist_train.sh', config, 2, '--work-dir', 'whole', *options, **environment)
    killed, whole = (
        torch.load(tmp_path / name / 'iter_8.pth', weights_only=True)['state_dict'] for name in ('killed', 'whole')
    )
    assert all(torch.equal(killed[name], value) for name, value in whole.items())


@TWO_GPUS
def test_a_mask_that_cannot_be_used_stops_all_processes(tiny_config, command):
    config = tiny_config()
    mask = config.parent / 'scenes' / 'masks' / '3.png'
    mask.write_bytes(mask.read_bytes()[:50])
    process = command('dist_train.sh', config, 2, '--work-dir', 'two')
    output, _ = process.communicate(timeout=120)
    assert process.returncode and not list(config.parent.glob('two/*.pth'))
    errors = [line for line in output.splitlines() if line.startswith('train.py: ')]
    assert errors and all('1 of 7 masks cannot be used: 3.png cannot be read' in line for line in errors)


@THREE_GPUS
def test_processes_evaluate_tune_and_label_to_the_same_digits(run, repository, tmp_path):
    """Evaluate the inference pipeline and our metrics on seven images: four and three, and three, two and two."""
    config = repository / 'configs/shapes/wsl_lse_shapes_ilp.py'
    options = ['--cfg-options', 'train_cfg.max_epochs=1', 'param_scheduler=None', 'train_dataloader.dataset.length=64']
    for loader in ('val_dataloader', 'test_dataloader'):
        options.append(f'{loader}.dataset.length=7')
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        options += [f'{loader}.num_workers=0', f'{loader}.persistent_workers=False']
    train([str(config), '--work-dir', str(tmp_path / 'trained'), *options])
    checkpoint = tmp_path / 'trained' / 'epoch_1.pth'
    evaluate([str(config), str(checkpoint), '--work-dir', str(tmp_path / 'by_one'), *options])
    by_one = scores_of(tmp_path / 'by_one')
    assert {'mIoU', 'mAP'} <= by_one.keys()
    for processes in (2, 3):
        run('dist_test.sh', config, checkpoint, processes, '--work-dir', f'by_{processes}', *options)
        found = scores_of(tmp_path / f'by_{processes}')
        for name in by_one.keys() - {'time', 'data_time'}:
            assert by_one[name] == found[name], (processes, name)
    thresholds = [tmp_path / f'thresholds_of_{processes}.json' for processes in (1, 2, 3)]
    tune([str(config), str(checkpoint), '--work-dir', str(tmp_path / 'tuned'), '--out', str(thresholds[0]), *options])
    for processes, file in zip((2, 3), thresholds[1:], strict=True):
        arguments = ['--work-dir', f'tuned_by_{processes}', '--out', file, *options]
        run('torchrun.sh', processes, 'tune_thresholds.py', config, checkpoint, *arguments)
    assert len({file.read_bytes() for file in thresholds}) == 1
    assert len(json.loads(thresholds[0].read_text())['thresholds']) == 6
    folders = []
    for processes in (1, 3):
        folders.append(tmp_path / f'labels_of_{processes}')
        arguments = ['--split', 'test', '--out', folders[-1], *options]
        run('dist_pseudo_labels.sh', config, checkpoint, processes, *arguments)
    masks = [{path.name: path.read_bytes() for path in folder.glob('masks/*.png')} for folder in folders]
    assert len(masks[0]) == 7 and masks[0] == masks[1]


@TWO_GPUS
def test_a_killed_process_of_an_evaluation_or_of_label_generation(run, command, repository, tmp_path):
    """Only unfinished images are predicted again: by hand, or by torchrun. The results are those without a kill."""
    (tmp_path / 'die_once.py').write_text(KILL)
    shapes = repository / 'configs/shapes/wsl_lse_shapes_ilp.py'
    imports = "custom_imports = dict(imports=['die_once'])\ncustom_hooks = [dict(type='DieOnceHook')]"
    config = tmp_path / 'killed.py'
    config.write_text(f'_base_ = {str(shapes)!r}\n{imports}\n')
    cfg = load_config(str(shapes), None, str(tmp_path / 'work'), 'test')
    init_default_scope('mmseg')
    torch.manual_seed(0)
    checkpoint = tmp_path / 'untrained.pth'
    torch.save(dict(state_dict=MODELS.build(cfg.model).state_dict(), meta={}), checkpoint)
    options = ['--cfg-options']
    for loader in ('val_dataloader', 'test_dataloader'):
        options += [f'{loader}.dataset.length=9', f'{loader}.num_workers=0', f'{loader}.persistent_workers=False']
    environment = dict(PYTHONPATH=str(tmp_path))
    labels = ['dist_pseudo_labels.sh', config, checkpoint, 2, '--split', 'test', '--check-data', 'off', '--out']
    test = ['dist_test.sh', config, checkpoint, 2, '--work-dir']

    process = command(*labels, 'by_hand', *options, **environment)
    process.communicate(timeout=120)
    assert process.returncode and (tmp_path / 'died').exists()
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / 'by_hand/scores').rglob('*.npz')}
    assert 1 <= len(kept) < 9
    output = run(*labels, 'by_hand', *options, **environment)
    assert f'{len(kept)} of 9 images have scores' in output
    assert all(path.stat().st_mtime_ns == time for path, time in kept.items())

    (tmp_path / 'died').unlink()
    output = run(*labels, 'by_torchrun', *options, MAX_RESTARTS='1', **environment)
    assert '0 of 9 images have scores' in output and re.search('[1-8] of 9 images have scores', output)
    label([str(shapes), str(checkpoint), '--split', 'test', '--out', str(tmp_path / 'whole'), *options])
    masks = [
        {path.name: path.read_bytes() for path in (tmp_path / name / 'masks').glob('*.png')}
        for name in ('whole', 'by_hand', 'by_torchrun')
    ]
    assert len(masks[0]) == 9 and masks[0] == masks[1] == masks[2]

    (tmp_path / 'died').unlink()
    run(*test, 'killed', *options, MAX_RESTARTS='1', **environment)
    assert (tmp_path / 'died').exists()
    evaluate([str(shapes), str(checkpoint), '--work-dir', str(tmp_path / 'undisturbed'), *options])
    found, expected = scores_of(tmp_path / 'killed'), scores_of(tmp_path / 'undisturbed')
    assert all(found[name] == expected[name] for name in expected.keys() - {'time', 'data_time'})


@pytest.mark.parametrize(
    'script, arguments, expected',
    [
        (
            'slurm_train.sh',
            ['part', 'job', 'c.py', '--amp', '--cfg-options', 'a="x y"'],
            ['train.py', 'c.py', '--launcher', 'slurm', '--amp', '--cfg-options', 'a="x y"'],
        ),
        (
            'slurm_test.sh',
            ['part', 'job', 'c.py', 'c.pth', '--tta'],
            ['test.py', 'c.py', 'c.pth', '--launcher', 'slurm', '--tta'],
        ),
    ],
)
def test_slurm_scripts_ask_srun_for_what_the_environment_says(run, tmp_path, script, arguments, expected):
    srun = tmp_path / 'bin' / 'srun'
    srun.parent.mkdir()
    srun.write_text('#!/usr/bin/env bash\nprintf "%s\\n" "$@"\n')
    srun.chmod(srun.stat().st_mode | stat.S_IEXEC)
    output = run(script, *arguments, PATH=f'{srun.parent}:{os.environ["PATH"]}', GPUS='8', SRUN_ARGS='--mem=1G -x n1')
    lines = output.splitlines()
    command = lines.index('python')
    assert {'part', '--job-name=job', '--ntasks=8', '--gres=gpu:4', '--mem=1G', '-x', 'n1'} <= set(lines[:command])
    assert [lines[command + 2].rsplit('/')[-1], *lines[command + 3 :]] == expected


@pytest.mark.parametrize(
    'script',
    ['torchrun.sh', 'dist_train.sh', 'dist_test.sh', 'dist_pseudo_labels.sh', 'slurm_train.sh', 'slurm_test.sh'],
)
def test_too_few_arguments_print_the_usage(command, script):
    process = command(script, 'c.py')
    output, _ = process.communicate()
    assert process.returncode == 2 and output.startswith(f'Usage: tools/{script} ')
