"""The dense scorer: scores, their locations, and the weights that it follows."""

import pytest
import torch
from mmengine.structures import LabelData
from mmseg.structures import SegDataSample
from torch import nn

from mmwsl.functional import shift_and_stitch
from mmwsl.inference.input_padding import InputPadding
from mmwsl.models import WeakEncoderDecoder
from mmwsl.registry import MODELS

BACKBONE = dict(type='mmwsl.PlainCNN', channels=(6, 8), strides=(2, 1), pools=(0, 2))
PAPER = dict(
    type='mmwsl.LSEAggregationHead',
    in_channels=1024,
    num_classes=3,
    hidden_channels=(4, 4, 4),
    same_padding=False,
    dropout_ratio=0.0,
)


def _model(dense=None, backbone=BACKBONE, head=None, neck=None):
    torch.manual_seed(0)
    head = head or dict(
        type='mmwsl.LSEAggregationHead',
        in_channels=8,
        num_classes=3,
        hidden_channels=(6,),
        kernel_size=3,
        norm_cfg=dict(type='BN'),
        dropout_ratio=0.5,
    )
    scorer = dict(type='mmwsl.WholeScorer') if dense is None else dict(dense, type='mmwsl.DenseScorer')
    model = WeakEncoderDecoder(
        backbone=backbone,
        neck=neck,
        decode_head=head,
        train_cfg=dict(),
        inference=dict(scorer=scorer),
        data_preprocessor=dict(type='mmseg.SegDataPreProcessor', size=(32, 32)),
    )
    nn.init.normal_(model.decode_head.conv_seg.weight)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean)
    return model.eval()


@torch.no_grad()
def _logits(model, inputs):
    return model.pipeline.scorer(model, inputs, [{}] * len(inputs))[0]


def test_every_pixel_gets_the_score_of_the_network_shifted_there():
    plain, dense = _model(), _model(dict(stride=1))
    x = torch.randn(2, 3, 40, 47)
    with torch.no_grad():
        stitched = shift_and_stitch(plain, x, 4)
    scores = _logits(dense, x)
    assert scores.shape == stitched.shape == (2, 3, 40, 47)
    assert (scores - stitched)[..., 16:, 16:].abs().max() < 1e-5  # 15 pixels are padded
    with torch.no_grad():
        assert (scores[..., ::4, ::4] - plain(x)).abs().max() < 1e-5  # at shift 0, borders too


@pytest.mark.parametrize('max_memory', [None, 300_000])
def test_float64_on_the_way(max_memory):
    x = torch.randn(1, 3, 40, 47)
    exact = _logits(_model(dict(stride=1)).double(), x.double()).float()
    scores = _logits(_model(dict(stride=1, float64=True, max_memory=max_memory)), x)
    rounded = _logits(_model(dict(stride=1, max_memory=max_memory)), x)
    assert scores.dtype == torch.float32
    assert (scores - exact).abs().max() < (rounded - exact).abs().max() / 2


@pytest.mark.parametrize('stride', [1, 2, 4])
def test_the_prediction_of_a_shifted_image_is_shifted(stride):
    model = _model(dict(stride=stride))
    x = torch.randn(1, 3, 64, 72)
    inside = (slice(None), slice(None), slice(24, -24), slice(24, -24))
    whole, shifted = _logits(model, x), _logits(model, x[:, :, stride:, 3 * stride :])
    torch.testing.assert_close(shifted[inside], whole[:, :, stride:, 3 * stride :][inside], atol=1e-5, rtol=0)


def _blob_model(dense, padding=True):
    """Build a network that averages its receptive field: its scores of a bright blob are centered at the blob."""
    backbone = dict(BACKBONE, channels=(1, 1))
    head = dict(
        type='mmwsl.LSEAggregationHead',
        in_channels=1,
        num_classes=3,
        hidden_channels=(),
        kernel_size=3,
        same_padding=padding,
    )
    model = _model(dense, backbone, head)
    layers = [module for module in model.backbone.modules() if isinstance(module, nn.Conv2d)]
    for layer in (*layers, model.decode_head.conv_seg):
        nn.init.constant_(layer.weight, 1 / layer.weight[0].numel())
    nn.init.zeros_(model.decode_head.conv_seg.bias)
    for module in model.backbone.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
    model.backbone.layers[-1] = nn.AvgPool2d(3, 2, 1 if padding else 0)
    if not padding:
        for layer in layers:
            layer.padding = (0, 0)
        model.pipeline.scorer.input_padding = InputPadding()  # the layers have changed
    return model


