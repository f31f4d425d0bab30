"""Several input scales with shared weights, as DeepLab v2 has them."""

import pytest
import torch
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch.nn import functional as F

import mmwsl

HEAD = dict(
    type='mmwsl.DeepLabV2Head',
    in_channels=16,
    channels=16,
    num_classes=4,
    dilations=(1, 2),
    dropout_ratio=0.0,
    loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
)


def model(kind='MultiScale', **settings):
    init_default_scope('mmseg')
    torch.manual_seed(0)
    if kind == 'MultiScale':
        settings = dict(scales=(1.0, 0.75, 0.5)) | settings
    return MODELS.build(
        dict(
            type=f'mmwsl.{kind}EncoderDecoder',
            backbone=dict(type='mmwsl.PlainCNN', channels=(8, 16), strides=(2, 2)),
            decode_head=settings.pop('decode_head', HEAD),
            **settings,
        )
    )


def batch(height=64, width=48):
    torch.manual_seed(1)
    images = torch.randn(2, 3, height, width)
    masks = torch.randint(4, (2, 1, height, width))
    masks[0, :, :5] = 255
    meta = dict(ori_shape=(height, width), img_shape=(height, width), pad_shape=(height, width))
    return images, [SegDataSample(gt_sem_seg=PixelData(data=mask), metainfo=meta) for mask in masks]


def interpolate(x, size):
    return F.interpolate(x, size, mode='bilinear', align_corners=False)


def plain_scores(network, image):
    return network.decode_head(network.backbone(image))


def test_scores_are_the_maximum_of_the_logits_of_each_scale():
    network = model().eval()
    images, _ = batch()
    maps = [plain_scores(network, images)]
    maps += [plain_scores(network, interpolate(images, size)) for size in ((48, 36), (32, 24))]
    assert [tuple(x.shape[2:]) for x in maps] == [(16, 12), (12, 9), (8, 6)]
    maps = torch.stack([interpolate(x, (16, 12)) for x in maps])
    found = network(images)
    torch.testing.assert_close(found, maps.amax(0))
    assert (found[None] >= maps - 1e-6).all() and len(set(maps.argmax(0).flatten().tolist())) == 3
    torch.testing.assert_close(
        network.encode_decode(images, [dict(img_shape=torch.Size((64, 48)))]), interpolate(found, (64, 48))
    )


def test_one_scale_is_the_plain_network():
    images, samples = batch()
    one, plain = model(scales=(1.0,)).eval(), model('Weak').eval()
    torch.testing.assert_close(one(images), plain(images), rtol=0, atol=0)
    for ours, theirs in zip(one.predict(images, samples), plain.predict(images, samples), strict=True):
        assert torch.equal(ours.pred_sem_seg.data, theirs.pred_sem_seg.data)
        torch.testing.assert_close(ours.seg_logits.data, theirs.seg_logits.data)


def test_four_losses_with_masks_of_the_size_of_the_score_map():
    network = model()
    images, samples = batch()
    losses = network.loss(images, samples)
    names = ['scale_1', 'scale_0.75', 'scale_0.5', 'max']
    assert [name for name in losses if 'loss' in name] == [f'{name}.loss_ce' for name in names]
    masks = torch.stack([sample.gt_sem_seg.data for sample in samples])
    maps = network.score_scales(images)
    for name, scores in zip(names, [*maps, network.fuse(maps)], strict=True):
        height, width = scores.shape[2:]
        rows = ((torch.arange(height) + 0.5) * 64 / height).long()  # the pixel at the center of a location
        columns = ((torch.arange(width) + 0.5) * 48 / width).long()
        expected = F.cross_entropy(scores, masks[:, 0, rows[:, None], columns], ignore_index=255)
        torch.testing.assert_close(losses[f'{name}.loss_ce'], expected)
    assert samples[0].gt_sem_seg.shape == (64, 48), 'the samples are not changed'


def test_gradients_reach_shared_weights_from_every_scale():
    network = model()
    images, samples = batch()
    total = sum(value for name, value in network.loss(images, samples).items() if 'loss' in name)
    total.backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in network.parameters())
    assert len(list(network.parameters())) == len(list(model('Weak').parameters()))


def test_only_the_head_has_ten_times_the_learning_rate():
    cfg = mmwsl.get_config('fsl_deeplabv2_resnet101_voc_msc')
    init_default_scope('mmseg')
    network = MODELS.build(dict(cfg.model, backbone=dict(cfg.model.backbone, init_cfg=None, depth=50)))
    groups = build_optim_wrapper(network, cfg.optim_wrapper).optimizer.param_groups
    rates = {id(group['params'][0]): group['lr'] for group in groups}
    found = {
        'backbone': {rates[id(p)] for p in network.backbone.parameters() if p.requires_grad},
        'weight': {rates[id(conv.weight)] for conv in network.decode_head.conv_seg},
        'bias': {rates[id(conv.bias)] for conv in network.decode_head.conv_seg},
    }
    assert {key: pytest.approx(2.5e-4 * factor) for key, factor in dict(backbone=1, weight=10, bias=20).items()} == {
        key: value.pop() for key, value in found.items() if len(value) == 1
    }
    norms = [p for m in network.backbone.modules() if isinstance(m, torch.nn.BatchNorm2d) for p in m.parameters()]
    assert norms and not any(p.requires_grad for p in norms)
    network.eval()
    assert network.decode_head(network.backbone(torch.zeros(1, 3, 65, 65))).shape == (1, 21, 9, 9)


@pytest.mark.parametrize('scales', [(), (1.0, 0.0), (float('inf'),)])
def test_invalid_scales(scales):
    with pytest.raises(ValueError, match='`model.scales` must be positive numbers, at least one, got'):
        model(scales=scales)


def test_parts_that_do_not_suit_several_scales():
    head = dict(type='mmwsl.LSEAggregationHead', in_channels=16, num_classes=4)
    with pytest.raises(ValueError, match='must be trained on masks .* got LSEAggregationHead'):
        model(decode_head=head)
    with pytest.raises(ValueError, match='`inference.scorer` must be for whole images'):
        model().score_network()
