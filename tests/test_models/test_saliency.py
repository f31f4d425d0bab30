"""Class saliency as the segmentor writes it, in real prediction on tiny pictures."""

import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.structures import LabelData
from mmseg.structures import SegDataSample
from torch import nn
from torch.nn import functional as F

from mmwsl.models import DistinctClassSaliency, GuidedBackpropSaliency, WeakSegTTAModel
from mmwsl.registry import MODELS

PLAIN = dict(type='mmwsl.PlainCNN', channels=(6, 8), strides=(2, 2), norm_cfg=dict(type='BN'))
LAYERS = ('backbone.layers.0', 'backbone.layers.1')


def _model(saliency=None, backbone=PLAIN, channels=8, classes=4, test_cfg=None, postprocessors=None, size=(32, 32),
           **head):
    torch.manual_seed(0)
    saliency = None if saliency is None else dict(dict(type='mmwsl.GuidedBackpropSaliency', layers=LAYERS), **saliency)
    model = MODELS.build(dict(
        type='mmwsl.WeakEncoderDecoder', backbone=backbone, saliency=saliency, postprocessors=postprocessors,
        decode_head=dict(
            type='mmwsl.LSEAggregationHead', in_channels=channels, num_classes=classes, hidden_channels=(6, ),
            kernel_size=1, dropout_ratio=0., background=dict(type='mmwsl.ConstantBackground'), **head),
        data_preprocessor=dict(type='mmseg.SegDataPreProcessor', test_cfg=dict(size=size) if size else None),
        train_cfg=dict(), test_cfg=ConfigDict(test_cfg or dict(mode='whole'))))
    nn.init.normal_(model.decode_head.conv_seg.weight)
    return model.eval()


def _batch(*shapes, ori_shape=None, flip=False, tags=None):
    generator = torch.Generator().manual_seed(1)
    pictures = [torch.randn(3, *shape, generator=generator) for shape in shapes]
    samples = []
    for shape in shapes:
        sample = SegDataSample(metainfo=dict(img_path='', img_shape=shape, ori_shape=ori_shape or shape, flip=flip,
                                             flip_direction='horizontal' if flip else None))
        if tags is not None:
            sample.gt_label = LabelData(score=torch.tensor(tags))
        samples.append(sample)
    return dict(inputs=pictures, data_samples=samples)


def _predict(model, batch):
    with torch.no_grad():
        return model.test_step(dict(inputs=list(batch['inputs']), data_samples=batch['data_samples']))


def _expected(model, picture, c, layers, size):
    """The definition for one picture and class, with plain autograd (no ReLU lies above the last layer but one)."""
    maps, values = [], {}
    hooks = [model.get_submodule(name).register_forward_hook(
        lambda module, args, output, name=name: values.update({name: output})) for name in layers]
    score = model.decode_head.aggregator(model(picture[None].requires_grad_()))[0, c]
    for name in layers:
        gradient, = torch.autograd.grad(score, values[name], retain_graph=True)
        maps.append(F.interpolate(gradient.abs().amax(1, keepdim=True), size, mode='bilinear')[0, 0])
    for hook in hooks:
        hook.remove()
    mean = sum(maps) / len(maps)
    return mean / mean.max()


def test_the_map_of_a_class_is_the_definition():
    model = _model(dict(guided=False, threshold=1., at_least=2))
    batch = _batch((32, 32))
    sample, = _predict(model, batch)
    maps, scores = sample.class_saliency.data, sample.pred_label.score
    asked = (scores[1:].argsort(descending=True)[:2] + 1).tolist()
    assert maps.shape == (4, 32, 32) and maps.dtype == torch.float32 and not maps.requires_grad
    for c in range(4):
        if c in asked:
            torch.testing.assert_close(maps[c], _expected(model, batch['inputs'][0], c, LAYERS, (32, 32)))
        else:
            assert not maps[c].any()


def test_prediction_is_that_without_saliency_and_training_is_untouched():
    model = _model(dict())
    with_saliency = _predict(model, _batch((32, 32), (32, 32)))
    assert all(p.requires_grad and p.grad is None for p in model.parameters())
    model.saliency = None
    for one, two in zip(with_saliency, _predict(model, _batch((32, 32), (32, 32))), strict=True):
        assert 'class_saliency' in one and 'class_saliency' not in two
        assert torch.equal(one.seg_logits.data, two.seg_logits.data)
    assert set(_model(dict()).state_dict()) == set(model.state_dict())


