"""The dense network gives the scores of shift-and-stitch."""

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
from mmwsl.inference.dense import Float64, ReceptiveField, ScoreNetwork, convert_to_dense, receptive_field
from mmwsl.inference.dense.pooling import DilatedAvgPool2d, DilatedMaxPool2d
from mmwsl.inference.dense.tracing import trace
from mmwsl.models import DilatedMobileNetV2, LSEAggregationHead, OverFeat

pytestmark = pytest.mark.usefixtures('seeded')


def three_pools(padding=0, bias=True):
    """Three poolings, of three kinds, between convolutions of three kinds."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=padding, bias=bias),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 12, (3, 5), padding=(padding, 2 * padding), groups=4),
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.Conv2d(12, 12, 3, dilation=2, padding=2 * padding),
        nn.BatchNorm2d(12),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, padding),
        nn.Conv2d(12, 5, 3, padding=padding),
    ).eval()


def _score(network):
    def score(x):
        with torch.no_grad():
            out = network(x)
        return out[-1] if isinstance(out, tuple) else out

    return score


def _marked(network, step, shape):
    rows, columns = trace(network).outputs[-1]
    return rows.stitching_differs(step, shape[-2])[:, None] | columns.stitching_differs(step, shape[-1])


def _compare(network, size, step):
    """Return the largest difference at each cell, and the cells at which one is allowed."""
    torch.manual_seed(1)
    x = torch.randn(1, 3, *size, dtype=next((p.dtype for p in network.parameters()), None))
    stitched = shift_and_stitch(_score(network), x, trace(network).outputs[-1][0].stride, step)
    dense = _score(convert_to_dense(network, step))(x)
    assert dense.shape == stitched.shape
    return (dense - stitched).abs()[0].amax(0), _marked(network, step, dense.shape)


@pytest.mark.parametrize('step', [1, 2, 4, 8])
def test_equal_everywhere_without_padding(step):
    difference, marked = _compare(three_pools(), (77, 82), step)
    assert not marked.any()
    assert difference.max() < 1e-5


@pytest.mark.parametrize('step', [1, 2, 4, 8])
def test_with_padding_exactly_the_marked_cells_differ(step):
    difference, marked = _compare(three_pools(padding=1), (45, 50), step)
    assert difference[~marked].max() < 1e-5
    assert marked.any() == (step < 8)
    assert (difference[marked] > 1e-5).all()


@pytest.mark.parametrize('step', [1, 3, 4, 6, 12])
def test_overfeat_has_no_marked_cell(step):
    """It pads only where its stride is reached, and 12 has divisors that do not divide one another."""
    network = OverFeat()
    for layer in (network.conv3, network.conv4, network.conv5, network.conv6):
        layer.weight, layer.bias = nn.Parameter(layer.weight[:64, :64]), nn.Parameter(layer.bias[:64])
        layer.in_channels = layer.out_channels = 64
    network.conv2.weight, network.conv2.bias = nn.Parameter(network.conv2.weight[:64]), None
    network.conv2.out_channels = 64
    for name in ('conv1', 'conv2', 'conv3', 'conv4', 'conv5', 'conv6'):
        nn.init.kaiming_normal_(getattr(network, name).weight)
    difference, marked = _compare(network.eval(), (76, 81), step)
    assert not marked.any()
    assert difference.max() < 1e-5
    field, _ = receptive_field(network)
    assert field == ReceptiveField(stride=12, before=48, after=100, padded_stride=12)


def test_residual_network_of_mmseg():
    network = ResNet(
        18, num_stages=3, strides=(1, 2, 2), dilations=(1, 1, 1), out_indices=(2,), norm_cfg=dict(type='BN')
    )
    network.eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.2, 0.5)
            nn.init.normal_(module.running_mean)
    difference, marked = _compare(network, (133, 130), 8)
    assert difference[~marked].max() < 1e-5
    difference, marked = _compare(network.double(), (133, 130), 8)
    assert difference[~marked].max() < 1e-13
    assert 0 < marked.sum() < marked.numel() and (difference[marked] > 1e-13).all()


def test_a_network_trained_on_tags(repository, tmp_path):
    """The scores of the demonstration's network on a scene, after a short training."""
    loaders = [
        f'{loader}.{key}'
        for loader in ('train_dataloader', 'val_dataloader')
        for key in ('num_workers=0', 'persistent_workers=False', 'dataset.length=96')
    ]
    config = repository / 'configs' / 'wsl_lse_shapes.py'
    train([str(config), '--work-dir', str(tmp_path), '--cfg-options', 'train_cfg.max_epochs=1', *loaders])
    cfg = load_config(config)
    init_default_scope('mmseg')
    model = MODELS.build(cfg.model).eval()
    before = _score(ScoreNetwork(model.backbone, model.decode_head))
    x = model.data_preprocessor(pseudo_collate([DATASETS.build(cfg.test_dataloader.dataset)[0]]))['inputs']
    x = x[..., :70, :66]
    untrained = before(x)
    model.load_state_dict(torch.load(tmp_path / 'epoch_1.pth', weights_only=True)['state_dict'])
    network = ScoreNetwork(model.backbone, model.decode_head)
    assert (_score(network)(x) - untrained).abs().max() > 0.1, 'the training changed nothing'
    for step in (1, 2):
        stitched = shift_and_stitch(_score(network), x, 4, step)
        dense = _score(convert_to_dense(network, step))(x)
        kept = ~_marked(network, step, dense.shape)
        assert kept.float().mean() > 0.5
        assert (dense - stitched)[..., kept].abs().max() < 1e-5


