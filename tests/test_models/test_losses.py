"""Losses on image scores: the formula, its direction, and what unknown labels must not do."""

import pytest
import torch
from torch.nn import functional as F

from mmwsl.models.losses import MultiLabelSoftMarginLoss, SoftmaxCrossEntropyLoss

LOSSES = [SoftmaxCrossEntropyLoss, MultiLabelSoftMarginLoss]


def _logits(*shape):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def test_one_tag_is_the_papers_likelihood():
    logits, tags = _logits(4, 5), torch.tensor([0, 2, 4, 1])
    expected = -(logits.gather(1, tags[:, None])[:, 0] - logits.exp().sum(1).log()).mean()  # Eq. 4
    torch.testing.assert_close(SoftmaxCrossEntropyLoss()(logits, F.one_hot(tags, 5)), expected)


def test_several_tags_share_the_mass():
    logits, labels = _logits(1, 4), torch.tensor([[0, 1, 0, 1]])
    expected = -logits.log_softmax(1)[0, [1, 3]].mean()
    torch.testing.assert_close(SoftmaxCrossEntropyLoss()(logits, labels), expected)


def test_soft_margin_is_torchs():
    logits, labels = _logits(3, 4), torch.tensor([[0, 1, 0, 1], [1, 0, 0, 0], [0, 0, 0, 0]])
    weights = [1.0, 2.0, 0.5, 3.0]
    torch.testing.assert_close(
        MultiLabelSoftMarginLoss()(logits, labels), F.multilabel_soft_margin_loss(logits, labels.double())
    )
    expected = F.multilabel_soft_margin_loss(logits, labels.double(), weight=torch.tensor(weights))
    torch.testing.assert_close(MultiLabelSoftMarginLoss(class_weight=weights)(logits, labels), expected)


@pytest.mark.parametrize('loss', LOSSES)
def test_unknown_labels_do_not_contribute(loss):
    labels = torch.tensor([[-1, 1, 0, 0], [0, 0, 1, -1]])
    logits = _logits(2, 4).requires_grad_()
    value = loss()(logits, labels)
    value.backward()
    assert not logits.grad[labels == -1].any()
    changed = torch.where(labels == -1, 50.0, logits.detach())
    torch.testing.assert_close(loss()(changed, labels), value.detach())


@pytest.mark.parametrize('loss', LOSSES)
@pytest.mark.parametrize('labels', [torch.full((2, 3), -1), torch.full((2, 3), -1).index_fill(0, torch.tensor(0), 0)])
def test_nothing_to_learn_is_not_nan(loss, labels):
    logits = _logits(2, 3).requires_grad_()
    value = loss()(logits, labels)
    value.backward()
    assert value.isfinite() and logits.grad.isfinite().all()
    if (labels == -1).all():
        assert value == 0 and not logits.grad.any()


@pytest.mark.parametrize('loss', LOSSES)
def test_right_is_cheaper_than_wrong_and_the_gradient_agrees(loss):
    labels = torch.tensor([[0, 1, 0]])
    logits = torch.zeros(1, 3, dtype=torch.float64, requires_grad=True)
    loss()(logits, labels).backward()
    assert logits.grad[0, 1] < 0 < logits.grad[0, 0]
    assert loss()(torch.tensor([[0.0, 3.0, 0.0]]), labels) < loss()(torch.tensor([[0.0, 0.0, 3.0]]), labels)
    assert torch.autograd.gradcheck(lambda x: loss()(x, labels), logits)


@pytest.mark.parametrize('loss', LOSSES)
def test_loss_weight_and_name(loss):
    logits, labels = _logits(2, 3), torch.tensor([[0, 1, 0], [1, 0, 0]])
    torch.testing.assert_close(loss(loss_weight=3.0)(logits, labels), 3 * loss()(logits, labels))
    assert loss(loss_name='loss_tags').loss_name == 'loss_tags'


@pytest.mark.parametrize('loss', LOSSES)
def test_wrong_shapes(loss):
    with pytest.raises(ValueError, match=r'`image_labels` must have the shape of `image_logits` \(2, 3\)'):
        loss()(torch.zeros(2, 3), torch.zeros(2, 4))
    with pytest.raises(ValueError, match='`class_weight` must have 3 values'):
        loss(class_weight=[1.0, 2.0])(torch.zeros(2, 3), torch.zeros(2, 3))
