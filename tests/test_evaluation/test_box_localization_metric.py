"""Box localization: definitions by other means, limits, and what must not change the result."""

import itertools

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.structures import LabelData, PixelData
from mmseg.structures import SegDataSample

from mmwsl.evaluation import BoxLocalizationMetric

CLASSES = ('background', 'cat', 'dog')


def sample(maps, mask, scores=(0.9, 0.1)):
    maps = torch.as_tensor(np.stack([np.zeros_like(maps[0]), *maps])).float()
    return SegDataSample(
        pred_scores=PixelData(data=maps),
        pred_label=LabelData(score=torch.tensor([1.0, *scores])),
        gt_sem_seg=PixelData(data=torch.as_tensor(mask)[None]),
        metainfo=dict(img_path='1.jpg'),
    )


def evaluate(samples, **settings):
    metric = BoxLocalizationMetric(**dict(dict(side=None), **settings))
    metric.dataset_meta = dict(classes=CLASSES)
    evaluator = Evaluator(metric)
    evaluator.process(samples)
    return {key.removesuffix('_from_masks'): value for key, value in evaluator.evaluate(len(samples)).items()}


def rectangle(left, top, right, bottom, value=1.0, size=(40, 60)):
    """Return a map with a rectangle; right and bottom are exclusive."""
    score_map = np.zeros(size)
    score_map[top:bottom, left:right] = value
    return score_map


NOTHING = np.zeros((40, 60))
OBJECT = rectangle(10, 5, 30, 25).astype(int)  # 20 x 20


@pytest.mark.parametrize('threshold', [0.0, 0.2, 0.99])
@pytest.mark.parametrize('side', [None, 224])
def test_a_rectangle_gives_its_box_at_every_threshold(threshold, side):
    result = evaluate([sample([rectangle(10, 5, 30, 25, 0.7), NOTHING], OBJECT)], threshold=threshold, side=side)
    assert result == {'GT-known_Loc': 100, 'Top-1_Loc': 100, 'MaxBoxAcc': 100, 'MaxBoxAccV2': 100}


@pytest.mark.parametrize(('right', 'correct'), [(21, True), (20, True), (19, False)])
def test_an_iou_of_one_half_is_correct(right, correct):
    # columns 10 to right, 20 rows: the box is a part of the object's 20 columns
    result = evaluate([sample([rectangle(10, 5, right, 25), NOTHING], OBJECT)])
    assert result['GT-known_Loc'] == 100 * correct
    assert result['MaxBoxAccV2'] == pytest.approx(100 * (1 + correct) / 3, abs=0.01)  # 0.3 always, 0.5, 0.7 never


def test_version_1_has_one_box_and_version_2_the_boxes_of_all_components():
    two = rectangle(10, 5, 30, 25) + rectangle(32, 0, 60, 40)  # the larger component is no object
    result = evaluate([sample([two, NOTHING], OBJECT)])
    assert result == {'GT-known_Loc': 0, 'Top-1_Loc': 0, 'MaxBoxAcc': 0, 'MaxBoxAccV2': 100}


def test_scale_and_shift_of_a_map_change_nothing():
    rng = np.random.default_rng(0)
    where = np.array([rectangle(10, 5, 30 + 10 * i, 25) for i in range(6)])
    maps = [rng.integers(0, 48, (6, 40, 60)) / 64 + where / 4 for _ in range(2)]
    masks = [OBJECT, 2 * OBJECT, OBJECT, 2 * OBJECT, OBJECT, OBJECT]

    def run(factor, shift):
        pairs = zip(*maps, masks, strict=True)
        return evaluate([sample([factor * a + shift, factor * b + shift], m) for a, b, m in pairs])

    expected = run(1, 0)
    assert 0 < expected['MaxBoxAccV2'] < 100
    assert run(0.125, 0) == run(4, 8) == expected


def test_a_constant_map_is_a_miss():
    result = evaluate([sample([NOTHING + 0.5, NOTHING], OBJECT)])
    assert result == {'GT-known_Loc': 0, 'Top-1_Loc': 0, 'MaxBoxAcc': 0, 'MaxBoxAccV2': 0}


def test_the_class_must_be_right_for_top_1_only():
    right = [rectangle(10, 5, 30, 25)] * 2
    assert evaluate([sample(right, OBJECT, (0.2, 0.8))])['Top-1_Loc'] == 0
    assert evaluate([sample(right, OBJECT, (0.2, 0.8))])['GT-known_Loc'] == 100
    # two classes are two pairs, but one image
    both = OBJECT + 2 * rectangle(40, 30, 50, 40).astype(int)
    result = evaluate([sample(right, both, (0.2, 0.8))])
    assert (result['GT-known_Loc'], result['Top-1_Loc']) == (50, 0)
    # no object at all: no pair and no image
    assert np.isnan(list(evaluate([sample(right, 0 * OBJECT)]).values())).all()


