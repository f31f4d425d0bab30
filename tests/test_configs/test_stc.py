"""The three stages of STC, run by the real tools on four images."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DATASETS, DefaultScope
from mmengine.runner import Runner
from PIL import Image

from mmwsl.apis.pseudo_labels import generate_pseudo_labels
from mmwsl.datasets import VOC6WeakDataset
from tests.conftest import write_images

from .conftest import write_table
from .shorten import CONFIGS, short_config

LABELS = dict(a='cat', b='dog person', c='sheep', d='cat cow horse')
CLASSES = VOC6WeakDataset.METAINFO['classes']
STAGES = ('wsl_stc_voc6_initial', 'psl_stc_voc6_enhanced', 'psl_stc_voc6_powerful')

pytestmark = pytest.mark.filterwarnings('ignore:no image of:UserWarning')


@pytest.fixture
def four(data, tmp_path, monkeypatch):
    """Two simple and two complex images, without any mask."""
    root = tmp_path / 'data' / 'voc6'
    write_images(root / 'JPEGImages', [f'{name}.jpg' for name in LABELS], (40, 30))
    lists = root / 'ImageSets' / 'Segmentation'
    lists.mkdir(parents=True)
    for name in ('train_aug', 'val'):
        (lists / f'{name}.txt').write_text('\n'.join(LABELS))
    write_table(root / 'image_labels.csv', LABELS.items())
    monkeypatch.setenv('MMWSL_DATA_ROOT', str(root.parent))
    monkeypatch.delenv('MMWSL_PSEUDO_LABELS')
    return tmp_path


def _config(name):
    """Return the config of a stage, short, with its whole list of images and without evaluation."""
    cfg = short_config(name)
    del cfg.train_dataloader.dataset['indices']
    cfg.train_dataloader.batch_size = 4
    cfg.update(val_cfg=None, val_dataloader=None, val_evaluator=None)
    return cfg


def _names(cfg):
    with DefaultScope.overwrite_default_scope('mmseg'):
        dataset = DATASETS.build(dict(cfg.train_dataloader.dataset, pipeline=[]))  # no mask exists yet
        return [Path(dataset.get_data_info(i)['img_path']).stem for i in range(len(dataset))]


def _train(cfg, folder):
    """Train a step, then replace the biases: cow, which no simple image shows, comes before every other class."""
    cfg.work_dir = folder
    Runner.from_cfg(cfg).train()
    path = f'{folder}/epoch_1.pth'
    checkpoint = torch.load(path, weights_only=True)
    checkpoint['state_dict']['decode_head.conv_seg.bias'] = torch.tensor([0.0, 2.0, 5.0, 2.0, 2.0, 2.0, 2.0])
    torch.save(checkpoint, path)
    return path


def _check_masks(folder, names):
    """Return the masks, which have no absent class."""
    files = {path.stem: np.asarray(Image.open(path)) for path in Path(folder, 'masks').glob('*.png')}
    assert sorted(files) == names
    for name, mask in files.items():
        allowed = {0, *(CLASSES.index(label) for label in LABELS[name].split())}
        assert set(np.unique(mask)) <= allowed, name
    return files


def test_each_stage_labels_the_images_of_the_next(four, monkeypatch):
    initial, powerful = _config(STAGES[0]), _config(STAGES[2])
    assert _names(initial) == ['a', 'c'] == _names(_config(STAGES[1])) and _names(powerful) == list('abcd')
    checkpoint = _train(initial, 'initial')
    generate_pseudo_labels(_config(STAGES[0]), checkpoint, 'one')
    first = _check_masks('one', ['a', 'c'])
    free = generate_pseudo_labels(_config(STAGES[0]), checkpoint, 'free', use_image_labels=False)
    (cow,) = [row for row in free['classes'] if row['name'] == 'cow']
    assert cow['images_with_pixels'] == 2, 'without the labels an absent class wins pixels'

    monkeypatch.setenv('MMWSL_PSEUDO_LABELS', 'one')
    enhanced = _config(STAGES[1])
    (loaded,) = [step for step in enhanced.train_dataloader.dataset.pipeline if step.type == 'LoadAnnotations']
    with DefaultScope.overwrite_default_scope('mmseg'):
        dataset = DATASETS.build(enhanced.train_dataloader.dataset)
        packed = dataset[0]['data_samples']
    assert loaded and packed.gt_sem_seg.data.max() in (*np.unique(first['a']), 255)
    checkpoint = _train(enhanced, 'enhanced')
    generate_pseudo_labels(_config(STAGES[2]), checkpoint, 'two')
    assert (_check_masks('two', list('abcd'))['d'] == CLASSES.index('cow')).any()

    monkeypatch.setenv('MMWSL_PSEUDO_LABELS', 'two')
    _train(_config(STAGES[2]), 'powerful')


def test_the_stages_have_one_network_and_one_loss():
    for data in ('voc', 'voc6'):
        configs = [Config.fromfile(CONFIGS[name.replace('voc6', data)]) for name in STAGES]
        assert configs[0].model == configs[1].model == configs[2].model
        assert configs[0].optim_wrapper == configs[1].optim_wrapper == configs[2].optim_wrapper


def test_the_script_runs_the_stages_in_order(repository, tmp_path):
    """The tools are replaced by one that records its arguments: what each stage reads is what the one before wrote."""
    calls = tmp_path / 'calls'
    stub = tmp_path / 'bin' / 'python'
    stub.parent.mkdir()
    stub.write_text(
        f'#!{sys.executable}\n'
        'import os, pathlib, sys\n'
        f'with open({str(calls)!r}, "a") as file:\n'
        '    print(os.environ.get("MMWSL_PSEUDO_LABELS", "-"), *map(os.path.basename, sys.argv[1:]), file=file)\n'
        'if "--work-dir" in sys.argv:\n'
        '    folder = pathlib.Path(sys.argv[sys.argv.index("--work-dir") + 1])\n'
        '    folder.mkdir(parents=True)\n'
        '    (folder / "last_checkpoint").write_text(f"{folder.name}.pth")\n'
    )
    stub.chmod(0o755)
    env = {key: value for key, value in os.environ.items() if key != 'MMWSL_PSEUDO_LABELS'}
    subprocess.run(
        ['bash', str(repository / 'benchmarks' / 'stc.sh'), 'voc6', '--gt-masks'],
        cwd=tmp_path,
        env=dict(env, PATH=f'{stub.parent}:{env["PATH"]}'),
        check=True,
    )
    one, two, three = STAGES
    label = 'generate_pseudo_labels.py'
    assert calls.read_text().splitlines() == [
        f'- train.py {one}.py --work-dir {one} --resume',
        f'- {label} {one}.py {one}.pth --out {two}_labels --gt-masks',
        f'work_dirs/{two}_labels train.py {two}.py --work-dir {two} --resume',
        f'work_dirs/{two}_labels {label} {three}.py {two}.pth --out {three}_labels --gt-masks',
        f'work_dirs/{three}_labels train.py {three}.py --work-dir {three} --resume',
    ]
