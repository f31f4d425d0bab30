"""Zoom-out features of a real segmentor."""

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.structures import LabelData, PixelData
from mmseg.structures import SegDataSample

from mmwsl.functional import zoom_out_features
from mmwsl.inference.postprocessors import build_postprocessors
from mmwsl.registry import MODELS

LAYERS = ['backbone.layers.0', 'backbone.layers.2', 'decode_head.convs.0']


def build(zoom_out=None, **test_cfg):
    torch.manual_seed(0)
    return MODELS.build(
        dict(
            type='mmwsl.WeakEncoderDecoder',
            backbone=dict(type='mmwsl.PlainCNN', channels=(4, 8), strides=(2, 2), pools=(2, 0)),
            decode_head=dict(
                type='mmwsl.LSEAggregationHead',
                in_channels=8,
                num_classes=3,
                hidden_channels=(6,),
                kernel_size=1,
                dropout_ratio=0.0,
            ),
            data_preprocessor=dict(
                type='mmseg.SegDataPreProcessor',
                size=(32, 48),
                mean=[127.0] * 3,
                std=[60.0] * 3,
                test_cfg=dict(size=(32, 48)),
            ),
            zoom_out=zoom_out and dict(type='mmwsl.ZoomOutFeatures', **zoom_out),
            train_cfg=dict(),
            test_cfg=ConfigDict(test_cfg or dict(mode='whole')),
        )
    ).eval()


def batch(*images, **meta):
    generator = torch.Generator().manual_seed(1)
    samples = []
    for image in images:
        sample = SegDataSample(metainfo=dict(img_shape=image.shape[1:], ori_shape=(40, 60), **meta))
        sample.superpixels = PixelData(data=torch.randint(0, 5, (1, 40, 60), generator=generator) * 2)
        samples.append(sample)
    return dict(inputs=list(images), data_samples=samples)


def image(height=32, width=48, seed=0):
    return torch.randint(0, 256, (3, height, width), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


def features(model, data):
    with torch.no_grad():
        return [sample.superpixel_features for sample in model.test_step(data)]


@pytest.mark.parametrize('scene', [True, False])
def test_features_are_those_of_the_layers(scene):
    model, data = build(dict(layers=LAYERS, scene=scene)), batch(image(), image(seed=1))
    found = features(model, data)
    inputs = (torch.stack([image(), image(seed=1)]).float() - 127) / 60
    with torch.no_grad():
        maps = [model.backbone.layers[:1](inputs), model.backbone.layers(inputs)]
        maps.append(model.decode_head.convs(maps[1]))
    for index, sample in enumerate(data['data_samples']):
        expected = zoom_out_features([values[index] for values in maps], sample.superpixels.data[0], scene=scene)
        assert expected.shape == (5, 4 + 8 + 6 + 6 * scene)
        torch.testing.assert_close(found[index], expected)


def test_the_padding_is_left_out():
    model = build(dict(layers=LAYERS[:1]))
    (whole,) = features(model, batch(image(16, 48)))
    model.data_preprocessor.test_cfg = dict(size=(16, 48))
    (alone,) = features(model, batch(image(16, 48)))
    assert (whole - alone).abs().max() < 0.1 * alone.abs().max()  # only the last row sees the padding


def test_a_flipped_image_has_the_features_of_its_superpixels_in_the_flipped_map():
    model = build(dict(layers=LAYERS[:1], scene=False))
    for direction, dim in (('horizontal', 2), ('vertical', 1)):
        data, twin = batch(image(), flip=True, flip_direction=direction), batch(image())
        (sample,) = twin['data_samples']
        sample.superpixels = PixelData(data=sample.superpixels.data.flip(dim))
        torch.testing.assert_close(features(model, data), features(model, twin))


def test_windows_do_not_change_the_features_and_nothing_else_changes():
    plain, data = build(), batch(image())
    with torch.no_grad():
        expected = plain.test_step(data)[0]
    assert 'superpixel_features' not in expected
    whole = build(dict(layers=LAYERS)).test_step(batch(image()))[0]
    torch.testing.assert_close(whole.seg_logits.data, expected.seg_logits.data)
    torch.testing.assert_close(whole.pred_label.score, expected.pred_label.score)
    slide = build(dict(layers=LAYERS), mode='slide', crop_size=(32, 32), stride=(16, 16)).test_step(batch(image()))[0]
    torch.testing.assert_close(slide.superpixel_features, whole.superpixel_features)
    assert not whole.superpixel_features.requires_grad


def test_no_hook_stays_also_after_an_error():
    for layers in (LAYERS, [*LAYERS, 'backbone']):
        model = build(dict(layers=layers))
        if layers == LAYERS:
            model.test_step(batch(image()))
        else:
            with pytest.raises(ValueError, match="return one tensor, got 'backbone', which returns tuple"):
                model.test_step(batch(image()))
        assert not any(module._forward_hooks for module in model.modules())


def test_a_classifier_of_the_features_brings_no_excluded_class_back(tmp_path):
    torch.save(dict(weight=torch.zeros(2, 4), bias=torch.tensor([9.0, 1.0])), tmp_path / 'svm.pth')
    model = build(dict(layers=LAYERS[:1], scene=False), mode='whole', use_image_labels=True)
    model.postprocessors = build_postprocessors([dict(type='mmwsl.ZoomOutSVM', svm=str(tmp_path / 'svm.pth'))])
    data = batch(image())
    data['data_samples'][0].gt_label = LabelData(score=torch.tensor([0.0, 0.0, 1.0]))
    with torch.no_grad():
        (sample,) = model.test_step(data)
    probs = sample.seg_logits.data.exp()
    assert probs[0].max() > 0.01 and probs[1].max() < 1e-37
    torch.testing.assert_close(probs[2], torch.full((40, 60), 1.0).sigmoid())


def test_a_border_or_activation_maps_are_refused():
    with pytest.raises(ValueError, match=r'`test_cfg\.border` is not for `zoom_out`'):
        build(dict(layers=LAYERS), mode='whole', border=dict(before=4, after=4, stride=4))
    with pytest.raises(ValueError, match=r'`test_cfg\.class_activation_maps` merges all views .* `zoom_out`'):
        build(dict(layers=LAYERS), mode='whole', class_activation_maps=dict())


def test_bad_arguments_and_samples():
    with pytest.raises(ValueError, match="`layers` must be a list of at least one name of a module, got 'backbone'"):
        build(dict(layers='backbone'))
    with pytest.raises(ValueError, match="names of modules such as .*backbone.layers.*got 'backbone.layer9'"):
        build(dict(layers=['backbone.layer9'])).test_step(batch(image()))
    data = batch(image())
    del data['data_samples'][0].superpixels
    with pytest.raises(KeyError, match='field `superpixels`.*ComputeSuperpixels'):
        build(dict(layers=LAYERS)).test_step(data)
