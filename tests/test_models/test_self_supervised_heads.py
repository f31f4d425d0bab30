"""ReCAM and SEAM, which change the maps of an aggregation head, in the segmentor."""

import pytest
import torch
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from torch.nn import functional as F

from mmwsl.registry import MODELS
from tests.device_reads import CountReads

from .test_aggregation_head import _batch

HEAD = dict(
    in_channels=16,
    num_classes=3,
    hidden_channels=(8,),
    kernel_size=1,
    dropout_ratio=0.0,
    aggregator=dict(type='mmwsl.GlobalAveragePooling'),
    background=dict(type='mmwsl.ConstantBackground', threshold=0.5),
    loss_decode=dict(type='mmwsl.MultiLabelSoftMarginLoss'),
)
RECAM = dict(HEAD, type='mmwsl.ReCAMHead')
SEAM = dict(
    HEAD,
    type='mmwsl.SEAMHead',
    correlation_in_index=(0,),
    correlation_in_channels=(16,),
    correlation_channels=(4,),
    embedding_channels=6,
)
KINDS = pytest.mark.parametrize('head', [RECAM, SEAM], ids=['recam', 'seam'])


def build(head, **settings):
    init_default_scope('mmseg')
    torch.manual_seed(0)
    return MODELS.build(
        dict(
            type='mmwsl.SEAM' if head['type'] == 'mmwsl.SEAMHead' else 'mmwsl.WeakEncoderDecoder',
            data_preprocessor=dict(type='SegDataPreProcessor', pad_val=0, seg_pad_val=255, size=(32, 32)),
            backbone=dict(type='mmwsl.PlainCNN', channels=(8, 16), strides=(2, 2)),
            decode_head=dict(head),
            **settings,
        )
    )


def losses(model, *sizes):
    return model(**model.data_preprocessor(_batch(*sizes), training=True), mode='loss')


@KINDS
def test_a_training_step_changes_every_parameter_and_reads_nothing_from_the_device(head):
    model = build(head)
    wrapper = build_optim_wrapper(model, dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=1.0)))
    before = {name: value.clone() for name, value in model.named_parameters()}
    batch = model.data_preprocessor(_batch((32, 32), (24, 32)), training=True)
    model(**batch, mode='loss')  # constants are made once
    with CountReads() as counter:
        total, _ = model.parse_losses(model(**batch, mode='loss'))
        total.backward()
    assert not counter.found
    model.zero_grad()
    model.train_step(_batch((32, 32), (24, 32)), wrapper)
    same = [name for name, value in model.named_parameters() if torch.equal(value, before[name])]
    assert not same


def test_maps_of_recam_are_those_of_both_classifiers():
    model = build(RECAM).eval()
    images = torch.randn(1, 3, 32, 32)
    features = model.extract_feat(images)
    head = model.decode_head
    seg_logits, valid = head(features), torch.ones(1, 8, 8, dtype=torch.bool)
    maps = head.localize(features, seg_logits, images, valid)
    hidden = head.convs(features[-1])
    weight = head.conv_seg.weight[1:, :, 0, 0] * head.reactivation.weight
    torch.testing.assert_close(maps[:, 1:], torch.einsum('ck,nkhw->nchw', weight, hidden))
    torch.testing.assert_close(maps[:, :1], seg_logits[:, :1])


@KINDS
@torch.no_grad()
def test_masks_are_made_of_the_new_maps_and_image_scores_of_the_classifier(head):
    model = build(head).eval()
    batch = model.data_preprocessor(_batch((32, 32)))
    (sample,) = model.predict(batch['inputs'], batch['data_samples'])
    features = model.extract_feat(batch['inputs'])
    seg_logits, valid = model.decode_head(features), torch.ones(1, 8, 8, dtype=torch.bool)
    maps = model.decode_head.localize(features, seg_logits, batch['inputs'], valid)
    expected = F.interpolate(maps, (32, 32), mode='bilinear', align_corners=False)[0]
    torch.testing.assert_close(sample.seg_logits.data, expected)
    image_probs = seg_logits.mean((2, 3)).sigmoid()[0, 1:]
    torch.testing.assert_close(sample.pred_label.score[1:], image_probs)