def _centroid(model):
    x = torch.zeros(1, 3, 72, 80)
    x[:, :, 30:36, 45:51] = 1.0  # 32.5 and 47.5 in the middle
    scores = _logits(model, x)[0, 1].double()
    rows, columns = (torch.arange(n, dtype=torch.float64) for n in scores.shape)
    return torch.stack([(scores.sum(1) * rows).sum(), (scores.sum(0) * columns).sum()]) / scores.sum()


@pytest.mark.parametrize('stride', [1, 2, 4])
def test_scores_lie_where_the_image_has_them(stride):
    place = torch.tensor([32.5, 47.5], dtype=torch.float64)
    torch.testing.assert_close(_centroid(_blob_model(dict(stride=stride))), place, atol=0.3, rtol=0)


def test_without_padding_the_padded_input_has_its_scores_there_too():
    """The receptive field of 17 pixels is centered at a pixel, 0.5 from half a location of the coarse map."""
    coarse, dense = _blob_model(None, padding=False), _blob_model(dict(stride=1), padding=False)
    place = torch.tensor([32.5, 47.5], dtype=torch.float64)
    torch.testing.assert_close(_centroid(dense), place, atol=1e-4, rtol=0)
    torch.testing.assert_close(_centroid(coarse), place, atol=1.0, rtol=0)


def test_interpolation_shifts_the_scores_of_a_network_that_pads():
    """It centers location 0 at 1.5, the middle of four pixels; the receptive field is centered at pixel 0."""
    displaced = _centroid(_blob_model(None)) - _centroid(_blob_model(dict(stride=4)))
    torch.testing.assert_close(displaced, torch.full((2,), 1.5, dtype=torch.float64), atol=0.3, rtol=0)


@torch.no_grad()
def test_overfeat_with_its_input_padding():
    """Location (i, j) of the coarse map is pixel (6 + 12 i, 6 + 12 j) of the dense one."""
    settings = dict(backbone=dict(type='mmwsl.OverFeat'), head=PAPER)
    coarse, dense = _model(**settings), _model(dict(stride=6), **settings)
    for model in (coarse, dense):
        torch.manual_seed(0)
        model.backbone.init_weights()
    x = torch.randn(1, 3, 20, 30)
    padded, size, offset = coarse.pipeline.scorer.input_padding(coarse, x)
    score_map = coarse(padded)
    scores = dense.pipeline.scorer.score_pixels(dense.score_network(), padded, size, offset)
    assert score_map.shape == (1, 3, 2, 3) and size == scores.shape[2:] == (24, 36)
    torch.testing.assert_close(scores[..., 6::12, 6::12], score_map, atol=1e-5, rtol=1e-5)
    assert (scores[..., :6, :] - scores[..., 6:7, :]).abs().max() == 0  # before the first location
    middle = (scores[..., 6, 6::6][..., :-1] + scores[..., 6, 12::6]) / 2
    torch.testing.assert_close(scores[..., 6, 9::6][..., : middle.shape[-1]], middle)
    (sample,) = dense(x, mode='predict')
    assert sample.pred_sem_seg.shape == (20, 30)


@torch.no_grad()
def test_the_image_level_label_is_aggregated_from_the_dense_score_map():
    model = _model(dict(stride=1))
    x = torch.randn(1, 3, 32, 40)
    (sample,) = model(x, mode='predict')
    scores = _logits(model, x).flatten(2)
    pooled = (torch.logsumexp(5 * scores, 2) - torch.tensor(32.0 * 40).log()) / 5
    torch.testing.assert_close(sample.pred_label.score, pooled.softmax(1)[0])


def test_memory_is_bounded_in_prediction():
    x = torch.randn(1, 3, 64, 72)
    whole = _logits(_model(dict(stride=1)), x)
    torch.testing.assert_close(_logits(_model(dict(stride=1, max_memory=300_000)), x), whole, atol=1e-5, rtol=1e-5)
    with pytest.raises(ValueError, match='`max_memory` must be at least'):
        _logits(_model(dict(stride=1, max_memory=1000)), x)


def test_training_and_state_are_those_of_the_coarse_network():
    plain, dense = _model().train(), _model(dict(stride=1)).train()
    _logits(dense.eval(), torch.randn(1, 3, 32, 32))
    assert list(plain.state_dict()) == list(dense.train().state_dict())
    assert [n for n, _ in plain.named_modules()] == [n for n, _ in dense.named_modules()]
    losses = []
    for model in (plain, dense):
        torch.manual_seed(0)
        sample = SegDataSample(metainfo=dict(img_shape=(32, 32), ori_shape=(32, 32), padding_size=(0, 0, 0, 0)))
        sample.gt_label = LabelData(score=torch.tensor([0.0, 1.0, 0.0]))
        loss = model(torch.randn(1, 3, 32, 32), [sample], mode='loss')['decode.loss_cls']
        loss.backward()
        losses.append(loss)
        assert all(p.grad.abs().sum() > 0 for p in model.decode_head.conv_seg.parameters())
    torch.testing.assert_close(*losses, rtol=0, atol=0)


