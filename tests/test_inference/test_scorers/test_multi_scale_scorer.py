"""The scorer of several scales: one scale is the plain model, and a region has one place at all scales."""

import pytest
import torch
from torch.nn import functional as F

from mmwsl.models import WeakEncoderDecoder
from mmwsl.registry import SCORERS


def segmentor(scorer=None, background='ConstantBackground', aggregator='GlobalMaxPooling'):
    torch.manual_seed(0)
    model = WeakEncoderDecoder(
        backbone=dict(type='mmwsl.PlainCNN', channels=(6, 6), strides=(2, 2)),
        decode_head=dict(
            type='mmwsl.LSEAggregationHead',
            in_channels=6,
            num_classes=3,
            hidden_channels=(),
            kernel_size=1,
            aggregator=dict(type=f'mmwsl.{aggregator}'),
            background=dict(type=f'mmwsl.{background}'),
            loss_decode=dict(type='mmwsl.MultiLabelSoftMarginLoss'),
        ),
        train_cfg=dict(),
        inference=dict(scorer=scorer) if scorer else None,
    ).eval()
    torch.nn.init.normal_(model.decode_head.conv_seg.weight)
    return model


def scores(model, inputs, metas=None):
    with torch.no_grad():
        return model.pipeline.scorer(model, inputs, metas or [dict() for _ in inputs])


MULTI = dict(type='mmwsl.MultiScaleScorer')
IMAGES = torch.rand(2, 3, 32, 48, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize('merge', ['max', 'mean'])
def test_one_scale_is_the_plain_model(merge):
    for one, other in zip(
        scores(segmentor(dict(MULTI, scales=(1.0,), merge=merge)), IMAGES), scores(segmentor(), IMAGES), strict=True
    ):
        assert torch.equal(one, other)


@pytest.mark.parametrize('merge', ['max', 'mean'])
@pytest.mark.parametrize('nested', [None, dict(type='mmwsl.DenseScorer', stride=2)])
def test_scales_are_merged_as_defined(merge, nested):
    scales = (0.5, 1.0, 1.75)
    maps, image = scores(segmentor(dict(MULTI, scales=scales, merge=merge, scorer=nested)), IMAGES)
    plain = segmentor(nested)
    resized = [F.interpolate(IMAGES, (round(32 * s), round(48 * s)), mode='bilinear') for s in scales]
    each = [scores(plain, one) for one in resized]
    stacked = torch.stack([F.interpolate(one, (32, 48), mode='bilinear') for one, _ in each])
    torch.testing.assert_close(maps, stacked.amax(0) if merge == 'max' else stacked.mean(0))
    torch.testing.assert_close(image, torch.stack([logits for _, logits in each]).mean(0))
    again = dict(MULTI, scales=scales[::-1], merge=merge, scorer=nested)
    torch.testing.assert_close(scores(segmentor(again), IMAGES), (maps, image))


def test_padding_is_not_pooled_at_any_scale():
    model = segmentor(dict(MULTI, scales=(0.5, 1.0, 1.5)), aggregator='GlobalAveragePooling')
    padded = F.pad(IMAGES[:1], (0, 16, 0, 32), value=0.0)
    noise = padded.clone()
    noise[..., 32 + 16 :, :] = 9.0  # beyond the receptive fields of the image
    meta = [dict(img_padding_size=(0, 16, 0, 32))]
    torch.testing.assert_close(scores(model, padded, meta)[1], scores(model, noise, meta)[1])
    plain, each = segmentor(aggregator='GlobalAveragePooling'), []
    for scale in (0.5, 1.0, 1.5):  # the padded image is 64 x 64, and 32 rows and 16 columns are padding
        side = round(64 * scale)
        resized = F.interpolate(padded, (side, side), mode='bilinear')
        own = [dict(img_padding_size=(0, round(16 * scale), 0, round(32 * scale)))]
        each.append(scores(plain, resized, own)[1])
    torch.testing.assert_close(scores(model, padded, meta)[1], torch.stack(each).mean(0))
    assert not torch.allclose(scores(model, padded, meta)[1], scores(model, padded)[1])


@pytest.mark.parametrize('merge', ['max', 'mean'])
def test_a_blob_has_one_place_at_all_scales(merge):
    model = segmentor()
    for layer in model.modules():  # a network that sums brightness
        if isinstance(layer, torch.nn.Conv2d):
            torch.nn.init.constant_(layer.weight, 0.1)
    for row, column in ((8, 40), (50, 12), (30, 30)):
        image = torch.zeros(1, 3, 64, 64)
        image[..., row - 4 : row + 4, column - 4 : column + 4] = 1
        for scales in ((0.5,), (1.0,), (2.0,), (0.5, 1.0, 2.0)):
            model.pipeline.scorer = SCORERS.build(dict(MULTI, scales=scales, merge=merge))
            found = divmod(int(scores(model, image)[0][0, 1].argmax()), 64)
            half_stride = 4 / min(scales) / 2
            assert abs(found[0] - row + 0.5) <= half_stride + 0.5, (scales, found)
            assert abs(found[1] - column + 0.5) <= half_stride + 0.5, (scales, found)


def test_the_region_strategy_needs_independent_classes():
    with pytest.raises(ValueError, match="`inference.scorer.merge` must be 'mean' .* got 'max' and LSEAggregationHead"):
        segmentor(dict(MULTI, scales=(1.0,), merge='max'), background='LearnedBackground')


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        (dict(scales=()), '`scorer.scales` must be one or more positive factors'),
        (dict(scales=(1.0, 0.0)), '`scorer.scales` must be one or more positive factors'),
        (dict(scales=2.0), '`scorer.scales` must be one or more positive factors, got 2.0'),
        (dict(scales=(1.0,), merge='sum'), "`scorer.merge` must be one of .* got 'sum'"),
    ],
)
def test_invalid_arguments_are_errors(settings, message):
    with pytest.raises(ValueError, match=message):
        SCORERS.build(dict(MULTI, **settings))


def test_a_nested_scorer_is_checked():
    with pytest.raises(ValueError, match='`stride` must divide the stride 4'):
        segmentor(dict(MULTI, scales=(1.0,), scorer=dict(type='mmwsl.DenseScorer', stride=3)))
