"""Folders of pseudo-labels keep what the command did not make, and rejected inputs leave nothing."""

import json

import pytest
import torch

from mmwsl.apis.pseudo_labels import ManifestError
from mmwsl.apis.pseudo_labels.command import main
from mmwsl.utils.output_folder import RECORD
from mmwsl.utils.output_path import OutputError

from .conftest import files


def test_a_rejected_checkpoint_leaves_nothing(shapes, tmp_path):
    torch.save(dict(state_dict=dict(a=torch.zeros(1))), tmp_path / 'other.pth')
    for checkpoint in ('other.pth', 'none.pth'):
        arguments = [shapes[0], str(tmp_path / checkpoint), '--work-dir', str(tmp_path / 'work')]
        with pytest.raises((ValueError, FileNotFoundError)):
            main([*arguments, '--out', str(tmp_path / 'new' / 'out'), '--max-images', '2'])
        assert [path.name for path in tmp_path.iterdir()] == ['other.pth']


@pytest.mark.parametrize('name', ['mine.txt', 'masks/mine.png', 'manifest.json'])
def test_a_folder_of_someone_else_is_rejected(run, tmp_path, name):
    file = tmp_path / 'out' / name
    file.parent.mkdir(parents=True)
    file.write_text('{}')
    with pytest.raises(OutputError, match='must be a new folder or hold results of `mmwsl generate-pseudo-labels`'):
        run('out')
    assert [path.name for path in (tmp_path / 'out').rglob('*.*')] == [file.name]


def test_files_that_were_added_stay(copied, run):
    for name in ('masks/mine.png', 'scores/mine.npz', 'notes.txt'):
        (copied / name).write_text('mine')
    run('out', '--rethreshold', '--fg-threshold', '0.4')
    before = files(copied, '.npz')
    for name in ('masks/mine.png', 'scores/mine.npz', 'notes.txt'):
        assert (copied / name).read_text() == 'mine'
    with pytest.raises(ManifestError, match='was generated with other options'):
        run('out', '--min-score', '0.3')
    assert files(copied, '.npz') == before
    run('out', '--min-score', '0.3', '--overwrite', max_images=2)
    for name in ('masks/mine.png', 'scores/mine.npz', 'notes.txt'):
        assert (copied / name).read_text() == 'mine'
    assert len(files(copied / 'scores', '.npz')) == len(files(copied / 'masks', '.png')) == 3
    assert json.loads((copied / 'manifest.json').read_text())['options']['min_score'] == 0.3


def test_a_mask_of_someone_else_is_not_replaced(copied, run, finished):
    mask = copied / 'masks' / 'shapes-0-000006.png'
    mask.write_text('mine')
    with pytest.raises(OutputError, match='only, got other files masks/shapes-0-000006.png'):
        run('out', max_images=7)
    assert mask.read_text() == 'mine' and not (copied / 'scores' / 'shapes-0-000006.npz').exists()


def test_labels_are_not_written_over_the_masks_of_the_dataset(shapes, folder_config, tmp_path):
    before = files(tmp_path / 'data', '.png')
    for out in ('data', 'data/images', 'data/masks'):
        arguments = [str(folder_config), shapes[1], '--work-dir', str(tmp_path / 'work')]
        with pytest.raises(OutputError, match='must be apart from the images, labels and masks'):
            main([*arguments, '--out', str(tmp_path / out), '--overwrite'])
    assert files(tmp_path / 'data', '.png') == before and not (tmp_path / 'work').exists()


def test_an_interrupted_begin_is_no_foreign_folder(run, tmp_path):
    (tmp_path / 'out').mkdir()
    (tmp_path / 'out' / RECORD).write_text('["mmwsl generate-pseudo-labels", "manifest.json"]\n["mmwsl gen')
    run('out', max_images=2)
    assert len(files(tmp_path / 'out', '.png')) == 2
