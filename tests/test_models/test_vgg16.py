"""VGG-16: shapes, receptive field, pool indices, torchvision's checkpoints."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from mmwsl.inference.dense import receptive_field
from mmwsl.models import VGG16
from mmwsl.models.backbones.vgg16 import decimate

SLIM = (4, 6, 8, 10, 12)
LARGE_FOV = dict(
    channels=SLIM, strides=(2, 2, 2, 1, 1), dilations=(1, 1, 1, 1, 2), pool_size=3, fc_channels=16, fc_kernel_size=3
)
CONVS = {
    False: (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28),  # indices in torchvision's `features`
    True: (0, 3, 7, 10, 14, 17, 20, 24, 27, 30, 34, 37, 40),
}


def _torchvision(with_bn=False, fc_channels=20):
    """Random parameters in torchvision's names, of fewer channels."""
    generator = torch.Generator().manual_seed(0)
    widths = [3, *(width for width, count in zip(SLIM, (2, 2, 3, 3, 3), strict=True) for _ in range(count))]
    shapes = {}
    for place, before, after in zip(CONVS[with_bn], widths, widths[1:], strict=False):
        shapes |= {f'features.{place}.weight': (after, before, 3, 3), f'features.{place}.bias': (after,)}
        if with_bn:
            names = ('weight', 'bias', 'running_mean', 'running_var')
            shapes |= {f'features.{place + 1}.{name}': (after,) for name in names}
            shapes[f'features.{place + 1}.num_batches_tracked'] = ()
    for place, (after, before) in {
        0: (fc_channels, SLIM[-1] * 49),
        3: (fc_channels, fc_channels),
        6: (1000, fc_channels),
    }.items():
        shapes |= {f'classifier.{place}.weight': (after, before), f'classifier.{place}.bias': (after,)}
    return {name: torch.rand(shape, generator=generator) for name, shape in shapes.items()}


def _loaded(tmp_path, checkpoint, **settings):
    torch.save(checkpoint, tmp_path / 'weights.pth')
    network = VGG16(
        channels=SLIM, init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'weights.pth')), **settings
    )
    network.init_weights()
    return network.eval()


def test_full_width_is_vgg16():
    with torch.device('meta'):
        network = VGG16(fc_channels=4096)
    count = sum(parameter.numel() for parameter in network.parameters())
    assert count == 138_357_544 - 1000 * 4097  # of torchvision's vgg16, less its last layer


def test_maps_cover_the_image():
    network = VGG16(channels=SLIM, fc_channels=16, out_indices=(2, 3))
    shapes = [tuple(x.shape) for x in network(torch.zeros(1, 3, 65, 96))]
    assert shapes == [(1, 8, 9, 12), (1, 10, 5, 6), (1, 16, 3, 3)]


def test_dilated_network_has_stride_8():
    network = VGG16(**LARGE_FOV, fc_dilations=(6, 12))
    shapes = [tuple(x.shape) for x in network(torch.zeros(1, 3, 64, 96))]
    assert shapes == [(1, 16, 8, 12)] * 2


def test_receptive_field_of_fc6():
    """fc6 covers 25 x 25 locations of stride 8 with 9 weights per channel."""
    network = VGG16(**LARGE_FOV, fc_dilations=(12,))
    features = torch.ones(1, SLIM[-1], 31, 31, requires_grad=True)
    network.fc[0].conv6(features)[0, :, 15, 15].sum().backward()
    touched = features.grad[0].abs().sum(0).nonzero()
    assert touched.tolist() == [[y, x] for y in (3, 15, 27) for x in (3, 15, 27)]


def test_receptive_field_in_pixels():
    size, jump = 1, 1
    for convs, stride, dilation in zip((2, 2, 3, 3, 3), LARGE_FOV['strides'], LARGE_FOV['dilations'], strict=True):
        size += convs * 2 * dilation * jump + 2 * jump  # 3x3 convolutions, then a 3x3 pooling
        jump *= stride
    size += 2 * 12 * jump
    found = receptive_field(VGG16(**LARGE_FOV, fc_dilations=(12,)).eval())
    assert [(field.size, field.stride) for field in found] == [(size, 8)] * 2


def test_pool_indices_point_to_the_maxima():
    torch.manual_seed(0)
    network = VGG16(channels=SLIM, out_indices=range(5), return_pool_indices=True)
    before = []
    pools = [i for i, layer in enumerate(network.features) if isinstance(layer, nn.MaxPool2d)]
    for i in pools:
        network.features[i].register_forward_pre_hook(lambda module, args: before.append(args[0].detach()))
    outputs = network(torch.randn(2, 3, 64, 96))
    for x, pooled, pool_indices in zip(before, outputs[:5], outputs[5:], strict=True):
        restored = F.max_unpool2d(pooled, pool_indices, 2)
        largest = F.interpolate(pooled, scale_factor=2, mode='nearest')
        assert restored.shape == x.shape
        assert ((restored == 0) | ((restored == x) & (x == largest))).all(), 'a value that is not at its maximum'
        assert torch.equal(F.max_pool2d(restored, 2), pooled), 'a lost maximum'


