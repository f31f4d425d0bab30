"""Location of the saliency maps: in batches, under padding, in flipped and unpadded views."""

import pytest
import torch
from mmseg.structures import SegDataSample
from torch import nn

from mmwsl.inference import DistinctClassSaliency
from mmwsl.models import WeakSegTTAModel
from mmwsl.registry import MODELS

from .test_saliency import _batch, _model, _predict


@pytest.mark.parametrize(
    'saliency',
    [
        dict(min_classes=3),
        dict(scales=(1.0, 0.5), target='score_map'),
        dict(type='mmwsl.DistinctClassSaliency', threshold=0.0, scales=(1.0, 1.5)),
    ],
)
def test_an_image_has_the_same_map_alone_and_in_a_batch(saliency):
    model = _model(saliency)
    together = _predict(model, _batch((24, 32), (24, 32), ori_shape=(40, 30)))
    for image, sample in zip(_batch((24, 32), (24, 32))['inputs'], together, strict=True):
        maps = sample.class_saliency.data
        assert maps.shape == (4, 40, 30) and maps.min() >= 0
        (alone,) = _predict(
            model, dict(inputs=[image], data_samples=_batch((24, 32), ori_shape=(40, 30))['data_samples'])
        )
        torch.testing.assert_close(maps, alone.class_saliency.data)
        if not isinstance(model.pipeline.class_maps, DistinctClassSaliency):
            peaks = maps[maps.flatten(1).any(1)].amax((1, 2))
            assert len(peaks) and torch.equal(peaks, torch.ones_like(peaks))


@MODELS.register_module()
class PixelByPixel(nn.Module):
    """Network with a receptive field of one pixel: padding does not reach the image through it."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 8, 1), nn.ReLU(inplace=True), nn.Conv2d(8, 8, 1), nn.ReLU())

    def forward(self, x):
        return (self.layers(x),)


@pytest.mark.parametrize(
    'saliency',
    [
        dict(min_classes=3),
        dict(min_classes=3, target='score_map'),
        dict(type='mmwsl.DistinctClassSaliency', scales=(1.0,), threshold=0.0),
    ],
)
def test_the_content_of_the_padding_changes_nothing(saliency):
    model = _model(
        dict(saliency, layers=('backbone.layers.0', 'backbone.layers.2')),
        dict(type='mmwsl.PixelByPixel'),
        size=None,
        aggregator=dict(type='mmwsl.LSEPooling', r=1.0),
    )
    batch = _batch((20, 32), (32, 20))
    padded = torch.full((2, 3, 32, 32), 300.0)  # brighter than the images
    padded[0, :, :20], padded[1, :, :, :20] = batch['inputs']
    samples = batch['data_samples']
    samples[0].set_metainfo(dict(img_padding_size=(0, 0, 0, 12)))
    samples[1].set_metainfo(dict(img_padding_size=(0, 12, 0, 0)))
    with torch.no_grad():
        together = model.predict(padded, samples)
    for image, sample in zip(batch['inputs'], together, strict=True):
        _assert_the_map_is_that_of_the_image_alone(model, image, sample)


def _assert_the_map_is_that_of_the_image_alone(model, image, sample):
    blank = SegDataSample(metainfo=dict(img_shape=image.shape[1:], ori_shape=image.shape[1:]))
    with torch.no_grad():
        (alone,) = model.predict(image[None], [blank])
    assert alone.class_saliency.data.any()
    torch.testing.assert_close(sample.class_saliency.data, alone.class_saliency.data)


@MODELS.register_module()
class Shifting(nn.Module):
    """Network whose second layer subtracts each pixel from the one below: gradients leave the image."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 8, 1, bias=False), nn.Conv2d(8, 8, 3, padding=1, bias=False)

    def init_weights(self):
        nn.init.zeros_(self.second.weight)
        for channel, kernel in enumerate(self.second.weight.data):
            kernel[channel, 1:, 1] = torch.tensor([-0.95, 1.0])

    def forward(self, x):
        return (self.second(self.first(x)),)


