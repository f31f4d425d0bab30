"""Commands never lose what is there: folders of outputs, work folders, caches."""

import json
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from PIL import Image

from mmwsl import apis
from mmwsl.apis.comparison import compare
from mmwsl.apis.print_config import main as print_config
from mmwsl.apis.testing import main as evaluate
from mmwsl.apis.training import main as train
from mmwsl.apis.tuning import main as tune
from mmwsl.registry import HOOKS, METRICS
from mmwsl.utils.output_folder import RECORD
from mmwsl.utils.output_path import OutputError


def states(folder):
    """Return the content of every file in a folder, by path."""
    return {path: path.read_bytes() for path in sorted(folder.rglob('*')) if path.is_file()}


def names(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob('*') if path.name != RECORD)


@pytest.fixture
def trained(tiny_config, tmp_path):
    """A config of images in files, and the work folder of its training."""
    config = tiny_config()
    train([str(config), '--work-dir', str(tmp_path / 'train')])
    return str(config), tmp_path / 'train'


@pytest.fixture
def test(trained, tmp_path):
    """A function that runs the test command with more arguments."""
    config, work = trained

    def run(*arguments, checkpoint=work / 'iter_4.pth'):
        evaluate([config, str(checkpoint), '--work-dir', str(tmp_path / 'test'), *map(str, arguments)])

    return run


@pytest.mark.parametrize('argument', ['--out', '--show-dir'])
def test_results_of_a_test_are_replaced_only_if_asked_for(test, tmp_path, argument):
    out = tmp_path / 'out'
    test(argument, out)
    before = states(out)
    assert names(out) == [f'{index}.png' for index in range(7)]
    with pytest.raises(OutputError, match=f'{argument} must be a new folder, got .* of an earlier run'):
        test(argument, out)
    assert states(out) == before
    (out / 'mine.txt').write_text('mine')
    test(argument, out, '--overwrite', '--cfg-options', 'test_dataloader.dataset.indices=3')
    assert names(out) == ['0.png', '1.png', '2.png', 'mine.txt']


def test_a_folder_of_someone_else_is_rejected_before_the_work(test, tmp_path):
    (tmp_path / 'mine').mkdir()
    (tmp_path / 'mine' / '0.png').write_text('mine')
    for argument in ('--out', '--show-dir'):
        with pytest.raises(OutputError, match=f'{argument} must be a new folder or hold results of .* with 0.png'):
            test(argument, tmp_path / 'mine')
    assert states(tmp_path / 'mine') == {tmp_path / 'mine' / '0.png': b'mine'}
    assert not (tmp_path / 'test').exists()  # not even a log
    with pytest.raises(SystemExit):
        test('--out', 'same', '--show-dir', './same')


@pytest.mark.parametrize('folder', ['scenes/masks', 'scenes/images', 'scenes/images/new', 'scenes', '.'])
def test_no_switch_makes_inputs_outputs(test, tmp_path, folder):
    before = states(tmp_path / 'scenes')
    for argument in ('--out', '--show-dir'):
        with pytest.raises(OutputError, match=f'{argument} must be apart from the images, labels and masks'):
            test(argument, tmp_path / folder, '--overwrite')
    assert states(tmp_path / 'scenes') == before and not (tmp_path / 'scenes/images/new').exists()


def test_a_rejected_checkpoint_leaves_nothing(test, tmp_path):
    other = tmp_path / 'other.pth'
    torch.save(dict(state_dict=dict(a=torch.zeros(1))), other)
    (tmp_path / 'old').mkdir()
    for folder in ('new/deep', 'old'):
        with pytest.raises(ValueError, match='must fit the config'):
            test('--out', tmp_path / folder, '--show-dir', tmp_path / 'drawn', checkpoint=other)
    assert not (tmp_path / 'test').exists() and not (tmp_path / 'new').exists() and not (tmp_path / 'drawn').exists()
    assert list((tmp_path / 'old').iterdir()) == []


def test_a_command_works_after_one_that_was_rejected(tiny_config, tmp_path):
    """In one process the second has the visualizer of the first, by its name."""
    arguments = [str(tiny_config()), '--work-dir', str(tmp_path / 'work'), '--cfg-options']
    arguments.append(f'visualizer.name={tmp_path.name}')
    for wrong in ('model.backbone.type=Nothing', 'param_scheduler.type=PolyLR', 'model.decode_head.type=Nothing'):
        with pytest.raises((KeyError, ValueError)):
            train([*arguments, wrong])
        assert not (tmp_path / 'work').exists()
    train(arguments)
    assert (tmp_path / 'work' / 'iter_4.pth').exists() and list((tmp_path / 'work').glob('*/vis_data/config.py'))


