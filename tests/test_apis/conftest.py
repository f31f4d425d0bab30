"""Pseudo-labels of the first images of the synthetic dataset."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from PIL import Image

from mmwsl import apis
from mmwsl.apis.pseudo_labels.command import main
from mmwsl.apis.pseudo_labels.store import expand_codes

SHORT = [
    'test_dataloader.num_workers=0',
    'test_dataloader.persistent_workers=False',
    'train_dataloader.dataset.length=80',
]


@pytest.fixture(scope='session')
def shapes(repository, tmp_path_factory):
    """The arguments of a run over the first images, without the output folder."""
    folder = tmp_path_factory.mktemp('weights')
    config = repository / 'configs/shapes/wsl_lse_shapes_ilp.py'
    cfg = apis.load_config(config)
    init_default_scope('mmseg')
    torch.manual_seed(0)
    torch.save(dict(state_dict=MODELS.build(cfg.model).state_dict()), folder / 'weights.pth')
    return [str(config), str(folder / 'weights.pth'), '--work-dir', str(folder / 'work')]


@pytest.fixture
def run(shapes, tmp_path):
    """A function that generates pseudo-labels in a folder of the given name, and returns its path."""

    def complete(name, *arguments, max_images=6, options=()):
        main(
            [
                *shapes,
                '--out',
                str(tmp_path / name),
                '--max-images',
                str(max_images),
                *arguments,
                '--cfg-options',
                *SHORT,
                f'experiment_name={tmp_path.name}',
                *options,
            ]
        )
        return tmp_path / name

    return complete


@pytest.fixture(scope='session')
def finished(shapes, tmp_path_factory):
    """A finished folder of six images; a test that changes it uses `copied`."""
    folder = tmp_path_factory.mktemp('finished') / 'out'
    main([*shapes, '--out', str(folder), '--max-images', '6', '--cfg-options', *SHORT, 'experiment_name=finished'])
    return folder


@pytest.fixture
def copied(finished, tmp_path):
    return Path(shutil.copytree(finished, tmp_path / 'out'))


def files(folder, *suffixes):
    """Return the content of each file with one of the suffixes, by path."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob('*'))
        if path.suffix in suffixes
    }


def mask(folder, index):
    return np.array(Image.open(folder / 'masks' / f'shapes-0-{index:06d}.png'))


def codes(folder, index):
    with np.load(folder / 'scores' / f'shapes-0-{index:06d}.npz') as content:
        return expand_codes(**content)