@pytest.mark.parametrize('kind', ['GuidedBackpropSaliency', 'DistinctClassSaliency'])
def test_gradients_in_the_padding_are_not_part_of_the_map(kind):
    model = _model(
        dict(
            type=f'mmwsl.{kind}',
            layers=('backbone.first',),
            scales=(1.0,),
            threshold=1.0,
            min_classes=3,
            guided=False,
            target='score_map',
        ),
        dict(type='mmwsl.Shifting'),
        size=None,
    )
    model.backbone.init_weights()
    nn.init.constant_(model.decode_head.convs[0].conv.bias, 9.0)  # no ReLU is off: all pixels have one gradient
    (image,) = _batch((20, 32))['inputs']
    padded = nn.functional.pad(image, (0, 0, 0, 12))[None]
    sample = SegDataSample(
        metainfo=dict(img_shape=(20, 32), ori_shape=(20, 32), img_padding_size=(0, 0, 0, 12), pad_shape=(32, 32))
    )
    with torch.no_grad():
        (padded_sample,) = model.predict(padded, [sample])
    _assert_the_map_is_that_of_the_image_alone(model, image, padded_sample)


def test_the_map_of_a_scaled_image_covers_the_whole_image():
    model = _model(dict(scales=(1.5,), min_classes=3, threshold=1.0, target='score_map'), size=None)
    maps = _predict(model, _batch((32, 32)))[0].class_saliency.data
    maps = maps[maps.flatten(1).any(1)]
    assert len(maps) == 3 and (maps[:, -9:, -9:].mean((1, 2)) > maps.mean((1, 2)) / 4).all()


def test_a_flipped_view_is_turned_back():
    model = _model(
        dict(threshold=1.0, layers=('backbone.layers.0', 'backbone.layers.2')), dict(type='mmwsl.PixelByPixel')
    )
    (plain,) = _predict(model, _batch((32, 32)))
    batch = _batch((32, 32), flip=True)
    batch['inputs'][0] = batch['inputs'][0].flip(2)
    (flipped,) = _predict(model, batch)
    torch.testing.assert_close(flipped.class_saliency.data, plain.class_saliency.data)
    assert not torch.allclose(plain.class_saliency.data, plain.class_saliency.data.flip(2))


def test_layers_of_a_network_that_does_not_pad_are_placed_at_their_receptive_fields():
    """A bright spot excites one location, whose saliency must lie at the spot."""
    model = _model(
        dict(layers=('backbone.conv',), guided=False, target='image'),
        dict(type='mmwsl.Unpadded'),
        1,
        classes=2,
        size=None,
        same_padding=False,
        aggregator=dict(type='mmwsl.GlobalMaxPooling'),
    )
    with torch.no_grad():
        for convolution in (model.backbone.conv, model.decode_head.convs[0].conv, model.decode_head.conv_seg):
            convolution.weight.fill_(1)
            convolution.bias.zero_()
    image = torch.zeros(3, 32, 40)
    image[:, 10, 18] = 9.0
    sample = SegDataSample(metainfo=dict(img_shape=(32, 40), ori_shape=(32, 40)))
    maps = _predict(model, dict(inputs=[image], data_samples=[sample]))[0].class_saliency.data[1]
    peak = (maps == maps.max()).nonzero().float().mean(0)
    assert (peak - torch.tensor([10.0, 18.0])).abs().max() <= 2, peak


@MODELS.register_module()
class Unpadded(nn.Module):
    """One convolution of stride 4 that does not pad."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 1, 9, stride=4)

    def forward(self, x):
        return (self.conv(x),)


def test_test_time_augmentation_uses_the_saliency_of_every_view():
    tta = WeakSegTTAModel(_model(dict(threshold=0.0), size=None))
    views = [_batch((32, 32)), _batch((32, 32), flip=True)]
    batch = dict(inputs=[view['inputs'] for view in views], data_samples=[view['data_samples'] for view in views])
    with torch.no_grad():
        (merged,) = tta.eval().test_step(batch)
    singles = [_predict(tta.module, view)[0].pred_scores.data for view in views]
    torch.testing.assert_close(merged.pred_scores.data, sum(singles) / 2)
