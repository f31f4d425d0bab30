"""Boxes of a beam search as class maps of a network."""

import numpy as np
import pytest
import torch
from mmengine.structures import LabelData
from mmseg.structures import SegDataSample
from torch import nn

from mmwsl.inference import BeamSearchBoxes
from mmwsl.models import WeakEncoderDecoder


class Blocks(nn.Module):
    """Backbone that averages blocks of four pixels."""

    def forward(self, inputs):
        return (nn.functional.avg_pool2d(inputs, 4),)


def network(**settings):
    """Return a network whose class 1 is red and whose class 2 is green, against the mean over the image."""
    model = WeakEncoderDecoder(
        backbone=dict(type='mmwsl.PlainCNN', channels=(3,), strides=(4,), pools=(0,)),
        train_cfg=dict(),
        inference=dict(class_maps=dict(type='mmwsl.BeamSearchBoxes', **settings)),
        decode_head=dict(
            type='mmwsl.LSEAggregationHead',
            in_channels=3,
            num_classes=3,
            hidden_channels=(),
            kernel_size=1,
            aggregator=dict(type='mmwsl.GlobalAveragePooling'),
            background=dict(type='mmwsl.ConstantBackground', threshold=0.5),
            loss_decode=dict(type='mmwsl.MultiLabelSoftMarginLoss'),
        ),
        data_preprocessor=dict(type='mmseg.SegDataPreProcessor', size=(32, 48)),
    ).eval()
    model.backbone = Blocks()
    with torch.no_grad():
        model.decode_head.conv_seg.weight.zero_()
        model.decode_head.conv_seg.weight[1, 0] = model.decode_head.conv_seg.weight[2, 1] = 1
        model.decode_head.conv_seg.bias.zero_()
    return model


def predict(model, image, **meta):
    sample = SegDataSample(metainfo=dict(img_shape=image.shape[1:], ori_shape=image.shape[1:], **meta))
    data = model.data_preprocessor(dict(inputs=[image], data_samples=[sample]))
    with torch.no_grad():
        return model.predict(data['inputs'], data['data_samples'])[0]


@pytest.fixture
def image():
    """Red is good evidence in one quarter and bad elsewhere; green is good everywhere."""
    image = torch.full((3, 32, 32), -1.0)
    image[0, 16:, 8:16] = 3
    image[1] = 1
    return image


def test_the_box_has_all_the_evidence_and_no_more(image):
    sample = predict(network(levels=20), image)
    maps = sample.pred_scores.data
    probs = torch.sigmoid(torch.tensor([image[0].mean(), image[1].mean()]))
    torch.testing.assert_close(sample.pred_label.score[1:], probs)
    inside = torch.zeros(32, 32, dtype=torch.bool)
    inside[16:, 8:16] = True
    assert torch.equal(maps[1] > probs[0] / 2, inside)
    assert torch.equal(maps[2] > probs[1] / 2, torch.ones(32, 32, dtype=torch.bool))  # the image, without the padding
    assert not maps[0].any()
    y, x = np.unravel_index(int(maps[1].argmax()), (32, 32))
    assert (abs(y - 23.5), abs(x - 11.5)) == (0.5, 0.5)


def test_classes_below_the_threshold_keep_the_image(image):
    maps = predict(network(levels=20, threshold=0.9), image).pred_scores.data
    assert torch.equal(maps[1] > maps[1].max() / 2, torch.ones(32, 32, dtype=torch.bool))


def test_the_number_of_boxes_at_once_and_the_flip_do_not_matter(image):
    one, many = (predict(network(levels=20, batch=batch), image).pred_scores.data for batch in (1, 64))
    torch.testing.assert_close(one, many)
    flipped = predict(network(levels=20), image.flip(-1), flip=True, flip_direction='horizontal').pred_scores.data
    torch.testing.assert_close(flipped, one, atol=1e-5, rtol=0)


def test_a_head_that_does_not_aggregate_is_rejected():
    with pytest.raises(ValueError, match='BeamSearchBoxes needs image-level probabilities'):
        WeakEncoderDecoder(
            backbone=dict(type='mmwsl.PlainCNN', channels=(3,), strides=(4,), pools=(0,)),
            train_cfg=dict(),
            inference=dict(class_maps=dict(type='mmwsl.BeamSearchBoxes')),
            decode_head=dict(type='FCNHead', in_channels=3, channels=4, num_classes=3, num_convs=1),
        )


@pytest.mark.parametrize(
    'settings, message',
    [
        (dict(width=0), '`width` must be at least 1, got 0'),
        (dict(levels=-1), '`levels` must be at least 0'),
        (dict(ratio=1.0), r'`ratio` must be in \(0, 1\), got 1.0'),
        (dict(threshold=2), r'`threshold` must be in \[0, 1\], got 2'),
    ],
)
def test_arguments(settings, message):
    with pytest.raises(ValueError, match=message):
        BeamSearchBoxes(**settings)


def test_labels_that_are_known_to_be_absent_have_an_empty_map(image):
    model = network(levels=20)
    sample = SegDataSample(metainfo=dict(img_shape=(32, 32), ori_shape=(32, 32)))
    sample.pred_label = LabelData(score=torch.tensor([1.0, 0.0, 0.5]))
    inputs = torch.nn.functional.pad(image, (0, 16))[None]
    sample.set_metainfo(dict(padding_size=[0, 16, 0, 0]))
    maps = model.pipeline.class_maps(model, inputs, [sample], [])[0]
    assert not maps[1].any() and maps[2].max() > 0.45
