"""A mirrored border around a picture, and that prediction cuts it off."""

import numpy as np
import pytest
import torch
from mmcv.transforms import Resize
from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope
from mmseg.models.segmentors import EncoderDecoder
from torch.nn import functional as F

from mmwsl.datasets.transforms import MirrorBorder, PackImageLabelInputs


def _results(height=20, width=30, **keys):
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return dict(img=image, img_path='one.jpg', img_shape=(height, width), ori_shape=(height, width), **keys)


@pytest.mark.parametrize('size', [(20, 30), (7, 3), (1, 1)])
@pytest.mark.parametrize('fraction', [0.3, 1.])
def test_pixels_beyond_the_border_are_those_before_it(size, fraction):
    plain = _results(*size)['img']
    results = MirrorBorder(fraction)(_results(*size))
    left, right, top, bottom = results['img_padding_size']
    assert (left, top) == (right, bottom) == (round(fraction * size[1]), round(fraction * size[0]))
    image = results['img']
    assert image.shape[:2] == results['img_shape'] == results['pad_shape'] == (size[0] + 2 * top, size[1] + 2 * left)

    def mirrored(place, border, side):
        period = max(2 * (side - 1), 1)
        place = (place - border) % period
        return min(place, period - place)

    rows = [mirrored(row, top, size[0]) for row in range(image.shape[0])]
    columns = [mirrored(column, left, size[1]) for column in range(image.shape[1])]
    assert (image == plain[np.ix_(rows, columns)]).all()


def test_a_fraction_of_zero_changes_nothing():
    plain, results = _results(), MirrorBorder(0)(_results())
    assert (results['img'] == plain['img']).all() and results['img_padding_size'] == (0, 0, 0, 0)


@pytest.mark.parametrize('fraction', [-0.1, 1.1, float('nan')])
def test_fractions_out_of_range_are_refused(fraction):
    with pytest.raises(ValueError, match='`fraction` must lie in'):
        MirrorBorder(fraction)


def test_a_picture_is_padded_once():
    with pytest.raises(ValueError, match='padded before, by .* keep one of the steps'):
        MirrorBorder()(MirrorBorder()(_results()))


@torch.no_grad()
def test_the_segmentor_cuts_the_border_off_and_sees_no_end_of_the_picture():
    """Two 3x3 convolutions: as without a border inside; at the rim, the mirror image in place of zeros."""
    init_default_scope('mmseg')
    torch.manual_seed(0)
    head = dict(type='FCNHead', in_channels=4, channels=4, num_convs=1, concat_input=False, num_classes=3,
                dropout_ratio=0., loss_decode=dict(type='CrossEntropyLoss'))
    model = EncoderDecoder(
        backbone=dict(type='mmwsl.PlainCNN', channels=(4, ), strides=(1, )), decode_head=ConfigDict(head),
        test_cfg=ConfigDict(mode='whole'), data_preprocessor=dict(type='SegDataPreProcessor', mean=[0.] * 3,
                                                                  std=[255.] * 3)).eval()
    torch.nn.init.normal_(model.decode_head.conv_seg.weight)

    def scores(*transforms):
        results = _results()
        for transform in transforms:
            results = transform(results)
        packed = PackImageLabelInputs()(results)
        batch = dict(inputs=[packed['inputs']], data_samples=[packed['data_samples']])
        return model.test_step(batch)[0].seg_logits.data

    resize = Resize(scale=(30, 20))
    plain, bordered = scores(resize), scores(resize, MirrorBorder(0.2))
    picture = torch.from_numpy(_results()['img']).permute(2, 0, 1)[None].float() / 255
    picture = F.pad(picture, (6, 6, 4, 4), mode='reflect')
    expected = model.encode_decode(picture, [dict(img_shape=(28, 42))])[0, :, 4:-4, 6:-6]
    torch.testing.assert_close(bordered, expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(plain[:, 3:-3, 3:-3], bordered[:, 3:-3, 3:-3], rtol=1e-4, atol=1e-5)
    assert (plain[:, 0] - bordered[:, 0]).abs().max() > 1e-3
