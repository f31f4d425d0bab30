"""Thresholds without masks, chosen from stored scores of synthetic objects."""

import json
import re
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS
from PIL import Image

from mmwsl.annotations.score_file import read_codes
from mmwsl.apis.pseudo_labels.items import ImageItem
from mmwsl.apis.pseudo_labels.masks import MaskRule
from mmwsl.apis.pseudo_labels.store import write_scores
from mmwsl.apis.threshold_choice import RULES, choose_thresholds
from mmwsl.apis.threshold_choice.sampling import sample_images
from mmwsl.apis.threshold_choice.statistics import GRID, collect_statistics
from mmwsl.inference import ClassThresholds

CLASSES = ['background', 'a', 'b', 'c']
BORDER = {1: 0.7, 2: 0.3}
"""Score at the border of an object of each class."""
SHAPE = (60, 80)


def item(folder, index, labels, unknown=()):
    name = f'sub/{index}'
    path = folder / f'{name}.png'
    return ImageItem(
        index, str(path), name, labels, unknown, folder / f'scores/{name}.npz', folder / f'masks/{name}.png'
    )


def scores_of(distance, k, shift=0.0):
    """Return scores that fall from the center of an object and are BORDER[k] at its border."""
    odds = np.log(BORDER[k] / (1 - BORDER[k]))
    scores = np.zeros((4, *SHAPE))
    scores[k] = 1 / (1 + np.exp((distance + shift) / 4 - odds))
    return scores


@pytest.fixture(scope='module')
def project(tmp_path_factory):
    """Twelve images of a, six of b; the flipped view agrees with the first one at the border of the object only."""
    folder = tmp_path_factory.mktemp('labels')
    random = np.random.default_rng(0)
    items, objects = [], []
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    for index in range(18):
        k = 1 if index < 12 else 2
        center, radius = random.uniform([22, 30], [38, 50]), random.uniform(10, 18)
        distance = np.hypot(y - center[0], x - center[1]) - radius
        items.append(item(folder, index, (k,)))
        image = np.where((distance < 0)[..., None], [200, 60, 40], [40, 90, 160]) + random.normal(0, 4, (*SHAPE, 3))
        (folder / 'sub').mkdir(exist_ok=True)
        Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(items[-1].img_path)
        write_scores(items[-1].scores, torch.from_numpy(scores_of(distance, k)))
        view = scores_of(np.where(abs(distance) < 1, distance, 2.5 * distance), k)
        write_scores(folder / f'view/scores/sub/{index}.npz', torch.from_numpy(view))
        objects.append(distance < 0)
    return folder, items, objects


def iou(choice, project, k):
    """Return the IoU of class k at the thresholds of a choice."""
    _, items, objects = project
    hits = union = 0
    for entry, inside in zip(items, objects, strict=True):
        if entry.labels == (k,):
            mask = MaskRule(fg_threshold=choice.thresholds[k - 1]).apply(read_codes(entry.scores)) == k
            hits, union = hits + (mask & inside).sum(), union + (mask | inside).sum()
    return hits / union


def test_regions_find_the_border_of_the_objects_of_each_class(project):
    choice = choose_thresholds(project[0], project[1], CLASSES, scope='class', shrinkage=0, resamples=20)
    assert min(iou(choice, project, 1), iou(choice, project, 2)) > 0.93
    np.testing.assert_allclose(choice.thresholds[:2], [0.7, 0.3], atol=0.1)
    assert choice.images == (12, 6, 0)


def test_one_global_threshold_cannot_fit_two_levels_of_scores(project):
    choice = choose_thresholds(project[0], project[1], CLASSES, resamples=5)
    assert len(set(choice.thresholds)) == 1 and len(choice.curves) == 1
    assert min(iou(choice, project, 1), iou(choice, project, 2)) < 0.85


def test_shrinkage_moves_classes_to_the_global_threshold(project):
    folder, items, _ = project
    overall = choose_thresholds(folder, items, CLASSES, resamples=1)
    shrunk = choose_thresholds(folder, items, CLASSES, scope='class', shrinkage=1e9, resamples=1)
    assert shrunk.thresholds == overall.thresholds
    own = choose_thresholds(folder, items, CLASSES, scope='class', shrinkage=0, resamples=1)
    assert own.thresholds[2] == overall.thresholds[0] and own.thresholds[1] != overall.thresholds[0]  # c has no image