def test_weights_loaded_later_and_moved_buffers_are_followed():
    model, other = _model(dict(stride=1)), _model(dict(stride=1))
    x = torch.randn(1, 3, 32, 32)
    before = _logits(model, x)
    for tensor in other.state_dict().values():
        if tensor.is_floating_point():
            tensor.mul_(1.1)
    model.load_state_dict(other.state_dict())
    after = _logits(model, x)
    assert (after - before).abs().max() > 1e-3
    torch.testing.assert_close(after, _logits(other, x), rtol=0, atol=0)
    model.double()  # replaces the buffers, keeps the parameters
    torch.testing.assert_close(_logits(model, x.double()).float(), after, atol=1e-5, rtol=1e-5)


def test_cached_features_are_not_used(tmp_path):
    backbone = dict(type='mmwsl.DilatedMobileNetV2', out_indices=(3,), frozen=True)
    head = dict(type='mmwsl.LSEAggregationHead', in_channels=64, num_classes=3, hidden_channels=(), kernel_size=1)
    plain = _model(dict(stride=8), backbone, head)
    cached = _model(dict(stride=8), dict(type='mmwsl.CachedBackbone', backbone=backbone, cache_dir=str(tmp_path)), head)
    cached.load_state_dict(plain.state_dict())
    x = torch.randn(1, 3, 32, 48)
    torch.testing.assert_close(_logits(cached, x), _logits(plain, x), rtol=0, atol=0)
    assert not list(tmp_path.iterdir())


def test_views_are_averaged():
    model = _model(dict(stride=2))
    tta = MODELS.build(dict(type='mmwsl.WeakSegTTAModel', module=model)).eval()
    image = torch.randint(0, 256, (3, 32, 32), dtype=torch.uint8)

    def sample(**meta):
        return SegDataSample(metainfo=dict(img_shape=(32, 32), ori_shape=(32, 32), img_path='image.jpg', **meta))

    flip = dict(flip=True, flip_direction='horizontal')
    views = [
        model.test_step(dict(inputs=[p], data_samples=[s]))[0]
        for p, s in ((image, sample()), (image.flip(-1), sample(**flip)))
    ]
    (merged,) = tta.test_step(dict(inputs=[[image], [image.flip(-1)]], data_samples=[[sample()], [sample(**flip)]]))
    mean = (views[0].pred_scores.data + views[1].pred_scores.data) / 2
    torch.testing.assert_close(merged.pred_scores.data, mean)


@pytest.mark.parametrize(
    'dense, message',
    [
        (dict(stride=0), '`scorer.stride` must be a positive integer, got 0'),
        (dict(stride='1'), "`scorer.stride` must be a positive integer, got '1'"),
        (dict(max_memory=0.5), '`scorer.max_memory` must be a positive integer, got 0.5'),
    ],
)
def test_bad_settings_are_found_when_the_model_is_built(dense, message):
    with pytest.raises(ValueError, match=message):
        _model(dense)


def test_a_stride_that_does_not_divide_names_the_divisors():
    with pytest.raises(ValueError, match=r'must divide the stride 4 of the network, one of \[1, 2, 4\], got 3'):
        _model(dict(stride=3))


def test_a_neck_is_part_of_the_network():
    neck = dict(type='FPN', in_channels=[8], out_channels=8, num_outs=1, _scope_='mmseg')
    network = _model(neck=neck).score_network()
    assert [name for name, _ in network.named_children()] == ['backbone', 'neck', 'decode_head']
    x = torch.randn(1, 3, 32, 32)
    torch.testing.assert_close(network(x), _model(neck=neck)(x))


def test_a_replaced_layer_without_weights_is_followed():
    model = _model(dict(stride=1))
    x = torch.randn(1, 3, 32, 32)
    before = _logits(model, x)
    (pool,) = (name for name, module in model.backbone.named_modules() if isinstance(module, nn.MaxPool2d))
    setattr(model.backbone.get_submodule(pool.rpartition('.')[0]), pool.rpartition('.')[2], nn.AvgPool2d(3, 2, 1))
    assert (_logits(model, x) - before).abs().max() > 1e-3
    with torch.no_grad():
        assert (_logits(model, x)[..., ::4, ::4] - model(x)).abs().max() < 1e-5
