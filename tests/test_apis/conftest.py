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
from mmwsl.annotations.score_file import expand_codes
from mmwsl.apis.pseudo_labels.command import main

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


@pytest.fixture
def folder_config(shapes, tmp_path):
    """The config of images with a table of labels, and masks that no reader can open."""
    root = tmp_path / 'data'
    names = ('a/one', 'b/one', 'b/two.half')
    for number, name in enumerate(names):
        for folder in ('images', 'masks'):
            (root / folder / name).parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, (20 + number, 30, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(root / 'images' / f'{name}.png')
        (root / 'masks' / f'{name}.png').write_text('no image')
    (root / 'labels.csv').write_text('image,labels\na/one,ring\nb/one,"circle,star"\nb/two.half,\n')
    config = tmp_path / 'config.py'
    config.write_text(f"""_base_ = ['{shapes[0].replace('_ilp', '')}']
train_dataloader = dict(dataset=dict(_delete_=True, type='mmwsl.FolderWeakDataset', data_root='{root}',
    metainfo=dict(classes=('background', 'circle', 'square', 'triangle', 'star', 'ring', 'cross')),
    label_file='labels.csv', label_cfg=dict(label_column='labels'), img_suffix='.png',
    data_prefix=dict(img_path='images', seg_map_path='masks'), pipeline=[]))
test_dataloader = dict(num_workers=0, persistent_workers=False, dataset=dict(pipeline=[
    dict(type='LoadImageFromFile'), dict(type='LoadAnnotations'),
    dict(type='mmwsl.PackImageLabelInputs')]))
tta_pipeline = [dict(type='LoadImageFromFile'), dict(type='TestTimeAug', transforms=[
    [dict(type='RandomFlip', prob=prob) for prob in (0., 1.)], [dict(type='LoadAnnotations')],
    [dict(type='mmwsl.PackImageLabelInputs')]])]
experiment_name = '{tmp_path.name}'
""")
    return config


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
        return expand_codes(**{name: content[name] for name in content.files if name != 'image'})