def test_a_training_does_not_mix_with_an_earlier_one(trained, tmp_path):
    config, work = trained
    (work / 'svm.pth').write_text('mine')
    time.sleep(1.1)  # mmengine names the folder of a log after the second
    logs = {path: content for path, content in states(work).items() if path.suffix in ('.log', '.json')}
    before = states(work)
    new = [f'experiment_name={tmp_path.name}_new', f'visualizer.name={tmp_path.name}']  # mmengine keeps the old one
    arguments = [config, '--work-dir', str(work), '--cfg-options', *new]
    longer = ['train_cfg.max_iters=6', 'default_hooks.checkpoint.interval=3']
    with pytest.raises(OutputError, match=r'got .* with iter_2.pth, iter_4.pth. Continue with --resume'):
        train(arguments)
    # Rejected later, the new training has not replaced anything either.
    with pytest.raises(ValueError, match='must fit the config'):
        torch.save(dict(state_dict=dict(a=torch.zeros(1))), tmp_path / 'other.pth')
        train([*arguments, f'load_from={tmp_path / "other.pth"}', '--overwrite'])
    with pytest.raises(FileNotFoundError):
        train([*arguments, 'load_from=none.pth', '--overwrite'])
    with pytest.raises(ValueError, match='must be False under'):
        train([*arguments, 'param_scheduler.type=PolyLR', 'param_scheduler.end=1', '--overwrite'])
    assert states(work) == before
    train([*arguments, *longer, '--overwrite'])
    assert sorted(path.name for path in work.glob('*.pth')) == ['iter_3.pth', 'iter_6.pth', 'svm.pth']
    assert {path: path.read_bytes() for path in logs} == logs
    with pytest.raises(SystemExit):
        train([*arguments, '--resume', '--overwrite'])


def test_checkpoints_in_another_folder_do_not_mix_either(tiny_config, tmp_path):
    config, out = tiny_config(), tmp_path / 'elsewhere'
    options = [
        '--cfg-options',
        f'default_hooks.checkpoint.out_dir={out}',
        'default_hooks.checkpoint.filename_tmpl=x{}.pth',
    ]
    arguments = [str(config), '--work-dir', str(tmp_path / 'work'), *options]
    train(arguments)
    assert (out / 'work' / 'x4.pth').exists()
    (tmp_path / 'work' / 'last_checkpoint').unlink()
    with pytest.raises(OutputError, match='with x2.pth, x4.pth'):
        train(arguments)


@pytest.mark.parametrize('changed', [[], ['optim_wrapper.optimizer.lr=0.01', 'model.decode_head.dropout_ratio=0.5']])
def test_a_training_that_resumes_with_another_config_says_so(trained, tmp_path, changed, capfd):
    config, work = trained
    options = [f'experiment_name={tmp_path.name}_again', 'train_cfg.max_iters=6', *changed]
    train([config, '--work-dir', str(work), '--resume', '--cfg-options', *options])
    printed = ''.join(capfd.readouterr())
    keys = 'model, optim_wrapper, train_cfg' if changed else 'train_cfg'
    assert f'--resume: the config differs from that of {work / "iter_4.pth"} in {keys}.' in printed
    assert (work / 'iter_6.pth').exists()


def test_an_evaluation_in_the_folder_of_a_training_keeps_its_config(trained):
    config, work = trained
    before = (work / 'tiny.py').read_bytes()
    evaluate([config, str(work / 'iter_4.pth'), '--work-dir', str(work), '--cfg-options', 'test_evaluator=[]'])
    assert (work / 'tiny.py').read_bytes() == before


@HOOKS.register_module()
class WholeCheckpoints(Hook):
    """Hook that lists the checkpoints that load while another is written."""

    def __init__(self):
        self.found = []

    def before_save_checkpoint(self, runner, checkpoint):
        paths = sorted(Path(runner.work_dir).glob('*.pth'))
        assert all(torch.load(path, weights_only=True)['state_dict'] for path in paths)
        self.found.append([path.name for path in paths])


@METRICS.register_module()
class Rising(BaseMetric):
    """Metric that grows with every evaluation."""

    value = 0

    def process(self, data_batch, data_samples):
        self.results.append(0)

    def compute_metrics(self, results):
        Rising.value += 1
        return dict(rising=Rising.value)


def test_at_any_moment_there_is_a_whole_checkpoint(tiny_config, tmp_path):
    checkpoint = dict(type='mmwsl.WeightsOnlyCheckpointHook', by_epoch=False, interval=1, max_keep_ckpts=1)
    cfg = apis.load_config(tiny_config(), work_dir=str(tmp_path / 'work'))
    cfg.default_hooks.checkpoint = checkpoint
    hook = WholeCheckpoints()
    apis.train(cfg, hooks=[hook])
    assert hook.found == [[], ['iter_1.pth'], ['iter_2.pth'], ['iter_3.pth']]
    assert sorted(path.name for path in (tmp_path / 'work').glob('*.pth*')) == ['iter_4.pth']


