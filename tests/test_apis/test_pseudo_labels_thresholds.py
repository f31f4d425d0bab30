"""Masks of stored scores by a rule of thresholds, given at first or later."""

import json

import numpy as np
import pytest
from PIL import Image

from mmwsl.functional import DEQUANTIZED

from .conftest import codes, files, mask


def test_new_thresholds_equal_a_fresh_run(run, copied):
    old = copied
    stamps = {path: path.stat().st_mtime_ns for path in old.glob('scores/*')}
    rule = ['--high', '0.7', '--low', '0.3', '--tuned-on', 'masks of scenes']
    run('out', '--rethreshold', *rule, indices=3)
    assert len(files(old, '.png')) == 3  # none of the old rule
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
    assert rule == dict(rule=dict(low=0.3, high=0.7, tuned_on='masks of scenes'), complete=True)


def test_masks_killed_between_two_rules_are_all_made_again(run, copied):
    folder = copied
    expected = files(folder, '.png')
    manifest = json.loads((folder / 'manifest.json').read_text())
    manifest['masks']['complete'] = False
    (folder / 'manifest.json').write_text(json.dumps(manifest))
    Image.fromarray(np.full((96, 96), 3, np.uint8)).save(folder / 'masks' / 'shapes-0-000002.png')
    run('out')
    assert files(folder, '.png') == expected


def test_rethreshold_needs_all_scores(run, tmp_path):
    with pytest.raises(ValueError, match="6 of 6 have none in .*, 'shapes-0-000000' the first"):
        run('out', '--rethreshold', '--high', '0.5')


@pytest.mark.parametrize(
    'arguments, message',
    [
        (['--low', '0.3'], 'give --high as well'),
        (['--high', '0.3', '--low', '0.5'], 'low=0.5 and high=0.3'),
        (['--high', '1.5'], '0 <= low <= high <= 1'),
        (['--min-score', '1.5'], r'must be in \[0, 1\], got 1.5'),
        (['--high', '0.3', '--low', '0.2', '--min-score', '0.25'], '--min-score=0.25 may not be stored, which low=0.2'),
    ],
)
def test_thresholds_that_make_no_sense(run, tmp_path, arguments, message):
    with pytest.raises(ValueError, match=message):
        run('out', *arguments)
    assert not (tmp_path / 'out').exists()
