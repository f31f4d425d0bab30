"""Files in the folders of commands that someone else made: nothing outside the folder changes, errors name the file."""

import csv
import io
import json

import numpy as np
import pytest

from mmwsl.annotations.score_file import read_codes
from mmwsl.apis.comparison.report import to_csv
from mmwsl.apis.prediction_folder import read_predictions
from mmwsl.apis.project.labels import read_thresholds
from mmwsl.apis.project.layout import Project
from mmwsl.apis.supervision import read_manifest
from mmwsl.inference.postprocessors import ClassThresholds

CLASSES = ['background', 'cat', 'dog']
TEXTS = ['', '{', '[]', 'null', '3', '"x"', '[' * 10**5, '9' * 10**5, '\0', '\ufeff{']


@pytest.mark.parametrize(
    'mask', ['../victim.png', 'masks/../../victim.png', '{folder}/victim.png', 'masks\\..\\..\\x', 'victim.png']
)
def test_a_journal_that_names_files_elsewhere_is_rejected(tmp_path, mask):
    out = tmp_path / 'out'
    (out / 'masks').mkdir(parents=True)
    (tmp_path / 'victim.png').touch()
    (out / 'masks' / 'a.png').touch()
    good = dict(name='a.jpg', mask='masks/a.png', source=dict(path='a.jpg'))
    lines = [json.dumps(good), 'partial {', '[]', '3', '{}', '[' * 10**5, json.dumps(dict(good, name=[]))[:-9]]
    (out / 'predictions.jsonl').write_text('\n'.join(lines))
    assert read_predictions(out) == {'a.jpg': good}
    bad = dict(good, name='b.jpg', mask=mask.format(folder=tmp_path))
    (out / 'predictions.jsonl').write_text('\n'.join([*lines, json.dumps(bad)]))
    with pytest.raises(ValueError, match=r'predictions\.jsonl: `mask` must be a path in masks/, got'):
        read_predictions(out)
    assert (tmp_path / 'victim.png').exists()


@pytest.mark.parametrize('text', TEXTS)
def test_files_of_a_project_and_of_pseudo_labels(tmp_path, text):
    for name, read in {
        'summary.json': lambda folder: Project(folder).read_summary(),
        'manifest.json': read_manifest,
    }.items():
        assert not read(tmp_path)
        (tmp_path / name).write_text(text)
        with pytest.raises(ValueError, match=rf'{name}: (not JSON|the file must be an object, got)') as error:
            read(tmp_path)
        assert len(str(error.value)) < 400


@pytest.mark.parametrize('name', ['segmentor', 'labels_2', 'evaluation', 'classes', 'version'])
def test_entries_of_a_summary_have_their_types(tmp_path, name):
    project = Project(tmp_path)
    project.summary.write_text(json.dumps({name: None}))
    assert project.read_summary() == {}
    project.summary.write_text(json.dumps({name: 5}))
    with pytest.raises(ValueError, match=rf'summary\.json: `{name}` must be (an object|a list|a text), got 5'):
        project.read_summary()


@pytest.mark.parametrize('rounds', [0, -1, 10, 10**30])
def test_rounds_of_a_summary_are_few(tmp_path, rounds):
    (tmp_path / 'summary.json').write_text(json.dumps(dict(rounds=rounds)))
    with pytest.raises(ValueError, match=r'summary\.json: `rounds` must be in \[1, 9\], got'):
        Project(tmp_path).read_summary()


def thresholds(values, classes='["background", "cat", "dog"]'):
    return f'{{"classes": {classes}, "thresholds": {values}, "tuned_on": null}}'


@pytest.mark.parametrize(
    'text',
    [
        *TEXTS,
        *map(
            thresholds,
            ['[NaN, 0.5]', '[1e999, 0.5]', f'[{10**400}, 0.5]', '[[0.5], 0.5]', '0.5', 'null', '["x", 0.5]', '{}'],
        ),
        *map(thresholds, ['[-0.1, 0.5]', '[0.5]', f'[{"[" * 500}{"]" * 500}, 0.5]']),
        *(
            thresholds('[0.5, 0.5]', classes)
            for classes in ('3', 'null', '{}', '["a"]', '[["background"], "cat", "dog"]')
        ),
    ],
)
def test_files_of_thresholds(tmp_path, text):
    path = tmp_path / 't.json'
    path.write_text(text)
    with pytest.raises(ValueError, match=r"--thresholds '.*t\.json' must (be JSON|have one threshold)") as error:
        read_thresholds(path, CLASSES)
    assert len(str(error.value)) < 1000
    try:
        steps = ClassThresholds(path)
    except ValueError as error:
        assert '`thresholds`' in str(error) and len(str(error)) < 500
    else:  # it is told the classes later
        assert steps.thresholds.isfinite().all() and steps.thresholds.dim() <= 1


def test_valid_thresholds(tmp_path):
    (tmp_path / 't.json').write_text(thresholds('[0.25, 1]'))
    assert read_thresholds(tmp_path / 't.json', CLASSES)['thresholds'] == [0.25, 1]


GOOD = dict(
    classes=np.array([0, 2], np.int16), codes=np.arange(24, dtype=np.uint8).reshape(2, 3, 4), num_classes=np.int16(3)
)


@pytest.mark.parametrize(
    'change',
    [
        dict(classes=np.array([0, 3], np.int16)),
        dict(classes=np.array([-1, 0], np.int16)),
        dict(classes=np.array([0], np.int16)),
        dict(classes=np.array([0.5, 1])),
        dict(codes=GOOD['codes'][0]),
        dict(codes=GOOD['codes'].astype(np.int64)),
        dict(num_classes=np.int64(10**12)),
        dict(num_classes=np.int16([3])),
        dict(num_classes=np.int16(-3)),
        dict(codes=np.array([dict()], dtype=object)),
        dict(classes=None),
    ],
)
def test_stored_scores(tmp_path, change):
    path = tmp_path / 'a.npz'
    np.savez(path, **GOOD)
    codes = read_codes(path)
    np.testing.assert_array_equal(codes[[0, 2]], GOOD['codes'])
    assert codes.shape == (3, 3, 4) and not codes[1].any()
    np.savez(path, **{key: value for key, value in {**GOOD, **change}.items() if value is not None})
    with pytest.raises(ValueError, match=r'a\.npz: (scores must be|cannot be read as \.npz)'):
        read_codes(path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match=r'a\.npz: cannot be read as \.npz'):
        read_codes(path)


def test_no_cell_of_a_table_is_a_formula():
    names = ['=HYPERLINK("http://x")', '+1', '-1+1', '@SUM(A1)', '\t=1', '\r=1', 'a\r=1', 'a=1', '']
    rows = [{'run': name, '=IoU': -1.5, 'mIoU': None} for name in names]
    header, *cells = csv.reader(io.StringIO(to_csv(rows), newline=''))
    assert header == ['run', "'=IoU", 'mIoU']
    assert [row[0] for row in cells] == [f"'{name}".replace('\r', ' ') for name in names[:6]] + ['a =1', 'a=1', '']
    assert {row[1] for row in cells} == {'-1.5'}  # numbers stay numbers
