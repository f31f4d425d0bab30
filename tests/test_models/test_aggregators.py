"""Aggregators by config: values, trainable parameters and errors, alone and in the head."""

import math

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.structures import LabelData
from mmseg.structures import SegDataSample
from torch import nn

from mmwsl import functional as F
from mmwsl.inference.dense import convert_to_dense
from mmwsl.models import AttentionPooling, GeMPooling, LSEAggregationHead, SoftmaxPooling
from mmwsl.registry import MODELS

AGGREGATORS = {
    'TopKPooling': (dict(k=2), lambda s, v: F.top_k_pool(s, 2, v)),
    'WELDONPooling': (dict(), lambda s, v: F.weldon_pool(s, 3, 3, v)),
    'WILDCATPooling': (dict(kmax=2, kmin=0.5), lambda s, v: F.wildcat_pool(s, 2, 0.5, 0.7, v)),
    'GlobalWeightedRankPooling': (
        dict(d=[0.9, 0.5, 1.0]),
        lambda s, v: F.global_weighted_rank_pool(s, [0.9, 0.5, 1.0], v),
    ),
    'NoisyOrPooling': (dict(), F.noisy_or_pool),
    'GeMPooling': (dict(), lambda s, v: F.gem_pool(s, 3.0, v)),
    'SoftmaxPooling': (dict(sharpness=2.0), lambda s, v: F.softmax_pool(s, 2.0, v)),
    'AttentionPooling': (dict(num_classes=3), F.global_average_pool),
    'GlobalAveragePooling': (dict(), F.global_average_pool),
    'GlobalSumPooling': (dict(), F.global_sum_pool),
    'GlobalMaxPooling': (dict(), F.global_max_pool),
    'LSEPooling': (dict(), lambda s, v: F.lse_pool(s, 5.0, v)),
}
LEARNED = [
    dict(type='mmwsl.GeMPooling', learnable=True, num_classes=3),
    dict(type='mmwsl.SoftmaxPooling', learnable=True, num_classes=3),
    dict(type='mmwsl.LSEPooling', learnable=True, num_classes=3),
    dict(type='mmwsl.AttentionPooling', num_classes=3),
]
CONFIGS = [dict(type=f'mmwsl.{name}', **arguments) for name, (arguments, _) in AGGREGATORS.items()]


@MODELS.register_module()
class Every4thPixel(nn.Module):
    """A backbone without weights."""

    def forward(self, x):
        return (x[:, :, ::4, ::4],)


def _name(config):
    return config['type'][6:]


def _head(**kwargs):
    torch.manual_seed(0)
    arguments = dict(
        in_channels=4,
        num_classes=3,
        hidden_channels=(6,),
        kernel_size=1,
        dropout_ratio=0.0,
        loss_decode=dict(type='mmwsl.MultiLabelSoftMarginLoss'),
    )
    head = MODELS.build(dict(type='mmwsl.LSEAggregationHead', **{**arguments, **kwargs}))
    nn.init.normal_(head.conv_seg.weight)  # mmseg's 0.01 would leave all scores alike
    return head


def _samples(*paddings, size=(8, 8)):
    samples = []
    for padding in paddings:
        left, right, top, bottom = padding
        sample = SegDataSample(
            metainfo=dict(img_shape=(size[0] - top - bottom, size[1] - left - right), padding_size=padding)
        )
        sample.gt_label = LabelData(score=torch.tensor([-1.0, 1.0, 0.0]))
        samples.append(sample)
    return samples


@pytest.mark.parametrize('name', AGGREGATORS)
def test_aggregator_is_its_function(name):
    arguments, function = AGGREGATORS[name]
    scores = torch.randn(2, 3, 4, 5)
    valid = torch.rand(2, 4, 5) < 0.6
    torch.testing.assert_close(
        MODELS.build(dict(type=f'mmwsl.{name}', **arguments))(scores, valid), function(scores, valid)
    )


@pytest.mark.parametrize('aggregator', CONFIGS + LEARNED, ids=_name)
def test_head_trains_with_images_of_several_sizes(aggregator):
    """Padding gets no gradient, all parameters get one, and the score map may have one location."""
    head = _head(aggregator=aggregator)
    if isinstance(head.aggregator, AttentionPooling):
        nn.init.normal_(head.aggregator.attend.weight)
    samples = _samples((0, 0, 0, 0), (0, 4, 0, 0), (0, 4, 0, 6))
    seg_logits = head([torch.randn(3, 4, 4, 4)]).detach().requires_grad_()
    losses = head.loss_by_feat(seg_logits, samples)
    losses['loss_cls'].backward()
    padding = torch.zeros(3, 4, 4, dtype=torch.bool)
    padding[1:, :, 2:] = True
    padding[2, 1:] = True
    assert not seg_logits.grad.abs().sum(1)[padding].any()
    assert all(seg_logits.grad[index, 1:].any() for index in range(3))

    features = torch.randn(3, 4, 1, 1)
    for maps in (features, torch.randn(3, 4, 8, 8)):
        head.zero_grad()
        value = head.loss_by_feat(head([maps]), samples)['loss_cls']
        value.backward()
        assert value.isfinite() and value > 0
    assert all(parameter.grad.isfinite().all() and parameter.grad.any() for parameter in head.parameters())


