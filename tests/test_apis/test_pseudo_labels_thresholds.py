"""Masks of stored scores by thresholds, set in the first run or later."""

import hashlib
import json
import os
import re

import numpy as np
import pytest
from PIL import Image

from mmwsl.apis import load_config
from mmwsl.apis.pseudo_labels import generate_pseudo_labels
from mmwsl.apis.pseudo_labels.corrections import DIGESTS
from mmwsl.apis.pseudo_labels.masks import STAGED, MaskRule
from mmwsl.functional import DEQUANTIZED

from .conftest import codes, files, mask

rename = os.replace


def test_new_thresholds_equal_a_fresh_run(run, copied):
    old = copied
    stamps = {path: path.stat().st_mtime_ns for path in old.glob('scores/*')}
    rule = ['--fg-threshold', '0.7', '--bg-threshold', '0.3', '--tuned-on', 'masks of scenes']
    run('out', '--rethreshold', *rule, max_images=3)
    assert len(files(old, '.png')) == 3  # no mask of the old rule stays
    run('out', *rule)
    fresh = run('fresh', *rule)
    assert files(old, '.png', '.npz') == files(fresh, '.png', '.npz')
    assert {path: path.stat().st_mtime_ns for path in old.glob('scores/*')} == stamps
    for index in range(6):
        scores = DEQUANTIZED[codes(old, index)][1:]
        expected = np.where(scores.max(0) > 0.7, scores.argmax(0) + 1, np.where(scores.max(0) <= 0.3, 0, 255))
        np.testing.assert_array_equal(mask(old, index), expected)
    assert any(255 in mask(old, index) for index in range(6))
    rule = json.loads((old / 'manifest.json').read_text())['masks']
    thresholds = dict(bg_threshold=0.3, fg_threshold=0.7, tuned_on='masks of scenes', postprocessors=[])
    assert rule == dict(rule=thresholds, complete=True)


def test_masks_of_a_run_that_was_killed_between_two_rules_are_all_written_again(run, copied):
    folder = copied
    expected = files(folder, '.png')
    manifest = json.loads((folder / 'manifest.json').read_text())
    manifest['masks'] = None
    (folder / DIGESTS).unlink()  # of the mask below, which was not written
    (folder / 'manifest.json').write_text(json.dumps(manifest))
    Image.fromarray(np.full((96, 96), 3, np.uint8)).save(folder / 'masks' / 'shapes-0-000002.png')
    run('out')
    assert files(folder, '.png') == expected


def test_the_old_masks_stay_until_all_new_ones_are_written(run, copied):
    before, last = files(copied / 'masks', '.png'), sorted(copied.glob('scores/*.npz'))[-1]
    content = last.read_bytes()
    np.savez_compressed(last, classes=np.zeros(1, np.int16))  # a valid archive without scores
    arguments = ['--rethreshold', '--fg-threshold', '0.6']
    with pytest.raises(ValueError, match=re.escape(str(last))):
        run('out', *arguments)
    assert files(copied / 'masks', '.png') == before
    last.write_bytes(content)
    first = next((copied / STAGED).iterdir())
    stamp = first.stat().st_mtime_ns
    run('out', *arguments)
    assert (copied / 'masks' / first.name).stat().st_mtime_ns == stamp  # not written again
    assert not (copied / STAGED).exists()
    fresh = run('fresh', '--fg-threshold', '0.6')
    assert files(copied / 'masks', '.png') == files(fresh / 'masks', '.png') != before


def test_masks_that_an_interrupted_command_moved_are_not_taken_for_corrections(run, copied, monkeypatch):
    moved = []

    def move(source, target):
        if STAGED in str(source) and STAGED not in str(target):
            if len(moved) == 2:
                raise KeyboardInterrupt
            moved.append(target)
        rename(source, target)

    arguments = ['--rethreshold', '--fg-threshold', '0.6']
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(os, 'replace', move)
        run('out', *arguments)
    assert len(files(copied / 'masks', '.png')) == 2
    run('out', *arguments)
    masks = files(copied / 'masks', '.png')
    assert masks == files(run('fresh', '--fg-threshold', '0.6') / 'masks', '.png')
    lines = [json.loads(line) for line in (copied / DIGESTS).read_text().splitlines()]
    digests = {f'{name}.png': digest for name, digest in lines}
    assert len(lines) == 6 and digests == {name: hashlib.sha256(data).hexdigest() for name, data in masks.items()}