@torch.no_grad()
def test_trained_scores(weights_root):
    """A trained network with the last layer it was trained with, on an image, scores as a segmentor does.

    Float32 carries 1e-5 of the largest score, but not of scores of 33 themselves: against float64, the network and its
    dense version err alike. Where they compute in float64, their float32 scores agree.
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
    network = ScoreNetwork(backbone, head).eval()
    image = torch.from_numpy(skimage.data.astronaut()[:272, 100:364] / 127.5 - 1).permute(2, 0, 1)[None]
    x = image.float()
    stitched, scores = shift_and_stitch(network, x, 16, 8), convert_to_dense(network, 8)(x)
    kept = ~_marked(network, 8, scores.shape)
    stitched, scores = stitched[..., kept], scores[..., kept]
    same = [
        score[..., kept]
        for score in (shift_and_stitch(Float64(network), x, 16, 8), Float64(convert_to_dense(network, 8))(x))
    ]
    assert same[0].dtype == same[1].dtype == torch.float32
    assert (same[0] - same[1]).abs().max() < 1e-5
    network.double()
    exact, dense = (
        score[..., kept]
        for score in (shift_and_stitch(network, x.double(), 16, 8), convert_to_dense(network, 8)(x.double()))
    )
    assert scores.abs().max() > 10
    assert (scores - stitched).abs().max() < 1e-5 * stitched.abs().max()
    assert (exact - dense).abs().max() < 1e-12
    assert torch.equal(exact.float(), same[0])
    assert (scores - exact).abs().max() < 2 * (stitched - exact).abs().max()


def test_trained_mobilenet(weights_root):
    """Its field is 491 pixels: the marked cells are many, so an image of 272 pixels has few others."""
    checkpoint = str(weights_root / 'mobilenet_v2_imagenet.pth')
    network = DilatedMobileNetV2(
        16, out_indices=(6,), frozen=True, init_cfg=dict(type='Pretrained', checkpoint=checkpoint)
    )
    network.init_weights()
    difference, marked = _compare(network, (272, 264), 8)
    assert 0 < (~marked).sum() - math.prod(-(-n // 2) for n in marked.shape)  # more than those of shift 0
    largest = _score(network)(torch.randn(1, 3, 272, 264)).abs().max()
    assert difference[~marked].max() < 1e-5 * largest  # a feature of 8 has 1e-6 in its last digit


@pytest.mark.parametrize(
    'module',
    [
        nn.MaxPool2d(2),
        nn.MaxPool2d(3, 2, 1),
        nn.MaxPool2d((3, 2), (1, 2), (1, 0), dilation=(2, 1)),
        nn.AvgPool2d(3, 2),
        nn.AvgPool2d(3, 2, 1),
        nn.AvgPool2d((2, 3), 2, (1, 0), count_include_pad=False),
        nn.AvgPool2d(2, divisor_override=3),
    ],
)
def test_own_poolings_are_those_of_torch(module):
    x = torch.randn(2, 3, 11, 14, dtype=torch.float64, requires_grad=True)
    numbers = [
        (n, n) if isinstance(n, int) else n
        for n in (module.kernel_size, module.stride, getattr(module, 'dilation', 1), module.padding)
    ]
    if isinstance(module, nn.MaxPool2d):
        ours = DilatedMaxPool2d(*numbers)
    else:
        ours = DilatedAvgPool2d(
            *numbers, count_include_pad=module.count_include_pad, divisor_override=module.divisor_override
        )
    torch.testing.assert_close(ours(x), module(x))
    assert torch.autograd.gradcheck(ours, x)


@pytest.mark.parametrize(
    'pool', [nn.AvgPool2d(3, 2, 1, count_include_pad=False), nn.AvgPool2d(2, divisor_override=3), nn.MaxPool2d(2, 2, 1)]
)
def test_dense_poolings_keep_their_borders(pool):
    network = nn.Sequential(nn.Conv2d(3, 4, 3, 2), pool)
    difference, marked = _compare(network, (31, 34), 1)
    assert difference[~marked].max() < 1e-5


def test_same_padding_by_name():
    network = nn.Sequential(
        nn.MaxPool2d(2), nn.Conv2d(3, 2, 3, padding='same', dilation=2), nn.Conv2d(2, 2, 2, padding='valid')
    )
    assert receptive_field(network)[0] == ReceptiveField(2, before=4, after=7, padded_stride=2)
    assert _compare(network, (20, 22), 1)[0].max() < 1e-5
