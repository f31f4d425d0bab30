"""AP and ABO of instance masks: perfect predictions, a case computed by hand, wrong inputs."""

import json

import numpy as np
import pytest
import torch

from mmwsl.annotations import COCOInstanceWriter, coco_instances
from mmwsl.evaluation import InstanceMaskMetric

CLASSES = ('cat', 'dog')
PALETTE = [[0, 0, 0], [1, 0, 0], [0, 1, 0]]


def row(start, stop, length=20):
    """A mask of one row of pixels."""
    mask = np.zeros((1, length), bool)
    mask[0, start:stop] = True
    return mask


def write(folder, images):
    """Write a COCO file of ``{name: [(label, mask), ...]}``; labels begin at 1."""
    with COCOInstanceWriter(folder, ('background', *CLASSES), PALETTE, min_fraction=0) as writer:
        for name, objects in images.items():
            mask, ids = (np.zeros(objects[0][1].shape if objects else (1, 20), np.uint8) for _ in range(2))
            for index, (label, pixels) in enumerate(objects, 1):
                mask[pixels], ids[pixels] = label, index
            writer.write(name, mask, instances=ids)
    return str(folder / 'annotations.json')


def evaluate(annotations, samples, **kwargs):
    metric = InstanceMaskMetric(annotations, **kwargs)
    metric.dataset_meta = dict(classes=CLASSES)
    for name, predictions in samples.items():
        labels, scores, masks = zip(*predictions, strict=True) if predictions else ((), (), ())
        found = dict(
            labels=torch.tensor(labels, dtype=torch.long),
            scores=torch.tensor(scores, dtype=torch.float32),
            masks=torch.from_numpy(np.stack(masks)) if masks else torch.zeros(0, 1, 20),
        )
        metric.process(None, [dict(img_path=f'any/folder/{name}', pred_instances=found)])
    return metric.evaluate(len(samples))


def test_the_ground_truth_as_prediction_is_perfect(tmp_path):
    rng = np.random.default_rng(0)
    images = {}
    for index in range(4):
        ids = rng.integers(0, 5, (9, 7))
        images[f'{index}.png'] = [(1 + (i + index) % 2, ids == i) for i in range(1, 5)]
    annotations = write(tmp_path, images)
    samples = {name: [(label - 1, rng.random(), mask) for label, mask in objects] for name, objects in images.items()}
    result = evaluate(annotations, samples)
    assert result == dict(AP25=100, AP50=100, AP75=100, ABO=100, masks_per_image=4)


def test_duplicates_misses_and_wrong_classes_by_hand(tmp_path):
    """Cats: ground truths 0..10 and 10..20 of one image, 0..10 of another; dogs: one.

    By score: exact (correct), a duplicate of IoU 0.9 (wrong: matched), IoU 0.4 with the second (wrong; 0.25: correct).
    The third cat has no prediction. AP50 = 1/3 * 1. AP25: precision 1, 1/2, 2/3, so 1/3 + 1/3 * 2/3 = 5/9.
    ABO = (1 + 0.4 + 0) / 3. The mask with the label dog lies on a cat: AP and ABO of dogs are 0.
    """
    annotations = write(
        tmp_path, {'a.png': [(1, row(0, 10)), (1, row(10, 20))], 'b.png': [(1, row(0, 10)), (2, row(12, 20))]}
    )
    predictions = {
        'a.png': [(0, 0.7, row(16, 20)), (0, 0.9, row(0, 10)), (0, 0.8, row(0, 9))],
        'b.png': [(1, 0.9, row(0, 10))],
    }
    result = evaluate(annotations, predictions)
    assert result['AP50'] == pytest.approx(100 / 3 / 2, abs=0.01)
    assert result['AP25'] == pytest.approx(100 * 5 / 9 / 2, abs=0.01)
    assert result['ABO'] == pytest.approx(100 * 1.4 / 3 / 2, abs=0.01)
    assert result['masks_per_image'] == 2


def test_more_masks_never_lower_the_overlap_but_the_precision(tmp_path):
    annotations = write(tmp_path, {'a.png': [(1, row(0, 10))]})
    one = evaluate(annotations, {'a.png': [(0, 0.5, row(0, 8))]})
    more = evaluate(annotations, {'a.png': [(0, 0.5, row(0, 8)), (0, 0.9, row(12, 20)), (0, 0.8, row(0, 10))]})
    assert (one['ABO'], one['AP50'], one['masks_per_image']) == (80, 100, 1)
    assert (more['ABO'], more['AP50'], more['masks_per_image']) == (100, 50, 3)


def test_images_without_objects_and_predictions_count(tmp_path):
    annotations = write(tmp_path, {'a.png': [(1, row(0, 10))], 'b.png': []})
    result = evaluate(annotations, {'a.png': [(0, 0.5, row(0, 10))], 'b.png': [(0, 0.9, row(0, 10))]})
    assert result['AP50'] == 50  # the false positive has the higher score
    assert evaluate(annotations, {'a.png': [], 'b.png': []})['ABO'] == 0


def test_a_crowd_region_is_no_ground_truth(tmp_path):
    path = write(tmp_path, {'a.png': [(1, row(0, 10)), (1, row(10, 20))]})
    content = json.loads(open(path).read())
    content['annotations'][1]['iscrowd'] = 1
    (tmp_path / 'crowd.json').write_text(json.dumps(content))
    result = evaluate(str(tmp_path / 'crowd.json'), {'a.png': [(0, 0.5, row(0, 10))]})
    assert result['AP50'] == result['ABO'] == 100


def test_wrong_inputs_are_named(tmp_path):
    path = write(tmp_path, {'a.png': [(1, row(0, 10))]})
    with pytest.raises(ValueError, match=r'`thresholds` must be in \[0, 1\), got \(1.0,\)'):
        InstanceMaskMetric(path, thresholds=(1.0,))
    with pytest.raises(FileNotFoundError, match='missing.json'):
        InstanceMaskMetric(str(tmp_path / 'missing.json'))
    with pytest.raises(KeyError, match="must have the image 'b.png'"):
        evaluate(path, {'b.png': [(0, 0.5, row(0, 10))]})
    with pytest.raises(ValueError, match=r"the masks of 'a.png' must have the size \(1, 20\) of .*, got \(1, 5\)"):
        evaluate(path, {'a.png': [(0, 0.5, row(0, 5, 5))]})
    metric = InstanceMaskMetric(path)
    with pytest.raises(KeyError, match='needs the field `pred_instances`'):
        metric.process(None, [dict(img_path='a.png')])


def test_instances_are_read_as_they_were_written(tmp_path):
    rng = np.random.default_rng(0)
    ids = rng.integers(0, 4, (9, 7))
    path = write(tmp_path, {'a.png': [(1, ids == 1), (2, ids == 2), (2, ids == 3)]})
    found = coco_instances(path)['a.png']
    assert [item.name for item in found] == ['cat', 'dog', 'dog']
    for index, item in enumerate(found, 1):
        np.testing.assert_array_equal(item.mask(), ids == index)