def test_masks_of_an_interrupted_third_rule_are_not_used(run, copied):
    before = files(copied, '.png')
    manifest = json.loads((copied / 'manifest.json').read_text())
    (copied / 'manifest.json').write_text(json.dumps(manifest | dict(next_rule=dict(fg_threshold=0.2))))
    (copied / STAGED).mkdir()
    Image.fromarray(np.full((96, 96), 3, np.uint8)).save(copied / STAGED / 'shapes-0-000002.png')
    run('out')
    assert files(copied, '.png') == before


def test_rethreshold_needs_all_scores(run, tmp_path):
    with pytest.raises(ValueError, match="all 6 images, but 6 have none in .*, the first is 'shapes-0-000000'"):
        run('out', '--rethreshold', '--fg-threshold', '0.5')


@pytest.mark.parametrize(
    'arguments, message',
    [
        (['--bg-threshold', '0.3'], 'Pass --fg-threshold'),
        (['--fg-threshold', '0.3', '--bg-threshold', '0.5'], 'bg_threshold=0.5 and fg_threshold=0.3'),
        (
            ['--fg-threshold', '0.3', '--bg-threshold', '0.2', '--min-score', '0.25'],
            '--bg-threshold must be at least --min-score=0.25, .*got 0.2',
        ),
    ],
)
def test_arguments_out_of_range_are_rejected(run, tmp_path, arguments, message):
    with pytest.raises(ValueError, match=message):
        run('out', *arguments)
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize('flag', ['--fg-threshold', '--bg-threshold', '--min-score'])
@pytest.mark.parametrize('value', ['1.5', '-0.1', 'nan', 'high'])
def test_a_threshold_is_in_0_1(run, tmp_path, capsys, flag, value):
    with pytest.raises(SystemExit) as end:
        run('out', f'{flag}={value}')
    assert end.value.code == 2 and not (tmp_path / 'out').exists()
    assert f"{flag}: must be in [0, 1], got '{value}'." in capsys.readouterr().err


@pytest.mark.parametrize('value', ['0', '-3', 'two', '2.5'])
def test_the_number_of_images_is_positive(run, tmp_path, capsys, value):
    with pytest.raises(SystemExit) as end:
        run('out', f'--max-images={value}')
    assert end.value.code == 2 and not (tmp_path / 'out').exists()
    assert f"--max-images: must be an integer of at least 1, got '{value}'." in capsys.readouterr().err


REFINE = [
    dict(type='mmwsl.ClassThresholds', thresholds=[0.3] * 6),
    dict(type='mmwsl.LogitSoftmax', temperature=2.0),
    dict(type='mmwsl.DenseCRF', preset='ccnn', iterations=2),
]


def test_post_processors_of_stored_scores_equal_those_of_the_model(shapes, folder_config, tmp_path):
    """Masks of stored scores, refined without the model, against masks of a model that refines its own scores."""
    found = {}
    for name, model_steps, rule_steps in (('model', REFINE, []), ('rule', [], REFINE)):
        cfg = load_config(folder_config, work_dir=str(tmp_path / 'work'))
        cfg.model.inference = dict(postprocessors=model_steps)
        kept = dict(type='mmwsl.KeepOriginalImage')
        cfg.test_dataloader.dataset.pipeline.insert(1, kept)
        generate_pseudo_labels(cfg, shapes[1], tmp_path / name, postprocessors=rule_steps)
        found[name] = np.concatenate([np.array(Image.open(path)).ravel() for path in (tmp_path / name).rglob('*.png')])
    generate_pseudo_labels(cfg, shapes[1], tmp_path / 'rule', rethreshold=True)
    plain = np.concatenate([np.array(Image.open(path)).ravel() for path in (tmp_path / 'rule').rglob('*.png')])
    # Stored scores have 8 bits: a few pixels near a border between classes differ.
    assert np.mean(found['rule'] == found['model']) > 0.99 and set(found['rule']) > {0}
    assert np.mean(found['rule'] == plain) < 0.9


def test_scores_alone(shapes, folder_config, tmp_path):
    cfg = load_config(folder_config, work_dir=str(tmp_path / 'work'))
    assert generate_pseudo_labels(cfg, shapes[1], tmp_path / 'out', scores_only=True) is None
    assert len(files(tmp_path / 'out', '.npz')) == 3 and not files(tmp_path / 'out', '.png')
    generate_pseudo_labels(cfg, shapes[1], tmp_path / 'out', postprocessors=REFINE)
    assert len(files(tmp_path / 'out', '.png')) == 3


def test_post_processors_that_need_more_than_the_image_are_rejected():
    with pytest.raises(
        ValueError, match="must need the image and its objectness only, got SuperpixelVote, which needs .'superpixels'"
    ):
        MaskRule(postprocessors=[dict(type='mmwsl.SuperpixelVote')])
