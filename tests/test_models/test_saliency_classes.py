"""The classes that get a map of saliency: by tags, by scores, and those they are compared with."""

import numpy as np
import pytest
import torch

from .test_saliency import _batch, _model, _predict


@pytest.mark.parametrize(
    'tags, expected', [((-1.0, 1.0, 0.0, 1.0), {1, 3}), ((1.0, 0.0, 0.0, 0.0), set()), ((-1.0, -1.0, 1.0, -1.0), {2})]
)
@pytest.mark.parametrize('kind', ['GuidedBackpropSaliency', 'DistinctClassSaliency'])
def test_tags_choose_the_classes_of_training_images(tags, expected, kind):
    model = _model(dict(type=f'mmwsl.{kind}', use_image_labels=True))
    (sample,) = _predict(model, _batch((32, 32), tags=tags))
    assert set(sample.class_saliency.data.flatten(1).any(1).nonzero().flatten().tolist()) == expected
    with pytest.raises(KeyError, match=r'`use_image_labels` needs the field `gt_label`'):
        _predict(model, _batch((32, 32)))


@pytest.mark.parametrize('believe', [dict(saliency=True), dict(test_cfg=True), dict(saliency=True, test_cfg=True)])
@pytest.mark.parametrize('threshold', [0.5, 0.0])
def test_the_best_absent_class_is_compared_with_that_of_the_tags(believe, threshold):
    """Class 2 is present; the network prefers class 3 to it, and it to class 1, the first by number."""
    common = dict(type='mmwsl.DistinctClassSaliency', guided=False, scales=(1.0,), min_classes=2)
    tagged = dict(common, threshold=threshold, use_image_labels=believe.get('saliency', False))
    test_cfg = dict(mode='whole', use_image_labels=believe.get('test_cfg', False))
    models = [
        _model(dict(tagged, num_compared=2), test_cfg=test_cfg),
        _model(dict(common, threshold=1.0, num_compared=0)),
        _model(dict(tagged, num_compared=0), test_cfg=test_cfg),
    ]
    maps = []
    for model in models:
        with torch.no_grad():
            model.decode_head.conv_seg.bias[:] = torch.tensor([0.0, -8.0, 0.0, 8.0])
        maps.append(_predict(model, _batch((32, 32), tags=(-1.0, 0.0, 1.0, 0.0)))[0].class_saliency.data)
    known, best_two, alone = maps
    assert known.flatten(1).any(1).tolist() == [False, False, True, False]
    assert best_two.flatten(1).any(1).tolist() == [False, False, True, True]
    assert torch.equal(known[2], best_two[2]) and not torch.equal(known[2], alone[2])
    assert models[0].provenance == dict(tags='the tags of the predicted images') and models[1].provenance == {}


def test_steps_that_replace_scores_bring_no_excluded_class_back():
    model = _model(
        dict(threshold=1.0, min_classes=3),
        postprocessors=[dict(type='mmwsl.SaliencyScores')],
        test_cfg=dict(mode='whole'),
    )
    tags = (-1.0, 0.0, 1.0, -1.0)
    before = _predict(model, _batch((32, 32), tags=tags))[0].seg_logits.data.exp()
    assert before[1:].amax((1, 2)).min() > 0.9
    model.use_image_labels = True
    (sample,) = _predict(model, _batch((32, 32), tags=tags))
    assert set(sample.class_saliency.data.flatten(1).any(1).nonzero().flatten().tolist()) == {2, 3}
    assert sample.seg_logits.data.exp()[1].max() < 1e-37 and not (sample.pred_sem_seg.data == 1).any()
    torch.testing.assert_close(sample.seg_logits.data.exp()[2:], before[2:])


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
