"""The dense versions of backbones, trained ones among them, give the scores of shift-and-stitch."""

import math

import pytest
import skimage.data
import torch
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from mmseg.models.backbones import ResNet
from mmseg.registry import DATASETS, MODELS
from torch import nn

from mmwsl.apis import load_config
from mmwsl.apis.training import main as train
from mmwsl.functional import shift_and_stitch
from mmwsl.inference.dense import Float64, ReceptiveField, convert_to_dense, receptive_field
from mmwsl.models import DilatedMobileNetV2, LSEAggregationHead, OverFeat

from .networks import compare, marked, padded_stride, score

pytestmark = pytest.mark.usefixtures('seeded')


@pytest.mark.parametrize('step', [1, 3, 4, 6, 12])
def test_overfeat_has_no_marked_location(step):
    """It pads only where it has reached its stride, and 12 has divisors that do not divide one another."""
    network = OverFeat()
    for layer in (network.conv3, network.conv4, network.conv5, network.conv6):
        layer.weight, layer.bias = nn.Parameter(layer.weight[:64, :64]), nn.Parameter(layer.bias[:64])
        layer.in_channels = layer.out_channels = 64
    network.conv2.weight, network.conv2.bias = nn.Parameter(network.conv2.weight[:64]), None
    network.conv2.out_channels = 64
    for name in ('conv1', 'conv2', 'conv3', 'conv4', 'conv5', 'conv6'):
        nn.init.kaiming_normal_(getattr(network, name).weight)
    difference, marked = compare(network.eval(), (76, 81), step)
    assert not marked.any()
    assert difference.max() < 1e-5
    field, _ = receptive_field(network)
    assert field == ReceptiveField(stride=12, before=48, after=100) and padded_stride(network) == 12


def test_residual_network_of_mmseg():
    network = ResNet(
        18, num_stages=3, strides=(1, 2, 2), dilations=(1, 1, 1), out_indices=(2,), norm_cfg=dict(type='BN')
    )
    network.eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.2, 0.5)
            nn.init.normal_(module.running_mean)
    difference, marked = compare(network, (133, 130), 8)
    assert difference[~marked].max() < 1e-5
    difference, marked = compare(network.double(), (133, 130), 8)
    assert difference[~marked].max() < 1e-13
    assert 0 < marked.sum() < marked.numel() and (difference[marked] > 1e-13).all()


def test_a_network_trained_on_image_level_labels(repository, tmp_path):
    """The network of the demo on a synthetic image, after a short training."""
    loaders = [
        f'{loader}.{key}'
        for loader in ('train_dataloader', 'val_dataloader')
        for key in ('num_workers=0', 'persistent_workers=False', 'dataset.length=96')
    ]
    config = repository / 'configs/shapes/wsl_lse_shapes.py'
    trial = ['train_cfg.max_epochs=1', 'param_scheduler=None', *loaders]
    train([str(config), '--work-dir', str(tmp_path), '--cfg-options', *trial])
    cfg = load_config(config)
    init_default_scope('mmseg')
    model = MODELS.build(cfg.model).eval()
    before = score(nn.Sequential(model.backbone, model.decode_head))
    x = model.data_preprocessor(pseudo_collate([DATASETS.build(cfg.test_dataloader.dataset)[0]]))['inputs']
    x = x[..., :70, :66]
    untrained = before(x)
    model.load_state_dict(torch.load(tmp_path / 'epoch_1.pth', weights_only=True)['state_dict'])
    network = nn.Sequential(model.backbone, model.decode_head)
    assert (score(network)(x) - untrained).abs().max() > 0.1, 'the training changed nothing'
    for step in (1, 2):
        stitched = shift_and_stitch(score(network), x, 4, step)
        dense = score(convert_to_dense(network, step))(x)
        kept = ~marked(network, step, dense.shape)
        assert kept.float().mean() > 0.5
        assert (dense - stitched)[..., kept].abs().max() < 1e-5


@torch.no_grad()
def test_trained_scores(weights_root):
    """A trained network with its trained last layer has scores as large as a segmentor's.

    Float32 resolves 1e-5 of the largest score, but not 1e-5 itself in a score of 33. Compared with float64, the
    network and its dense version have errors of the same size. Computed in float64, their float32 scores agree.
    """
    checkpoint = weights_root / 'mobilenet_v2_imagenet.pth'
    backbone = DilatedMobileNetV2(
        16, last_conv=True, out_indices=(6,), init_cfg=dict(type='Pretrained', checkpoint=str(checkpoint))
    )
    backbone.init_weights()
    head = LSEAggregationHead(1280, num_classes=1000, hidden_channels=(), kernel_size=1)
    weights = torch.load(checkpoint, weights_only=True)
    head.conv_seg.weight.copy_(weights['classifier.1.weight'][:, :, None, None])
    head.conv_seg.bias.copy_(weights['classifier.1.bias'])
    network = nn.Sequential(backbone, head).eval()
    image = torch.from_numpy(skimage.data.astronaut()[:272, 100:364] / 127.5 - 1).permute(2, 0, 1)[None]
    x = image.float()
    stitched, scores = shift_and_stitch(network, x, 16, 8), convert_to_dense(network, 8)(x)
    kept = ~marked(network, 8, scores.shape)
    stitched, scores = stitched[..., kept], scores[..., kept]
    same = [
        found[..., kept]
        for found in (shift_and_stitch(Float64(network), x, 16, 8), Float64(convert_to_dense(network, 8))(x))
    ]
    assert same[0].dtype == same[1].dtype == torch.float32
    assert (same[0] - same[1]).abs().max() < 1e-5
    network.double()
    exact, dense = (
        found[..., kept]
        for found in (shift_and_stitch(network, x.double(), 16, 8), convert_to_dense(network, 8)(x.double()))
    )
    assert scores.abs().max() > 10
    assert (scores - stitched).abs().max() < 1e-5 * stitched.abs().max()
    assert (exact - dense).abs().max() < 1e-12
    assert torch.equal(exact.float(), same[0])
    assert (scores - exact).abs().max() < 2 * (stitched - exact).abs().max()


def test_trained_mobilenet(weights_root):
    """Its receptive field is 491 pixels long, so most locations of an image of 272 pixels are marked."""
    checkpoint = str(weights_root / 'mobilenet_v2_imagenet.pth')
    network = DilatedMobileNetV2(
        16, out_indices=(6,), frozen=True, init_cfg=dict(type='Pretrained', checkpoint=checkpoint)
    )
    network.init_weights()
    difference, marked = compare(network, (272, 264), 8)
    assert 0 < (~marked).sum() - math.prod(-(-n // 2) for n in marked.shape)  # more than those of shift 0
    largest = score(network)(torch.randn(1, 3, 272, 264)).abs().max()
    assert difference[~marked].max() < 1e-5 * largest  # a feature of 8 has 1e-6 in its last digit
