"""Pseudo-labels by the walk of an affinity network, in one process and two, and from stored scores."""

import json
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS

from mmwsl.apis.pseudo_labels.command import main

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
