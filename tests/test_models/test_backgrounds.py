"""Background models: what the losses train channel 0 on, alone and from the transform to the gradient."""

import numpy as np
import pytest
import torch

from mmwsl.datasets.transforms import PackImageLabelInputs
from mmwsl.models import ConstantBackground, LearnedBackground, PowerBackground
from mmwsl.registry import MODELS

FOREGROUND = [[1, 0, 1], [0, 0, 0], [0, -1, 0], [1, -1, 0], [-1, -1, -1]]
"""Present; background image; unknown; present and unknown; unlabeled."""


@pytest.mark.parametrize('before', [-1, 0, 1])
@pytest.mark.parametrize(
    ('background', 'per_location', 'expected'),
    [
        (LearnedBackground(), False, [0, 1, -1, 0, -1]),
        (LearnedBackground(), True, [1, 1, 1, 1, 1]),
        (ConstantBackground(), False, [-1] * 5),
        (PowerBackground(), False, [-1] * 5),
    ],
)
def test_background_label(background, per_location, expected, before):
    labels = torch.tensor([[before, *row] for row in FOREGROUND], dtype=torch.float32)
    completed = background.complete_labels(labels, per_location=per_location)
    assert completed.dtype == labels.dtype and completed[:, 0].tolist() == expected
    assert completed[:, 1:].tolist() == FOREGROUND
    assert (labels[:, 0] == before).all(), 'the labels of the samples are changed in place'


@pytest.mark.parametrize('background', [ConstantBackground, PowerBackground])
def test_bad_arguments(background):
    with pytest.raises(ValueError, match=f'{background.__name__}: `(threshold|alpha)` must be .* got -1.0'):
        background(-1.0)


def _samples(labels):
    """Samples as the real transform packs them, one per list of class ids."""
    image = dict(img=np.zeros((16, 16, 3), np.uint8), img_path='a.jpg', ori_shape=(16, 16), img_shape=(16, 16))
    samples = [PackImageLabelInputs()(dict(image, img_label=ids, num_classes=3))['data_samples'] for ids in labels]
    for sample in samples:
        sample.set_metainfo(dict(padding_size=(0, 0, 0, 0)))
    return samples


def _head(**settings):
    arguments = dict(in_channels=4, num_classes=3, hidden_channels=(), kernel_size=1)
    return MODELS.build(dict(arguments, type='mmwsl.LSEAggregationHead', **settings))


def _gradient(labels, **settings):
    """Gradient of the loss with respect to the score map."""
    seg_logits = 0.1 * torch.randn(len(labels), 3, 4, 4, generator=torch.Generator().manual_seed(0))
    seg_logits.requires_grad_()
    (value,) = _head(**settings).loss_by_feat(seg_logits, _samples(labels)).values()
    value.backward()
    return seg_logits.grad


def test_default_head_trains_the_background_of_packed_labels():
    """Scores of the background fall where a class is present, and rise in a background image."""
    grad = _gradient([[1], []])
    assert (grad[0, 0] > 0).all() and (grad[1, 0] < 0).all()
    assert (grad[0, 1] < 0).all() and (grad[1, 1:] > 0).all()


@pytest.mark.parametrize('loss', ['MILFCNLoss', 'EMFixedLoss', 'EMAdaptLoss', 'CCNNLoss'])
def test_losses_of_score_maps_train_the_background_in_every_image(loss):
    """At some locations the score of the background rises, also in an image with a foreground class."""
    bias = dict(background_bias=5.0) if loss == 'EMFixedLoss' else {}  # else its latent labels are all foreground
    grad = _gradient([[1], []], loss_decode=dict(type=f'mmwsl.{loss}', **bias))
    assert (grad[:, 0].flatten(1).amin(1) < 0).all()


@pytest.mark.parametrize('background', ['ConstantBackground', 'PowerBackground'])
def test_sigmoid_backgrounds_are_in_no_loss(background):
    loss = dict(type='mmwsl.MultiLabelSoftMarginLoss')
    grad = _gradient([[1], []], background=dict(type=f'mmwsl.{background}'), loss_decode=loss)
    assert not grad[:, 0].any() and grad[:, 1:].abs().min() > 0


@pytest.mark.parametrize('step', [1, -1])
def test_each_loss_of_a_head_gets_its_background_label(step):
    """A softmax over the image beside a softmax over each location, in any order."""
    head = _head(loss_decode=[dict(type='mmwsl.SoftmaxCrossEntropyLoss'), dict(type='mmwsl.MILFCNLoss')][::step])
    seen = {}
    for loss in head.loss_decode:
        loss.register_forward_pre_hook(lambda module, args: seen.update({module.loss_name: args}))
    head.loss_by_feat(torch.randn(1, 3, 4, 4), _samples([[1]]))
    assert list(seen) == ['loss_cls', 'loss_map'][::step]
    assert seen['loss_cls'][0].shape == (1, 3) and seen['loss_map'][0].shape == (1, 3, 4, 4)
    assert seen['loss_cls'][1].image_labels.tolist() == [[0.0, 1.0, 0.0]]
    assert seen['loss_map'][1].image_labels.tolist() == [[1.0, 1.0, 0.0]]


@pytest.mark.parametrize('background', ['LearnedBackground', 'ConstantBackground', 'PowerBackground'])
def test_log_odds_are_those_of_the_probabilities_and_keep_the_order_of_large_scores(background):
    model = MODELS.build(dict(type=f'mmwsl.{background}'))
    scores = torch.randn(5, 4, dtype=torch.float64)
    expected = model.image_probs(scores)[:, 1:].logit()
    torch.testing.assert_close(model.image_log_odds(scores)[:, 1:], expected)
    scores = torch.tensor([[0.0, 40.0, 0.0, 0.0], [0.0, 50.0, 0.0, 0.0]])
    assert (model.image_probs(scores)[:, 1] == 1).all()
    low, high = model.image_log_odds(scores)[:, 1]
    assert low.isfinite() and low < high
