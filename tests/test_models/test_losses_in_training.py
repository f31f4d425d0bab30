"""Losses of score maps in training: through the head, in a step of the segmentor, and through the runner."""

import csv

import pytest
import torch
from mmengine.config import Config, ConfigDict
from mmengine.runner import Runner
from mmengine.structures import LabelData, PixelData
from mmseg.structures import SegDataSample

from mmwsl.functional import mil_fcn_loss, score_map_cross_entropy
from mmwsl.models.losses import CCNNLoss, WeakSupervision
from mmwsl.registry import MODELS

from ..conftest import write_scenes
from .test_losses_score_map import LABELS, VALID, _mask, _scores

# Through the head


def _head(loss, **kwargs):
    return MODELS.build(
        dict(
            type='mmwsl.LSEAggregationHead',
            in_channels=8,
            num_classes=4,
            hidden_channels=(),
            kernel_size=1,
            aggregator=dict(type='mmwsl.GlobalMaxPooling'),
            loss_decode=loss,
            **kwargs,
        )
    )


def _sample(labels=None, mask=None, size=None, shape=(24, 24)):
    sample = SegDataSample(metainfo=dict(img_shape=shape, padding_size=(0, 24 - shape[1], 0, 24 - shape[0])))
    if labels is not None:
        sample.gt_label = LabelData(score=torch.tensor(labels))
        if size is not None:
            sample.gt_label.size = torch.tensor(size)
    if mask is not None:
        sample.gt_sem_seg = PixelData(data=mask[None])
    return sample


def test_head_samples_masks_at_the_centers_of_locations():
    mask = torch.full((24, 24), 255)
    mask[2::4, 2::4] = _mask().masked_fill(_mask() == -1, 255)  # locations of 4 pixels, centered between 1 and 2
    scores = _scores(2, 4, 6, 6)
    losses = _head(dict(type='mmwsl.MILFCNLoss')).loss_by_feat(
        scores, [_sample(LABELS[0].tolist()), _sample(mask=mask)]
    )
    weak = mil_fcn_loss(scores[:1], LABELS[:1])[0]
    expected = (weak + score_map_cross_entropy(scores[1:], _mask()[None])[0]) / 2
    torch.testing.assert_close(losses, dict(loss_map=expected))


def test_head_ignores_padding():
    head, scores = _head(dict(type='mmwsl.MILFCNLoss')), _scores(1, 4, 6, 6)
    samples = [_sample(LABELS[1].tolist(), shape=(16, 24))]
    value = head.loss_by_feat(scores, samples)['loss_map']
    torch.testing.assert_close(value, mil_fcn_loss(scores, LABELS[1:], VALID[1:])[0])


def test_head_passes_size_labels():
    head, scores = _head(dict(type='mmwsl.CCNNLoss')), _scores(2, 4, 6, 6)
    samples = [_sample(LABELS[0].tolist(), size=[-1.0, 0.0, -1.0, -1.0]), _sample(LABELS[1].tolist())]
    sizes = torch.tensor([[-1.0, 0.0, -1.0, -1.0], [-1.0] * 4])
    value = head.loss_by_feat(scores, samples)['loss_map']
    loss, every = CCNNLoss(), torch.ones_like(VALID)
    torch.testing.assert_close(value, loss(scores, WeakSupervision(LABELS, every, sizes=sizes)))
    assert value != loss(scores, WeakSupervision(LABELS, every))


def test_image_logits_and_masks_in_one_head():
    """The image-level labels of every image train one loss, the masks another."""
    scores = _scores(2, 4, 6, 6)
    mask = torch.zeros(24, 24, dtype=torch.long)
    samples = [_sample([0.0, 1.0, 0.0, 0.0]), _sample([0.0, 0.0, 1.0, 0.0], mask)]
    both = _head([dict(type='mmwsl.SoftmaxCrossEntropyLoss'), dict(type='mmwsl.MaskCrossEntropyLoss')])
    labels_alone = _head(dict(type='mmwsl.SoftmaxCrossEntropyLoss'))
    losses = both.loss_by_feat(scores, samples)
    torch.testing.assert_close(losses['loss_cls'], labels_alone.loss_by_feat(scores, samples)['loss_cls'])
    torch.testing.assert_close(losses['loss_map'], -scores.log_softmax(1)[1, 0].mean())


def test_errors_of_the_head():
    with pytest.raises(
        ValueError, match='LearnedBackground for the softmax of MILFCNLoss, got ConstantBackground. Use dict'
    ):
        _head(dict(type='mmwsl.MILFCNLoss'), background=dict(type='mmwsl.ConstantBackground'))
    binary = [dict(type='mmwsl.MultiLabelSoftMarginLoss'), dict(type='mmwsl.MaskBinaryCrossEntropyLoss')]
    with pytest.raises(ValueError, match='ConstantBackground for the independent classes of MaskBinary'):
        _head(binary)
    _head(binary, background=dict(type='mmwsl.PowerBackground'))
    mask, scores = torch.zeros(24, 24, dtype=torch.long), _scores(1, 4, 6, 6)
    with pytest.raises(KeyError, match='PackImageLabelInputs'):  # a mask does not replace the label of an image loss
        _head(dict(type='mmwsl.SoftmaxCrossEntropyLoss')).loss_by_feat(scores, [_sample(mask=mask)])
    with pytest.raises(KeyError, match='PackImageLabelInputs'):
        _head(dict(type='mmwsl.MILFCNLoss')).loss_by_feat(scores, [_sample()])
    with pytest.raises(ValueError, match='`labels` must be classes 0 to 3'):
        _head(dict(type='mmwsl.MILFCNLoss')).loss_by_feat(scores, [_sample(mask=mask + 4)])