@pytest.mark.parametrize('aggregator', CONFIGS + LEARNED, ids=_name)
def test_head_predicts_the_aggregated_label(aggregator):
    torch.manual_seed(0)
    model = MODELS.build(
        dict(
            type='mmwsl.WeakEncoderDecoder',
            backbone=dict(type='mmwsl.Every4thPixel'),
            decode_head=dict(
                type='mmwsl.LSEAggregationHead',
                in_channels=3,
                num_classes=3,
                hidden_channels=(),
                kernel_size=1,
                aggregator=aggregator,
            ),
            data_preprocessor=dict(type='mmseg.SegDataPreProcessor', size=(16, 16), mean=[128.0] * 3, std=[64.0] * 3),
            train_cfg=dict(),
            test_cfg=ConfigDict(mode='whole'),
        )
    ).eval()
    image = torch.randint(0, 256, (3, 16, 16), dtype=torch.uint8)
    (sample,) = model.test_step(
        dict(inputs=[image], data_samples=[SegDataSample(metainfo=dict(img_shape=(16, 16), ori_shape=(16, 16)))])
    )
    scores = model.decode_head([(image[None, :, ::4, ::4] - 128.0) / 64.0])
    torch.testing.assert_close(sample.pred_label.score, model.decode_head.aggregator(scores)[0].softmax(0))


@pytest.mark.parametrize('aggregator', CONFIGS + LEARNED, ids=_name)
def test_mixed_precision_aggregates_in_float32(aggregator):
    aggregator = MODELS.build(aggregator)
    if isinstance(aggregator, AttentionPooling):
        nn.init.normal_(aggregator.attend.weight)
    scores = torch.randn(2, 3, 4, 4).bfloat16()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        pooled = aggregator(scores)
    assert pooled.dtype == torch.float32
    torch.testing.assert_close(pooled, aggregator(scores.float()), rtol=0, atol=0)


def test_learnable_parameters_start_at_the_given_value():
    scores = torch.randn(2, 3, 4, 4)
    for learned, fixed in (
        (GeMPooling(2.0, learnable=True, num_classes=3), GeMPooling(2.0)),
        (SoftmaxPooling(-2.0, learnable=True, num_classes=3), SoftmaxPooling(-2.0)),
    ):
        torch.testing.assert_close(learned(scores), fixed(scores))
        assert [parameter.shape for parameter in learned.parameters()] == [(3,)]
        assert not list(fixed.parameters())


def test_attention_is_a_network_on_the_scores_of_a_location():
    aggregator, scores = AttentionPooling(3, hidden_channels=5), torch.randn(2, 3, 4, 4)
    nn.init.normal_(aggregator.attend.weight)
    embed, attend = aggregator.embed, aggregator.attend.weight.flatten(1)
    locations = scores.flatten(2).transpose(1, 2)  # (N, locations, K)
    attention = torch.tanh(locations @ embed.weight.flatten(1).T + embed.bias) @ attend.T
    torch.testing.assert_close(aggregator(scores), (attention.softmax(1) * locations).sum(1))


def test_attention_trains_from_the_first_step():
    aggregator, scores = AttentionPooling(3), torch.randn(2, 3, 4, 4)
    aggregator(scores).square().sum().backward()
    assert aggregator.attend.weight.grad.any()


def test_attention_of_another_number_of_classes_is_an_error():
    with pytest.raises(ValueError, match=r'with the 3 classes of `num_classes`, got \(2, 4, 4, 4\)'):
        AttentionPooling(3)(torch.zeros(2, 4, 4, 4))


@pytest.mark.parametrize(
    ('config', 'message'),
    [
        (dict(type='TopKPooling', k=0), '`k` must be a count'),
        (dict(type='TopKPooling', k=2.0), '`k` must be a count'),
        (dict(type='WELDONPooling', kmax=0), '`kmax` must be a count'),
        (dict(type='WELDONPooling', reduction='max'), '`reduction` must be'),
        (dict(type='WILDCATPooling', kmin=-1), '`kmin` must be a count'),
        (dict(type='WILDCATPooling', alpha=-1.0), '`alpha` must be'),
        (dict(type='GlobalWeightedRankPooling', d=1.5), '`d` must be in'),
        (dict(type='GlobalWeightedRankPooling', d=[0.5, -1.0]), '`d` must be in'),
        (dict(type='GeMPooling', p=0.0), '`p` must be positive and finite, got 0.0'),
        (
            dict(type='GeMPooling', p=math.inf, learnable=True, num_classes=3),
            '`p` must be positive and finite, got inf',
        ),
        (dict(type='LSEPooling', r=-1.0), '`r` must be positive and finite, got -1.0'),
        (dict(type='LSEPooling', learnable=True), '`num_classes` must be set .* learnable=True and num_classes=None'),
        (dict(type='SoftmaxPooling', num_classes=3), '`num_classes` must be set .* learnable=False and num_classes=3'),
        (dict(type='SoftmaxPooling', sharpness=math.nan), '`sharpness` must be finite, got nan'),
    ],
)
def test_a_bad_argument_is_an_error_of_the_config(config, message):
    config = dict(config, type=f'mmwsl.{config["type"]}')
    with pytest.raises(ValueError, match=message):
        MODELS.build(config)


