"""Comparison of runs on synthetic shapes, and errors that keep finished results."""

import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.logging import HistoryBuffer
from PIL import Image

from mmwsl import apis
from mmwsl.apis.comparison import RunError, compare
from mmwsl.apis.comparison.command import main
from mmwsl.apis.comparison.measurement import speed
from mmwsl.registry import MODELS

SHORT = {
    f'{loader}.{key}': value
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader')
    for key, value in {'dataset.length': 12, 'num_workers': 0, 'persistent_workers': False}.items()
}
FULL = """
_base_ = ['{base}']
load = [dict(type='mmwsl.RenderShapesImage'), dict(type='mmwsl.RenderShapesMask'), dict(type='PackSegInputs')]
model = dict(type='EncoderDecoder', decode_head=dict(
    _delete_=True, type='FCNHead', in_channels=64, channels=8, num_convs=1, concat_input=False, num_classes=7,
    align_corners=False, loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True)))
train_dataloader = dict(dataset=dict(pipeline=load))
val_dataloader = dict(dataset=dict(pipeline=load))
test_dataloader = val_dataloader
val_evaluator = dict(_delete_=True, type='IoUMetric')
test_evaluator = val_evaluator
"""


@pytest.fixture(scope='module')
def runs(repository, tmp_path_factory):
    """Train twice, on image-level labels and on masks."""
    root = tmp_path_factory.mktemp('runs')
    base = repository / 'configs/shapes/wsl_lse_shapes.py'
    (root / 'full.py').write_text(FULL.format(base=base))
    for name, config in (('weak', base), ('masks', root / 'full.py')):
        options = SHORT | {'train_cfg.max_epochs': 1, 'train_cfg.val_interval': 9, 'param_scheduler': None}
        apis.train(apis.load_config(config, options, str(root / name)))
    return root


def test_two_runs_give_one_table_and_one_grid(runs, tmp_path, capsys):
    rows = compare([str(runs / 'weak'), str(runs / 'masks')], tmp_path / 'out', max_images=5, num_images=3)
    weak, full = rows
    assert (weak['supervision'], full['supervision']) == ('image labels', 'masks')
    assert full['annotation_seconds'] == 79 * weak['annotation_seconds'] == 79 * weak['labels'] > 0
    for row in rows:
        cfg = apis.load_config(
            runs / row['run'] / f'{"wsl_lse_shapes" if row is weak else "full"}.py',
            {'test_dataloader.dataset.indices': 5},
            str(tmp_path / 'again'),
        )
        metrics = apis.test(cfg, str(runs / row['run'] / 'epoch_1.pth'))
        assert row['mIoU'] == pytest.approx(metrics['mIoU'], abs=1e-4)
        model = MODELS.build(Config.fromfile(cfg.filename).model)
        assert row['parameters'] == sum(parameter.numel() for parameter in model.parameters())
        assert _convolutions(model, 96) <= row['macs'] < 1.2 * _convolutions(model, 96)
        classes = [value for key, value in row.items() if key.startswith('IoU_') and value is not None]
        assert np.mean(classes) == pytest.approx(row['mIoU'], abs=0.01)
    assert weak['full_run'] == 'masks' and weak['ratio_to_full'] == pytest.approx(
        100 * weak['mIoU'] / full['mIoU'], abs=0.01
    )
    assert json.loads((tmp_path / 'out' / 'comparison.json').read_text()) == rows
    assert (tmp_path / 'out' / 'comparison.md').read_text() in capsys.readouterr().out
    assert (tmp_path / 'out' / 'comparison.csv').is_file() and (tmp_path / 'out' / 'comparison.png').is_file()
    grid = np.asarray(Image.open(tmp_path / 'out' / 'images.png'))
    columns = [grid[22:, 6 + 150 * column : 150 + 150 * column] for column in range(4)]
    for column, kind, run in zip(
        columns, ('input', 'ground truth', 'prediction', 'prediction'), ('weak', 'weak', 'weak', 'masks'), strict=True
    ):
        tile = Image.open(next((runs / run / 'comparison').glob(f'*/{kind}_1.png')))
        assert (column[150:294] == np.asarray(tile.resize((144, 144), Image.Resampling.NEAREST))).all()


def _convolutions(model, size):
    """Count the MACs of the convolutions."""
    counts = []

    def count(module, inputs, output):
        counts.append(output.numel() * module.weight[0].numel())

    hooks = [module.register_forward_hook(count) for module in model.modules() if isinstance(module, torch.nn.Conv2d)]
    model.eval()(torch.zeros(1, 3, size, size), mode='tensor')
    for hook in hooks:
        hook.remove()
    return sum(counts)