@pytest.mark.parametrize('saliency', [
    dict(at_least=3), dict(scales=(1., 0.5), signal='cells'),
    dict(type='mmwsl.DistinctClassSaliency', threshold=0., scales=(1., 1.5))])
def test_a_picture_has_the_same_map_alone_and_in_a_batch(saliency):
    model = _model(saliency)
    together = _predict(model, _batch((24, 32), (24, 32), ori_shape=(40, 30)))
    for picture, sample in zip(_batch((24, 32), (24, 32))['inputs'], together, strict=True):
        maps = sample.class_saliency.data
        assert maps.shape == (4, 40, 30) and maps.min() >= 0
        alone, = _predict(model, dict(inputs=[picture], data_samples=_batch((24, 32), ori_shape=(40, 30))[
            'data_samples']))
        torch.testing.assert_close(maps, alone.class_saliency.data)
        if not isinstance(model.saliency, DistinctClassSaliency):
            peaks = maps[maps.flatten(1).any(1)].amax((1, 2))
            assert len(peaks) and torch.equal(peaks, torch.ones_like(peaks))


@MODELS.register_module()
class PixelByPixel(nn.Module):
    """Sees one pixel, so that padding cannot reach the picture through the network."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 8, 1), nn.ReLU(inplace=True), nn.Conv2d(8, 8, 1), nn.ReLU())

    def forward(self, x):
        return (self.layers(x), )


@pytest.mark.parametrize('saliency', [
    dict(at_least=3), dict(at_least=3, signal='cells'), dict(type='mmwsl.DistinctClassSaliency', scales=(1., ),
                                                             threshold=0.)])
def test_padding_is_no_part_of_the_map(saliency):
    model = _model(dict(saliency, layers=('backbone.layers.0', 'backbone.layers.2')),
                   dict(type='mmwsl.PixelByPixel'), size=None, aggregator=dict(type='mmwsl.LSEPooling', r=1.))
    batch = _batch((20, 32), (32, 20))
    padded = torch.full((2, 3, 32, 32), 300.)  # brighter than the pictures
    padded[0, :, :20], padded[1, :, :, :20] = batch['inputs']
    samples = batch['data_samples']
    samples[0].set_metainfo(dict(img_padding_size=(0, 0, 0, 12)))
    samples[1].set_metainfo(dict(img_padding_size=(0, 12, 0, 0)))
    with torch.no_grad():
        together = model.predict(padded, samples)
    for shape, picture, sample in zip([(20, 32), (32, 20)], batch['inputs'], together, strict=True):
        blank = SegDataSample(metainfo=dict(img_shape=shape, ori_shape=shape))
        with torch.no_grad():
            alone, = model.predict(picture[None], [blank])
        assert alone.class_saliency.data.any()
        torch.testing.assert_close(sample.class_saliency.data, alone.class_saliency.data)


def test_a_flipped_view_is_turned_back():
    model = _model(dict(threshold=1.))
    plain, = _predict(model, _batch((32, 32)))
    batch = _batch((32, 32), flip=True)
    batch['inputs'][0] = batch['inputs'][0].flip(2)
    flipped, = _predict(model, batch)
    unturned = batch['data_samples'][0].new(metainfo=dict(img_shape=(32, 32), ori_shape=(32, 32)))
    raw, = _predict(model, dict(inputs=batch['inputs'], data_samples=[unturned]))
    assert torch.equal(flipped.class_saliency.data, raw.class_saliency.data.flip(2))
    assert plain.class_saliency.data.shape == flipped.class_saliency.data.shape


@pytest.mark.parametrize('tags, expected', [((-1., 1., 0., 1.), {1, 3}), ((1., 0., 0., 0.), set()),
                                            ((-1., -1., 1., -1.), {2})])
@pytest.mark.parametrize('kind', ['GuidedBackpropSaliency', 'DistinctClassSaliency'])
def test_tags_choose_the_classes_of_training_pictures(tags, expected, kind):
    model = _model(dict(type=f'mmwsl.{kind}', use_tags=True))
    sample, = _predict(model, _batch((32, 32), tags=tags))
    assert set(sample.class_saliency.data.flatten(1).any(1).nonzero().flatten().tolist()) == expected
    with pytest.raises(KeyError, match=r'`use_tags` needs the field `gt_label`'):
        _predict(model, _batch((32, 32)))


@pytest.mark.parametrize('believe', [dict(saliency=True), dict(test_cfg=True), dict(saliency=True, test_cfg=True)])
@pytest.mark.parametrize('threshold', [0.5, 0.])
def test_the_best_absent_class_is_compared_with_that_of_the_tags(believe, threshold):
    """Class 2 is present; the network prefers class 3 to it, and it to class 1, the first by number."""
    common = dict(type='mmwsl.DistinctClassSaliency', guided=False, scales=(1., ), at_least=2)
    tagged = dict(common, threshold=threshold, use_tags=believe.get('saliency', False))
    test_cfg = dict(mode='whole', use_tags=believe.get('test_cfg', False))
    models = [_model(dict(tagged, compared=2), test_cfg=test_cfg), _model(dict(common, threshold=1., compared=0)),
              _model(dict(tagged, compared=0), test_cfg=test_cfg)]
    maps = []
    for model in models:
        with torch.no_grad():
            model.decode_head.conv_seg.bias[:] = torch.tensor([0., -8., 0., 8.])
        maps.append(_predict(model, _batch((32, 32), tags=(-1., 0., 1., 0.)))[0].class_saliency.data)
    known, best_two, alone = maps
    assert known.flatten(1).any(1).tolist() == [False, False, True, False]
    assert best_two.flatten(1).any(1).tolist() == [False, False, True, True]
    assert torch.equal(known[2], best_two[2]) and not torch.equal(known[2], alone[2])
    assert models[0].provenance == dict(tags='the tags of the predicted pictures') and models[1].provenance == {}


def test_steps_that_replace_scores_bring_no_excluded_class_back():
    model = _model(dict(threshold=1., at_least=3), postprocessors=[dict(type='mmwsl.SaliencyScores')],
                   test_cfg=dict(mode='whole'))
    tags = (-1., 0., 1., -1.)
    before = _predict(model, _batch((32, 32), tags=tags))[0].seg_logits.data.exp()
    assert before[1:].amax((1, 2)).min() > 0.9
    model.use_tags = True
    sample, = _predict(model, _batch((32, 32), tags=tags))
    assert set(sample.class_saliency.data.flatten(1).any(1).nonzero().flatten().tolist()) == {2, 3}
    assert sample.seg_logits.data.exp()[1].max() < 1e-37 and not (sample.pred_sem_seg.data == 1).any()
    torch.testing.assert_close(sample.seg_logits.data.exp()[2:], before[2:])


def test_classes_for_comparison_get_no_map():
    batch = _batch((32, 32))
    scores = _predict(_model(), batch)[0].pred_label.score
    best = int(scores[1:].argmax()) + 1
    threshold = float(scores[1:].sort(descending=True)[0][:2].mean())
    saliency = dict(type='mmwsl.DistinctClassSaliency', guided=False, threshold=threshold, scales=(1., ))
    maps = {compared: _predict(_model(dict(saliency, compared=compared)), _batch((32, 32)))[0].class_saliency.data
            for compared in (0, 3)}
    assert maps[0].flatten(1).any(1).nonzero().flatten().tolist() == [best]
    assert not maps[3][[c for c in range(4) if c != best]].any()
    assert max(result.max() for result in maps.values()) <= np.tanh(3.)
    assert not torch.equal(maps[0], maps[3])


def test_scales_are_averaged():
    single = [_predict(_model(dict(scales=(s, ), threshold=1.)), _batch((32, 32)))[0] for s in (1., 1.5)]
    both, = _predict(_model(dict(scales=(1., 1.5), threshold=1.)), _batch((32, 32)))
    first, second, mean = (sample.class_saliency.data.sum(0) for sample in (*single, both))
    # The mean of maps before they are divided by their maxima: some mixture of the two.
    system = torch.stack([first.flatten(), second.flatten()], 1)
    mixture = torch.linalg.lstsq(system, mean.flatten()[:, None])
    assert (mixture.solution > 0).all()
    torch.testing.assert_close((system @ mixture.solution).flatten(), mean.flatten(), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize('aggregator', ['MaxPooling', 'MeanPooling', 'LSEPooling', 'NoisyOrPooling', 'GeMPooling'])
def test_signal_of_the_cells_needs_no_aggregator(aggregator):
    maps = [_predict(_model(dict(signal='cells', use_tags=True), aggregator=dict(type=f'mmwsl.{name}')),
                     _batch((32, 32), tags=(1., 1., 1., 1.)))[0].class_saliency.data
            for name in (aggregator, 'MeanPooling')]
    torch.testing.assert_close(*maps)
    by_image, = _predict(_model(dict(threshold=1.), aggregator=dict(type=f'mmwsl.{aggregator}')), _batch((32, 32)))
    assert by_image.class_saliency.data.max() == 1


BACKBONES = {
    'MobileNetV2': (dict(type='mmwsl.DilatedMobileNetV2', out_indices=(6, ), frozen=True), 320,
                    ('backbone.layer3', 'backbone.layer5', 'backbone.layer7')),
    'ResNet': (dict(type='mmseg.ResNetV1c', depth=18, base_channels=8, stem_channels=8), 64,
               ('backbone.layer2', 'backbone.layer4')),
}


@pytest.mark.parametrize('name', BACKBONES)
def test_backbones(name):
    backbone, channels, layers = BACKBONES[name]
    model = _model(dict(layers=layers), backbone, channels, size=None)
    trainable = [p.requires_grad for p in model.parameters()]
    sample, = _predict(model, _batch((64, 64)))
    assert sample.class_saliency.data.max() == 1
    assert [p.requires_grad for p in model.parameters()] == trainable
    assert all(p.grad is None for p in model.parameters())


def test_layers_of_a_network_that_does_not_pad_are_placed_where_they_look():
    """A bright spot excites one cell, whose saliency must lie at the spot."""
    model = _model(dict(layers=('backbone.conv', ), guided=False, signal='image'),
                   dict(type='mmwsl.Unpadded'), 1, classes=2, size=None,
                   test_cfg=dict(mode='whole', border=dict(before=4, after=4, stride=4)), aggregator=dict(
                       type='mmwsl.MaxPooling'))
    with torch.no_grad():
        for convolution in (model.backbone.conv, model.decode_head.convs[0].conv, model.decode_head.conv_seg):
            convolution.weight.fill_(1)
            convolution.bias.zero_()
    picture = torch.zeros(3, 32, 40)
    picture[:, 10, 18] = 9.
    sample = SegDataSample(metainfo=dict(img_shape=(32, 40), ori_shape=(32, 40)))
    maps = _predict(model, dict(inputs=[picture], data_samples=[sample]))[0].class_saliency.data[1]
    peak = (maps == maps.max()).nonzero().float().mean(0)
    assert (peak - torch.tensor([10., 18.])).abs().max() <= 2, peak


@MODELS.register_module()
class Unpadded(nn.Module):
    """One convolution of stride 4 that does not pad."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 1, 9, stride=4)

    def forward(self, x):
        return (self.conv(x), )