@pytest.mark.parametrize(
    ('config', 'shown'),
    [
        (dict(type='TopKPooling', k=0.2), 'k=0.2'),
        (dict(type='WELDONPooling', kmin=0), "kmax=3, kmin=0, reduction='sum'"),
        (dict(type='WILDCATPooling'), 'kmax=20, kmin=20, alpha=0.7'),
        (dict(type='GlobalWeightedRankPooling'), 'd=0.996'),
        (dict(type='GeMPooling'), 'p=3.0'),
        (dict(type='GeMPooling', learnable=True, num_classes=2), 'p=learned'),
        (dict(type='SoftmaxPooling'), 'sharpness=1.0'),
        (dict(type='SoftmaxPooling', learnable=True, num_classes=2), 'sharpness=learned'),
    ],
)
def test_the_log_shows_the_arguments(config, shown):
    assert f'({shown})' in repr(MODELS.build(dict(config, type=f'mmwsl.{config["type"]}')))


def test_noisy_or_starts_near_one_half_with_its_bias():
    head = LSEAggregationHead(
        8,
        num_classes=3,
        aggregator=dict(type='mmwsl.NoisyOrPooling'),
        init_cfg=dict(type='Normal', std=0.01, bias=-6.7, override=dict(name='conv_seg')),
    )
    head.init_weights()
    probs = head.aggregator(head([torch.randn(2, 8, 28, 28)])).sigmoid()
    assert ((probs > 0.4) & (probs < 0.8)).all()


def test_maps_per_class_are_averaged_before_everything_else():
    """The scores equal the scores of one map with the mean weights."""
    several = _head(maps_per_class=4, aggregator=dict(type='mmwsl.WILDCATPooling', kmax=2, kmin=2))
    one = _head(aggregator=dict(type='mmwsl.WILDCATPooling', kmax=2, kmin=2))
    assert several.conv_seg.weight.shape == (12, 6, 1, 1)
    state = several.state_dict()
    state['conv_seg.weight'] = state['conv_seg.weight'].unflatten(0, (3, 4)).mean(1)
    state['conv_seg.bias'] = state['conv_seg.bias'].unflatten(0, (3, 4)).mean(1)
    one.load_state_dict(state)
    features, samples = [torch.randn(2, 4, 6, 6)], _samples((0, 0, 0, 0), (0, 4, 0, 0))
    assert several(features).shape == (2, 3, 6, 6)
    torch.testing.assert_close(several(features), one(features))
    torch.testing.assert_close(
        several.loss_by_feat(several(features), samples), one.loss_by_feat(one(features), samples)
    )


@torch.no_grad()
def test_a_head_of_several_maps_has_a_dense_version():
    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.backbone, self.head = nn.Conv2d(3, 4, 3, 2, 1), _head(maps_per_class=4)

        def forward(self, x):
            return self.head([self.backbone(x)])

    network, image = Network().eval(), torch.randn(1, 3, 16, 16)
    torch.testing.assert_close(convert_to_dense(network)(image)[:, :, ::2, ::2], network(image))


def test_bad_maps_per_class():
    with pytest.raises(ValueError, match='`maps_per_class` must be at least 1, got 0'):
        _head(maps_per_class=0)


def test_a_scaled_sum_is_trained_as_the_mean():
    """What wsl_sum_voc does: weights n times, learning rate n * n times smaller; SGD then takes the same steps."""
    heads = {name: _head(aggregator=dict(type=f'mmwsl.Global{name}Pooling')) for name in ('Average', 'Sum')}
    n, scaled = 16, heads['Sum'].conv_seg
    with torch.no_grad():
        for parameter in scaled.parameters():
            parameter /= n
    features = torch.randn(2, 4, 4, 4)
    for _ in range(3):
        logits = {}
        for name, head in heads.items():
            rates = {id(parameter): 0.1 / (n * n if name == 'Sum' else 1) for parameter in head.conv_seg.parameters()}
            head.zero_grad()
            seg_logits = head([features])
            logits[name] = head.aggregator(seg_logits)
            head.loss_by_feat(seg_logits, _samples((0, 0, 0, 0), (0, 0, 0, 0)))['loss_cls'].backward()
            with torch.no_grad():
                for parameter in head.parameters():
                    parameter -= rates.get(id(parameter), 0.1) * parameter.grad
        torch.testing.assert_close(logits['Sum'], logits['Average'])
