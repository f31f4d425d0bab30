"""Pseudo-labels by the walk of an affinity network, in one process and two, and from stored scores."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from skimage import measure

from mmwsl.apis.pseudo_labels.command import main
from mmwsl.apis.pseudo_labels.instance_ids import split_instances

from .conftest import SHORT, files
from .test_pseudo_labels_resumed import FORKS, launch

WALK = "dict(type='mmwsl.LearnedAffinityWalk', config={config!r}, checkpoint={checkpoint!r}, log_steps=4, tuned_on='M')"


@pytest.fixture
def walked(shapes, tmp_path):
    """The arguments of a run whose config has the walk, and those of a run without it, both without --out."""
    plain = Path(shapes[0]).with_name('wsl_lse_shapes.py')
    affinity, checkpoint, config = (tmp_path / name for name in ('affinity.py', 'affinity.pth', 'walk.py'))
    affinity.write_text(
        f"_base_ = [{str(plain)!r}]\nmodel = dict(type='EncoderDecoder', decode_head=dict(_delete_=True, "
        "type='mmwsl.AffinityHead', in_channels=(64,), in_index=(0,), level_channels=(8,), num_classes=7))\n"
    )
    init_default_scope('mmseg')
    torch.manual_seed(0)
    torch.save(MODELS.build(Config.fromfile(affinity).model).state_dict(), checkpoint)
    step = WALK.format(config=str(affinity), checkpoint=str(checkpoint))
    config.write_text(f'_base_ = [{str(plain)!r}]\nmodel = dict(inference=dict(postprocessors=[{step}]))\n')
    last = ['--max-images', '5', '--cfg-options', *SHORT]
    return [str(config), *shapes[1:]], [str(plain), *shapes[1:]], last


@FORKS
def test_two_processes_walk_as_one(walked, tmp_path):
    with_walk, without, last = walked
    main([*with_walk, '--out', str(tmp_path / 'one'), *last, 'experiment_name=one'])
    main([*without, '--out', str(tmp_path / 'plain'), *last, 'experiment_name=plain'])
    assert launch([*with_walk, '--out', str(tmp_path / 'two'), *last]) == [0, 0]
    one, two, plain = (files(tmp_path / name, '.npz', '.png') for name in ('one', 'two', 'plain'))
    assert len(one) == 10 and one == two and one.keys() == plain.keys() and one != plain
    manifest = json.loads((tmp_path / 'one' / 'manifest.json').read_text())
    assert manifest['provenance']['tuned_on'] == 'M'
    assert {Path(path).name for path in manifest['options']['files']} == {'affinity.py', 'affinity.pth'}


class AnalyticField(torch.nn.Module):
    """Network whose displacements lead to the centers of two touching discs, with noise, at a quarter of the size."""

    centers = ((7, 6), (7, 18))

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))

    def forward(self, image, size):
        assert image.shape == (3, 60, 100) and size == 100
        positions = torch.stack(torch.meshgrid(torch.arange(15.0), torch.arange(25.0), indexing='ij'))
        nearest = (positions[1] > 12).long()
        field = torch.tensor(self.centers)[nearest].permute(2, 0, 1) - positions
        field = 0.9 * field + 0.1 * torch.randn(field.shape, generator=torch.Generator().manual_seed(0))
        return torch.cat([torch.zeros(1, 15, 25), field])[None]


def test_touching_objects_of_a_class_are_two_instances():
    rows, columns = np.mgrid[:60, :100]
    mask = np.zeros((60, 100), np.uint8)
    for y, x in AnalyticField.centers:
        mask[(rows - 4 * y) ** 2 + (columns - 4 * x) ** 2 <= 25**2] = 2
    mask[0, 0], mask[59, :] = 255, 0
    ids = split_instances(AnalyticField(), 100, mask, np.zeros((60, 100, 3), np.uint8))
    assert sorted(np.unique(ids)) == [0, 1, 2] and ((ids > 0) == (mask == 2)).all()
    for one, (y, x) in zip((1, 2), AnalyticField.centers, strict=True):
        found = np.array(np.nonzero(ids == one)).mean(1)
        assert np.abs(found - (4 * y, 4 * x)).max() < 4
    assert measure.label(mask == 2, connectivity=1).max() == 1  # without the field they are one
