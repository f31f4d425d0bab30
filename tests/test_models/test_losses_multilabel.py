"""Focal, asymmetric and ranking losses of image logits: averages, weights, and no effect of unknown labels."""

import pytest
import torch

from mmwsl.functional import asymmetric_loss, average_precision_loss, class_balanced_weights, sigmoid_focal_loss
from mmwsl.models.losses import AsymmetricLoss, AveragePrecisionLoss, MultiLabelFocalLoss, MultiLabelSoftMarginLoss

from .test_losses import supervise

LOSSES = [MultiLabelFocalLoss, AsymmetricLoss, AveragePrecisionLoss]
LABELS = torch.tensor([[-1, 1, 0, 0], [1, 0, 1, -1], [1, 0, 0, 1]])


def _logits(*shape):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ('loss', 'values'),
    [
        (MultiLabelFocalLoss(gamma=1.0, alpha=0.3), lambda x: sigmoid_focal_loss(x, LABELS, 1.0, 0.3)),
        (AsymmetricLoss(1.0, 3.0, 0.1), lambda x: asymmetric_loss(x, LABELS, 1.0, 3.0, 0.1)),
    ],
)
def test_average_over_known_labels(loss, values):
    logits = _logits(3, 4)
    known = LABELS >= 0
    torch.testing.assert_close(loss(logits, supervise(LABELS)), values(logits)[known].mean())


def test_ranking_averages_over_classes_that_are_present_and_absent():
    logits, labels = _logits(3, 4), LABELS.clone()
    labels[:, 0] = 1
    expected = average_precision_loss(logits, labels)[1:].mean()
    torch.testing.assert_close(AveragePrecisionLoss()(logits, supervise(labels)), expected)
    weights = [7.0, 2.0, 0.0, 1.0]
    expected = (average_precision_loss(logits, labels) * torch.tensor(weights))[1:].sum() / 3
    torch.testing.assert_close(AveragePrecisionLoss(class_weight=weights)(logits, supervise(labels)), expected)


@pytest.mark.parametrize('loss', LOSSES)
def test_unknown_labels_do_not_contribute(loss):
    logits = _logits(3, 4).requires_grad_()
    value = loss()(logits, supervise(LABELS))
    value.backward()
    assert value > 0 and not logits.grad[LABELS == -1].any() and logits.grad.any()
    changed = torch.where(LABELS == -1, 50.0, logits.detach())
    torch.testing.assert_close(loss()(changed, supervise(LABELS)), value.detach())


@pytest.mark.parametrize('loss', LOSSES)
def test_no_known_label_is_zero_with_a_gradient(loss):
    logits = _logits(2, 3).requires_grad_()
    value = loss()(logits, supervise(torch.full((2, 3), -1)))
    value.backward()
    assert value == 0 and not logits.grad.any()


@pytest.mark.parametrize('loss', LOSSES)
def test_weights_and_name(loss):
    logits = _logits(3, 4)
    torch.testing.assert_close(loss(loss_weight=3.0)(logits, supervise(LABELS)), 3 * loss()(logits, supervise(LABELS)))
    assert loss(loss_name='loss_labels').loss_name == 'loss_labels'
    counts = [9, 30, 100, 500]
    balanced = loss(class_weight=dict(counts=counts, beta=0.99))(logits, supervise(LABELS))
    given = loss(class_weight=class_balanced_weights(counts, 0.99).tolist())(logits, supervise(LABELS))
    torch.testing.assert_close(balanced, given)
    assert balanced != loss()(logits, supervise(LABELS))


@pytest.mark.parametrize('loss', LOSSES)
def test_wrong_shapes(loss):
    with pytest.raises(ValueError, match=r'`image_labels` must have the shape of `image_logits` \(2, 3\)'):
        loss()(torch.zeros(2, 3), supervise(torch.zeros(2, 4)))
    with pytest.raises(ValueError, match='`class_weight` must have 3 values'):
        loss(class_weight=[1.0, 2.0])(torch.zeros(2, 3), supervise(torch.zeros(2, 3)))


def test_class_balanced_weights_are_an_option_of_the_soft_margin_loss():
    logits = _logits(3, 4)
    counts = [1, 10, 100, 1000]
    expected = MultiLabelSoftMarginLoss(class_weight=class_balanced_weights(counts).tolist())(logits, supervise(LABELS))
    torch.testing.assert_close(
        MultiLabelSoftMarginLoss(class_weight=dict(counts=counts))(logits, supervise(LABELS)), expected
    )
    with pytest.raises(ValueError, match='`counts` must be'):
        MultiLabelSoftMarginLoss(class_weight=dict(counts=[0, 0]))
