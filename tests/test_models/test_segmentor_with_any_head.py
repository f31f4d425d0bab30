"""The inference pipeline with mmseg's own heads, which are trained on masks."""

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope
from mmengine.structures import LabelData, PixelData
from mmseg.models.backbones import UNet
from mmseg.models.segmentors import SegTTAModel
from mmseg.structures import SegDataSample

from mmwsl.functional import dense_crf, overlap_tile
from mmwsl.models import WeakSegTTAModel
from mmwsl.registry import MODELS

HEAD = dict(
    type='FCNHead',
    in_channels=4,
    channels=4,
    num_convs=0,
    concat_input=False,
    num_classes=3,
    dropout_ratio=0.0,
    loss_decode=dict(type='CrossEntropyLoss'),
)
BACKBONE = dict(type='mmwsl.PlainCNN', channels=(4, 4), strides=(2, 1))
LABELS = dict(type='mmwsl.KnownImageLabels')


def _segmentor(kind='mmwsl.WeakEncoderDecoder', **settings):
    init_default_scope('mmseg')
    torch.manual_seed(0)
    settings = {**dict(type=kind, backbone=BACKBONE, decode_head=HEAD, test_cfg=dict(mode='whole')), **settings}
    segmentor = MODELS.build(ConfigDict(settings))
    torch.nn.init.normal_(segmentor.decode_head.conv_seg.weight)
    segmentor.eval()
    return segmentor


def _sample(size=(12, 10), image=None):
    sample = SegDataSample(metainfo=dict(img_path='image', ori_shape=size, img_shape=(16, 16), pad_shape=(16, 16)))
    if image is not None:
        sample.image = PixelData(data=image)
    return sample