def test_an_error_names_the_run_and_keeps_finished_results(runs, tmp_path):
    broken = tmp_path / 'broken'
    broken.mkdir()
    config = broken / 'broken.py'
    config.write_text((runs / 'masks' / 'full.py').read_text().replace("'FCNHead'", "'NoSuchHead'"))
    (broken / 'epoch_1.pth').write_bytes((runs / 'masks' / 'epoch_1.pth').read_bytes())
    arguments = [str(runs / 'weak'), str(broken)]
    with pytest.raises(RunError, match=r"run 'broken' .*broken\.py.* could not be evaluated: .*NoSuchHead"):
        compare(arguments, tmp_path / 'out', max_images=4, num_images=1)
    assert not (tmp_path / 'out').exists()
    done = {path: path.stat().st_mtime_ns for path in (runs / 'weak' / 'comparison').rglob('result.json')}
    config.write_text((runs / 'masks' / 'full.py').read_text())
    compare(arguments, tmp_path / 'out', max_images=4, num_images=1)
    assert done == {path: path.stat().st_mtime_ns for path in (runs / 'weak' / 'comparison').rglob('result.json')}


def test_an_evaluation_that_fails_is_no_matter_of_the_input_and_leaves_nothing(runs, tmp_path):
    weights = torch.load(runs / 'masks' / 'epoch_1.pth', weights_only=True)
    weights['state_dict']['decode_head.conv_seg.weight'].fill_(3e38)  # finite, but the scores are not
    torch.save(weights, tmp_path / 'epoch_1.pth')
    with pytest.raises(RuntimeError, match=r"run 'full' .*epoch_1\.pth.* could not be evaluated: .* must be finite"):
        compare([f'{runs / "masks" / "full.py"}:{tmp_path / "epoch_1.pth"}'], tmp_path / 'out', max_images=4)
    assert [path.name for path in tmp_path.iterdir()] == ['epoch_1.pth']


def test_other_weights_are_evaluated_again(runs, tmp_path):
    checkpoint = tmp_path / 'epoch_1.pth'
    weights = torch.load(runs / 'masks' / 'epoch_1.pth', weights_only=True)
    torch.save(weights, checkpoint)
    pair = f'{runs / "masks" / "full.py"}:{checkpoint}'
    (first,) = compare([pair], tmp_path / 'out', max_images=4, num_images=0)
    for name, value in weights['state_dict'].items():
        if 'conv_seg' in name:
            value.zero_()
    torch.save(weights, checkpoint)
    (second,) = compare([pair], tmp_path / 'out', max_images=4, num_images=0)
    assert second['mIoU'] != first['mIoU'] and second['IoU_circle'] == 0.0
    assert len(list((tmp_path / 'comparison').glob('*/result.json'))) == 2
    assert not (tmp_path / 'out' / 'images.png').exists()


def test_images_of_equal_names_and_another_content_are_other_images(runs, tmp_path, tiny_config):
    first = tiny_config()
    apis.train(apis.load_config(first, work_dir=str(tmp_path / 'first')))
    shutil.copytree(tmp_path / 'scenes', tmp_path / 'others')
    for file in (tmp_path / 'others/images').iterdir():
        Image.fromarray(255 - np.asarray(Image.open(file))).save(file)
    second = tmp_path / 'second.py'
    second.write_text(first.read_text().replace(str(tmp_path / 'scenes'), str(tmp_path / 'others')))
    (checkpoint, *_) = (tmp_path / 'first').glob('iter_*.pth')
    pairs = [f'{config}:{checkpoint}' for config in (first, second)]
    with pytest.raises(RunError, match='was evaluated on other images or classes'):
        compare(pairs, tmp_path / 'out')
    shutil.rmtree(tmp_path / 'others')
    shutil.copytree(tmp_path / 'scenes', tmp_path / 'others')  # a copy of the same images
    assert len(compare(pairs, tmp_path / 'out')) == 2


@pytest.mark.parametrize(
    ('images', 'seconds', 'expected'), [(20, [9.0, 0.4], 10), (17, [9.0, 0.1], 10), (5, [0.5], 10)]
)
def test_the_speed_counts_the_images_of_the_last_batch(images, seconds, expected):
    data = SimpleNamespace(dataset=range(images), batch_size=16)
    history = {'test/time': HistoryBuffer(seconds, [1] * len(seconds))}
    hub = SimpleNamespace(get_scalar=history.get)
    assert speed(SimpleNamespace(test_dataloader=data, message_hub=hub)) == expected


def test_a_missing_run_is_found_before_any_is_evaluated(runs, tmp_path):
    with pytest.raises(RunError, match="run 'nowhere' is not a folder"):
        main([str(runs / 'weak'), 'nowhere', '--out', str(tmp_path / 'out'), '--max-images', '2'])
    assert not (tmp_path / 'out').exists()
