"""The cascade: what trains, what boxes see, how the stages meet."""

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.optim import OptimWrapper
from mmengine.structures import LabelData
from mmseg.structures import SegDataSample
from torch import nn

from mmwsl.functional import boxes_to_map, crop_and_resize
from mmwsl.models import BoxAggregationHead
from mmwsl.registry import MODELS

BACKBONE = dict(type='mmwsl.PlainCNN', channels=(6, 8), strides=(2, 2))
PARTS = dict(
    num_classes=3,
    hidden_channels=(6,),
    kernel_size=1,
    dropout_ratio=0.5,
    norm_cfg=dict(type='BN'),
    background=dict(type='mmwsl.ConstantBackground'),
    loss_decode=dict(type='mmwsl.MultiLabelSoftMarginLoss'),
)
IMAGE_MODE = dict(box_backbone=BACKBONE)


def _model(box_head=None, **settings):
    torch.manual_seed(0)
    box_head = dict(
        PARTS,
        type='mmwsl.BoxAggregationHead',
        in_channels=8,
        crop_size=4,
        aggregator=dict(type='mmwsl.LSEPooling', r=2.0),
        **box_head or {},
    )
    del box_head['background']
    model = MODELS.build(
        dict(
            dict(
                type='mmwsl.ProposalCascade',
                backbone=BACKBONE,
                box_head=box_head,
                decode_head=dict(PARTS, type='mmwsl.LSEAggregationHead', in_channels=8),
                data_preprocessor=dict(type='mmseg.SegDataPreProcessor', size=(32, 32)),
                train_cfg=dict(),
                test_cfg=ConfigDict(mode='whole'),
            ),
            **settings,
        )
    )
    for head in (model.decode_head, model.box_head):
        nn.init.normal_(head.conv_seg.weight)
    return model


def _batch(*shapes):
    torch.manual_seed(1)
    images = [torch.randint(0, 256, (3, *shape), dtype=torch.uint8) for shape in shapes]
    samples = []
    for shape in shapes:
        sample = SegDataSample(metainfo=dict(img_shape=shape, ori_shape=shape))
        sample.gt_label = LabelData(label=torch.tensor([1]), score=torch.tensor([0.0, 1.0, 0.0]))
        samples.append(sample)
    return dict(inputs=images, data_samples=samples)


@pytest.mark.parametrize('settings', [{}, IMAGE_MODE], ids=['features', 'images'])
def test_only_the_second_stage_trains(settings):
    model = _model(**settings).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    optimizer = OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.1))
    losses = model.train_step(_batch((32, 32), (24, 32)), optimizer)
    assert set(losses) == {'loss', 'box.loss_cls'} and losses['loss'].isfinite()
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert {name.split('.')[0] for name in changed} == {'box_head', *settings}
    assert {name for name in before if name.startswith('box') and name.endswith('weight')} <= changed


@pytest.mark.parametrize('settings', [{}, IMAGE_MODE], ids=['features', 'images'])
def test_both_stages_have_a_say(settings):
    model = _model(**settings).eval()
    inputs, metas = torch.randn(2, 3, 32, 32), [dict(img_shape=(32, 32))] * 2
    with torch.no_grad():
        features = model.backbone(inputs)
        cells = model.decode_head(features)
        boxes, valid = model.box_head.propose(model.decode_head.background.pixel_probs(cells), metas, (32, 32))
        assert valid.sum() > 2
        scores = torch.zeros(2, 3, valid.shape[1])
        for n, b in valid.nonzero().tolist():
            source = inputs if settings else features[0]
            crop = crop_and_resize(source[n : n + 1], boxes[n : n + 1, b : b + 1], 4)[:, 0]
            crop = model.box_backbone(crop) if settings else (crop,)
            scores[n, :, b] = model.box_head(crop).mean((0, 2, 3))
        pixels, found = model.pipeline.scorer(model, inputs, metas)
    fused = (cells + boxes_to_map(scores, boxes, valid, cells.shape[2:])) / 2
    torch.testing.assert_close(pixels, nn.functional.interpolate(fused, size=(32, 32), mode='bilinear'))
    for n in range(2):
        own = scores[n][:, valid[n]]
        pooled = ((2 * own).exp().mean(1)).log() / 2
        torch.testing.assert_close(found[n], (model.decode_head.aggregate(cells, metas, (32, 32))[n] + pooled) / 2)


