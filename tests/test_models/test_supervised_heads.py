"""Heads of the fully supervised baselines: skips, summed branches, mirrored networks."""

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.models.decode_heads import FCNHead
from mmseg.structures import SegDataSample
from torch.nn import functional as F

from mmwsl.models import VGG16, DeconvNetHead, DeepLabV2Head, FCNSkipHead

SLIM = (4, 6, 8, 10, 12)
FCN = dict(in_channels=16, channels=16, num_convs=0, concat_input=False, num_classes=5, dropout_ratio=0.0)
SKIPS = {32: {}, 16: dict(skip_indices=(1,), skip_channels=(10,)), 8: dict(skip_indices=(1, 0), skip_channels=(10, 8))}


def _maps(height=4, width=3):
    torch.manual_seed(1)
    return (
        torch.randn(2, 8, 4 * height, 4 * width),
        torch.randn(2, 10, 2 * height, 2 * width),
        torch.randn(2, 16, height, width),
    )


def _double(scores):
    return F.interpolate(scores, scale_factor=2, mode='bilinear', align_corners=False)


def _started_from(coarse, stride):
    head = FCNSkipHead(**FCN, **SKIPS[stride])
    head.init_weights()
    result = head.load_state_dict(coarse.state_dict(), strict=False)
    assert not result.unexpected_keys
    assert {key.split('.')[0] for key in result.missing_keys} == {'skip_scores', 'doublings'}
    return head


def test_fcn32s_is_mmsegs_head():
    ours, mmseg = FCNSkipHead(**FCN), FCNHead(**FCN)
    mmseg.load_state_dict(ours.state_dict())
    torch.testing.assert_close(ours(_maps()), mmseg(_maps()), rtol=0, atol=0)


def test_a_finer_network_starts_from_the_coarser_network():
    """Its first scores are the interpolated scores of the coarser network, at the border too."""
    fcn32 = FCNSkipHead(**FCN)
    fcn16 = _started_from(fcn32, 16)
    torch.testing.assert_close(fcn16(_maps()), _double(fcn32(_maps())), atol=1e-5, rtol=1e-5)
    torch.nn.init.normal_(fcn16.skip_scores[0].weight)  # as if 16s had been trained
    torch.nn.init.normal_(fcn16.doublings[0].weight)
    fcn8 = _started_from(fcn16, 8)
    torch.testing.assert_close(fcn8(_maps()), _double(fcn16(_maps())), atol=1e-4, rtol=1e-5)


def test_skips_train_from_zero():
    head = FCNSkipHead(**FCN, **SKIPS[8])
    head(_maps()).square().sum().backward()
    for name, parameter in head.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def test_a_skip_is_added():
    head = FCNSkipHead(**FCN, **SKIPS[16])
    before = head(_maps())
    torch.nn.init.normal_(head.skip_scores[0].weight)
    expected = before + F.conv2d(_maps()[1], head.skip_scores[0].weight)
    torch.testing.assert_close(head(_maps()), expected)


def test_odd_maps_are_cut():
    head = FCNSkipHead(**FCN, **SKIPS[16])
    assert head((torch.zeros(1, 8, 18, 18), torch.zeros(1, 10, 9, 9), torch.zeros(1, 16, 5, 5))).shape[2:] == (9, 9)


def test_feature_maps_that_do_not_double():
    head = FCNSkipHead(**FCN, **SKIPS[16])
    with pytest.raises(ValueError, match=r'map 1 .* twice as large as the previous map \(5 x 5\), got 20 x 20'):
        head((torch.zeros(1, 8, 40, 40), torch.zeros(1, 10, 20, 20), torch.zeros(1, 16, 5, 5)))
    with pytest.raises(ValueError, match='one value for each skip'):
        FCNSkipHead(**FCN, skip_indices=(0,), skip_channels=())


def _sum_head(**settings):
    torch.manual_seed(2)
    return DeepLabV2Head(**{**dict(in_channels=16, channels=8, num_classes=5, dropout_ratio=0.0), **settings})


