"""A training step reads nothing from the device: a GPU would have to finish all its work each time."""

import pytest
import torch
from mmengine.optim import build_optim_wrapper
from mmengine.structures import PixelData

from mmwsl.engine.bfloat16 import BFloat16OptimWrapper
from mmwsl.functional import boundary_affinities
from mmwsl.models.losses import CCNNLoss
from mmwsl.registry import MODELS
from tests.device_reads import CountReads

from .test_aggregation_head import HEAD, _batch, _model

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


PREPROCESSOR = dict(
    type='mmwsl.FusedSegDataPreProcessor', mean=[0] * 3, std=[255] * 3, size=(32, 32), pad_val=0, seg_pad_val=255
)
FCN = dict(
    type='mmseg.FCNHead',
    in_channels=8,
    channels=4,
    num_classes=3,
    num_convs=1,
    concat_input=False,
    loss_decode=dict(type='mmseg.CrossEntropyLoss', avg_non_ignore=True),
)


def model_of(head):
    """Build a network with a data preprocessor of our configs, and a head of our own or of mmseg."""
    parts = dict(
        backbone=dict(type='mmwsl.TwoConvolutions'), decode_head=head, data_preprocessor=MODELS.build(PREPROCESSOR)
    )
    return MODELS.build(dict(type='mmwsl.WeakEncoderDecoder', train_cfg=dict(), **parts))


def batch_with_masks():
    """Return two images, one of them with padding and ignored pixels."""
    batch = _batch((32, 32), (24, 32))
    for sample in batch['data_samples']:
        sample.gt_sem_seg = PixelData(data=torch.randint(0, 3, (1, *sample.img_shape)))
        sample.gt_sem_seg.data[0, 0] = 255
    return batch


def reads_of_step(model, **wrapper):
    """Count the reads of a whole training step: data preprocessor, losses, gradient, optimizer."""
    optimizer = dict(type='SGD', lr=0.1, momentum=0.9)
    optim_wrapper = build_optim_wrapper(model, dict(type='OptimWrapper', optimizer=optimizer) | wrapper)
    model.train_step(batch_with_masks(), optim_wrapper)  # constants are made once
    batch = batch_with_masks()
    before = [weight.detach().clone() for weight in model.parameters()]
    with CountReads() as counter:
        model.train_step(batch, optim_wrapper)
    assert any(not torch.equal(*pair) for pair in zip(before, model.parameters(), strict=True))
    return dict(counter.found)


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


@pytest.mark.parametrize('wrapper', [dict(), dict(type=BFloat16OptimWrapper)])
def test_a_step_of_an_aggregation_head_reads_nothing(wrapper):
    assert reads_of_step(model_of(HEAD), **wrapper) == {}


def test_what_mmseg_and_mmengine_read():
    """`docs/speed.md` has these numbers: two of the accuracy in the log, one of the loss, one of the clipping."""
    assert reads_of_step(model_of(FCN)) == {'boolean index': 2, 'item': 1}
    plain = dict(FCN, loss_decode=dict(type='mmseg.CrossEntropyLoss'))
    assert reads_of_step(model_of(plain)) == {'boolean index': 2}
    clipped = reads_of_step(model_of(HEAD), clip_grad=dict(max_norm=1.0))
    assert clipped == {'item': 1}


def test_affinities_from_boundaries_read_nothing():
    boundaries = torch.rand(2, 9, 9, requires_grad=True)
    with CountReads() as counter:
        boundary_affinities(boundaries, [(0, 1), (2, 3)]).sum().backward()
    assert not counter.found


def test_the_counter_finds_copies():
    """They are no operations on a CPU, and are found none the less."""
    values = torch.arange(4.0)
    with CountReads() as counter:
        values.cpu()
        values.to('cpu')
        values.numpy()
        values.tolist()
        values.unique()
        values.long().bincount()
        values.new_tensor([1])
        torch.tensor([1.0], device=values.device)
        torch.tensor([1.0]).to(values, non_blocking=True)
    assert counter.found == dict(cpu=2, numpy=1, tolist=1, unique=1, bincount=1, constant=2)


def test_the_counter_finds_the_reads_of_ccnn():
    """Its optimization ends when it has converged, so that each of its steps is read."""
    assert isinstance(MODELS.build(dict(type='mmwsl.CCNNLoss')), CCNNLoss)
    assert reads(loss_decode=dict(type='mmwsl.CCNNLoss'))['item'] > 1
    with CountReads() as counter:
        values = torch.arange(4.0)
        values[values > 1].sum().item()
    assert counter.found == {'boolean index': 1, 'item': 1}