def fill(mask, start):
    """Return the pixels of a component by a search of its neighbors."""
    found, todo = {start}, [start]
    while todo:
        y, x = todo.pop()
        for step in itertools.product((-1, 0, 1), repeat=2):
            near = (y + step[0], x + step[1])
            if near not in found and 0 <= near[0] < len(mask) and 0 <= near[1] < len(mask[0]) and mask[near]:
                found.add(near)
                todo.append(near)
    return found


def components(mask):
    left = {tuple(place) for place in np.argwhere(mask).tolist()}
    while left:
        component = fill(mask, min(left))
        yield component
        left -= component


def iou(pixels, box):
    """Return the overlap of the tight box of pixels with a box, by counting pixels."""
    ys, xs = zip(*pixels, strict=True)
    own = set(itertools.product(range(min(ys), max(ys) + 1), range(min(xs), max(xs) + 1)))
    other = set(itertools.product(range(box[1], box[3] + 1), range(box[0], box[2] + 1)))
    return len(own & other) / len(own | other)


def test_the_metric_equals_its_definition():
    rng = np.random.default_rng(1)
    size, count = (9, 12), 10
    samples, single, every = [], [], []
    for _ in range(12):
        left, top = rng.integers(0, 6, 2).tolist()
        box = (left, top, left + int(rng.integers(2, 6)), top + int(rng.integers(1, 3)))
        score_map = rng.random(size) + 0.3 * rectangle(box[0], box[1], box[2] + 1, box[3] + 1, size=size)
        score_map[0, 0] = rng.random() * 1.5
        samples.append(sample([score_map, np.zeros(size)], rectangle(*box[:2], box[2] + 1, box[3] + 1, size=size) > 0))
        samples[-1].gt_sem_seg.data = samples[-1].gt_sem_seg.data.long()
        score_map = score_map.astype(np.float32)
        normalized = (score_map - score_map.min()) / (score_map.max() - score_map.min())
        for kind in (single, every):
            kind.append([])
        for index in range(count):
            found = list(components(normalized > index / count))
            largest = max(map(len, found))
            single[-1].append(max(iou(one, box) for one in found if len(one) == largest))
            every[-1].append(max(iou(one, box) for one in found))
    result = evaluate(samples, num_thresholds=count, threshold=0.2)
    single, every = np.array(single), np.array(every)
    expected = np.mean([(every >= d).mean(0).max() for d in (0.3, 0.5, 0.7)])
    assert result['MaxBoxAccV2'] == pytest.approx(100 * expected, abs=0.01)
    assert result['MaxBoxAcc'] == pytest.approx(100 * (single >= 0.5).mean(0).max(), abs=0.01)
    assert result['GT-known_Loc'] == pytest.approx(100 * (single[:, 2] >= 0.5).mean(), abs=0.01)
    v1 = np.mean([(single >= d).mean(0).max() for d in (0.3, 0.5, 0.7)])
    assert 0 < v1 <= expected < 1


def test_difficult_objects_are_left_out(tmp_path):
    box = '<bndbox><xmin>11</xmin><ymin>6</ymin><xmax>30</xmax><ymax>25</ymax></bndbox>'
    text = f'<object><name>cat</name><difficult>1</difficult>{box}</object><object><name>dog</name>{box}</object>'
    (tmp_path / '1.xml').write_text(f'<annotation>{text}</annotation>')
    one = sample([NOTHING, rectangle(10, 5, 30, 25)], OBJECT)
    result = evaluate([one], annotations=str(tmp_path), num_thresholds=0)
    assert result['GT-known_Loc'] == 100 and np.isnan(result['Top-1_Loc'])
    result = evaluate([one], annotations=str(tmp_path), num_thresholds=0, difficult=True)
    assert result == {'GT-known_Loc': 50, 'Top-1_Loc': 0}


@pytest.mark.parametrize(
    'settings', [dict(threshold=1), dict(num_thresholds=-1), dict(side=0), dict(min_area=1), dict(num_thresholds=0.5)]
)
def test_arguments_out_of_range_are_errors(settings):
    (name,) = settings
    with pytest.raises(ValueError, match=f'`{name}` must be'):
        BoxLocalizationMetric(**settings)