def test_scores_are_the_sum_of_the_branches():
    x = _maps(9, 8)
    for hidden in (False, True):
        head = _sum_head(dilations=(1, 2, 3), hidden=hidden)
        expected = 0
        for dilation, conv, score in zip((1, 2, 3), head.convs, head.conv_seg, strict=True):
            dilated = dict(padding=dilation, dilation=dilation)
            if hidden:
                features = F.conv2d(x[-1], conv.conv.weight, conv.conv.bias, **dilated).relu()
                expected = expected + F.conv2d(features, score.weight, score.bias)
            else:
                expected = expected + F.conv2d(x[-1], score.weight, score.bias, **dilated)
        torch.testing.assert_close(head(x), expected)


def test_one_branch_is_mmsegs_head():
    """DeepLab v1: a dilated layer and its scores."""
    head = _sum_head(dilations=(2,), hidden=True)
    mmseg = FCNHead(
        in_channels=16, channels=8, num_classes=5, num_convs=1, dilation=2, concat_input=False, dropout_ratio=0.0
    )
    mmseg.load_state_dict({key.replace('conv_seg.0.', 'conv_seg.'): value for key, value in head.state_dict().items()})
    torch.testing.assert_close(head(_maps()), mmseg(_maps()), rtol=0, atol=0)


def test_a_map_for_each_branch():
    head = _sum_head(in_channels=(16, 16), in_index=(0, 1), dilations=(1, 1), kernel_size=1)
    maps = (_maps()[-1], 2 * _maps()[-1])
    expected = sum(F.conv2d(x, score.weight, score.bias) for x, score in zip(maps, head.conv_seg, strict=True))
    torch.testing.assert_close(head(maps), expected)


@pytest.mark.parametrize('settings', [dict(dilations=()), dict(in_channels=(16, 16)), dict(in_index=(0,))])
def test_one_value_for_each_branch(settings):
    with pytest.raises(ValueError, match='one value for each branch'):
        _sum_head(**settings)


def test_deconvnet_scores_every_pixel_and_trains():
    torch.manual_seed(0)
    network = VGG16(channels=SLIM, fc_channels=16, fc_padding='valid', return_pool_indices=True, with_bn=True)
    head = DeconvNetHead(16, stages=SLIM, num_classes=5, dropout_ratio=0.0)
    samples = [SegDataSample(gt_sem_seg=PixelData(data=torch.randint(5, (1, 224, 256)))) for _ in range(2)]
    outputs = network(torch.randn(2, 3, 224, 256))
    assert head(outputs).shape == (2, 5, 224, 256)
    head.loss(outputs, samples, {})['loss_ce'].backward()
    for name, parameter in (*network.named_parameters(), *head.named_parameters()):
        assert parameter.grad is not None, name


def test_deconvnet_mirrors_vgg():
    with torch.device('meta'):
        head = DeconvNetHead(4096, num_classes=21)
    widths = [[(conv.in_channels, conv.out_channels) for conv in stage] for stage in head.stages]
    assert widths == [
        [(512, 512)] * 3,
        [(512, 512), (512, 512), (512, 256)],
        [(256, 256), (256, 256), (256, 128)],
        [(128, 128), (128, 64)],
        [(64, 64), (64, 64)],
    ]


def test_deconvnet_has_five_stages():
    with pytest.raises(ValueError, match='`stages` must have 5 numbers of channels, got'):
        DeconvNetHead(16, stages=SLIM[:4], num_classes=5)


