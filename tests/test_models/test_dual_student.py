"""Two students: whose labels train whom, discrepancy, predictions, checkpoints, the falling threshold."""

import copy
import math

import pytest
import torch
from torch.nn import functional as F

from mmwsl.functional import feature_discrepancy_loss
from mmwsl.models import CosineLabeler, OnlineLabeler

from .test_mean_teacher import batch, build, step, weights


def dual(**settings):
    model = build(type='mmwsl.DualStudentSegmentor', **settings)
    torch.nn.init.normal_(model.second.auxiliary_head.conv_seg.weight)
    return model


def segmentation_loss(student, inputs, labels):
    logits = F.interpolate(student.decode_head(student.extract_feat(inputs)), labels.shape[1:], mode='bilinear')
    losses = F.cross_entropy(logits, labels, ignore_index=255, reduction='none')
    return 0.05 * (losses[labels == 0].mean() + losses[(labels != 0) & (labels != 255)].mean())


def test_each_student_is_trained_on_the_labels_of_the_other():
    model = dual(momentum=1.0)
    data = batch(model, (32, 32), (24, 32))
    losses = model(**data, mode='loss')
    own, other = model.label_pixels(**data), model.second.label_pixels(**data)
    assert (own != other).any()
    torch.testing.assert_close(losses['decode.loss_noisy'], segmentation_loss(model, data['inputs'], other))
    torch.testing.assert_close(losses['second.decode.loss_noisy'], segmentation_loss(model.second, data['inputs'], own))
    assert losses['labeled_pixels'] == (other != 255).float().mean()
    assert losses['second.labeled_pixels'] == (own != 255).float().mean()


def test_students_share_no_weight_and_no_gradient_passes_from_one_to_the_other():
    model = dual(momentum=1.0)
    data = batch(model, (32, 32), (24, 32))
    losses = model(**data, mode='loss')
    second = {id(value) for value in model.second.parameters()}
    first = [value for value in model.parameters() if id(value) not in second]
    assert len(first) == len(second)
    own = {name for name in losses if 'loss' in name and name != 'loss_discrepancy'}
    for student, others, prefix in ((model.second, first, True), (model, model.second.parameters(), False)):
        model.zero_grad(set_to_none=True)
        chosen = [losses[name] for name in own if name.startswith('second.') == prefix]
        sum(chosen).backward(retain_graph=True)
        assert all(value.grad is None or not value.grad.any() for value in others)
        assert all(value.grad.any() for value in student.decode_head.parameters())
    model.zero_grad(set_to_none=True)
    losses = model(**data, mode='loss')
    losses['loss_discrepancy'].backward()
    moved = [
        any(v.grad is not None and v.grad.any() for v in one.backbone.parameters()) for one in (model, model.second)
    ]
    assert all(moved)


def test_the_discrepancy_is_that_of_the_features_inside_the_images():
    model = dual(discrepancy_weight=0.3)
    data = batch(model, (32, 32), (24, 32))
    losses = model(**data, mode='loss')
    (first,), (second,) = model.extract_feat(data['inputs']), model.second.extract_feat(data['inputs'])
    assert first.shape == (2, 16, 8, 8)
    valid = torch.ones(2, 8, 8, dtype=torch.bool)
    valid[1, 6:] = False
    torch.testing.assert_close(losses['loss_discrepancy'], 0.3 * feature_discrepancy_loss(first, second, valid))


def test_with_momentum_one_the_network_itself_labels():
    model = dual(momentum=1.0)
    data = batch(model, (32, 32))
    for _ in range(3):
        before = [weights(student._classifier()) for student in (model, model.second)]
        step(model, data)
        for student, expected in zip((model, model.second), before, strict=True):
            found = weights(student.teacher.module)
            assert all(torch.equal(found[name], value) for name, value in expected.items())
            assert not any(part.training for part in student.teacher.modules())
            assert all(part.training for part in student.auxiliary_head.modules())