@pytest.mark.parametrize('method', RULES)
def test_every_rule_gives_thresholds_that_postprocessing_reads(project, tmp_path, method):
    folder, items, _ = project
    for scope in ('global', 'class'):
        choice = choose_thresholds(
            folder, items, CLASSES, method, scope=scope, views=folder / 'view', resamples=10, max_images=8
        )
        again = choose_thresholds(
            folder, items, CLASSES, method, scope=scope, views=folder / 'view', resamples=10, max_images=8
        )
        choice.write(tmp_path / 'thresholds.json')
        again.write(tmp_path / 'again.json')
        assert (tmp_path / 'thresholds.json').read_bytes() == (tmp_path / 'again.json').read_bytes()
        content = json.loads((tmp_path / 'thresholds.json').read_text())
        assert content['classes'] == CLASSES and content['tuned_on'] is None and content['method'] == method
        read = ClassThresholds(tmp_path / 'thresholds.json')
        assert read.tuned_on is None and read.thresholds.tolist() == pytest.approx(choice.thresholds, abs=1e-6)
        assert all(0 <= value <= 1 for value in choice.thresholds)
        for value, (low, high) in zip(choice.thresholds, choice.spread, strict=True):
            assert 0 <= low <= high <= 1 and low - 0.3 <= value <= high + 0.3
        assert f'by {method}' in str(choice)


def test_views_find_the_border_where_they_agree(project):
    folder, items, _ = project
    with pytest.raises(ValueError, match='`views` must be a folder'):
        choose_thresholds(folder, items, CLASSES, 'views')
    choice = choose_thresholds(
        folder, items, CLASSES, 'views', views=folder / 'view', scope='class', shrinkage=0, resamples=5
    )
    np.testing.assert_allclose(choice.thresholds[:2], [0.7, 0.3], atol=0.1)


def test_scores_of_absent_classes_are_not_looked_at(project, tmp_path):
    folder, items, _ = project
    for entry in items[:2]:
        codes = torch.from_numpy(read_codes(entry.scores) / 255.0)
        codes[3] = 1
        write_scores(tmp_path / f'scores/{entry.name}.npz', codes)
        write_scores(tmp_path / f'plain/scores/{entry.name}.npz', codes * torch.tensor([1, 1, 1, 0])[:, None, None])
    given = collect_statistics(tmp_path, items[:2], 4, regions=True)
    plain = collect_statistics(tmp_path / 'plain', items[:2], 4, regions=True)
    assert all(np.array_equal(one, other) for one, other in zip(given, plain, strict=True))
    assert set(given.classes) == {0, 1}
    np.testing.assert_allclose(given.histograms.sum(1), 1, rtol=1e-5)


def test_masks_of_two_classes_in_an_image_are_measured_apart(project, tmp_path):
    one = item(tmp_path, 0, (1, 2))
    halves = np.zeros((4, *SHAPE))
    halves[1, :, :30], halves[2, :, 30:], halves[2, :, :30] = 0.9, 0.6, 0.5
    write_scores(one.scores, torch.from_numpy(halves))
    views = np.roll(halves, 10, axis=2)
    write_scores(tmp_path / 'view/scores/sub/0.npz', torch.from_numpy(views))
    statistics = collect_statistics(tmp_path, [one], 4, views=tmp_path / 'view')
    assert statistics.classes.tolist() == [0, 1, 2]
    low, high = np.searchsorted(GRID, [0.2, 0.7])
    assert statistics.views[0, low] == 0  # both masks are full
    pairs = {}
    for k in (1, 2):
        masks = [np.where(part.max(0) > 0.2, part.argmax(0), 0) == k for part in (halves, views)]
        share = masks[0].mean()
        chance = share**2 + (1 - share) ** 2
        pairs[k] = ((masks[0] == masks[1]).mean() - chance) / (1 - chance)
        assert statistics.views[k, low] == pytest.approx(pairs[k], abs=1e-6)
    assert statistics.views[1, high] == pytest.approx(pairs[1], abs=1e-6) and statistics.views[2, high] == 0
    assert [(row > 0).sum() for row in statistics.histograms] == [2, 1, 1]