@pytest.mark.parametrize('with_bn', [False, True])
def test_torchvisions_checkpoint_loads_every_key(tmp_path, with_bn):
    checkpoint = _torchvision(with_bn)
    assert len(checkpoint) == (97 if with_bn else 32)
    network = _loaded(tmp_path, checkpoint, with_bn=with_bn)
    for key, value in network.state_dict().items():
        torch.testing.assert_close(value, checkpoint[key].to(value), rtol=0, atol=0, msg=key)


def test_convolutions_compute_the_classifier(tmp_path):
    checkpoint = _torchvision()
    network = _loaded(tmp_path, checkpoint, fc_channels=20, fc_padding='valid')
    image = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(1))
    features = network.features(image).flatten(1)
    for place in (0, 3):
        features = F.linear(
            features, checkpoint[f'classifier.{place}.weight'], checkpoint[f'classifier.{place}.bias']
        ).relu()
    torch.testing.assert_close(network(image)[-1].flatten(1), features, rtol=1e-4, atol=1e-4)


def test_branches_share_the_decimated_classifier(tmp_path):
    checkpoint = _torchvision(fc_channels=21)
    network = _loaded(tmp_path, checkpoint, fc_channels=5, fc_kernel_size=3, fc_dilations=(6, 12))
    kept = [0, 5, 10, 15, 20]
    weight = checkpoint['classifier.0.weight'].view(21, SLIM[-1], 7, 7)[kept][:, :, ::3, ::3]
    for branch in network.fc:
        torch.testing.assert_close(branch.conv6.weight, weight, rtol=0, atol=0)
        torch.testing.assert_close(branch.conv7.weight[..., 0, 0], checkpoint['classifier.3.weight'][kept][:, kept])
        torch.testing.assert_close(branch.conv7.bias, checkpoint['classifier.3.bias'][kept])


def test_normalization_of_the_classifier_keeps_its_initial_values(tmp_path):
    checkpoint = _torchvision(with_bn=True)
    network = _loaded(tmp_path, checkpoint, with_bn=True, fc_channels=20)
    for norm in (network.fc[0].bn6, network.fc[0].bn7):
        assert torch.equal(norm.weight, torch.ones(20)) and torch.equal(norm.running_var, torch.ones(20))
    assert torch.equal(network.features[1].running_var, checkpoint['features.1.running_var'])


def test_a_checkpoint_without_normalization_does_not_fit(tmp_path):
    with pytest.raises(RuntimeError, match='running_mean'):
        _loaded(tmp_path, _torchvision(with_bn=False), with_bn=True)


def test_own_checkpoint_loads(tmp_path):
    source = VGG16(channels=SLIM, fc_channels=16)
    network = _loaded(tmp_path, source.state_dict(), fc_channels=16)
    for key, value in source.state_dict().items():
        assert torch.equal(value, network.state_dict()[key]), key


@pytest.mark.parametrize('damage', ['features.14.bias', 'features.99.weight', 'classifier.3.bias'])
def test_a_key_that_does_not_fit_is_an_error(tmp_path, damage):
    checkpoint = _torchvision()
    if checkpoint.pop(damage, None) is None:
        checkpoint[damage] = torch.zeros(1)
    with pytest.raises(RuntimeError, match='conv7.bias' if 'classifier' in damage else damage):
        _loaded(tmp_path, checkpoint, fc_channels=20)


def test_decimation_cannot_enlarge():
    with pytest.raises(ValueError, match=r'a weight of shape \(4, 7, 7\) cannot be decimated to \(8, 7, 7\)'):
        decimate(torch.zeros(4, 7, 7), (8, 7, 7))


@pytest.mark.parametrize(
    'settings, message',
    [
        (dict(channels=(4, 4)), '`channels` must have one value for each of the 5 stages'),
        (dict(strides=(2, 2, 2, 1, 1)), '`pool_size` must be 3, or 2 if all `strides` are 2'),
        (dict(pool_size=5), '`pool_size` must be 3, or 2'),
        (dict(pool_size=3, return_pool_indices=True), '`pool_size` must be 2 for `return_pool_indices`'),
        (dict(fc_padding=3), "`fc_padding` must be 'same' or 'valid', got 3"),
    ],
)
def test_bad_arguments(settings, message):
    with pytest.raises(ValueError, match=message):
        VGG16(**settings)


@pytest.mark.parametrize(
    'size, settings',
    [
        ((63, 64), dict(return_pool_indices=True)),
        ((192, 224), dict(fc_channels=8, fc_padding='valid')),
    ],
)
def test_bad_images(size, settings):
    with pytest.raises(ValueError, match=f'images must have sides of at least .* got {size[0]} x {size[1]}'):
        VGG16(channels=SLIM, **settings)(torch.zeros(1, 3, *size))
