"""Point localization: definition by plain loops, boxes of files and masks, objects that do not count, errors."""

import json

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.structures import LabelData, PixelData
from mmseg.structures import SegDataSample

from mmwsl.annotations import coco_boxes, mask_boxes, voc_boxes
from mmwsl.evaluation import PointLocalizationMetric
from mmwsl.functional import average_precision

CLASSES = ('background', 'cat', 'dog')
OBJECT = (
    '<object><name>{}</name>{}<bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox></object>'
)


def _metric(**settings):
    metric = PointLocalizationMetric(**settings)
    metric.dataset_meta = dict(classes=CLASSES)
    return metric


def _sample(peaks, scores, mask=None, path='1.jpg', size=(40, 60)):
    """Return a sample whose map of class k is highest at ``peaks[k - 1]``, column and row."""
    maps = torch.zeros(3, *size)
    maps[0, 0, 0] = 9
    for k, (x, y) in enumerate(peaks, 1):
        maps[k, y, x] = 1
    sample = SegDataSample(
        pred_scores=PixelData(data=maps),
        metainfo=dict(img_path=f'/somewhere/{path}'),
        pred_label=LabelData(score=torch.tensor([1.0, *scores])),
    )
    if mask is not None:
        sample.gt_sem_seg = PixelData(data=torch.as_tensor(mask)[None])
    return sample


def _evaluate(metric, samples):
    evaluator = Evaluator(metric)
    evaluator.process(samples)
    return evaluator.evaluate(len(samples))


def _xml(folder, stem, *objects):
    body = ''.join(OBJECT.format(name, '<difficult>1</difficult>' if hard else '', *box) for name, box, hard in objects)
    (folder / f'{stem}.xml').write_text(f'<annotation>{body}</annotation>')


def _json(path, objects, **replaced):
    """Write a COCO file of ``(class, box with last pixels, crowd)`` per image; ids are neither indices nor labels."""
    names = {70: 'dog', 9: 'cat', 3: 'tree'}
    annotations = [
        dict(
            id=1000 + 10 * i + j,
            image_id=500 - i,
            iscrowd=int(crowd),
            bbox=[*box[:2], box[2] - box[0] + 1, box[3] - box[1] + 1],
            category_id=next(key for key, value in names.items() if value == name),
        )
        for i, objects in enumerate(objects.values())
        for j, (name, box, crowd) in enumerate(objects)
    ]
    content = dict(
        images=[dict(id=500 - i, file_name=name) for i, name in enumerate(objects)],
        categories=[dict(id=key, name=name) for key, name in names.items()],
        annotations=annotations,
    )
    path.write_text(json.dumps({**content, **replaced}))
    return str(path)


def _loops(images, k, tolerance):
    """Return the AP of class k by plain loops over ``(score, peak, boxes)``, with boxes as sets of pixels."""
    found, present = [], 0
    for score, peak, boxes in images:
        allowed = {
            (x, y)
            for left, top, right, bottom in boxes[k]
            for x in range(left - tolerance, right + tolerance + 1)
            for y in range(top - tolerance, bottom + tolerance + 1)
        }
        found.append((score[k], peak[k] in allowed))
        present += bool(boxes[k])
    area = 0
    for score, hit in found:
        if hit:
            above = [other for value, other in found if value >= score]
            area += sum(above) / len(above) / present
    return area