def test_the_example_of_the_page_runs(project, repository, tmp_path, monkeypatch, capsys):
    block = re.search(r'```python\n(.*?)```', (repository / 'docs/thresholds.md').read_text(), re.DOTALL)[1]
    shutil.copytree(project[0], tmp_path / 'labels')
    monkeypatch.chdir(tmp_path)
    Path('labels.csv').write_text(
        'image,labels\n' + ''.join(f'{i.name},{"abc"[i.labels[0] - 1]}\n' for i in project[1])
    )
    init_default_scope('mmseg')
    dataset = DATASETS.build(
        dict(
            type='mmwsl.FolderWeakDataset',
            data_prefix=dict(img_path='labels', seg_map_path=str(tmp_path / 'labels/masks')),
            label_file='labels.csv',
            metainfo=dict(classes=CLASSES),
            pipeline=[],
        )
    )
    exec(block, dict(dataset=dataset))
    expected = choose_thresholds(*project[:2], CLASSES)
    assert json.loads(Path('labels/thresholds.json').read_text()) == json.loads(json.dumps(expected.content()))
    assert str(expected) in capsys.readouterr().out


def test_the_grid_lies_between_the_codes(project):
    codes = read_codes(project[1][0].scores)
    for index in (0, 100, 254):
        np.testing.assert_array_equal(MaskRule(fg_threshold=GRID[index]).apply(codes) > 0, codes.max(0) > index)


def test_no_answer_is_replaced_by_the_area_prior_and_said(project, tmp_path):
    _, items, _ = project
    for entry in items[:2]:
        write_scores(tmp_path / f'scores/{entry.name}.npz', torch.full((4, *SHAPE), 0.6))
    choice = choose_thresholds(tmp_path, items[:2], CLASSES, 'otsu', resamples=2)
    assert 'no answer (the scores are constant)' in choice.notes[0]
    assert choice.notes[0] in str(choice)


def test_a_threshold_below_the_stored_scores_is_noted(project, tmp_path):
    _, items, _ = project
    for entry in items[:2]:
        codes = torch.from_numpy(read_codes(entry.scores) / 255.0)
        write_scores(tmp_path / f'scores/{entry.name}.npz', codes / 100, min_score=0)
    choice = choose_thresholds(tmp_path, items[:2], CLASSES, resamples=2)
    assert choice.thresholds[0] < 0.01 and 'min_score=0' in choice.notes[0]
    assert not choose_thresholds(*project[:2], CLASSES, resamples=2).notes


def test_samples_are_balanced_complete_and_reproducible(tmp_path):
    items = [item(tmp_path, index, (1,)) for index in range(100)]
    items += [item(tmp_path, 100 + index, (2,)) for index in range(5)] + [item(tmp_path, 200, ())]
    sampled = sample_images(items, [1, 2, 3], 20)
    assert Counter(entry.labels for entry in sampled) == {(1,): 15, (2,): 5}
    assert sampled == sample_images(items, [1, 2, 3], 20) != sample_images(items, [1, 2, 3], 20, seed=1)
    assert sample_images(items, [1, 2, 3], 10_000) == items[:-1]
    assert Counter(entry.labels for entry in sample_images(items, [1, 2], 8)) == {(1,): 4, (2,): 4}
    assert len(sample_images([item(tmp_path, 0, None)], [1, 2], 3)) == 1


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(method='best'), '`method` must be one of .*regions'),
        (dict(scope='image'), "`scope` must be one of .*got 'image'"),
        (dict(max_images=0), '`max_images` must be at least 1, got 0'),
        (dict(shrinkage=-1), '`shrinkage` must be at least 0, got -1'),
        (dict(resamples=0), '`resamples` must be at least 1, got 0'),
    ],
)
def test_wrong_arguments_are_rejected(project, options, message):
    with pytest.raises(ValueError, match=message):
        choose_thresholds(project[0], project[1][:1], CLASSES, **options)


def test_inputs_that_do_not_fit_are_named(project, tmp_path):
    folder, items, _ = project
    with pytest.raises(FileNotFoundError, match='0.npz does not exist. Generate the scores'):
        choose_thresholds(tmp_path, items, CLASSES)
    with pytest.raises(ValueError, match='must have 3 classes, got 4'):
        choose_thresholds(folder, items, CLASSES[:3])
    with pytest.raises(ValueError, match='`items` must have an image with a foreground class, got 1 images'):
        choose_thresholds(folder, [item(folder, 0, ())], CLASSES)
    write_scores(tmp_path / 'scores/sub/0.npz', torch.rand(4, 10, 12))
    with pytest.raises(ValueError, match=r'its size \(60, 80\), got \(10, 12\)'):
        choose_thresholds(tmp_path, items[:1], CLASSES)
    with pytest.raises(ValueError, match="image 'sub/0': the scores of the view must have the shape"):
        choose_thresholds(folder, items[:1], CLASSES, 'views', views=tmp_path)
