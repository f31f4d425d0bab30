"""Masks of SAM in a folder: read by the sources of proposals, resumed, of the images as they are."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from mmwsl.cli.main import main
from mmwsl.datasets.proposals import FolderProposals
from mmwsl.datasets.transforms import ComputeRegions
from mmwsl.inference import AutomaticMaskRule, automatic_masks
from mmwsl.models import SegmentAnything
from mmwsl.utils.images import read_bgr
from tests.tiny_transformers import REASON, write_sam, write_vision

pytest.importorskip('transformers', reason=REASON)
RULE = ['--points-per-side', '3', '--min-iou', '0', '--min-stability', '0']


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return write_sam(tmp_path_factory.mktemp('models') / 'sam')


@pytest.fixture
def images(tmp_path):
    rng = np.random.default_rng(0)
    for name, size in (('a.png', (40, 64)), ('b.jpg', (64, 33)), ('sub/c.png', (20, 20))):
        path = tmp_path / 'images' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        small = Image.fromarray(rng.integers(0, 256, (5, 5, 3), np.uint8))
        small.resize(size[::-1], Image.Resampling.BILINEAR).save(path)
    return tmp_path / 'images'


def command(images, folder, out, *more):
    return ['sam-masks', str(images), '--model', str(folder), '--out', str(out), *RULE, *more]


def test_masks_are_proposals_and_regions(images, folder, tmp_path):
    out = tmp_path / 'masks'
    main(command(images, folder, out))
    assert sorted(path.name for path in out.glob('*.npz')) == ['a.npz', 'b.npz', 'c.npz']
    model, source = SegmentAnything(str(folder)), FolderProposals(str(out))
    for name in ('a.png', 'b.jpg', 'sub/c.png'):
        image = read_bgr(images / name)
        rule = AutomaticMaskRule(3, 0, 0)
        masks, scores = automatic_masks(model, torch.from_numpy(image).permute(2, 0, 1), rule)
        found = source(image, dict(img_path=str(images / name)))
        assert np.array_equal(np.stack(list(found.masks)), masks.numpy())
        np.testing.assert_allclose(found.scores, scores)
        results = dict(img=image, img_path=str(images / name))
        regions = ComputeRegions(dict(type='mmwsl.FolderProposals', folder=str(out))).transform(results)['regions']
        assert np.array_equal(np.stack([regions[i] for i in range(len(regions))]), masks.numpy())
    assert json.loads((out / 'sam_masks.json').read_text())['rule']['points_per_side'] == 3


def test_a_command_makes_only_what_is_missing_or_changed(images, folder, tmp_path, capsys):
    out = tmp_path / 'masks'
    (tmp_path / 'list.txt').write_text('a\nsub/c\n')
    main(command(images, folder, out, '--list', str(tmp_path / 'list.txt')))
    assert sorted(path.name for path in out.glob('*.npz')) == ['a.npz', 'c.npz']
    before = {path.name: path.stat().st_mtime_ns for path in out.glob('*.npz')}
    (out / 'c.npz').write_bytes(b'half')
    Image.fromarray(np.zeros((30, 30, 3), np.uint8)).save(images / 'b.jpg')
    main(command(images, folder, out))
    assert '1 of 3 images have masks' in capsys.readouterr().out
    after = {path.name: path.stat().st_mtime_ns for path in out.glob('*.npz')}
    assert after['a.npz'] == before['a.npz'] and after['c.npz'] != before['c.npz'] and 'b.npz' in after
    Image.fromarray(np.zeros((30, 31, 3), np.uint8)).save(images / 'a.png')
    main(command(images, folder, out))
    assert np.load(out / 'a.npz')['packed_masks'].shape[1:] == (30, 4)


def rejected(arguments, words, capsys):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    printed = capsys.readouterr().err.strip().splitlines()
    assert end.value.code == 2 and len(printed) == 1 and words in printed[0], printed


def test_other_masks_are_not_replaced_unasked(images, folder, tmp_path, capsys):
    out = tmp_path / 'masks'
    main(command(images, folder, out))
    capsys.readouterr()
    rejected([*command(images, folder, out), '--points-per-side', '2'], 'points_per_side: 3 before, 2 now', capsys)
    main([*command(images, folder, out), '--points-per-side', '2', '--overwrite'])
    assert json.loads((out / 'sam_masks.json').read_text())['rule']['points_per_side'] == 2
    (tmp_path / 'mine').mkdir()
    (tmp_path / 'mine/a.npz').write_bytes(b'mine')
    capsys.readouterr()
    rejected(command(images, folder, tmp_path / 'mine'), 'Pass another folder', capsys)


def test_half_precision_is_recorded(images, folder, tmp_path, capsys):
    out = tmp_path / 'masks'
    main([*command(images, folder, out), '--dtype', 'bfloat16'])
    assert json.loads((out / 'sam_masks.json').read_text())['dtype'] == 'bfloat16'
    image = read_bgr(images / 'a.png')
    network = SegmentAnything(str(folder), 'bfloat16')
    masks, _ = automatic_masks(network, torch.from_numpy(image).permute(2, 0, 1), AutomaticMaskRule(3, 0, 0))
    found = FolderProposals(str(out))(image, dict(img_path=str(images / 'a.png')))
    assert np.array_equal(np.stack(list(found.masks)), masks.numpy())
    capsys.readouterr()
    rejected(command(images, folder, out), 'dtype: "bfloat16" before, "float32" now', capsys)
    rejected([*command(images, folder, out), '--dtype', 'int8'], '--dtype', capsys)


def test_wrong_inputs_are_one_line(images, folder, tmp_path, capsys):
    vit = write_vision(tmp_path / 'vit', 'ViT')
    capsys.readouterr()
    rejected(command(images, vit, tmp_path / 'out'), "must have a SAM model, got 'vit'", capsys)
    rejected(command(tmp_path / 'none', folder, tmp_path / 'out'), 'IMAGES must be a folder', capsys)
    (tmp_path / 'empty').mkdir()
    rejected(command(tmp_path / 'empty', folder, tmp_path / 'out'), 'with none', capsys)
    (images / 'sub/a.png').write_bytes((images / 'a.png').read_bytes())
    rejected(command(images, folder, tmp_path / 'out'), 'unique without folder and suffix, got several of a', capsys)
    (tmp_path / 'list.txt').write_text('a.png\nz\n')
    rejected(command(images, folder, tmp_path / 'out', '--list', str(tmp_path / 'list.txt')), 'got z', capsys)
    assert not (tmp_path / 'out').exists()