@pytest.mark.parametrize(
    'loss',
    [
        'MILFCNLoss',
        'EMFixedLoss',
        'EMAdaptLoss',
        'CCNNLoss',
        'AveragePrecisionLoss',
        'AsymmetricLoss',
        'MultiLabelFocalLoss',
    ],
)
def test_training_step(loss):
    torch.manual_seed(0)
    model = MODELS.build(
        dict(
            type='mmwsl.WeakEncoderDecoder',
            backbone=dict(type='mmwsl.PlainCNN', channels=(8,), strides=(4,)),
            decode_head=dict(
                type='mmwsl.LSEAggregationHead',
                in_channels=8,
                num_classes=4,
                hidden_channels=(6,),
                kernel_size=1,
                dropout_ratio=0.0,
                loss_decode=dict(type=f'mmwsl.{loss}'),
                init_cfg=dict(type='Normal', std=0.3, override=dict(name='conv_seg')),
            ),
            data_preprocessor=dict(
                type='mmseg.SegDataPreProcessor',
                size=(24, 24),
                pad_val=0,
                seg_pad_val=255,
                mean=[128.0] * 3,
                std=[64.0] * 3,
            ),
            train_cfg=dict(),
            test_cfg=ConfigDict(mode='whole'),
        )
    )
    model.init_weights()
    images = [torch.randint(0, 256, (3, side, 24), dtype=torch.uint8) for side in (24, 20)]
    labels = [[1.0, 1.0, 0.0, 0.0], [1.0, 0.0, 1.0, 0.0]]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    values = []
    for _ in range(8):
        samples = [_sample(label) for label in labels]
        batch = model.data_preprocessor(dict(inputs=images, data_samples=samples), training=True)
        value, log = model.parse_losses(model(**batch, mode='loss'))
        optimizer.zero_grad()
        value.backward()
        assert all(parameter.grad.isfinite().all() for parameter in model.parameters())
        optimizer.step()
        values.append(value.item())
    assert values[-1] < values[0]


# Through the runner


def test_masks_and_image_level_labels_mixed_in_one_config(tmp_path):
    """A folder with masks only and a folder with image-level labels only both reach the loss in every batch."""
    for name, seed in (('strong', 0), ('weak', 1)):
        write_scenes(tmp_path / name, count=4, size=24, seed=seed)
    (tmp_path / 'weak' / 'masks' / '0.png').write_bytes(b'not an image')  # opening it raises an error
    with open(tmp_path / 'weak' / 'labels.csv', 'w', newline='') as file:
        csv.writer(file).writerows([('image', 'labels'), *((f'{i}.png', 'square') for i in range(4))])
    classes = dict(classes=('background', 'square'))
    load = dict(type='mmwsl.LoadImageAsBGR')
    strong = dict(
        type='mmwsl.FolderWeakDataset',
        data_root=str(tmp_path / 'strong'),
        metainfo=classes,
        img_suffix='.png',
        data_prefix=dict(img_path='images', seg_map_path='masks'),
        pipeline=[load, dict(type='LoadAnnotations'), dict(type='PackSegInputs')],
    )
    weak = dict(
        type='mmwsl.FolderWeakDataset',
        data_root=str(tmp_path / 'weak'),
        metainfo=classes,
        img_suffix='.png',
        data_prefix=dict(img_path='images'),
        label_file='labels.csv',
        pipeline=[load, dict(type='mmwsl.PackImageLabelInputs')],
    )
    config = Config(
        dict(
            default_scope='mmseg',
            work_dir=str(tmp_path / 'work'),
            randomness=dict(seed=0),
            model=dict(
                type='mmwsl.WeakEncoderDecoder',
                train_cfg=dict(),
                test_cfg=dict(mode='whole'),
                backbone=dict(type='mmwsl.PlainCNN', channels=(8,), strides=(4,)),
                decode_head=dict(
                    type='mmwsl.LSEAggregationHead',
                    in_channels=8,
                    num_classes=2,
                    hidden_channels=(),
                    kernel_size=1,
                    aggregator=dict(type='mmwsl.GlobalMaxPooling'),
                    loss_decode=dict(type='mmwsl.EMAdaptLoss'),
                ),
                data_preprocessor=dict(
                    type='SegDataPreProcessor',
                    size=(24, 24),
                    pad_val=0,
                    seg_pad_val=255,
                    mean=[128.0] * 3,
                    std=[64.0] * 3,
                ),
            ),
            train_dataloader=dict(
                batch_size=8,
                num_workers=0,
                sampler=dict(type='DefaultSampler', shuffle=True),
                dataset=dict(type='ConcatDataset', datasets=[strong, weak]),
            ),
            train_cfg=dict(type='EpochBasedTrainLoop', max_epochs=2),
            log_level='WARNING',
            optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.1)),
        )
    )
    runner = Runner.from_cfg(config)
    seen = []
    runner.model.decode_head.loss_decode.register_forward_pre_hook(lambda module, inputs: seen.append(inputs))
    before = [parameter.detach().clone() for parameter in runner.model.parameters()]
    runner.train()
    assert len(seen) == 2
    for _, supervision in seen:
        masks = supervision.masks
        assert sum(mask is not None for mask in masks) == 4
        for labels, mask in zip(supervision.image_labels.tolist(), masks, strict=True):
            assert labels == [1.0, 1.0 if mask is None else -1.0]
    assert any(not torch.equal(a, b) for a, b in zip(before, runner.model.parameters(), strict=True))