def test_deconvnet_unpools_with_the_indices_of_the_stage():
    """A value returns to the location of its maximum, not to a fixed corner."""
    torch.manual_seed(0)
    network = VGG16(channels=SLIM, fc_channels=16, fc_padding='valid', return_pool_indices=True)
    head = DeconvNetHead(16, stages=SLIM, num_classes=5)
    seen = []
    head.unpool.register_forward_hook(lambda module, args, output: seen.append((*args, output)))
    outputs = network(torch.randn(1, 3, 224, 224))
    head(outputs)
    assert [id(indices) for _, indices, _ in seen] == [id(indices) for indices in reversed(outputs[1:])]
    for values, indices, restored in seen:
        assert torch.equal(restored.flatten(2).gather(2, indices.flatten(2)), values.flatten(2))


def _shortcut_networks():
    """DeconvNet without and with shortcut connections, of equal weights."""
    torch.manual_seed(0)
    settings = dict(channels=SLIM, fc_channels=16, fc_padding='valid', return_pool_indices=True, with_bn=True)
    plain, encoder = VGG16(**settings), VGG16(**settings, out_indices=range(5), before_pool=True)
    encoder.load_state_dict(plain.state_dict())
    head = DeconvNetHead(16, stages=SLIM, num_classes=5, dropout_ratio=0.0)
    shortcut = DeconvNetHead(16, stages=SLIM, num_classes=5, dropout_ratio=0.0, shortcuts=True)
    head.init_weights()
    shortcut.init_weights()
    result = shortcut.load_state_dict(head.state_dict(), strict=False)
    assert not result.unexpected_keys and {key.split('.')[0] for key in result.missing_keys} == {'shortcuts'}
    return plain.eval(), encoder.eval(), head.eval(), shortcut.eval()


def test_deconvnet_with_shortcuts_begins_as_deconvnet():
    plain, encoder, head, shortcut = _shortcut_networks()
    images = torch.randn(1, 3, 224, 256)
    torch.testing.assert_close(shortcut(encoder(images)), head(plain(images)), rtol=0, atol=0)
    # The 1x1 convolutions leave zero with the first step.
    shortcut(encoder(images)).square().sum().backward()
    assert all(conv.weight.grad.abs().sum() > 0 for conv in shortcut.shortcuts)


def test_a_shortcut_adds_the_feature_map_before_the_pooling_to_the_unpooled_map():
    _, encoder, _, shortcut = _shortcut_networks()
    images = torch.randn(1, 3, 224, 224)
    outputs = encoder(images)
    assert [tuple(x.shape[1:]) for x in outputs[:5]] == [(c, 224 >> i, 224 >> i) for i, c in enumerate(SLIM)]
    unpooled, entered = [], []
    shortcut.unpool.register_forward_hook(lambda module, args, output: unpooled.append(output.detach()))
    for stage, conv in zip(shortcut.stages, shortcut.shortcuts, strict=True):
        torch.nn.init.normal_(conv.weight)
        stage.register_forward_pre_hook(lambda module, args: entered.append(args[0].detach()))
    shortcut(outputs)
    for i in range(5):
        conv = shortcut.shortcuts[i]
        expected = unpooled[i] + F.conv2d(outputs[4 - i], conv.weight, conv.bias)
        torch.testing.assert_close(entered[i], expected)


def test_feature_maps_before_and_after_the_pooling():
    torch.manual_seed(0)
    after = VGG16(channels=SLIM, out_indices=(1, 3))
    before = VGG16(channels=SLIM, out_indices=(1, 3), before_pool=True)
    before.load_state_dict(after.state_dict())
    images = torch.randn(1, 3, 64, 64)
    for fine, pooled in zip(before(images), after(images), strict=True):
        torch.testing.assert_close(F.max_pool2d(fine, 2), pooled)


def test_deconvnet_goes_to_one_location_and_back():
    _, encoder, _, shortcut = _shortcut_networks()
    outputs = encoder(torch.zeros(1, 3, 224, 224))
    assert outputs[5].shape == (1, 16, 1, 1) and shortcut(outputs).shape == (1, 5, 224, 224)
    with pytest.raises(ValueError, match='multiples of 32, got 225 x 224'):
        encoder(torch.zeros(1, 3, 225, 224))
