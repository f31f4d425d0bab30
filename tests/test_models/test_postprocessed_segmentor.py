"""A chain and overlap-tile for heads that are trained on masks."""

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


def _segmentor(kind='mmwsl.PostprocessedEncoderDecoder', **settings):
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
def test_without_a_chain_it_predicts_as_mmseg_does():
    ours = _segmentor().predict(_inputs(2), [_sample(), _sample()])
    mmseg = _segmentor('EncoderDecoder').predict(_inputs(2), [_sample(), _sample()])
    for a, b in zip(ours, mmseg, strict=True):
        torch.testing.assert_close(a.seg_logits.data, b.seg_logits.data.log_softmax(0))
        assert torch.equal(a.pred_sem_seg.data, b.pred_sem_seg.data)


def test_it_trains_as_mmseg_does():
    losses = []
    for kind in ('mmwsl.PostprocessedEncoderDecoder', 'EncoderDecoder'):
        samples = [SegDataSample(gt_sem_seg=PixelData(data=torch.arange(256).view(1, 16, 16) % 3))]
        losses.append(_segmentor(kind).loss(_inputs(), samples)['decode.loss_ce'])
    assert torch.equal(*losses)


@torch.no_grad()
def test_the_chain_runs_on_probabilities_at_the_images_own_size():
    image = torch.randint(256, (3, 12, 10), dtype=torch.uint8, generator=torch.Generator().manual_seed(2))
    (sample,) = _segmentor(postprocessors=[dict(type='mmwsl.DenseCRF')]).predict(_inputs(), [_sample(image=image)])
    (plain,) = _segmentor('EncoderDecoder').predict(_inputs(), [_sample()])
    expected = dense_crf(plain.seg_logits.data.softmax(0), image.flip(0))
    torch.testing.assert_close(sample.seg_logits.data.exp(), expected, atol=1e-5, rtol=1e-4)
    assert torch.equal(sample.pred_sem_seg.data, expected.argmax(0, keepdim=True))
    assert not torch.equal(sample.pred_sem_seg.data, plain.pred_sem_seg.data)


@torch.no_grad()
def test_a_step_that_lacks_its_map_names_the_transform():
    with pytest.raises(KeyError, match="needs the field `image` .* type='mmwsl.KeepOriginalImage'"):
        _segmentor(postprocessors=[dict(type='mmwsl.DenseCRF')]).predict(_inputs(), [_sample()])


@pytest.mark.filterwarnings('ignore:The shape of value:UserWarning')
@torch.no_grad()
def test_views_are_averaged():
    segmentor = _segmentor(data_preprocessor=dict(type='SegDataPreProcessor'))
    views = [segmentor.predict(inputs, [_sample()])[0].seg_logits.data.exp() for inputs in (_inputs(), -_inputs())]
    batch = dict(inputs=[[inputs[0]] for inputs in (_inputs(), -_inputs())], data_samples=[[_sample()], [_sample()]])
    for kind in (WeakSegTTAModel, SegTTAModel):
        (merged,) = kind(module=segmentor).test_step(batch)
        assert torch.equal(merged.pred_sem_seg.data, sum(views).argmax(0, keepdim=True)), kind


@pytest.mark.filterwarnings('ignore:The shape of value:UserWarning')
@torch.no_grad()
def test_activation_maps_are_those_of_the_probabilities_of_all_views():
    """Each class by its largest sum over the views; classes that the tags exclude are nowhere, even after a step."""
    maps = dict(background=dict(type='mmwsl.ConstantBackground', threshold=0.8))
    segmentor = _segmentor(
        test_cfg=dict(mode='whole', use_image_labels=True, class_activation_maps=maps),
        data_preprocessor=dict(type='SegDataPreProcessor'),
        postprocessors=[dict(type='mmwsl.LogitSoftmax')],
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
    total = sum((score[1] - score[0]).sigmoid() for score in whole)  # the softmax of the two classes that are left
    odds = total / total.max()
    odds = torch.stack([torch.full_like(odds, 0.8), odds]).clamp(max=1 - 1e-6)
    odds = odds / (1 - odds)
    found = result.seg_logits.data.exp()
    torch.testing.assert_close(found[:2], odds / odds.sum(0), atol=1e-5, rtol=1e-3)
    assert (found[2] < 1e-30).all() and result.pred_sem_seg.data.unique().tolist() == [0, 1]


def test_activation_maps_of_a_softmax_need_tags():
    segmentor = _segmentor(test_cfg=dict(mode='whole', class_activation_maps=dict(tuned_on='some masks')))
    assert segmentor.provenance == dict(tuned_on='some masks')
    with pytest.raises(ValueError, match='set `test_cfg.use_image_labels=True`'):
        segmentor.predict(_inputs(), [_sample()])


@torch.no_grad()
def test_tiles_score_what_the_whole_image_scores():
    """The network sees 9 pixels: away from the border by more, tiles change nothing."""
    inputs, metas = torch.randn(1, 3, 64, 48), [dict(img_shape=(64, 48))]
    whole = _segmentor().whole_inference(inputs, metas)
    tiles = dict(mode='whole', overlap_tile=dict(tile=16, margin=8))
    found = _segmentor(test_cfg=tiles).whole_inference(inputs, metas)
    assert found.shape == whole.shape
    torch.testing.assert_close(found[..., 10:-10, 10:-10], whole[..., 10:-10, 10:-10], atol=1e-5, rtol=1e-5)
    assert not torch.allclose(found, whole)


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


def test_what_does_not_fit():
    with pytest.raises(ValueError, match='`decode_head.out_channels` must be the number of classes'):
        _segmentor(decode_head=dict(HEAD, num_classes=2, out_channels=1, threshold=0.5))
    with pytest.raises(ValueError, match='`test_cfg.overlap_tile` is for heads that do not label'):
        MODELS.build(
            dict(
                type='mmwsl.WeakEncoderDecoder',
                backbone=BACKBONE,
                decode_head=dict(type='mmwsl.LSEAggregationHead', in_channels=4, num_classes=3),
                test_cfg=dict(mode='whole', overlap_tile=dict(tile=16, margin=8)),
            )
        )
    with pytest.raises(ValueError, match="`test_cfg.overlap_tile` is for `test_cfg.mode='whole'`, got 'slide'"):
        _segmentor(test_cfg=dict(mode='slide', crop_size=(8, 8), stride=(4, 4), overlap_tile=dict(tile=16, margin=8)))


def test_whole_images_are_the_default():
    metas = [dict(ori_shape=(16, 16), img_shape=(16, 16), pad_shape=(16, 16))]
    given, default = (
        _segmentor(test_cfg=test_cfg).inference(_inputs(), metas) for test_cfg in (dict(mode='whole'), None)
    )
    assert torch.equal(given, default)
