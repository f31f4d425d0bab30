"""Class maps by guided back-propagation in the inference pipeline, on tiny images."""

import pytest
import torch
from mmengine.structures import LabelData
from mmseg.structures import SegDataSample
from torch import nn
from torch.nn import functional as F

from mmwsl.functional import saliency_prior
from mmwsl.inference import DistinctClassSaliency, GuidedBackpropSaliency
from mmwsl.registry import MODELS

PLAIN = dict(type='mmwsl.PlainCNN', channels=(6, 8), strides=(2, 2), norm_cfg=dict(type='BN'))
LAYERS = ('backbone.layers.0', 'backbone.layers.1')
LABELS = dict(type='mmwsl.KnownImageLabels')


def _model(saliency=None, backbone=PLAIN, channels=8, classes=4, inference=None, size=(32, 32), **head):
    torch.manual_seed(0)
    inference = dict(inference or {})
    if saliency is not None:
        inference['class_maps'] = dict(dict(type='mmwsl.GuidedBackpropSaliency', layers=LAYERS), **saliency)
    model = MODELS.build(
        dict(
            type='mmwsl.WeakEncoderDecoder',
            backbone=backbone,
            inference=inference,
            decode_head=dict(
                type='mmwsl.LSEAggregationHead',
                in_channels=channels,
                num_classes=classes,
                hidden_channels=(6,),
                kernel_size=1,
                dropout_ratio=0.0,
                background=dict(type='mmwsl.ConstantBackground'),
                **head,
            ),
            data_preprocessor=dict(type='mmseg.SegDataPreProcessor', test_cfg=dict(size=size) if size else None),
            train_cfg=dict(),
        )
    )
    nn.init.normal_(model.decode_head.conv_seg.weight)
    return model.eval()


def _batch(*shapes, ori_shape=None, flip=False, labels=None):
    generator = torch.Generator().manual_seed(1)
    images = [torch.randn(3, *shape, generator=generator) for shape in shapes]
    samples = []
    for shape in shapes:
        sample = SegDataSample(
            metainfo=dict(
                img_path='',
                img_shape=shape,
                ori_shape=ori_shape or shape,
                flip=flip,
                flip_direction='horizontal' if flip else None,
            )
        )
        if labels is not None:
            sample.gt_label = LabelData(score=torch.tensor(labels))
        samples.append(sample)
    return dict(inputs=images, data_samples=samples)


def _predict(model, batch):
    with torch.no_grad():
        return model.test_step(dict(inputs=list(batch['inputs']), data_samples=batch['data_samples']))


def _expected(model, image, c, layers, size):
    """Compute the definition for one image and class by autograd; no ReLU follows the last layer but one."""
    maps, values = [], {}
    hooks = [
        model.get_submodule(name).register_forward_hook(
            lambda module, args, output, name=name: values.update({name: output})
        )
        for name in layers
    ]
    score = model.decode_head.aggregator(model(image[None].requires_grad_()))[0, c]
    for name in layers:
        (gradient,) = torch.autograd.grad(score, values[name], retain_graph=True)
        maps.append(F.interpolate(gradient.abs().amax(1, keepdim=True), size, mode='bilinear')[0, 0])
    for hook in hooks:
        hook.remove()
    mean = sum(maps) / len(maps)
    return mean / mean.max()


def test_the_map_of_a_class_is_the_definition():
    model = _model(dict(guided=False, threshold=1.0, min_classes=2))
    batch = _batch((32, 32))
    (sample,) = _predict(model, batch)
    maps, scores = sample.class_saliency.data, sample.pred_label.score
    asked = (scores[1:].argsort(descending=True)[:2] + 1).tolist()
    assert maps.shape == (4, 32, 32) and maps.dtype == torch.float32 and not maps.requires_grad
    for c in range(4):
        if c in asked:
            torch.testing.assert_close(maps[c], _expected(model, batch['inputs'][0], c, LAYERS, (32, 32)))
        else:
            assert not maps[c].any()


def test_maps_are_weighted_probabilities_and_training_is_unchanged():
    model = _model(dict(power=0.5))
    with_saliency = _predict(model, _batch((32, 32), (32, 32)))
    assert all(p.requires_grad and p.grad is None for p in model.parameters())
    for one, two in zip(with_saliency, _predict(_model(), _batch((32, 32), (32, 32))), strict=True):
        assert 'class_saliency' in one and 'class_saliency' not in two
        assert torch.equal(one.seg_logits.data, two.seg_logits.data)
        expected = saliency_prior(two.pred_scores.data, one.class_saliency.data, 0.5)
        torch.testing.assert_close(one.pred_scores.data, expected)
        torch.testing.assert_close(expected[1:], (two.pred_scores.data * one.class_saliency.data)[1:].sqrt())
    assert set(_model(dict()).state_dict()) == set(model.state_dict())