def test_the_best_checkpoint_is_removed_after_its_successor_is_written(tiny_config, tmp_path):
    checkpoint = dict(type='mmwsl.WeightsOnlyCheckpointHook', by_epoch=False, interval=100, save_best='rising')
    cfg = apis.load_config(tiny_config(val_evaluator=dict(type='mmwsl.Rising')), work_dir=str(tmp_path / 'work'))
    cfg.default_hooks.checkpoint = dict(checkpoint, rule='greater')
    cfg.train_cfg.val_interval = 1
    hook = WholeCheckpoints()
    apis.train(cfg, hooks=[hook])
    assert hook.found[:3] == [[], ['best_rising_iter_1.pth'], ['best_rising_iter_2.pth']]
    best = [path.name for path in (tmp_path / 'work').glob('best_*')]
    assert best == ['best_rising_iter_4.pth'] and (tmp_path / 'work' / 'iter_4.pth').exists()


@pytest.fixture
def compared(trained, tmp_path):
    """A function that compares the training with itself, and returns its row and the stored results."""

    def run(**arguments):
        (row,) = compare([str(trained[1])], tmp_path / 'out', num_images=2, **arguments)
        return row, {path: path.stat().st_ino for path in trained[1].glob('comparison/*/result.json')}

    return run


def test_a_comparison_depends_on_masks_images_and_lists(compared, tmp_path):
    first, stored = compared()
    assert compared() == (first, stored) and len(stored) == 1
    for path in (tmp_path / 'scenes/masks').glob('*.png'):
        Image.fromarray(1 - np.asarray(Image.open(path))).save(path)
    masks, stored = compared()
    assert masks['mIoU'] != first['mIoU'] and len(stored) == 2
    shutil.copy(tmp_path / 'scenes/images/1.png', tmp_path / 'scenes/images/0.png')
    assert len(compared()[1]) == 3
    for folder in ('masks', 'images'):
        (tmp_path / 'scenes' / folder / '6.png').unlink()
    assert len(compared()[1]) == 4
    assert '6 images.' in (tmp_path / 'out/comparison.md').read_text()


def test_another_version_evaluates_again(compared, monkeypatch):
    compared()
    monkeypatch.setattr('mmwsl.__version__', '99.0.0')
    assert len(compared()[1]) == 2


@pytest.mark.parametrize('damage', ['half', 'empty', 'list', 'image'])
def test_a_damaged_result_is_made_anew(compared, damage):
    row, stored = compared()
    ((file, node),) = stored.items()
    text = file.read_text()
    if damage == 'image':
        (file.parent / 'prediction_1.png').write_bytes(b'')
    else:
        file.write_text(dict(half=text[:99], empty='', list='[]')[damage])
    again, stored = compared()
    assert again['mIoU'] == row['mIoU'] and json.loads(file.read_text())['mIoU'] == row['mIoU']
    assert len(stored) == 1 and stored[file] != node


def test_the_least_recently_used_results_are_removed(compared, monkeypatch):
    monkeypatch.setattr('mmwsl.apis.comparison.cache.MAX_RESULTS', 2)
    compared(max_images=1)
    compared(max_images=2)
    compared(max_images=1)  # used again
    stored = compared(max_images=3)[1]
    assert sorted(json.loads(path.read_text())['images'] for path in stored) == [1, 3]


def test_a_comparison_that_is_rejected_leaves_nothing(trained, tmp_path):
    config, work = trained
    torch.save(dict(state_dict=dict(a=torch.zeros(1))), tmp_path / 'other.pth')
    before = names(tmp_path)
    with pytest.raises(ValueError, match='must fit the config'):
        compare([f'{config}:{tmp_path / "other.pth"}'], tmp_path / 'out')
    for out, message in (('scenes', 'must be apart'), ('train', 'must be a new folder or hold results of `mmwsl com')):
        with pytest.raises(OutputError, match=message):
            compare([str(work)], tmp_path / out)
    assert names(tmp_path) == before
    compare([str(work)], tmp_path / 'out', num_images=1)
    compare([str(work)], tmp_path / 'out', num_images=0)
    assert not (tmp_path / 'out' / 'images.png').exists()  # of the first comparison


@pytest.mark.parametrize(
    'out, message', [('sub.py', 'must be a file'), ('no/x.py', 'in an existing'), ('old.py', 'a new file')]
)
def test_files_are_checked_before_the_work(trained, tmp_path, out, message):
    config, work = trained
    (tmp_path / 'old.py').write_text('mine')
    (tmp_path / 'sub.py').mkdir()
    out = str(tmp_path / out)
    for command in (
        print_config,
        lambda arguments: tune([config, 'no checkpoint is needed to see it', *arguments[1:]]),
    ):
        with pytest.raises(OutputError, match=f'--out must be .*{message}' if 'a ' not in message else message):
            command([config, '--out', out])
    assert (tmp_path / 'old.py').read_text() == 'mine'
    print_config([config, '--out', str(tmp_path / 'old.py'), '--overwrite'])
    assert 'EncoderDecoder' in (tmp_path / 'old.py').read_text()
    with pytest.raises(OutputError, match='must be apart'):
        print_config([config, '--out', config, '--overwrite'])
