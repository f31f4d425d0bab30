"""A head of pixel labels beside an auxiliary head of image-level labels."""

import copy

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope
from mmengine.structures import LabelData, PixelData
from mmseg.structures import SegDataSample

from mmwsl.models import WeakSegTTAModel
from mmwsl.registry import MODELS

HEAD = dict(
    type='FCNHead',
    in_channels=4,
    channels=4,
    num_convs=0,
    concat_input=False,
    num_classes=3,
    dropout_ratio=0.0,
    loss_decode=dict(type='CrossEntropyLoss'),
)
IMAGE_HEAD = dict(
    type='mmwsl.LSEAggregationHead',
    in_channels=4,
    hidden_channels=(),
    kernel_size=1,
    aggregator=dict(type='mmwsl.LSEPooling', r=2.0),
    background=dict(type='mmwsl.ConstantBackground'),
    loss_decode=dict(type='mmwsl.MultiLabelSoftMarginLoss'),
)
PRIOR = dict(postprocessors=[dict(type='mmwsl.ImageLevelPrior')])


def build(auxiliary_head=IMAGE_HEAD, kind='mmwsl.WeakEncoderDecoder', **settings):
    init_default_scope('mmseg')
    torch.manual_seed(0)
    model = MODELS.build(
        ConfigDict(
            type=kind,
            data_preprocessor=dict(type='SegDataPreProcessor'),
            backbone=dict(type='mmwsl.PlainCNN', channels=(4, 4), strides=(2, 2)),
            decode_head=HEAD,
            auxiliary_head=auxiliary_head,
            test_cfg=dict(mode='whole'),
            **settings,
        )
    )
    generator = torch.Generator().manual_seed(2)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.4, generator=generator)
    return model.eval()


def batch(count=2):
    """Images of which the last columns are padding, and their samples."""
    inputs = torch.randn(count, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    metas = dict(ori_shape=(32, 24), img_shape=(16, 12), pad_shape=(16, 16), padding_size=[0, 4, 0, 0])
    samples = [
        SegDataSample(
            metainfo=metas,
            gt_sem_seg=PixelData(data=(torch.arange(256).view(1, 16, 16) + index) % 3),
            gt_label=LabelData(score=torch.tensor([-1.0, 1.0, float(index)])),
        )
        for index in range(count)
    ]
    return inputs, samples


@torch.no_grad()
def test_masks_are_those_of_the_decode_head_and_image_scores_those_of_the_auxiliary_head():
    inputs, samples = batch()
    model = build()
    features = model.extract_feat(inputs)
    maps = model.auxiliary_head(features)[..., :3]  # without the padding
    assert not torch.allclose(maps, model.decode_head(features)[..., :3])
    expected = ((2 * maps).exp().mean((2, 3)).log() / 2).sigmoid()
    found = model.predict(inputs, copy.deepcopy(samples))
    of_mmseg = build(auxiliary_head=None, kind='EncoderDecoder')
    of_mmseg.load_state_dict(model.state_dict(), strict=False)
    of_mmseg = of_mmseg.predict(inputs, samples)
    for sample, probs, plain in zip(found, expected, of_mmseg, strict=True):
        torch.testing.assert_close(sample.seg_logits.data, plain.seg_logits.data)
        assert torch.equal(sample.pred_sem_seg.data, plain.pred_sem_seg.data)
        torch.testing.assert_close(sample.pred_label.score[1:], probs[1:])
        torch.testing.assert_close(sample.pred_label.log_odds[1:].sigmoid(), probs[1:])


@pytest.mark.filterwarnings('ignore:The shape of value:UserWarning')
@torch.no_grad()
def test_the_prior_weights_the_classes_by_the_image_scores_of_all_views():
    inputs, _ = batch(1)
    plain, weighted = build(), build(inference=PRIOR)
    views = dict(inputs=[[inputs[0]], [-inputs[0]]], data_samples=[[batch(1)[1][0]] for _ in range(2)])
    (found,) = WeakSegTTAModel(module=weighted).test_step(copy.deepcopy(views))
    singles = [plain.predict(image, batch(1)[1])[0] for image in (inputs, -inputs)]
    probs = sum(single.seg_logits.data.softmax(0) for single in singles) / 2
    image_probs = sum(single.pred_label.score for single in singles) / 2
    torch.testing.assert_close(found.pred_scores.data, probs * image_probs[:, None, None])
    assert image_probs[0] == 1 and 0 < image_probs[1:].min() and image_probs[1:].max() < 1


def test_each_head_is_trained_on_its_own_labels():
    model = build()
    inputs, samples = batch()
    losses = model.loss(inputs, samples)
    assert set(losses) == {'decode.loss_ce', 'decode.acc_seg', 'aux.loss_cls'}
    parts = dict(decode_head=model.decode_head, auxiliary_head=model.auxiliary_head)
    for name, loss in (('decode_head', 'decode.loss_ce'), ('auxiliary_head', 'aux.loss_cls')):
        for part in parts.values():
            part.zero_grad()
        losses[loss].backward(retain_graph=True)
        trained = {
            key for key, part in parts.items() if any(p.grad is not None and p.grad.any() for p in part.parameters())
        }
        assert trained == {name}
    changed = [sample.clone() for sample in samples]
    for sample in changed:
        sample.gt_label = LabelData(score=torch.tensor([-1.0, 0.0, 1.0]))
    others = model.loss(inputs, changed)
    assert others['decode.loss_ce'] == losses['decode.loss_ce'] and others['aux.loss_cls'] != losses['aux.loss_cls']


@torch.no_grad()
def test_the_head_that_aggregates_is_found_among_others():
    model = build(auxiliary_head=[dict(HEAD), dict(IMAGE_HEAD, num_classes=3)])
    assert model.image_head is model.auxiliary_head[1]
    (sample,) = model.predict(*batch(1))
    assert sample.pred_label.score.shape == (3,)
    assert build(auxiliary_head=dict(HEAD)).image_head is None and build(auxiliary_head=None).image_head is None


@torch.no_grad()
def test_boxes_are_searched_by_the_image_scores():
    model = build(inference=dict(class_maps=dict(type='mmwsl.BeamSearchBoxes')))
    inputs, samples = batch(1)
    features = model.extract_feat(inputs)
    whole = [(0, 0, 3, 4)]  # without the padding
    found = model.pipeline.class_maps._score(model, list(features), whole, samples[0], (16, 16))
    (sample,) = model.predict(inputs, samples)
    torch.testing.assert_close(found[0], sample.pred_label.log_odds)


def test_errors():
    with pytest.raises(ValueError, match='`auxiliary_head.num_classes` must equal .*, got 4 and 3'):
        build(auxiliary_head=dict(IMAGE_HEAD, num_classes=4))
    windows = dict(type='mmwsl.SlidingWindowScorer', crop_size=(16, 16), stride=(8, 8))
    with pytest.raises(ValueError, match='must be mmwsl.WholeScorer for the maps of FCNHead and LSEAggregationHead'):
        build(inference=dict(scorer=windows))
    with pytest.raises(ValueError, match='`auxiliary_head.same_padding` must be True'):
        build(auxiliary_head=dict(IMAGE_HEAD, same_padding=False))
    with pytest.raises(ValueError, match='`decode_head` must aggregate its score map for GuidedBackpropS'):
        build(inference=dict(class_maps=dict(type='mmwsl.GuidedBackpropSaliency', layers=('backbone',))))
    with pytest.raises(ValueError, match='ImageLevelPrior needs image-level probabilities and so a head that aggreg'):
        build(auxiliary_head=dict(HEAD), inference=PRIOR)