def test_padding_proposes_nothing_and_neighbors_change_nothing():
    model = _model(box_head=dict(proposals=dict(min_score=0.0))).eval()
    probs = torch.rand(2, 3, 8, 8)
    metas = [dict(padding_size=(0, 8, 0, 4)), dict(padding_size=(0, 0, 0, 0))]
    boxes, valid = model.box_head.propose(probs, metas, (32, 32))
    assert boxes[0, 0].tolist() == [0.0, 0.0, 0.75, 0.875]
    assert (boxes[0, :, 2] <= 0.75).all() and (boxes[0, :, 3] <= 0.875).all()
    changed = probs.clone()
    changed[0, :, 7:], changed[0, :, :, 6:], changed[:, 0] = 1.0, 1.0, 0.0
    torch.testing.assert_close(model.box_head.propose(changed, metas, (32, 32))[0], boxes)
    alone, own = model.box_head.propose(probs[:1], metas[:1], (32, 32))
    torch.testing.assert_close(alone[own], boxes[0][valid[0]])
    scores = torch.randn(2, 3, valid.shape[1])
    other = scores.masked_fill(~valid[:, None], 100.0)
    torch.testing.assert_close(
        model.box_head.aggregate_boxes(other, valid), model.box_head.aggregate_boxes(scores, valid)
    )


def test_prediction_is_that_of_every_segmentor():
    model = _model(inference=dict(postprocessors=[dict(type='mmwsl.ImageLevelPrior')])).eval()
    with torch.no_grad():
        samples = model.test_step(_batch((32, 32)))
    assert samples[0].pred_label.score.shape == (3,) and samples[0].pred_sem_seg.data.shape == (1, 32, 32)
    assert model.predict(torch.randn(1, 3, 32, 32))[0].seg_logits.data.shape == (3, 32, 32)


def test_a_checkpoint_of_the_first_stage_loads_by_its_names():
    first = {name for name in _model().state_dict() if not name.startswith('box_')}
    plain = MODELS.build(
        dict(
            type='mmwsl.WeakEncoderDecoder',
            backbone=BACKBONE,
            test_cfg=ConfigDict(mode='whole'),
            decode_head=dict(PARTS, type='mmwsl.LSEAggregationHead', in_channels=8),
        )
    )
    assert first == set(plain.state_dict())


@pytest.mark.parametrize(
    'settings, match',
    [
        (dict(inference=dict(scorer=dict(type='mmwsl.DenseScorer', stride=4))), 'WholeScorer.*got DenseScorer'),
        (
            dict(
                decode_head=dict(
                    PARTS, type='mmwsl.LSEAggregationHead', in_channels=8, kernel_size=3, same_padding=False
                ),
            ),
            '`decode_head.same_padding` True, got WholeScorer and False',
        ),
        (
            dict(
                decode_head=dict(
                    type='FCNHead',
                    in_channels=8,
                    channels=8,
                    num_classes=3,
                    num_convs=0,
                    concat_input=False,
                    _scope_='mmseg',
                )
            ),
            '`decode_head` of ProposalCascade must aggregate its score map, got FCNHead',
        ),
        (
            dict(decode_head=dict(PARTS, type='mmwsl.LSEAggregationHead', in_channels=8, num_classes=4)),
            'must equal `decode_head.num_classes`, got 3 and 4',
        ),
        (dict(box_head=dict(crop_size=0)), '`crop_size`.*0'),
        (dict(box_head=dict(proposals=dict(max_overlap=2))), '`max_overlap`'),
    ],
)
def test_what_does_not_fit_is_rejected(settings, match):
    box_head = settings.pop('box_head', {})
    with pytest.raises(ValueError, match=match):
        if box_head:
            BoxAggregationHead(8, **dict(PARTS, **box_head))
        _model(**settings)


def test_losses_of_score_maps_are_rejected():
    loss = dict(background=dict(type='mmwsl.LearnedBackground'), loss_decode=dict(type='mmwsl.MILFCNLoss'))
    with pytest.raises(ValueError, match='must be a loss of image logits, got MILFCNLoss'):
        BoxAggregationHead(8, **dict(PARTS, **loss))


def test_the_second_stage_has_the_background_model_of_the_first():
    power = dict(type='mmwsl.PowerBackground', alpha=2.0)
    head = dict(PARTS, type='mmwsl.LSEAggregationHead', in_channels=8, background=power)
    model = _model(decode_head=head)
    assert type(model.box_head.background).__name__ == 'PowerBackground' and model.box_head.background.alpha == 2
    box_head = dict(PARTS, type='mmwsl.BoxAggregationHead', in_channels=8, crop_size=4)
    with pytest.raises(ValueError, match='`box_head.background` must not be set, since both stages share.*Remove it'):
        MODELS.build(dict(type='mmwsl.ProposalCascade', backbone=BACKBONE, box_head=box_head, decode_head=head))