@pytest.mark.parametrize('tolerance', [0, 3, 18])
def test_the_metric_equals_its_definition_with_boxes_of_files(tmp_path, tolerance):
    rng = np.random.default_rng(0)
    images, samples = [], []
    for number in range(30):
        boxes = [[], []]
        for _ in range(rng.integers(0, 4)):
            left, top, wide, high = rng.integers(0, (46, 31, 14, 9)).tolist()
            boxes[rng.integers(2)].append((left, top, left + wide, top + high))
        scores = rng.random(2).round(1).tolist()
        # near a box if there is one, otherwise anywhere
        peaks = [
            tuple((np.array(own[0][:2]) + rng.integers(-3, 10, 2)).clip(0, (59, 39)).tolist())
            if own
            else tuple(rng.integers(0, (60, 40)).tolist())
            for own in boxes
        ]
        # VOC counts from 1
        _xml(
            tmp_path,
            number,
            *((CLASSES[k + 1], [edge + 1 for edge in box], False) for k in range(2) for box in boxes[k]),
        )
        images.append((scores, peaks, boxes))
        samples.append(_sample(peaks, scores, path=f'{number}.jpg'))
    file = _json(
        tmp_path / 'instances.json',
        {
            f'{number}.jpg': [(CLASSES[k + 1], box, False) for k in range(2) for box in boxes[k]]
            for number, (_, _, boxes) in enumerate(images)
        },
    )
    expected = [100 * _loops(images, k, tolerance) for k in range(2)]
    assert min(expected) > 0
    for annotations in (str(tmp_path), file):
        result = _evaluate(_metric(annotations=annotations, tolerance=tolerance), samples)
        assert result == {'point_mAP': pytest.approx(sum(expected) / 2, abs=0.006)}


@pytest.mark.parametrize(
    ('peak', 'found'),
    [
        ((20, 19), True),
        ((2, 2), True),
        ((1, 19), False),
        ((20, 1), False),
        ((47, 39), True),
        ((48, 19), False),
        ((20, 40), False),
    ],
)
def test_the_tolerance_is_18_pixels_on_each_side(tmp_path, peak, found):
    # from 0: columns 20 to 29, rows 20 and 21, so columns 2 to 47 and rows 2 to 39 are correct
    _xml(tmp_path, 1, ('cat', (21, 21, 30, 22), False))
    result = _evaluate(_metric(annotations=str(tmp_path)), [_sample([peak, (0, 0)], [0.5, 0.5], size=(50, 60))])
    assert result == {'point_mAP': 100.0 * found}


@pytest.mark.parametrize(
    ('side', 'distance', 'found'),
    [(None, 17, True), (None, 18, True), (None, 19, False), (500, 36, True), (500, 37, False), (2000, 9, True)]
    + [(2000, 10, False)],
)
def test_the_tolerance_is_measured_in_the_image_of_a_given_long_side(tmp_path, side, distance, found):
    # an image of 1000 x 80: 18 pixels of one of 500 pixels are 36 of its own
    _xml(tmp_path, 1, ('cat', (101, 1, 110, 80), False))
    metric = _metric(annotations=str(tmp_path), tolerance_side=side)
    result = _evaluate(metric, [_sample([(109 + distance, 40), (0, 0)], [0.5, 0.5], size=(80, 1000))])
    assert result == {'point_mAP': 100.0 * found}


def test_two_boxes_of_a_class_count_once(tmp_path):
    _xml(tmp_path, 1, ('cat', (1, 1, 9, 9), False), ('cat', (5, 5, 12, 12), False))
    assert _evaluate(_metric(annotations=str(tmp_path)), [_sample([(6, 6), (0, 0)], [0.5, 0.5])]) == {
        'point_mAP': 100.0
    }


def test_small_components_have_no_box_on_demand():
    mask = np.zeros((40, 60), int)
    mask[0:2, 0:2] = 1  # 4 of 2400 pixels
    mask[30:40, 50:60] = 1
    samples = [_sample([(0, 0), (0, 0)], [0.5, 0.5], mask)]
    assert _evaluate(_metric(min_area=4 / 2400), samples) == {'point_mAP_from_masks': 100.0}
    assert _evaluate(_metric(min_area=5 / 2400), samples) == {'point_mAP_from_masks': 0.0}


def test_the_point_of_a_location_is_its_center():
    """A score map of 3 x 4 locations over 24 x 32 pixels: location (1, 2) covers rows 8 to 15, columns 16 to 23."""
    score_map = torch.zeros(1, 1, 3, 4)
    score_map[0, 0, 1, 2] = 1
    pixels = torch.nn.functional.interpolate(score_map, (24, 32), mode='bilinear', align_corners=False)
    place = divmod(int(pixels.argmax()), 32)
    assert place in [(11, 19), (11, 20), (12, 19), (12, 20)]  # the center (11.5, 19.5) lies between these pixels