def test_scales_are_averaged():
    single = [_predict(_model(dict(scales=(s,), threshold=1.0)), _batch((32, 32)))[0] for s in (1.0, 1.5)]
    (both,) = _predict(_model(dict(scales=(1.0, 1.5), threshold=1.0)), _batch((32, 32)))
    first, second, mean = (sample.class_saliency.data.sum(0) for sample in (*single, both))
    # The mean of maps before they are divided by their maxima: some mixture of the two.
    system = torch.stack([first.flatten(), second.flatten()], 1)
    mixture = torch.linalg.lstsq(system, mean.flatten()[:, None])
    assert (mixture.solution > 0).all()
    torch.testing.assert_close((system @ mixture.solution).flatten(), mean.flatten(), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    'aggregator', ['GlobalMaxPooling', 'GlobalAveragePooling', 'LSEPooling', 'NoisyOrPooling', 'GeMPooling']
)
def test_the_score_map_as_target_needs_no_aggregator(aggregator):
    maps = [
        _predict(
            _model(
                dict(target='score_map'), inference=dict(image_labels=LABELS), aggregator=dict(type=f'mmwsl.{name}')
            ),
            _batch((32, 32), labels=(1.0, 1.0, 1.0, 1.0)),
        )[0].class_saliency.data
        for name in (aggregator, 'GlobalAveragePooling')
    ]
    torch.testing.assert_close(*maps)
    (by_image,) = _predict(_model(dict(threshold=1.0), aggregator=dict(type=f'mmwsl.{aggregator}')), _batch((32, 32)))
    assert by_image.class_saliency.data.max() == 1


BACKBONES = {
    'MobileNetV2': (
        dict(type='mmwsl.DilatedMobileNetV2', out_indices=(6,), frozen=True),
        320,
        ('backbone.layer3', 'backbone.layer5', 'backbone.layer7'),
    ),
    'ResNet': (
        dict(type='mmseg.ResNetV1c', depth=18, base_channels=8, stem_channels=8),
        64,
        ('backbone.layer2', 'backbone.layer4'),
    ),
}


@pytest.mark.parametrize('name', BACKBONES)
def test_backbones(name):
    backbone, channels, layers = BACKBONES[name]
    model = _model(dict(layers=layers), backbone, channels, size=None)
    trainable = [p.requires_grad for p in model.parameters()]
    (sample,) = _predict(model, _batch((64, 64)))
    assert sample.class_saliency.data.max() == 1
    assert [p.requires_grad for p in model.parameters()] == trainable
    assert all(p.grad is None for p in model.parameters())


@pytest.mark.parametrize(
    'settings, message',
    [
        (dict(layers=()), '`layers` must be a list of at least one'),
        (dict(layers='backbone.layer1'), '`layers` must be a list'),
        (dict(layers=['a'], target='pixels'), "`target` must be 'image' or 'score_map', got 'pixels'"),
        (dict(layers=['a'], scales=()), '`scales` must be positive'),
        (dict(layers=['a'], scales=(1.0, 0.0)), '`scales` must be positive'),
        (dict(layers=['a'], power=0), '`power` must be a positive finite number, got 0'),
        (dict(layers=['a'], threshold=5), '`threshold` must be in .0, 1., got 5'),
        (
            dict(layers=['a'], scores=dict(type='mmwsl.DistinctClassSaliency', layers=['a'])),
            '`scores` must not be saliency maps themselves',
        ),
        (dict(layers=['a'], min_classes=-1), '`min_classes` must be non-negative, got -1'),
        (
            dict(layers=['a'], scores=dict(type='mmwsl.ClassActivationMaps')),
            '`scores` must be class maps whose views are averaged, got ClassActivationMaps',
        ),
    ],
)
def test_bad_settings(settings, message):
    for kind in (GuidedBackpropSaliency, DistinctClassSaliency):
        with pytest.raises(ValueError, match=message):
            kind(**settings)


def test_saliency_alone_replaces_the_foreground_probabilities():
    (plain,), (sample,) = (_predict(_model(saliency), _batch((32, 32))) for saliency in (None, dict(scores=None)))
    assert torch.equal(sample.pred_scores.data[0], plain.pred_scores.data[0])
    assert torch.equal(sample.pred_scores.data[1:], sample.class_saliency.data[1:])


def test_provenance_includes_the_weighted_maps():
    scores = dict(type='mmwsl.ZoomOutMaps', layers=LAYERS)
    model = _model(dict(scores=scores, tuned_on='set b'))
    model.pipeline.class_maps.scores.tuned_on = 'set a'
    assert model.pipeline.provenance == dict(tuned_on='set a; set b')


@pytest.mark.parametrize('settings, message', [(dict(gain=0.0), '`gain`'), (dict(num_compared=-1), '`num_compared`')])
def test_bad_settings_of_distinct_saliency(settings, message):
    with pytest.raises(ValueError, match=message):
        DistinctClassSaliency(['a'], **settings)


def test_a_layer_that_is_not_there_is_named():
    with pytest.raises(ValueError, match="names of modules such as .*got 'backbone.layer9'"):
        _model(dict(layers=('backbone.layer9',)))


def test_views_are_averaged_in_every_field():
    model = _model(dict(), inference=dict(image_labels=LABELS))
    labels = [0.0, 1.0, 0.0, -1.0]
    views = []
    for seed in (1, 2):
        inputs = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(seed))
        samples = _batch((32, 32), labels=labels)['data_samples']
        with torch.no_grad():
            views += model.predict_views(inputs, samples)
    raw = [view.pred_label.raw_score for view in views]
    saliency = [view.class_saliency.data for view in views]
    assert not torch.equal(*raw) and not torch.equal(*saliency)
    (merged,) = model.merge_views([views])
    torch.testing.assert_close(merged.pred_label.raw_score, (raw[0] + raw[1]) / 2)
    torch.testing.assert_close(merged.class_saliency.data, (saliency[0] + saliency[1]) / 2)