def _inputs(count=1):
    return torch.randn(count, 3, 16, 16, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def test_the_default_pipeline_predicts_as_mmseg_does():
    ours = _segmentor().predict(_inputs(2), [_sample(), _sample()])
    mmseg = _segmentor('EncoderDecoder').predict(_inputs(2), [_sample(), _sample()])
    for a, b in zip(ours, mmseg, strict=True):
        torch.testing.assert_close(a.seg_logits.data, b.seg_logits.data)
        torch.testing.assert_close(a.pred_scores.data, b.seg_logits.data.softmax(0))
        assert 'pred_label' not in a
        assert torch.equal(a.pred_sem_seg.data, b.pred_sem_seg.data)


def test_it_trains_as_mmseg_does():
    losses = []
    for kind in ('mmwsl.WeakEncoderDecoder', 'EncoderDecoder'):
        samples = [SegDataSample(gt_sem_seg=PixelData(data=torch.arange(256).view(1, 16, 16) % 3))]
        losses.append(_segmentor(kind).loss(_inputs(), samples)['decode.loss_ce'])
    assert torch.equal(*losses)


@torch.no_grad()
def test_postprocessors_run_on_probabilities_at_the_original_image_size():
    image = torch.randint(256, (3, 12, 10), dtype=torch.uint8, generator=torch.Generator().manual_seed(2))
    segmentor = _segmentor(inference=dict(postprocessors=[dict(type='mmwsl.DenseCRF')]))
    (sample,) = segmentor.predict(_inputs(), [_sample(image=image)])
    (plain,) = _segmentor('EncoderDecoder').predict(_inputs(), [_sample()])
    expected = dense_crf(plain.seg_logits.data.softmax(0), image.flip(0))
    torch.testing.assert_close(sample.pred_scores.data, expected, atol=1e-5, rtol=1e-4)
    assert torch.equal(sample.pred_sem_seg.data, expected.argmax(0, keepdim=True))
    assert not torch.equal(sample.pred_sem_seg.data, plain.pred_sem_seg.data)


@torch.no_grad()
def test_a_postprocessor_without_its_field_names_the_transform():
    with pytest.raises(KeyError, match="needs the field `image` .* type='mmwsl.KeepOriginalImage'"):
        _segmentor(inference=dict(postprocessors=[dict(type='mmwsl.DenseCRF')])).predict(_inputs(), [_sample()])


@pytest.mark.filterwarnings('ignore:The shape of value:UserWarning')
@torch.no_grad()
def test_views_are_averaged():
    preprocessor = dict(type='SegDataPreProcessor')
    segmentor = _segmentor(data_preprocessor=preprocessor)
    views = [segmentor.predict(inputs, [_sample()])[0].pred_scores.data for inputs in (_inputs(), -_inputs())]
    batch = dict(inputs=[[inputs[0]] for inputs in (_inputs(), -_inputs())], data_samples=[[_sample()], [_sample()]])
    (merged,) = WeakSegTTAModel(module=segmentor).test_step(batch)
    torch.testing.assert_close(merged.pred_scores.data, sum(views) / 2)
    (of_mmseg,) = SegTTAModel(module=_segmentor('EncoderDecoder', data_preprocessor=preprocessor)).test_step(batch)
    assert torch.equal(merged.pred_sem_seg.data, of_mmseg.pred_sem_seg.data)


@pytest.mark.filterwarnings('ignore:The shape of value:UserWarning')
@torch.no_grad()
def test_activation_maps_are_made_of_the_probabilities_of_all_views():
    """Maps are max-normalized sums over the views; absent classes are 0, also after post-processing."""
    maps = dict(type='mmwsl.ClassActivationMaps', background=dict(type='mmwsl.ConstantBackground', threshold=0.8))
    segmentor = _segmentor(
        inference=dict(image_labels=LABELS, class_maps=maps, postprocessors=[dict(type='mmwsl.LogitSoftmax')]),
        data_preprocessor=dict(type='SegDataPreProcessor'),
    )
    inputs, samples = _inputs(), [_sample(), _sample()]
    samples[1].set_metainfo(dict(flip=True, flip_direction='horizontal'))
    for sample in samples:
        sample.gt_label = LabelData(score=torch.tensor([-1.0, 1.0, 0.0]))
    views = dict(inputs=[[inputs[0]], [inputs[0].flip(2)]], data_samples=[[sample] for sample in samples])
    (result,) = WeakSegTTAModel(segmentor).test_step(views)
    scores = [segmentor.encode_decode(x, [dict(img_shape=(16, 16))]) for x in (inputs, inputs.flip(3))]
    whole = [
        torch.nn.functional.interpolate(score, (12, 10), mode='bilinear')[0] for score in (scores[0], scores[1].flip(3))
    ]
    total = sum((score[1] - score[0]).sigmoid() for score in whole)  # the softmax of the two remaining classes
    odds = total / total.max()
    odds = torch.stack([torch.full_like(odds, 0.8), odds]).clamp(max=1 - 1e-6)
    odds = odds / (1 - odds)
    found = result.pred_scores.data
    torch.testing.assert_close(found[:2], odds / odds.sum(0), atol=1e-5, rtol=1e-3)
    assert not found[2].any() and result.pred_sem_seg.data.unique().tolist() == [0, 1]


def test_activation_maps_of_a_softmax_need_image_labels():
    maps = dict(type='mmwsl.ClassActivationMaps', tuned_on='some masks')
    segmentor = _segmentor(inference=dict(image_labels=LABELS, class_maps=maps))
    labels = 'the image-level labels of the predicted images'
    assert segmentor.pipeline.provenance == dict(image_labels=labels, tuned_on='some masks')
    with pytest.raises(ValueError, match='softmax of FCNHead.*Set `inference.image_labels=dict'):
        _segmentor(inference=dict(class_maps=maps))


@torch.no_grad()
def test_tiles_give_the_scores_of_the_whole_image():
    """The receptive field has 9 pixels: farther from the border, tiles change nothing."""
    inputs, tiles = torch.randn(1, 3, 64, 48), dict(type='mmwsl.OverlapTileScorer', tile=16, margin=8)
    segmentors = _segmentor(), _segmentor(inference=dict(scorer=tiles))
    whole, found = (segmentor.pipeline.scorer(segmentor, inputs, [{}])[0] for segmentor in segmentors)
    assert found.shape == whole.shape
    torch.testing.assert_close(found[..., 10:-10, 10:-10], whole[..., 10:-10, 10:-10], atol=1e-5, rtol=1e-5)
    assert not torch.allclose(found, whole)


@pytest.mark.parametrize('align_corners', [False, True])
@torch.no_grad()
def test_one_tile_gives_the_scores_of_the_whole_image(align_corners):
    head = dict(HEAD, align_corners=align_corners)
    tiles = dict(type='mmwsl.OverlapTileScorer', tile=16, margin=0)
    segmentors = _segmentor(decode_head=head), _segmentor(decode_head=head, inference=dict(scorer=tiles))
    whole, found = (segmentor.pipeline.scorer(segmentor, _inputs(), [{}])[0] for segmentor in segmentors)
    torch.testing.assert_close(found, whole)


@torch.no_grad()
def test_a_margin_of_128_is_the_context_of_mmsegs_unet():
    init_default_scope('mmseg')
    torch.manual_seed(0)
    unet = UNet(in_channels=1, base_channels=1)
    unet.eval()
    unet.double()
    image = torch.randn(1, 1, 272, 272, dtype=torch.float64)
    tiled = overlap_tile(lambda window: unet(window)[-1], image, tile=144, margin=128)
    torch.testing.assert_close(tiled[..., 128:-128, 128:-128], unet(image)[-1][..., 128:-128, 128:-128])


def test_pipelines_that_do_not_suit_the_head_raise_an_error():
    with pytest.raises(ValueError, match='`decode_head.out_channels` must be the number of classes'):
        _segmentor(decode_head=dict(HEAD, num_classes=2, out_channels=1, threshold=0.5))
    for maps, message in (
        (dict(type='mmwsl.ClassThresholds', thresholds=(0.1, 0.2, 0.3)), '2 foreground classes, got 3'),
        (dict(type='mmwsl.DenseCRF', compatibility=[[0, 1], [1, 0]]), r'must have the shape \(3, 3\), got \(2, 2\)'),
    ):
        with pytest.raises(ValueError, match=message):
            _segmentor(inference=dict(postprocessors=[maps]))
    with pytest.raises(ValueError, match='The receptive field is lost'):
        _segmentor(
            decode_head=dict(
                type='PSPHead', in_channels=4, channels=4, num_classes=3, pool_scales=(1, 2), norm_cfg=dict(type='BN')
            ),
            inference=dict(scorer=dict(type='mmwsl.DenseScorer')),
        )


@torch.no_grad()
def test_whole_images_are_the_default():
    (expected,) = _segmentor('EncoderDecoder', test_cfg=dict(mode='whole')).predict(_inputs(), [_sample()])
    for test_cfg in (dict(mode='whole'), None):
        (found,) = _segmentor(test_cfg=test_cfg).predict(_inputs(), [_sample()])
        assert torch.equal(found.seg_logits.data, expected.seg_logits.data)


@torch.no_grad()
def test_sliding_windows_are_those_of_mmseg():
    windows = dict(crop_size=(8, 8), stride=(4, 4))
    ours = _segmentor(inference=dict(scorer=dict(type='mmwsl.SlidingWindowScorer', **windows)))
    of_mmseg = _segmentor('EncoderDecoder', test_cfg=dict(mode='slide', **windows))
    results = [segmentor.predict(_inputs(2), [_sample(), _sample()]) for segmentor in (ours, of_mmseg)]
    for a, b in zip(*results, strict=True):
        assert torch.equal(a.seg_logits.data, b.seg_logits.data)
        assert torch.equal(a.pred_sem_seg.data, b.pred_sem_seg.data)


@torch.no_grad()
def test_a_scorer_that_is_exchanged_later_takes_effect():
    windows = dict(type='mmwsl.SlidingWindowScorer', crop_size=(8, 8), stride=(4, 4))
    segmentor, sliding = _segmentor(), _segmentor(inference=dict(scorer=windows))
    (whole,) = segmentor.predict(_inputs(), [_sample()])
    segmentor.pipeline.scorer = sliding.pipeline.scorer
    (found,) = segmentor.predict(_inputs(), [_sample()])
    (expected,) = sliding.predict(_inputs(), [_sample()])
    assert torch.equal(found.seg_logits.data, expected.seg_logits.data)
    assert not torch.equal(found.seg_logits.data, whole.seg_logits.data)