def test_the_map_lowers_the_classification_result_only():
    rng = np.random.default_rng(3)
    samples, labels, scores = [], [], rng.random((25, 2))
    for row in scores:
        present = rng.random(2) < 0.5
        mask = np.zeros((40, 60), int)
        mask[:5, :5], mask[30:, 50:] = present * (1, 2)
        labels.append(present)
        samples.append(_sample([tuple(rng.integers(0, (60, 40)).tolist()) for _ in range(2)], row.tolist(), mask))
    result = _evaluate(_metric(), samples)['point_mAP_from_masks']
    pairs = zip(scores.astype(np.float32).T, np.array(labels).T.astype(int), strict=True)
    assert 0 < result < 100 * np.mean([average_precision(score, label) for score, label in pairs])


def test_boxes_of_mask_components_give_the_metric_another_name():
    mask = np.zeros((40, 60), int)
    mask[0:3, 0:3] = 1
    mask[3, 3] = 1  # touches at a corner
    mask[30:40, 50:60] = 1
    mask[30:33, 0:3] = 2
    mask[20, :] = 255
    boxes = mask_boxes(mask, CLASSES)
    assert sorted((item.name, *item.box) for item in boxes) == [
        ('cat', 0, 0, 3, 3),
        ('cat', 50, 30, 59, 39),
        ('dog', 0, 30, 2, 32),
    ]
    # between the two components, inside the box of all pixels of the class
    samples = [_sample([(30, 10), (1, 31)], [0.5, 0.5], mask)]
    assert _evaluate(_metric(tolerance=0), samples) == {'point_mAP_from_masks': 50.0}
    # inside the first component's box, where the mask is background
    samples = [_sample([(3, 0), (1, 31)], [0.5, 0.5], mask)]
    assert _evaluate(_metric(tolerance=0), samples) == {'point_mAP_from_masks': 100.0}


def test_a_miss_is_a_false_positive_and_a_missed_image():
    square = np.zeros((40, 60), int)
    square[:5, :5] = 1
    samples = [_sample([(59, 39), (0, 0)], [0.9, 0.1], square), _sample([(0, 0), (0, 0)], [0.8, 0.1], square)]
    # one of two images is found, at precision 1/2; no image contains a dog, so dog does not count
    assert _evaluate(_metric(tolerance=3), samples) == {'point_mAP_from_masks': 25.0}


def test_the_variants_of_the_average_precision_have_their_own_keys():
    square = np.zeros((40, 60), int)
    square[:5, :5] = 1
    hit, miss = [(0, 0), (0, 0)], [(59, 39), (0, 0)]
    # of four images with a cat, the points of the ranks 1, 3 and 4 are right: precisions 1, 2/3, 3/4 at 1/4, 1/2, 3/4
    points = [hit, miss, hit, hit]
    samples = [_sample(point, [0.9 - 0.1 * rank, 0.1], square) for rank, point in enumerate(points)]
    assert _evaluate(_metric(variants=['area', 'all_points', '11point']), samples) == {
        'point_mAP_from_masks': pytest.approx(100 * (1 + 2 / 3 + 3 / 4) / 4, abs=0.006),
        'point_mAP_all_points_from_masks': pytest.approx(100 * (1 + 3 / 4 + 3 / 4) / 4, abs=0.006),
        'point_mAP_11point_from_masks': pytest.approx(100 * (3 * 1 + 5 * 3 / 4) / 11, abs=0.006),
    }
    with pytest.raises(ValueError, match=r"LocalizationMetric: `variants` must be a list of some of .* got \['x'\]"):
        _metric(variants=['x'])


def test_images_without_the_class_lower_the_precision_wherever_the_point_is():
    square = np.zeros((40, 60), int)
    square[:5, :5] = 1
    samples = [_sample([(0, 0), (0, 0)], [0.8, 0.1], square), _sample([(0, 0), (0, 0)], [0.9, 0.1], 0 * square)]
    assert _evaluate(_metric(), samples) == {'point_mAP_from_masks': 50.0}


def test_no_object_at_all_gives_nan():
    assert np.isnan(
        _evaluate(_metric(), [_sample([(0, 0)] * 2, [0.5, 0.5], np.zeros((40, 60), int))])['point_mAP_from_masks']
    )


