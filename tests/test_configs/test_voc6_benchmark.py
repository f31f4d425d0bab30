"""The long section of benchmarks/run.py on two images: what is trained on what, and that it resumes."""

import hashlib
import importlib
import json
import sys
from pathlib import Path

import pytest
import torch

from mmwsl.registry import MODELS

from .shorten import parts_of, short_config


@pytest.fixture
def section(repository, monkeypatch):
    """The module, with configs of one training step."""
    monkeypatch.syspath_prepend(repository / 'benchmarks')
    before = set(sys.modules)
    module = importlib.import_module('sections.voc6')

    def load(name, work_dir):
        cfg = short_config(name)
        cfg.work_dir = work_dir
        cfg.experiment_name = Path(work_dir).name
        for part in parts_of(cfg.train_dataloader.dataset):
            part.indices = None
        cfg.param_scheduler = None
        cfg.default_hooks.checkpoint.interval = 1
        return cfg

    monkeypatch.setattr(module, 'load_config', load)
    monkeypatch.setenv('MMWSL_PSEUDO_LABELS', 'none')  # restored at the end
    yield module
    for name in set(sys.modules) - before:
        if name.split('.')[0] == 'sections':
            del sys.modules[name]


def record_first_layers(section, monkeypatch):
    """Return a list that gets, for each training, whether the first layer of the backbone moved."""
    moved, train = [], section.train

    def recorded(cfg, **options):
        runner = train(cfg, **options)
        initial = MODELS.build(cfg.model)
        initial.init_weights()
        (key,) = [name for name, value in initial.named_parameters() if value.dim() == 4][:1]
        moved.append('backbone' in key and not torch.equal(initial.state_dict()[key], runner.model.state_dict()[key]))
        return runner

    monkeypatch.setattr(section, 'train', recorded)
    return moved


@pytest.mark.filterwarnings('ignore:no image of:UserWarning')
def test_two_rounds_with_every_layer_trained_and_again_without_a_step(section, tmp_path, monkeypatch):
    moved = record_first_layers(section, monkeypatch)
    found = list(section.rows(torch.device('cpu'), tmp_path))
    assert len(moved) == 4 and [row['name'].removeprefix('voc6 val, ') for row in found] == [
        'LSE, every layer trained',
        'DeepLab v3+ on masks, every layer trained',
        'DeepLab v3+ on labels of round 1',
        'DeepLab v3+ on labels of round 2',
    ]
    assert all(moved)
    weak, full, *rounds = (row['value'] for row in found)
    assert all(0 <= value <= 100 for value in (weak, full, *rounds)) and full > 0
    assert [row['ratio'] for row in found[2:]] == [pytest.approx(value / full) for value in rounds]

    folder = tmp_path / 'voc6'
    for number, trained in ((1, 'classifier'), (2, 'round_1')):
        manifest = json.loads((folder / f'labels_{number}' / 'manifest.json').read_text())
        (checkpoint,) = (folder / trained).glob('*_1.pth')
        assert manifest['options']['checkpoint'] == hashlib.sha256(checkpoint.read_bytes()).hexdigest()
        assert len(list((folder / f'labels_{number}' / 'masks').glob('*.png'))) == 2
    assert {path.parent.name for path in folder.glob('*/*.pth')} == {'classifier', 'full', 'round_1', 'round_2'}
    times = {path: path.stat().st_mtime_ns for path in folder.rglob('*.p*') if path.suffix in ('.pth', '.png')}
    again = list(section.rows(torch.device('cpu'), tmp_path))
    assert [row['value'] for row in again] == [row['value'] for row in found]
    assert times == {path: path.stat().st_mtime_ns for path in times}
