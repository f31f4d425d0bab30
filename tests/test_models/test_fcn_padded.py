"""FCN on CaffeNet and GoogLeNet: layers, sizes, centers, weights by name."""

import pytest
import torch
from mmengine.registry import init_default_scope
from torch import nn

from mmwsl.models import CaffeNet, FCNUpscoreHead, GoogLeNet

SLIM = dict(channels=(4, 8, 4, 8, 4), fc_channels=8)
# kernel, stride and padding on the way of the largest receptive field
CAFFENET = [(11, 4, 100), (3, 2, 0), (5, 1, 2), (3, 2, 0), *[(3, 1, 1)] * 3, (3, 2, 0), (6, 1, 0), (1, 1, 0)]
GOOGLENET = [
    *[(7, 2, 100), (3, 2, 0), (3, 1, 1), (3, 2, 0)],
    *[*[(5, 1, 2)] * 2, (3, 2, 0), *[(5, 1, 2)] * 5, (3, 2, 0), *[(5, 1, 2)] * 2],
]


def geometry(layers):
    """Return size, stride and center of the first location's receptive field."""
    size, stride, center = 1, 1, 0.0
    for kernel, step, padding in layers:
        size += (kernel - 1) * stride
        center += ((kernel - 1) / 2 - padding) * stride
        stride *= step
    return size, stride, center


def networks(name):
    torch.manual_seed(0)
    if name == 'caffenet':
        return CaffeNet(**SLIM).eval(), FCNUpscoreHead(8, offset=18, num_classes=3).eval()
    return GoogLeNet(width=1 / 16).eval(), FCNUpscoreHead(64, offset=98, num_classes=3).eval()


def test_layers_of_caffenet():
    with torch.device('meta'):
        network = CaffeNet()
    shapes = [tuple(getattr(network, f'conv{i}').weight.shape) for i in range(1, 6)]
    assert shapes == [(96, 3, 11, 11), (256, 48, 5, 5), (384, 256, 3, 3), (384, 192, 3, 3), (256, 192, 3, 3)]
    assert network.fc6.weight.shape == (4096, 256, 6, 6) and network.fc7.weight.shape == (4096, 4096, 1, 1)
    # CaffeNet has 60 965 224 parameters with its layer of 1000 classes.
    assert sum(p.numel() for p in network.parameters()) == 60_965_224 - 1000 * 4097


def test_layers_of_googlenet():
    with torch.device('meta'):
        network = GoogLeNet()
    # GoogLeNet has 6 998 552 parameters with its layer of 1000 classes and without auxiliary classifiers.
    assert sum(p.numel() for p in network.parameters()) == 6_998_552 - 1000 * 1025
    assert network.out_channels == 1024
    widths = [module.out_channels for module in network.inception.values()]
    assert widths == [256, 480, 512, 512, 512, 528, 832, 832, 1024]


def test_sizes_of_the_authors_for_500_pixels():
    network, _ = networks('caffenet')
    seen = []
    for layer in (network.conv1, network.pool, network.fc6):
        layer.register_forward_hook(lambda module, args, output: seen.append(output.shape[2]))
    network(torch.zeros(1, 3, 500, 500))
    assert seen == [173, 86, 43, 21, 16] and (16 - 1) * 32 + 63 == 543


@pytest.mark.parametrize('name', ['caffenet', 'googlenet'])
def test_scores_have_the_size_of_the_image(name):
    """Heights of 1 to 600 pixels, odd and even; without values, so that it takes seconds."""
    with torch.device('meta'):
        network, head = networks(name)
        for side in range(1, 601):
            assert head(network(torch.zeros(1, 3, side, 1))).shape == (1, 3, side, 1)


@pytest.mark.parametrize(
    ('layers', 'expected', 'offset'), [(CAFFENET, (355, 32, 13.0), 18), (GOOGLENET, (715, 32, -67.0), 98)]
)
def test_receptive_field_and_offset(layers, expected, offset):
    assert geometry(layers) == expected and offset == 31 - expected[2]


