"""Single-stage training: teacher, online labels, warm-up and predictions."""

import copy

import numpy as np
import pytest
import torch
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from torch.nn import functional as F

from mmwsl.apis.onnx_network import OnnxNetwork
from mmwsl.engine.hooks import collect_provenance
from mmwsl.functional import double_threshold, patch_token_contrast
from mmwsl.registry import MODELS

from .test_aggregation_head import _sample

CLASSIFIER = dict(
    type='mmwsl.LSEAggregationHead',
    in_channels=16,
    in_index=-1,
    num_classes=3,
    hidden_channels=(8,),
    kernel_size=1,
    dropout_ratio=0.5,
    aggregator=dict(type='mmwsl.GlobalAveragePooling'),
    background=dict(type='mmwsl.ConstantBackground', threshold=0.5),
    loss_decode=dict(type='mmwsl.MultiLabelSoftMarginLoss'),
)
HEAD = dict(
    type='FCNHead',
    in_channels=16,
    in_index=-1,
    channels=8,
    num_convs=1,
    concat_input=False,
    num_classes=3,
    dropout_ratio=0.0,
    norm_cfg=dict(type='BN'),
    loss_decode=dict(type='mmwsl.RobustCrossEntropyLoss', balanced=True, loss_weight=0.1),
)


def build(**settings):
    init_default_scope('mmseg')
    torch.manual_seed(0)
    settings.setdefault('warmup_iters', 0)
    settings.setdefault('auxiliary_head', CLASSIFIER)
    settings.setdefault('type', 'mmwsl.MeanTeacherSegmentor')
    model = MODELS.build(
        dict(
            data_preprocessor=dict(type='SegDataPreProcessor', pad_val=0, seg_pad_val=255, size=(32, 32)),
            backbone=dict(
                type='ResNet', depth=18, num_stages=1, strides=(1,), dilations=(1,), out_indices=(0,), base_channels=16
            ),
            decode_head=HEAD,
            **settings,
        )
    )
    torch.nn.init.normal_(model.auxiliary_head.conv_seg.weight)
    return model.train()


def batch(model, *shapes, labels=(0.0, 1.0, 0.0), seed=0):
    generator = torch.manual_seed(seed)
    images = [torch.randint(0, 256, (3, *shape), dtype=torch.uint8, generator=generator) for shape in shapes]
    data = dict(inputs=images, data_samples=[_sample(shape, labels) for shape in shapes])
    return model.data_preprocessor(data, training=True)


def step(model, data, lr=0.1):
    wrapper = build_optim_wrapper(model, dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=lr)))
    losses = model(**data, mode='loss')
    total, _ = model.parse_losses(losses)
    wrapper.update_params(total)
    return losses


def weights(module):
    return {name: value.detach().clone() for name, value in module.named_parameters()}


def test_the_teacher_is_the_moving_average_and_copies_the_buffers():
    model = build(momentum=0.25)
    data = batch(model, (32, 32), (24, 32))
    step(model, data)
    expected = weights(model.teacher)
    for name, value in model.backbone.named_parameters():  # the first update copies, before the first step
        assert not torch.equal(expected[f'module.backbone.{name}'], value) or not value.requires_grad
    for _ in range(3):
        student = weights(model._classifier())
        buffers = dict(model._classifier().named_buffers())
        buffers = {name: value.clone() for name, value in buffers.items()}
        step(model, data)
        expected = {
            name: 0.75 * value + 0.25 * student[name.removeprefix('module.')] for name, value in expected.items()
        }
        found = weights(model.teacher)
        for name, value in expected.items():
            torch.testing.assert_close(found[name], value)
        for name, value in model.teacher.module.named_buffers():
            assert torch.equal(value, buffers[name]), name
    assert any('running_mean' in name for name in buffers)
    assert not any(part.training for part in model.teacher.modules())


def test_the_average_begins_after_the_warmup():
    model = build(momentum=0.25, warmup_iters=2)
    data = batch(model, (32, 32), (24, 32))
    for index in range(4):
        before, student = weights(model.teacher.module), weights(model._classifier())
        step(model, data)
        for name, value in weights(model.teacher.module).items():
            average = 0.75 * before[name] + 0.25 * student[name]
            torch.testing.assert_close(value, average if index >= 2 else student[name])