def test_difficult_objects_count_only_on_demand(tmp_path):
    _xml(tmp_path, 1, ('cat', (1, 1, 5, 5), True))
    _xml(tmp_path, 2, ('cat', (1, 1, 5, 5), False), ('cat', (51, 31, 60, 40), True))
    _xml(tmp_path, 3, ('cat', (1, 1, 5, 5), False))
    corner, far = [(0, 0), (0, 0)], [(59, 39), (0, 0)]
    samples = [
        _sample(corner, [0.9, 0], path='1.jpg'),
        _sample(far, [0.8, 0], path='2.jpg'),
        _sample(far, [0.7, 0], path='3.jpg'),
        _sample(corner, [0.6, 0], path='3.jpg'),
    ]
    # by default, 1 and 2 are ignored; the second of the other two is found
    assert _evaluate(_metric(annotations=str(tmp_path), tolerance=0), samples) == {'point_mAP': 25.0}
    expected = 100 * (1 + 1 + 3 / 4) / 4
    assert _evaluate(_metric(annotations=str(tmp_path), tolerance=0, difficult=True), samples) == {
        'point_mAP': pytest.approx(expected)
    }
    # the same for COCO's crowd regions; image names may have a folder, and other categories are ignored
    file = _json(
        tmp_path / 'instances.json',
        {
            'val/1.jpg': [('cat', (0, 0, 4, 4), True), ('tree', (0, 0, 59, 39), False)],
            'val/2.jpg': [('cat', (0, 0, 4, 4), False), ('cat', (50, 30, 59, 39), True)],
            'val/3.jpg': [('cat', (0, 0, 4, 4), False)],
        },
    )
    assert _evaluate(_metric(annotations=file, tolerance=0), samples) == {'point_mAP': 25.0}
    assert _evaluate(_metric(annotations=file, tolerance=0, difficult=True), samples) == {
        'point_mAP': pytest.approx(expected)
    }


def test_parts_of_an_object_are_not_objects(tmp_path):
    part = '<part><name>cat</name><bndbox><xmin>1</xmin></bndbox></part>'
    text = OBJECT.format('dog', part, 46.5, 1, 50, 9)
    (tmp_path / '1.xml').write_text(f'<annotation>{text}</annotation>')
    assert [(item.name, item.box) for item in voc_boxes(tmp_path / '1.xml')] == [('dog', (45.5, 0, 49, 8))]


@pytest.mark.parametrize(
    ('text', 'error', 'message'),
    [
        (None, FileNotFoundError, r'1.xml does not exist: every evaluated image .* Check `annotations`'),
        ('<annotation>', ValueError, 'not XML'),
        ('<annotation><object/></annotation>', ValueError, 'object 1 has no <name>'),
        (
            '<annotation><object><name>cat</name></object></annotation>',
            ValueError,
            r'object 1 \(cat\): <bndbox> must have xmin, .* got \[None',
        ),
        (f'<annotation>{OBJECT.format("cat", "", 5, 1, "x", 9)}</annotation>', ValueError, '<bndbox> must have'),
        (f'<annotation>{OBJECT.format("cat", "", 5, 1, 4, 9)}</annotation>', ValueError, '<bndbox> must have'),
        (
            f'<annotation>{OBJECT.format("cat", "", 5, 1, 61, 9)}</annotation>',
            ValueError,
            'must lie in the image of 60 x 40',
        ),
    ],
)
def test_invalid_xml_files_are_errors(tmp_path, text, error, message):
    if text is not None:
        (tmp_path / '1.xml').write_text(text)
    with pytest.raises(error, match=message):
        Evaluator(_metric(annotations=str(tmp_path))).process([_sample([(0, 0)] * 2, [0.5, 0.5])])


def test_coco_boxes_of_less_than_a_pixel_become_one_pixel(tmp_path):
    file = _json(tmp_path / 'instances.json', {'1.jpg': [('cat', (2.5, 3, 1.5, 2.25), False)], '2.jpg': []})
    boxes = coco_boxes(file)
    assert [(item.name, item.box) for item in boxes['1.jpg']] == [('cat', (2.5, 3, 2.5, 3))]
    assert boxes['2.jpg'] == []


