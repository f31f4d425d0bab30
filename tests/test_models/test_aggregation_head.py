"""The head in mmseg's train step, on tiny images."""

import pytest
import torch
from mmengine.structures import LabelData
from mmseg.structures import SegDataSample
from torch import nn

from mmwsl.models import LSEAggregationHead
from mmwsl.registry import MODELS

HEAD = dict(
    type='mmwsl.LSEAggregationHead',
    in_channels=8,
    num_classes=3,
    hidden_channels=(6,),
    kernel_size=(3, 1),
    same_padding=True,
    dropout_ratio=0.0,
)


@MODELS.register_module()
class TwoConvolutions(nn.Module):
    """A backbone of stride 4."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 8, 3, 2, 1), nn.ReLU())

    def forward(self, x):
        return (self.layers(x),)


def _model(inference=None, **head):
    torch.manual_seed(0)
    model = MODELS.build(
        dict(
            type='mmwsl.WeakEncoderDecoder',
            backbone=dict(type='mmwsl.TwoConvolutions'),
            decode_head={**HEAD, **head},
            data_preprocessor=dict(type='mmseg.SegDataPreProcessor', size=(32, 32)),
            train_cfg=dict(),
            inference=inference,
        )
    )
    nn.init.normal_(model.decode_head.conv_seg.weight)  # mmseg's 0.01 would leave all scores alike
    return model


def _sample(shape, labels=(0.0, 1.0, 0.0), ori_shape=None, **meta):
    sample = SegDataSample(metainfo=dict(img_shape=shape, ori_shape=ori_shape or shape, **meta))
    sample.gt_label = LabelData(label=torch.tensor(labels).nonzero()[:, 0], score=torch.tensor(labels))
    return sample


def _batch(*shapes, **kwargs):
    images = [torch.randint(0, 256, (3, *shape), dtype=torch.uint8) for shape in shapes]
    return dict(inputs=images, data_samples=[_sample(shape, **kwargs) for shape in shapes])


def test_the_papers_network_is_the_default():
    head = LSEAggregationHead(1024, num_classes=21, same_padding=False)
    convolutions = [m for m in head.convs.modules() if isinstance(m, nn.Conv2d)] + [head.conv_seg]
    assert [(c.out_channels, c.kernel_size, c.padding) for c in convolutions] == [
        (1024, (3, 3), (0, 0)),
        (768, (3, 3), (0, 0)),
        (512, (3, 3), (0, 0)),
        (21, (3, 3), (0, 0)),
    ]
    assert sum(isinstance(m, nn.Dropout) and m.p == 0.5 for m in head.modules()) == 3
    assert head([torch.zeros(1, 1024, 29, 29)]).shape == (1, 21, 21, 21)


def test_one_1x1_convolution_is_the_smallest_head():
    head = LSEAggregationHead(8, num_classes=3, hidden_channels=(), kernel_size=1)
    assert [name for name, _ in head.named_parameters()] == ['conv_seg.weight', 'conv_seg.bias']
    assert head([torch.zeros(2, 8, 1, 1)]).shape == (2, 3, 1, 1)


@pytest.mark.parametrize('loss', ['mmwsl.MultiLabelSoftMarginLoss', 'mmwsl.SoftmaxCrossEntropyLoss'])
@pytest.mark.parametrize(
    'aggregator',
    [dict(type='mmwsl.LSEPooling', learnable=True, num_classes=3), dict(type='mmwsl.GlobalAveragePooling')],
)
def test_mixed_precision_trains_with_a_float32_loss(loss, aggregator):
    model = _model(loss_decode=dict(type=loss), aggregator=aggregator)
    batch = model.data_preprocessor(_batch((32, 32), (24, 32)), training=True)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        seg_logits = model(batch['inputs'])
        value = model.decode_head.loss_by_feat(seg_logits, batch['data_samples'])['loss_cls']
    assert seg_logits.dtype == torch.bfloat16 and value.dtype == torch.float32
    # From the scores on, nothing is rounded: the loss equals the loss of the same scores in float32.
    exact = model.decode_head.loss_by_feat(seg_logits.float(), batch['data_samples'])['loss_cls']
    torch.testing.assert_close(value, exact, rtol=0, atol=0)
    value.backward()
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())


def test_several_feature_maps_are_concatenated():
    head = LSEAggregationHead(
        [4, 8], num_classes=3, hidden_channels=(), kernel_size=1, in_index=[0, 1], input_transform='resize_concat'
    )
    assert head([torch.zeros(1, 4, 8, 8), torch.zeros(1, 8, 4, 4)]).shape == (1, 3, 8, 8)


@pytest.mark.parametrize('kernel_size', [2, (3,), (3, 4)])
def test_bad_kernel_size(kernel_size):
    with pytest.raises(ValueError, match='`kernel_size` must be odd, one number or 2 numbers'):
        LSEAggregationHead(8, num_classes=3, hidden_channels=(4,), kernel_size=kernel_size)


def test_training_step_needs_no_mask_and_reaches_all_parameters():
    model = _model()
    batch = model.data_preprocessor(_batch((32, 32), (24, 32)), training=True)
    assert 'gt_sem_seg' not in batch['data_samples'][0]
    losses = model(**batch, mode='loss')
    assert set(losses) == {'decode.loss_cls'}
    losses['decode.loss_cls'].backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad.abs().sum() > 0, name


def test_loss_uses_the_aggregated_scores():
    model = _model(loss_decode=dict(type='mmwsl.MultiLabelSoftMarginLoss'))
    batch = model.data_preprocessor(_batch((32, 32)), training=True)
    scores = model(batch['inputs'])[0, :, :, :].flatten(1)
    pooled = (torch.logsumexp(5 * scores, 1) - torch.tensor(64.0).log()) / 5
    expected = torch.nn.functional.binary_cross_entropy_with_logits(pooled, torch.tensor([0.0, 1.0, 0.0]))
    torch.testing.assert_close(model(**batch, mode='loss')['decode.loss_cls'], expected)


def test_padding_of_a_training_batch_does_not_change_the_score():
    """The aggregated scores depend only on the locations inside the image."""
    head = LSEAggregationHead(8, num_classes=3, hidden_channels=(), kernel_size=1)
    scores = torch.randn(2, 3, 8, 8)
    metas = [dict(img_shape=(32, 32), padding_size=(0, 0, 0, 0)), dict(img_shape=(16, 32), padding_size=(0, 0, 0, 16))]
    before = head.aggregate(scores, metas, (32, 32))
    scores[1, :, 4:] = 1e3
    torch.testing.assert_close(head.aggregate(scores, metas, (32, 32)), before)
    scores[0, :, 4:] = 1e3
    assert (head.aggregate(scores, metas, (32, 32))[0] > before[0]).all()


def test_two_losses_of_one_name_add_up():
    loss = dict(type='mmwsl.MultiLabelSoftMarginLoss')
    one, two = _model(loss_decode=loss), _model(loss_decode=[loss, loss])
    batch = one.data_preprocessor(_batch((32, 32)), training=True)
    torch.testing.assert_close(
        two(**batch, mode='loss')['decode.loss_cls'], 2 * one(**batch, mode='loss')['decode.loss_cls']
    )


def test_samples_without_image_level_labels_name_the_transform():
    model = _model()
    batch = model.data_preprocessor(_batch((32, 32)), training=True)
    del batch['data_samples'][0].gt_label
    with pytest.raises(KeyError, match='PackImageLabelInputs'):
        model(**batch, mode='loss')
    batch['data_samples'] = [_sample((32, 32), (0.0, 1.0), padding_size=(0, 0, 0, 0))]
    with pytest.raises(ValueError, match='`decode_head.num_classes` must be 2, .* got 3'):
        model(**batch, mode='loss')
