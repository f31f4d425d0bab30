"""Selection of the classes that get a saliency map, and of those they are compared with."""

import numpy as np
import pytest
import torch

from .test_saliency import LABELS, _batch, _model, _predict


@pytest.mark.parametrize(
    'labels, expected', [((-1.0, 1.0, 0.0, 1.0), {1, 3}), ((1.0, 0.0, 0.0, 0.0), set()), ((-1.0, -1.0, 1.0, -1.0), {2})]
)
@pytest.mark.parametrize('kind', ['GuidedBackpropSaliency', 'DistinctClassSaliency'])
def test_known_image_labels_select_the_classes(labels, expected, kind):
    saliency = dict(type=f'mmwsl.{kind}', min_classes=0)
    model = _model(saliency, inference=dict(image_labels=LABELS))
    (sample,) = _predict(model, _batch((32, 32), labels=labels))
    (predicted,) = _predict(_model(), _batch((32, 32)))
    confident = (predicted.pred_label.score > 0.5).nonzero().flatten().tolist()
    expected = expected | {c for c in confident if c and labels[c] == -1}  # unknown classes are predicted
    assert set(sample.class_saliency.data.flatten(1).any(1).nonzero().flatten().tolist()) == expected
    with pytest.raises(KeyError, match='KnownImageLabels needs the field `gt_label`'):
        _predict(model, _batch((32, 32)))


@pytest.mark.parametrize('threshold', [0.5, 0.0])
def test_the_highest_scoring_absent_class_is_compared_with_the_present_class(threshold):
    """Class 2 is present; its score lies between those of class 3 and class 1."""
    common = dict(type='mmwsl.DistinctClassSaliency', guided=False, scales=(1.0,), min_classes=2)
    labeled, known = dict(common, threshold=threshold), dict(image_labels=LABELS)
    models = [
        _model(dict(labeled, num_compared=2), inference=known),
        _model(dict(common, threshold=1.0, num_compared=0)),
        _model(dict(labeled, num_compared=0), inference=known),
    ]
    maps = []
    for model in models:
        with torch.no_grad():
            model.decode_head.conv_seg.bias[:] = torch.tensor([0.0, -8.0, 0.0, 8.0])
        maps.append(_predict(model, _batch((32, 32), labels=(-1.0, 0.0, 1.0, 0.0)))[0].class_saliency.data)
    present, best_two, alone = maps
    assert present.flatten(1).any(1).tolist() == [False, False, True, False]
    assert best_two.flatten(1).any(1).tolist() == [False, False, True, True]
    assert torch.equal(present[2], best_two[2]) and not torch.equal(present[2], alone[2])
    assert 'image_labels' in models[0].pipeline.provenance and models[1].pipeline.provenance == {}


def test_saliency_brings_no_absent_class_back():
    saliency = dict(threshold=1.0, min_classes=3, scores=None)
    labels = (-1.0, 0.0, 1.0, -1.0)
    (before,) = _predict(_model(saliency), _batch((32, 32), labels=labels))
    assert before.pred_scores.data[1:].amax((1, 2)).min() > 0.9
    (sample,) = _predict(_model(saliency, inference=dict(image_labels=LABELS)), _batch((32, 32), labels=labels))
    assert set(sample.class_saliency.data.flatten(1).any(1).nonzero().flatten().tolist()) == {2, 3}
    assert not sample.pred_scores.data[1].any() and not (sample.pred_sem_seg.data == 1).any()
    torch.testing.assert_close(sample.pred_scores.data[2:], before.pred_scores.data[2:])


def test_classes_for_comparison_get_no_map():
    batch = _batch((32, 32))
    scores = _predict(_model(), batch)[0].pred_label.score
    best = int(scores[1:].argmax()) + 1
    threshold = float(scores[1:].sort(descending=True)[0][:2].mean())
    saliency = dict(type='mmwsl.DistinctClassSaliency', guided=False, threshold=threshold, scales=(1.0,))
    maps = {
        num_compared: _predict(_model(dict(saliency, num_compared=num_compared)), _batch((32, 32)))[
            0
        ].class_saliency.data
        for num_compared in (0, 3)
    }
    assert maps[0].flatten(1).any(1).nonzero().flatten().tolist() == [best]
    assert not maps[3][[c for c in range(4) if c != best]].any()
    assert max(result.max() for result in maps.values()) <= np.tanh(3.0)
    assert not torch.equal(maps[0], maps[3])
