"""Class maps by zoom-out features, of a real segmentor."""

import pytest
import torch
from mmengine.structures import LabelData, PixelData
from mmseg.structures import SegDataSample

from mmwsl.functional import zoom_out_features
from mmwsl.registry import MODELS

LAYERS = ['backbone.layers.0', 'backbone.layers.2', 'decode_head.convs.0']


def build(zoom_out=None, head=None, **inference):
    torch.manual_seed(0)
    if zoom_out is not None:
        inference['class_maps'] = dict(zoom_out, type='mmwsl.ZoomOutMaps')
    return MODELS.build(
        dict(
            type='mmwsl.WeakEncoderDecoder',
            backbone=dict(type='mmwsl.PlainCNN', channels=(4, 8), strides=(2, 2), pools=(2, 0)),
            decode_head=dict(
                type='mmwsl.LSEAggregationHead',
                in_channels=8,
                num_classes=3,
                hidden_channels=(6,),
                dropout_ratio=0.0,
                **head or dict(kernel_size=1),
            ),
            data_preprocessor=dict(
                type='mmseg.SegDataPreProcessor',
                size=(32, 48),
                mean=[127.0] * 3,
                std=[60.0] * 3,
                test_cfg=dict(size=(32, 48)),
            ),
            inference=inference,
            train_cfg=dict(),
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
    batch = model.data_preprocessor(data)
    with torch.no_grad():
        return model.pipeline.class_maps.features(model, batch['inputs'], batch['data_samples'])


def svm_file(folder, **content):
    weight, bias = torch.tensor([[1.0, 0, 2, 0], [0, -1, 0.5, 0]]), torch.tensor([0.5, -1.0])
    torch.save(dict(dict(weight=weight, bias=bias), **content), folder / 'svm.pth')
    return str(folder / 'svm.pth')


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
        data, plain = batch(image(), flip=True, flip_direction=direction), batch(image())
        (sample,) = plain['data_samples']
        sample.superpixels = PixelData(data=sample.superpixels.data.flip(dim))
        torch.testing.assert_close(features(model, data), features(model, plain))


def test_the_scorer_does_not_change_the_features():
    whole = features(build(dict(layers=LAYERS)), batch(image()))
    slide = build(
        dict(layers=LAYERS), scorer=dict(type='mmwsl.SlidingWindowScorer', crop_size=(32, 32), stride=(16, 16))
    )
    torch.testing.assert_close(features(slide, batch(image())), whole)
    assert not whole[0].requires_grad


def test_every_pixel_gets_the_probability_of_its_superpixel(tmp_path):
    plain, model = build(), build(dict(layers=LAYERS[:1], scene=False, svm=svm_file(tmp_path)))
    (own,) = features(model, batch(image()))
    with torch.no_grad():
        (before,), (after,) = plain.test_step(batch(image())), model.test_step(batch(image()))
    assert torch.equal(after.pred_scores.data[0], before.pred_scores.data[0])
    assert torch.equal(after.seg_logits.data, before.seg_logits.data)
    ids = after.superpixels.data[0]
    for row, number in zip(own, ids.unique(), strict=True):
        expected = torch.stack([row[0] + 2 * row[2] + 0.5, -row[1] + 0.5 * row[2] - 1]).sigmoid()
        found = after.pred_scores.data[1:, ids == number]
        torch.testing.assert_close(found, expected[:, None].expand_as(found))


def test_no_hook_remains_even_after_an_error():
    for layers in (LAYERS, [*LAYERS, 'backbone']):
        model = build(dict(layers=layers))
        if layers == LAYERS:
            features(model, batch(image()))
        else:
            with pytest.raises(ValueError, match="return one tensor, got 'backbone', which returns tuple"):
                features(model, batch(image()))
        assert not any(module._forward_hooks for module in model.modules())


def test_the_classifiers_bring_no_absent_class_back(tmp_path):
    svm = svm_file(tmp_path, weight=torch.zeros(2, 4), bias=torch.tensor([9.0, 1.0]))
    model = build(dict(layers=LAYERS[:1], scene=False, svm=svm), image_labels=dict(type='mmwsl.KnownImageLabels'))
    data = batch(image())
    data['data_samples'][0].gt_label = LabelData(score=torch.tensor([0.0, 0.0, 1.0]))
    with torch.no_grad():
        (sample,) = model.test_step(data)
    probs = sample.pred_scores.data
    assert probs[0].max() > 0.01 and not probs[1].any()
    torch.testing.assert_close(probs[2], torch.full((40, 60), 1.0).sigmoid())


def test_a_network_that_does_not_pad_raises_an_error():
    with pytest.raises(ValueError, match='layers that cover the input evenly, but `decode_head.same_padding` is False'):
        build(dict(layers=LAYERS), head=dict(same_padding=False))


def test_bad_arguments_and_samples():
    with pytest.raises(ValueError, match="`layers` must be a list of at least one module name, got 'backbone'"):
        build(dict(layers='backbone'))
    with pytest.raises(ValueError, match="names of modules such as .*backbone.layers.*got 'backbone.layer9'"):
        build(dict(layers=['backbone.layer9']))
    with pytest.raises(ValueError, match='`class_maps.svm` must name the file of the SVMs, got None.*fit_zoom_out'):
        build(dict(layers=LAYERS)).test_step(batch(image()))
    data = batch(image())
    del data['data_samples'][0].superpixels
    with pytest.raises(KeyError, match='field `superpixels`.*ComputeSuperpixels'):
        build(dict(layers=LAYERS)).test_step(data)


@pytest.mark.parametrize(
    'content',
    [
        dict(weight=torch.zeros(2, 3)),
        torch.zeros(2),
        dict(weight=torch.zeros(2, 3), bias=torch.zeros(3)),
        dict(weight=1, bias=2),
    ],
)
def test_a_bad_file_raises_an_error_that_names_it(content, tmp_path):
    torch.save(content, tmp_path / 'svm.pth')
    with pytest.raises(ValueError, match='svm.pth.*must contain'):
        build(dict(layers=LAYERS, svm=str(tmp_path / 'svm.pth')))
    with pytest.raises(FileNotFoundError, match=r'tools/fit_zoom_out\.py CONFIG CHECKPOINT --out .*none.pth'):
        build(dict(layers=LAYERS, svm=str(tmp_path / 'none.pth')))


def test_a_file_for_other_features_or_classes_raises_an_error(tmp_path):
    with pytest.raises(ValueError, match='for 2 foreground classes and 4 features, but the model has 2 and 24. Fit'):
        build(dict(layers=LAYERS, svm=svm_file(tmp_path))).test_step(batch(image()))
    svm = svm_file(tmp_path, weight=torch.zeros(3, 4), bias=torch.zeros(3))
    with pytest.raises(ValueError, match='for 3 foreground classes and 4 features, but the model has 2 and 4. Fit'):
        build(dict(layers=LAYERS[:1], scene=False, svm=svm)).test_step(batch(image()))
