"""Losses of image logits: the formula, its direction, and no effect of unknown labels."""

import pytest
import torch
from torch.nn import functional as F

from mmwsl.models.losses import MultiLabelSoftMarginLoss, SoftmaxCrossEntropyLoss, WeakSupervision

LOSSES = [SoftmaxCrossEntropyLoss, MultiLabelSoftMarginLoss]


def _logits(*shape):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def supervise(labels):
    return WeakSupervision(labels, valid=torch.ones(len(labels), 1, 1, dtype=torch.bool))


def test_one_label_is_the_papers_likelihood():
    logits, classes = _logits(4, 5), torch.tensor([0, 2, 4, 1])
    expected = -(logits.gather(1, classes[:, None])[:, 0] - logits.exp().sum(1).log()).mean()  # Eq. 4
    torch.testing.assert_close(SoftmaxCrossEntropyLoss()(logits, supervise(F.one_hot(classes, 5))), expected)


def test_several_labels_share_the_mass():
    logits, labels = _logits(1, 4), torch.tensor([[0, 1, 0, 1]])
    expected = -logits.log_softmax(1)[0, [1, 3]].mean()
    torch.testing.assert_close(SoftmaxCrossEntropyLoss()(logits, supervise(labels)), expected)


def test_soft_margin_is_torchs():
    logits, labels = _logits(3, 4), torch.tensor([[0, 1, 0, 1], [1, 0, 0, 0], [0, 0, 0, 0]])
    weights = [1.0, 2.0, 0.5, 3.0]
    torch.testing.assert_close(
        MultiLabelSoftMarginLoss()(logits, supervise(labels)), F.multilabel_soft_margin_loss(logits, labels.double())
    )
    expected = F.multilabel_soft_margin_loss(logits, labels.double(), weight=torch.tensor(weights))
    torch.testing.assert_close(MultiLabelSoftMarginLoss(class_weight=weights)(logits, supervise(labels)), expected)


@pytest.mark.parametrize('loss', LOSSES)
def test_unknown_labels_do_not_contribute(loss):
    labels = torch.tensor([[-1, 1, 0, 0], [0, 0, 1, -1]])
    logits = _logits(2, 4).requires_grad_()
    value = loss()(logits, supervise(labels))
    value.backward()
    assert not logits.grad[labels == -1].any()
    changed = torch.where(labels == -1, 50.0, logits.detach())
    torch.testing.assert_close(loss()(changed, supervise(labels)), value.detach())


@pytest.mark.parametrize('loss', LOSSES)
@pytest.mark.parametrize('labels', [torch.full((2, 3), -1), torch.full((2, 3), -1).index_fill(0, torch.tensor(0), 0)])
def test_no_known_label_is_not_nan(loss, labels):
    logits = _logits(2, 3).requires_grad_()
    value = loss()(logits, supervise(labels))
    value.backward()
    assert value.isfinite() and logits.grad.isfinite().all()
    if (labels == -1).all():
        assert value == 0 and not logits.grad.any()


@pytest.mark.parametrize('loss', LOSSES)
def test_a_correct_prediction_has_a_lower_loss_and_the_gradient_agrees(loss):
    supervision = supervise(torch.tensor([[0, 1, 0]]))
    logits = torch.zeros(1, 3, dtype=torch.float64, requires_grad=True)
    loss()(logits, supervision).backward()
    assert logits.grad[0, 1] < 0 < logits.grad[0, 0]
    assert loss()(torch.tensor([[0.0, 3.0, 0.0]]), supervision) < loss()(torch.tensor([[0.0, 0.0, 3.0]]), supervision)
    assert torch.autograd.gradcheck(lambda x: loss()(x, supervision), logits)


@pytest.mark.parametrize('loss', LOSSES)
def test_loss_weight_and_name(loss):
    logits, labels = _logits(2, 3), torch.tensor([[0, 1, 0], [1, 0, 0]])
    torch.testing.assert_close(loss(loss_weight=3.0)(logits, supervise(labels)), 3 * loss()(logits, supervise(labels)))
    assert loss(loss_name='loss_labels').loss_name == 'loss_labels'


@pytest.mark.parametrize('loss', LOSSES)
def test_wrong_shapes(loss):
    with pytest.raises(ValueError, match=r'`image_labels` must have the shape of `image_logits` \(2, 3\)'):
        loss()(torch.zeros(2, 3), supervise(torch.zeros(2, 4)))
    with pytest.raises(ValueError, match='`class_weight` must have 3 values'):
        loss(class_weight=[1.0, 2.0])(torch.zeros(2, 3), supervise(torch.zeros(2, 3)))