@KINDS
@torch.no_grad()
def test_two_images_get_the_maps_of_each_alone(head):
    model = build(head).eval()
    batch = model.data_preprocessor(_batch((32, 32), (32, 32)))
    both = model.predict(batch['inputs'], batch['data_samples'])
    for i, sample in enumerate(both):
        (alone,) = model.predict(batch['inputs'][i : i + 1], batch['data_samples'][i : i + 1])
        torch.testing.assert_close(sample.seg_logits.data, alone.seg_logits.data, atol=1e-5, rtol=1e-4)


def test_the_correlation_gives_no_gradient_to_maps_and_backbone():
    model = build(SEAM)
    images = torch.randn(2, 3, 32, 32)
    features = model.extract_feat(images)
    seg_logits = model.decode_head(features)
    revised = model.decode_head.revise(features, seg_logits, images, torch.ones(2, 8, 8, dtype=torch.bool))
    revised.square().sum().backward()
    with_gradient = {name.split('.')[1] for name, value in model.named_parameters() if value.grad is not None}
    assert with_gradient == {'reductions', 'embedding'}


def test_the_losses_of_seam_vanish_for_a_network_without_foreground():
    """No positive score: the maps are zero in both views, so nothing has to agree."""
    model = build(SEAM)
    torch.nn.init.constant_(model.decode_head.conv_seg.weight, 0)
    torch.nn.init.constant_(model.decode_head.conv_seg.bias, -1)
    found = losses(model, (32, 32))
    assert found['decode.loss_equivariance'] == found['decode.loss_lowest'] == 0


def test_the_background_of_an_image_with_an_unknown_label_has_no_target_in_seam():
    model = build(SEAM)
    batch = model.data_preprocessor(_batch((32, 32)), training=True)
    (sample,) = batch['data_samples']

    def cross(*labels):
        model.zero_grad()
        sample.gt_label.score = torch.tensor([0.0, *labels])
        loss = model(**batch, mode='loss')['decode.loss_cross']
        loss.backward()
        return loss, sum(value.grad.abs().sum() for value in model.parameters() if value.grad is not None)

    assert all(value > 0 for value in cross(0, 0))  # everything is background
    assert all(value == 0 for value in cross(0, -1))
    assert 0 < cross(1, -1)[0] < cross(1, 0)[0]


@pytest.mark.parametrize(
    'settings, message',
    [
        (dict(RECAM, kernel_size=3), 'the last of `kernel_size` and `maps_per_class` must be 1, got 3 and 1'),
        (dict(RECAM, maps_per_class=2), 'must be 1, got 1 and 2'),
        (dict(RECAM, reactivation_weight=-1.0), '`reactivation_weight` must be non-negative, got -1.0'),
        (dict(SEAM, correlation_channels=(4, 4)), 'must have one value for each feature map'),
    ],
)
def test_errors(settings, message):
    with pytest.raises(ValueError, match=message):
        build(settings)


@KINDS
def test_a_scorer_that_does_not_know_the_new_maps_raises_an_error(head):
    with pytest.raises(ValueError, match='`inference.scorer` must be mmwsl.WholeScorer for the maps of .*, got Dense'):
        build(head, inference=dict(scorer=dict(type='mmwsl.DenseScorer', stride=2)))


def test_seam_needs_its_head_and_a_smaller_copy():
    with pytest.raises(ValueError, match=r'`model.scale` must be in \(0, 1\), got 1.0'):
        build(SEAM, scale=1.0)
    settings = dict(type='mmwsl.SEAM', backbone=dict(type='mmwsl.PlainCNN', channels=(8, 16), strides=(2, 2)))
    with pytest.raises(ValueError, match="`model.decode_head` must have type='mmwsl.SEAMHead', got LSEAggregationHead"):
        MODELS.build(dict(settings, decode_head=dict(HEAD, type='mmwsl.LSEAggregationHead')))