@pytest.mark.parametrize(
    ('replaced', 'message'),
    [
        (dict(images=[dict(id=500, file_name='a/1.jpg'), dict(id=2, file_name='b/1.jpg')]), "two .* named '1.jpg'"),
        (dict(images=[dict(id=1, file_name='1.jpg')]), 'annotation 1000 refers to image 500, which `images` lacks'),
        (dict(categories=[]), 'annotation 1000 refers to category 9, which `categories` lacks'),
        (dict(categories=None), r"no list \['categories'\]. Give `instances_"),
        (
            dict(annotations=[dict(id=4, image_id=500, category_id=9)]),
            "the `bbox` of annotation 4 of '1.jpg' must be .* got None",
        ),
        (dict(annotations=[dict(id=4, image_id=500, category_id=9, bbox=[0, 0, -1, 5])]), r'.* got \[0, 0, -1, 5\]'),
    ],
)
def test_invalid_coco_files_are_errors(tmp_path, replaced, message):
    file = _json(tmp_path / 'instances.json', {'1.jpg': [('cat', (0, 0, 4, 4), False)]}, **replaced)
    with pytest.raises(ValueError, match=f'instances.json: {message}'):
        _metric(annotations=file)


def test_coco_files_of_other_images_are_errors(tmp_path):
    (tmp_path / 'broken.json').write_text('{"images"')
    with pytest.raises(ValueError, match='broken.json: not JSON'):
        _metric(annotations=str(tmp_path / 'broken.json'))
    file = _json(tmp_path / 'instances.json', {'1.jpg': [('cat', (0, 0, 60, 4), False)]})
    samples = [_sample([(0, 0)] * 2, [0.5, 0.5], path=f'{number}.jpg') for number in (1, 2)]
    with pytest.raises(ValueError, match=r'instances.json, 1.jpg: the box .* must lie in the image of 60 x 40'):
        Evaluator(_metric(annotations=file)).process(samples[:1])
    with pytest.raises(KeyError, match=r"instances.json: .* got no '2.jpg'"):
        Evaluator(_metric(annotations=file)).process(samples[1:])


@pytest.mark.parametrize(
    ('settings', 'error', 'message'),
    [
        (dict(tolerance=-1), ValueError, '`tolerance` must be a non-negative number of pixels, got -1'),
        (dict(tolerance=float('nan')), ValueError, 'got nan'),
        (dict(tolerance_side=0), ValueError, '`tolerance_side` must be a positive number of pixels or None, got 0'),
        (dict(min_area=1.0), ValueError, r'`min_area` must be in \[0, 1\)'),
        (dict(min_area=0.1, annotations='.'), ValueError, '`min_area` must be .* 0 with `annotations`'),
        (
            dict(annotations='no/such'),
            FileNotFoundError,
            "`annotations` must be a folder .* got 'no/such', which does not exist",
        ),
    ],
)
def test_invalid_arguments_are_errors(settings, error, message):
    with pytest.raises(error, match=message):
        PointLocalizationMetric(**settings)


@pytest.mark.parametrize(
    ('field', 'message'),
    [
        ('pred_label', 'WeakEncoderDecoder'),
        ('pred_scores', 'WeakEncoderDecoder'),
        ('gt_sem_seg', 'LoadAnnotations.*or set `annotations`'),
        ('img_path', '`meta_keys`'),
    ],
)
def test_the_error_for_a_missing_field_names_its_source(tmp_path, field, message):
    sample = _sample([(0, 0)] * 2, [0.5, 0.5], np.zeros((40, 60), int))
    delattr(sample, field)
    metric = _metric(annotations=str(tmp_path) if field == 'img_path' else None)
    with pytest.raises(KeyError, match=f'needs the field `{field}`.*{message}'):
        Evaluator(metric).process([sample])


def test_a_mask_of_another_size_is_an_error():
    with pytest.raises(
        ValueError, match=r'`gt_sem_seg` must have the size \(40, 60\) of `pred_scores`, got \(20, 60\)'
    ):
        sample = _sample([(0, 0)] * 2, [0.5, 0.5])
        sample = [{**sample.to_dict(), 'gt_sem_seg': dict(data=torch.zeros(1, 20, 60))}]
        Evaluator(_metric()).process(sample)