def test_no_gradient_reaches_the_teacher_or_passes_through_the_labels():
    """The gradient of the segmentation loss is the one for the same labels as constants."""
    model = build()
    data = batch(model, (32, 32), (24, 32))
    model.auxiliary_head.loss_decode.loss_weight = 0.0
    losses = model(**data, mode='loss')
    model.parse_losses(losses)[0].backward()
    assert not any(value.requires_grad or value.grad is not None for value in model.teacher.parameters())
    classifier = [value.grad for value in model.auxiliary_head.parameters()]
    assert not any(grad is not None and grad.any() for grad in classifier)
    assert all(value.grad.any() for value in model.decode_head.parameters())
    assert any(value.grad is not None and value.grad.any() for value in model.backbone.parameters())
    found = {name: value.grad.clone() for name, value in model.decode_head.named_parameters()}

    labels = model.label_pixels(**data)
    assert not labels.requires_grad and set(labels.unique().tolist()) == {0, 1, 255}
    model.zero_grad()
    logits = F.interpolate(model.decode_head(model.extract_feat(data['inputs'])), labels.shape[1:], mode='bilinear')
    losses = F.cross_entropy(logits, labels, ignore_index=255, reduction='none')
    (0.05 * (losses[labels == 0].mean() + losses[labels == 1].mean())).backward()
    for name, value in model.decode_head.named_parameters():
        torch.testing.assert_close(value.grad, found[name], atol=1e-6, rtol=1e-4)


def test_labels_equal_their_definition():
    model = build(labeler=dict(type='mmwsl.OnlineLabeler', iterations=0, bg_threshold=0.3, fg_threshold=0.6))
    data = batch(model, (32, 32), (24, 20), labels=(0.0, 1.0, 1.0))
    model(**data, mode='loss')
    found = model.label_pixels(**data)
    parts = copy.deepcopy(model.teacher.module).eval()
    with torch.no_grad():
        maps = parts['classifier'](parts['backbone'](data['inputs']))[:, 1:].relu()
    maps = F.interpolate(maps, (16, 16), mode='bilinear', align_corners=False)
    for index, (height, width) in enumerate([(16, 16), (12, 10)]):
        inside = maps[index, :, :height, :width]
        lowest, highest = inside.amin((1, 2), keepdim=True), inside.amax((1, 2), keepdim=True)
        scores = torch.cat([inside[:1] * 0, (inside - lowest) / (highest - lowest + 1e-5)])
        expected = np.full((16, 16), 255)
        expected[:height, :width] = double_threshold(scores.numpy(), 0.3, 0.6)
        np.testing.assert_array_equal(found[index], expected)
        assert len(np.unique(expected)) >= 3


def test_scales_add_up():
    model = build(scales=(1.0, 0.5))
    data = batch(model, (32, 32))
    model(**data, mode='loss')
    metas = [sample.metainfo for sample in data['data_samples']]
    parts = model.teacher.module
    with torch.no_grad():
        small = F.interpolate(data['inputs'], scale_factor=0.5, mode='bilinear', align_corners=False)
        one, half = (parts['classifier'](parts['backbone'](x))[:, 1:].relu() for x in (data['inputs'], small))
        half = F.interpolate(half, one.shape[2:], mode='bilinear', align_corners=False)
    torch.testing.assert_close(model.teacher_maps(data['inputs'], metas), one + half)


def test_two_images_get_the_labels_of_each_alone():
    model = build()
    data = batch(model, (32, 32), (24, 20))
    model(**data, mode='loss')
    both = model.label_pixels(**data)
    for index in range(2):
        alone = model.label_pixels(data['inputs'][index : index + 1], data['data_samples'][index : index + 1])
        assert torch.equal(both[index], alone[0])
    assert (both[1, 12:] == 255).all() and (both[1, :, 10:] == 255).all() and (both[1, :12, :10] != 255).any()


@pytest.mark.parametrize(
    'labels, expected', [((0.0, 0.0, 0.0), {0}), ((0.0, -1.0, -1.0), {255}), ((0.0, 1.0, -1.0), {1, 255})]
)
def test_an_image_without_labels_is_background_and_unknown_classes_leave_none(labels, expected):
    model = build()
    data = batch(model, (32, 32), (32, 32), labels=labels)
    losses = model(**data, mode='loss')
    assert set(model.label_pixels(**data).unique().tolist()) == expected
    assert all(value.isfinite() for value in losses.values())


def test_during_the_warmup_only_the_classifier_is_trained():
    model = build(warmup_iters=2, contrast=dict(type='mmwsl.PatchTokenContrastLoss'))
    data = batch(model, (32, 32), (24, 32))
    for index in range(4):
        before = weights(model.decode_head)
        losses = step(model, data)
        warm = index < 2
        assert (losses['decode.loss_noisy'] == 0) == (losses['loss_contrast'] == 0) == warm
        assert (losses['labeled_pixels'] == 0) == warm and losses['aux.loss_cls'] > 0
        changed = [not torch.equal(before[name], value) for name, value in model.decode_head.named_parameters()]
        assert all(changed) if not warm else not any(changed)