def test_test_time_augmentation_uses_the_saliency_of_every_view():
    tta = WeakSegTTAModel(_model(dict(threshold=0.), postprocessors=[dict(type='mmwsl.SaliencyPrior')], size=None))
    views = [_batch((32, 32)), _batch((32, 32), flip=True)]
    batch = dict(inputs=[view['inputs'] for view in views], data_samples=[view['data_samples'] for view in views])
    with torch.no_grad():
        merged, = tta.eval().test_step(batch)
    singles = [_predict(tta.module, view)[0].seg_logits.data.exp() for view in views]
    torch.testing.assert_close(merged.seg_logits.data.exp(), sum(singles) / 2)


@pytest.mark.parametrize('settings, message', [
    (dict(layers=()), '`layers` must be a list of at least one'),
    (dict(layers='backbone.layer1'), '`layers` must be a list'),
    (dict(layers=['a'], signal='pixels'), "`signal` must be 'image' or 'cells', got 'pixels'"),
    (dict(layers=['a'], scales=()), '`scales` must be positive'),
    (dict(layers=['a'], scales=(1., 0.)), '`scales` must be positive'),
    (dict(layers=['a'], at_least=-1), '`at_least` must be 0 or more'),
])
def test_bad_settings(settings, message):
    for kind in (GuidedBackpropSaliency, DistinctClassSaliency):
        with pytest.raises(ValueError, match=message):
            kind(**settings)


def test_activation_maps_of_all_views_have_no_saliency():
    with pytest.raises(ValueError, match=r'`test_cfg\.activation_maps` merges all views .* `saliency`'):
        _model(dict(), test_cfg=dict(mode='whole', activation_maps=dict()))


@pytest.mark.parametrize('settings, message', [(dict(gain=0.), '`gain`'), (dict(compared=-1), '`compared`')])
def test_bad_settings_of_distinct_saliency(settings, message):
    with pytest.raises(ValueError, match=message):
        DistinctClassSaliency(['a'], **settings)


def test_a_layer_that_is_not_there_is_named():
    with pytest.raises(ValueError, match=r"'backbone.layer9', which the network does not have"):
        _predict(_model(dict(layers=('backbone.layer9', ))), _batch((32, 32)))
