"""A training step reads nothing from the device: a GPU would have to finish all its work each time."""

import pytest
import torch

from mmwsl.models.losses import CCNNLoss
from mmwsl.registry import MODELS
from tests.device_reads import CountReads

from .test_aggregation_head import _batch, _model

AGGREGATORS = {
    'lse': dict(type='mmwsl.LSEPooling'),
    'learned lse': dict(type='mmwsl.LSEPooling', learnable=True, num_classes=3),
    'gap': dict(type='mmwsl.GlobalAveragePooling'),
    'gmp': dict(type='mmwsl.GlobalMaxPooling'),
    'gwrp': dict(type='mmwsl.GlobalWeightedRankPooling'),
    'top k': dict(type='mmwsl.TopKPooling', k=4),
    'weldon': dict(type='mmwsl.WELDONPooling', kmax=3, kmin=3),
    'wildcat': dict(type='mmwsl.WILDCATPooling', kmax=0.2, kmin=0.2, alpha=0.7),
    'noisy or': dict(type='mmwsl.NoisyOrPooling'),
    'gem': dict(type='mmwsl.GeMPooling'),
    'softmax': dict(type='mmwsl.SoftmaxPooling'),
}


def reads(**head):
    """Count the reads of forward and backward on images with padding."""
    model = _model(**head)
    batch = model.data_preprocessor(_batch((32, 32), (24, 32)), training=True)
    model(**batch, mode='loss')  # constants are made once
    with CountReads() as counter:
        sum(model(**batch, mode='loss').values()).backward()
    return dict(counter.found)


@pytest.mark.parametrize('name', AGGREGATORS)
@pytest.mark.parametrize('loss', ['mmwsl.MultiLabelSoftMarginLoss', 'mmwsl.SoftmaxCrossEntropyLoss'])
def test_no_aggregator_reads(name, loss):
    assert reads(aggregator=AGGREGATORS[name], loss_decode=dict(type=loss)) == {}


@pytest.mark.parametrize(
    'loss',
    [
        dict(type='mmwsl.MILFCNLoss'),
        dict(type='mmwsl.AsymmetricLoss'),
        dict(type='mmwsl.MultiLabelFocalLoss'),
        dict(type='mmwsl.AveragePrecisionLoss'),
    ],
)
def test_no_loss_reads(loss):
    assert reads(loss_decode=loss) == {}


def test_the_counter_finds_the_reads_of_ccnn():
    """Its optimization ends when it has converged, so that each of its steps is read."""
    assert isinstance(MODELS.build(dict(type='mmwsl.CCNNLoss')), CCNNLoss)
    assert reads(loss_decode=dict(type='mmwsl.CCNNLoss'))['item'] > 1
    with CountReads() as counter:
        values = torch.arange(4.0)
        values[values > 1].sum().item()
    assert counter.found == {'boolean index': 1, 'item': 1}