def test_crops_in_which_every_pixel_is_ignored_have_no_loss_and_no_gradient():
    model = build(contrast=dict(type='mmwsl.PatchTokenContrastLoss'))
    data = batch(model, (32, 32), (32, 32), labels=(0.0, -1.0, -1.0))
    losses = model(**data, mode='loss')
    assert losses['decode.loss_noisy'] == 0 and losses['loss_contrast'] == 0 and losses['labeled_pixels'] == 0
    (losses['decode.loss_noisy'] + losses['loss_contrast']).backward()
    assert not any(value.grad is not None and value.grad.any() for value in model.parameters())


def test_the_contrast_gets_the_labels_at_the_centers_of_the_locations():
    model = build(contrast=dict(type='mmwsl.PatchTokenContrastLoss', loss_weight=0.5))
    data = batch(model, (32, 32))
    losses = model(**data, mode='loss')
    labels = model.label_pixels(**data)
    (features,) = model.extract_feat(data['inputs'])
    assert features.shape[2:] == (8, 8) and labels.shape[1:] == (16, 16)
    expected = 0.5 * patch_token_contrast(features, labels[:, 1::2, 1::2])
    torch.testing.assert_close(losses['loss_contrast'], expected)


def test_a_checkpoint_keeps_teacher_warmup_and_thresholds():
    settings = dict(warmup_iters=2, labeler=dict(type='mmwsl.MixtureLabeler', interval=1, min_images=1))
    model = build(**settings)
    data = batch(model, (32, 32), (24, 32))
    for _ in range(3):
        step(model, data)
    loaded = build(**settings)
    loaded.load_state_dict(copy.deepcopy(model.state_dict()))
    assert loaded.teacher.steps == 3
    torch.manual_seed(1)
    expected = model(**data, mode='loss')
    torch.manual_seed(1)
    found = loaded(**data, mode='loss')
    assert {name: value.item() for name, value in expected.items()} == {n: value.item() for n, value in found.items()}
    assert found['labeled_pixels'] > 0


@torch.no_grad()
def test_masks_are_those_of_the_segmentation_head_and_image_scores_those_of_the_classifier():
    model = build().eval()
    data = batch(model, (32, 32))
    (sample,) = model.predict(**data)
    features = model.extract_feat(data['inputs'])
    logits = F.interpolate(model.decode_head(features), (32, 32), mode='bilinear', align_corners=False)[0]
    torch.testing.assert_close(sample.pred_scores.data, logits.softmax(0))
    image_probs = model.auxiliary_head(features).mean((2, 3)).sigmoid()[0, 1:]
    torch.testing.assert_close(sample.pred_label.score[1:], image_probs)


def test_predictions_name_the_masks_of_the_thresholds():
    assert collect_provenance(build()) == dict(tuned_on='masks of VOC 2012, by the authors of ToCo')
    fixed = dict(type='mmwsl.OnlineLabeler', bg_threshold=0.3, fg_threshold=0.6, tuned_on=None)
    assert collect_provenance(build(labeler=fixed)) == {}
    labeler = dict(type='mmwsl.MixtureLabeler', tuned_on='masks of the authors')
    prior = dict(type='mmwsl.ClassThresholds', thresholds=0.5, tuned_on='masks of mine')
    model = build(labeler=labeler, inference=dict(postprocessors=[prior]))
    assert collect_provenance(model) == dict(tuned_on='masks of mine; masks of the authors')


@pytest.mark.parametrize(
    'settings, message',
    [
        (dict(momentum=1.1), r'`model.momentum` must be in \(0, 1\], got 1.1'),
        (dict(scales=()), '`model.scales` must be positive numbers, at least one, got'),
        (dict(warmup_iters=-1), '`warmup_iters` must be'),
        (dict(auxiliary_head=dict(HEAD)), '`model.auxiliary_head` must be the one head .*got FCNHead beside FCNHead'),
        (dict(auxiliary_head=dict(CLASSIFIER, num_classes=4)), 'num_classes` must equal.*got 4 and 3'),
        (
            dict(inference=dict(scorer=dict(type='mmwsl.SlidingWindowScorer', crop_size=(16, 16), stride=(8, 8)))),
            '`inference.scorer` must be mmwsl.WholeScorer .*, got SlidingWindowScorer',
        ),
    ],
)
def test_errors(settings, message):
    with pytest.raises(ValueError, match=message):
        build(**settings)


@torch.no_grad()
def test_the_exported_network_has_both_heads():
    model = build().eval()
    image = torch.randint(0, 256, (1, 3, 32, 32), dtype=torch.uint8)  # RGB; the network gets BGR
    probs, image_probs = OnnxNetwork(model, None)(image)
    features = model.extract_feat(image.flip(1).float())
    logits = model.decode_head(features)
    expected = F.interpolate(logits, (32, 32), mode='bilinear', align_corners=False).softmax(1)
    torch.testing.assert_close(probs, expected)
    torch.testing.assert_close(image_probs[:, 1:], model.auxiliary_head(features).mean((2, 3)).sigmoid()[:, 1:])