def test_during_the_warmup_both_train_classifier_and_discrepancy_alone():
    model = dual(warmup_iters=1)
    data = batch(model, (32, 32))
    for warm in (True, False):
        before = [weights(student.decode_head) for student in (model, model.second)]
        losses = step(model, data)
        assert losses['aux.loss_cls'] > 0 and losses['second.aux.loss_cls'] > 0 and losses['loss_discrepancy'] > 0
        for student, old in zip((model, model.second), before, strict=True):
            new = weights(student.decode_head)
            assert all(torch.equal(new[name], value) == warm for name, value in old.items())


@torch.no_grad()
def test_predictions_are_those_of_the_first_student():
    model = dual().eval()
    data = batch(model, (32, 32))
    (before,) = model.predict(**data)
    for value in model.second.parameters():
        value.zero_()
    (after,) = model.predict(**data)
    assert torch.equal(before.pred_scores.data, after.pred_scores.data)
    assert torch.equal(before.pred_label.score, after.pred_label.score)


def test_a_checkpoint_keeps_both_students():
    model = dual(warmup_iters=1)
    data = batch(model, (32, 32), (24, 32))
    for _ in range(2):
        step(model, data)
    loaded = dual(warmup_iters=1)
    loaded.load_state_dict(copy.deepcopy(model.state_dict()))
    torch.manual_seed(1)
    expected = model(**data, mode='loss')
    torch.manual_seed(1)
    found = loaded(**data, mode='loss')
    assert {name: value.item() for name, value in expected.items()} == {n: value.item() for n, value in found.items()}


def test_a_negative_or_infinite_weight_is_an_error():
    for weight in (-0.1, float('nan'), float('inf')):
        with pytest.raises(
            ValueError, match=f'`model.discrepancy_weight` must be non-negative and finite, got {weight}'
        ):
            dual(discrepancy_weight=weight)


def labels_by(labeler, values):
    maps = values.view(1, 1, 1, -1)
    size = (1, *maps.shape[2:])
    shown = torch.tensor([[0.0, 1.0]])
    return labeler(maps, torch.zeros(1, 3, *size[1:]), shown, torch.ones(size, dtype=torch.bool))[0, 0]


def test_the_threshold_falls_along_a_cosine_and_stays():
    labeler = CosineLabeler(2, scale=1.0, iterations=0, schedule_iters=4, tuned_on=None)
    ramp = torch.linspace(0, 1, 1001)
    for batches in range(7):
        part = min(batches / 4, 1)
        expected = 0.7 - 0.15 * (1 - math.cos(math.pi * part)) / 2
        low, high = labeler.thresholds[:, 0]
        assert low == 0.25 and high == pytest.approx(expected, abs=1e-6)
        labels = labels_by(labeler, ramp)
        assert ramp[labels == 1].min() == pytest.approx(expected, abs=2e-3)
        assert ramp[labels == 0].max() == pytest.approx(0.25, abs=2e-3)


def test_the_schedule_continues_from_a_checkpoint():
    labeler, loaded = (CosineLabeler(2, scale=1.0, iterations=0, schedule_iters=4) for _ in range(2))
    for _ in range(2):
        labels_by(labeler, torch.linspace(0, 1, 11))
    loaded.load_state_dict(labeler.state_dict())
    assert torch.equal(loaded.thresholds, labeler.thresholds) and loaded.thresholds[1, 0] == pytest.approx(0.625)


def test_equal_thresholds_are_those_of_the_fixed_labeler():
    fixed = OnlineLabeler(2, scale=1.0, iterations=0, fg_threshold=0.6)
    falling = CosineLabeler(2, scale=1.0, iterations=0, fg_threshold=0.6, final_fg_threshold=0.6, schedule_iters=2)
    ramp = torch.linspace(0, 1, 101)
    for _ in range(3):
        assert torch.equal(labels_by(fixed, ramp), labels_by(falling, ramp))


@pytest.mark.parametrize(
    'options, message',
    [
        (
            dict(final_fg_threshold=0.2),
            r'`final_fg_threshold` must be in \[0.25, 0.7\], between the other thresholds, got 0.2',
        ),
        (dict(fg_threshold=0.3), r'`final_fg_threshold` must be in \[0.25, 0.3\], between the other .*, got 0.55'),
        (dict(schedule_iters=0), '`schedule_iters` must be'),
    ],
)
def test_errors_of_the_falling_threshold(options, message):
    with pytest.raises(ValueError, match=message):
        CosineLabeler(3, **options)