@pytest.mark.parametrize(('name', 'layers'), [('caffenet', CAFFENET), ('googlenet', GOOGLENET)])
def test_a_location_sees_its_receptive_field(name, layers):
    network, _ = networks(name)
    network.pool = nn.AvgPool2d(3, stride=2, ceil_mode=True)  # the gradient of a maximum has one pixel
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(0.01 if parameter.ndim > 1 else 0.1)
    size, stride, first = geometry(layers)
    image = torch.ones(1, 3, 1, 2 * size, requires_grad=True)
    features = network(image)[0]
    index = round((size - first) / stride)
    features[0, :, 0, index].sum().backward()
    touched = image.grad[0, 0, 0].nonzero().flatten()
    center = first + stride * index
    assert (touched.min().item(), touched.max().item()) == (center - size // 2, center + size // 2)


@pytest.mark.parametrize(('name', 'layers'), [('caffenet', CAFFENET), ('googlenet', GOOGLENET)])
def test_a_response_is_enlarged_around_its_center(name, layers):
    """A feature map with one location: the score is at the pixel of its center, and symmetric around it."""
    network, head = networks(name)
    nn.init.constant_(head.conv_seg.weight, 1.0)
    nn.init.zeros_(head.conv_seg.bias)
    image = torch.zeros(1, 3, 1, 321)
    features, size = network(image)
    _, stride, first = geometry(layers)
    index = round((160 - first) / stride)
    delta = torch.zeros_like(features)
    delta[..., index] = 1
    row = head((delta, size))[0, 0, 0]
    center = int(first + stride * index)
    assert row.argmax() == center and abs(center - 160) <= 16
    torch.testing.assert_close(row[center - 31 : center], row[center + 1 : center + 32].flip(0))
    assert row.nonzero().flatten().tolist() == list(range(center - 31, center + 32))


def test_grouped_convolutions_do_not_mix():
    network, _ = networks('caffenet')
    x = torch.zeros(1, 4, 5, 5)
    x[:, :2] = 1
    with torch.no_grad():
        network.conv2.bias.zero_()
        assert network.conv2(x)[:, :4].any() and not network.conv2(x)[:, 4:].any()


@pytest.mark.parametrize('name', ['caffenet', 'googlenet'])
def test_scores_start_at_zero_and_train(name):
    network, head = networks(name)
    network.init_weights()
    head.init_weights()
    images = torch.randn(1, 3, 64, 48)
    scores = head(network(images))
    assert not scores.any()
    (scores - 1).square().sum().backward()
    assert head.conv_seg.weight.grad.any() and not [name for name, _ in head.named_parameters() if 'kernel' in name]
    assert 'kernel' not in head.state_dict(), 'the fixed kernel is no weight'


def test_weights_in_caffes_layout_load(tmp_path):
    init_default_scope('mmseg')
    torch.manual_seed(1)
    source = CaffeNet(**SLIM).state_dict()
    checkpoint = {key: torch.rand_like(value) for key, value in source.items()}
    flat = dict(checkpoint, **{'fc8.weight': torch.rand(10, 8), 'fc8.bias': torch.rand(10)})
    for key in ('fc6.weight', 'fc7.weight'):
        flat[key] = flat[key].flatten(1)
    torch.save(flat, tmp_path / 'caffe.pth')
    init_cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'caffe.pth'))
    network = CaffeNet(**SLIM, init_cfg=init_cfg)
    network.init_weights()
    assert all(torch.equal(value, checkpoint[key]) for key, value in network.state_dict().items())
    with pytest.raises(RuntimeError, match='size mismatch for conv1.weight'):
        CaffeNet(**dict(SLIM, channels=(6, 8, 4, 8, 4)), init_cfg=init_cfg).init_weights()
    del flat['conv3.bias']
    torch.save(flat, tmp_path / 'caffe.pth')
    with pytest.raises(RuntimeError, match='conv3.bias'):
        CaffeNet(**SLIM, init_cfg=init_cfg).init_weights()


def test_weights_of_googlenet_load_by_name(tmp_path):
    source = GoogLeNet(width=1 / 16)
    torch.save(source.state_dict(), tmp_path / 'googlenet.pth')
    network = GoogLeNet(width=1 / 16, init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'googlenet.pth')))
    network.init_weights()
    assert all(torch.equal(value, source.state_dict()[key]) for key, value in network.state_dict().items())


def test_a_map_that_does_not_cover_the_image():
    head = FCNUpscoreHead(8, offset=18, num_classes=3)
    with pytest.raises(ValueError, match=r'cover the crop at `offset` 18 of 500 x 64 pixels, got 95 x 95'):
        head((torch.zeros(1, 8, 2, 2), torch.zeros(1, 0, 500, 64)))
    with pytest.raises(ValueError, match='`offset` must be non-negative, got -1'):
        FCNUpscoreHead(8, offset=-1, num_classes=3)
