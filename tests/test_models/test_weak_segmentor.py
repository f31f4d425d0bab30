"""The segmentor through mmseg's own test step, on tiny images."""

import pytest
import torch
from mmengine.structures import PixelData
from torch import nn

from mmwsl.inference.postprocessors import PostProcessor
from mmwsl.models import WeakEncoderDecoder
from mmwsl.registry import MODELS, POSTPROCESSORS

from .test_aggregation_head import _batch, _model, _sample


@POSTPROCESSORS.register_module()
class KeepClass(PostProcessor):
    """Gives all pixels to one class and notes what it saw."""

    def __init__(self, label):
        self.label, self.seen = label, []

    def process(self, probs, data_sample):
        self.seen.append((probs.clone(), data_sample))
        return probs * 0 + torch.eye(len(probs))[self.label][:, None, None]


def test_a_wrong_mode_or_head_is_an_error():
    with pytest.raises(ValueError, match="`test_cfg.mode` must be 'whole' or 'slide', got 'Slide'"):
        _model(dict(mode='Slide')).eval().test_step(_batch((32, 32)))
    with pytest.raises(TypeError, match='FCNHead does not: use'):
        MODELS.build(
            dict(
                type='mmwsl.WeakEncoderDecoder',
                backbone=dict(type='mmwsl.TwoConvolutions'),
                decode_head=dict(type='mmseg.FCNHead', in_channels=8, channels=4, num_classes=3),
            )
        )


def test_prediction_is_at_the_images_own_size_with_a_label():
    model = _model().eval()
    (sample,) = model.test_step(_batch((24, 32), ori_shape=(50, 70)))
    assert sample.pred_sem_seg.shape == (50, 70)
    torch.testing.assert_close(sample.pred_label.score.sum(), torch.tensor(1.0))
    probs = sample.seg_logits.data.softmax(0)
    torch.testing.assert_close(probs.argmax(0), sample.pred_sem_seg.data[0])
    torch.testing.assert_close(probs, sample.seg_logits.data.exp())  # the learned background's sum to one


@torch.no_grad()
def test_prediction_without_samples():
    model = _model().eval()
    (sample,) = model(torch.randn(1, 3, 32, 40), mode='predict')
    assert sample.pred_sem_seg.shape == (32, 40)
    assert sample.pred_label.score.shape == (3,)


def test_independent_classes_ignore_the_background_channel():
    model = _model(background=dict(type='mmwsl.ConstantBackground', threshold=0.5)).eval()
    batch = _batch((32, 32))
    (first,) = model.test_step(dict(batch, data_samples=[_sample((32, 32))]))
    nn.init.constant_(model.decode_head.conv_seg.bias[:1], 100.0)
    (second,) = model.test_step(dict(batch, data_samples=[_sample((32, 32))]))
    torch.testing.assert_close(first.pred_sem_seg.data, second.pred_sem_seg.data)
    assert first.pred_label.score[0] == 1


def test_chain_runs_in_order_before_the_argmax():
    model = _model(postprocessors=[dict(type='KeepClass', label=1), dict(type='KeepClass', label=2)]).eval()
    (sample,) = model.test_step(_batch((24, 32), ori_shape=(48, 64)))
    first, second = (step.seen[0] for step in model.postprocessors)
    assert first[0].shape == (3, 48, 64)
    torch.testing.assert_close(first[0].sum(0), torch.ones(48, 64))
    assert (second[0][1] == 1).all() and first[1] is sample
    assert (sample.pred_sem_seg.data == 2).all()


def test_image_level_prior_changes_the_mask_by_the_label():
    plain, prior = _model(), _model(postprocessors=[dict(type='mmwsl.ImageLevelPrior')])
    batch = _batch((32, 32))
    (before,) = plain.eval().test_step(dict(batch, data_samples=[_sample((32, 32))]))
    (after,) = prior.eval().test_step(dict(batch, data_samples=[_sample((32, 32))]))
    expected = before.seg_logits.data.exp() * before.pred_label.score[:, None, None]
    torch.testing.assert_close(after.seg_logits.data.exp(), expected)


def test_sliding_windows_share_the_label_of_the_whole_image():
    """The chain runs once an image, with one label, aggregated from the stitched map and not from a window."""
    model = _model(
        dict(mode='slide', crop_size=(16, 16), stride=(8, 8)), postprocessors=[dict(type='KeepClass', label=1)]
    ).eval()
    batch = _batch((32, 40))
    (sample,) = model.test_step(batch)
    ((probs, _),) = model.postprocessors[0].seen
    assert probs.shape == (3, 32, 40)
    assert sample.img_shape == (32, 40)  # mmseg's slide_inference writes its window's size into what it is given
    stitched = model.slide_inference(model.data_preprocessor(batch)['inputs'], [dict()])
    pooled = (torch.logsumexp(5 * stitched.flatten(2), 2) - torch.tensor(32.0 * 40).log()) / 5
    torch.testing.assert_close(sample.pred_label.score, pooled.softmax(1)[0])


def test_one_large_window_equals_the_whole_image():
    whole, slide = _model(), _model(dict(mode='slide', crop_size=(64, 64), stride=(32, 32)))
    batch = _batch((32, 40))
    (first,) = whole.eval().test_step(dict(batch, data_samples=[_sample((32, 40))]))
    (second,) = slide.eval().test_step(dict(batch, data_samples=[_sample((32, 40))]))
    torch.testing.assert_close(first.seg_logits.data, second.seg_logits.data)


def test_flipped_view_is_flipped_back():
    model = _model().eval()
    image = torch.randint(0, 256, (3, 32, 32), dtype=torch.uint8)
    (plain,) = model.test_step(dict(inputs=[image], data_samples=[_sample((32, 32))]))
    meta = dict(flip=True, flip_direction='horizontal')
    (flipped,) = model.test_step(dict(inputs=[image], data_samples=[_sample((32, 32), **meta)]))
    torch.testing.assert_close(flipped.seg_logits.data.flip(-1), plain.seg_logits.data)


@pytest.mark.parametrize(
    'background', [dict(type='mmwsl.LearnedBackground'), dict(type='mmwsl.ConstantBackground', threshold=0.5)]
)
def test_tta_averages_scores_and_labels(background):
    model = _model(postprocessors=[dict(type='mmwsl.ImageLevelPrior')], background=background)
    tta = MODELS.build(dict(type='mmwsl.WeakSegTTAModel', module=model)).eval()
    images = [torch.randint(0, 256, (3, 32, 32), dtype=torch.uint8) for _ in range(2)]
    path = dict(img_path='image.jpg')
    views = [model.test_step(dict(inputs=[p], data_samples=[_sample((32, 32), **path)]))[0] for p in images]
    (merged,) = tta.test_step(
        dict(inputs=[[p] for p in images], data_samples=[[_sample((32, 32), **path)] for _ in images])
    )
    torch.testing.assert_close(merged.pred_label.score, (views[0].pred_label.score + views[1].pred_label.score) / 2)
    mean = (views[0].seg_logits.data.exp() + views[1].seg_logits.data.exp()) / 2
    torch.testing.assert_close(merged.seg_logits.data.exp(), mean)
    torch.testing.assert_close(merged.pred_sem_seg.data[0], mean.argmax(0))


def test_border_aligns_a_network_that_does_not_pad():
    """OverFeat and the paper's head: with the border, the cells are centered at 6, 18, 30 ... of the image."""
    torch.manual_seed(0)
    model = WeakEncoderDecoder(
        backbone=dict(type='mmwsl.OverFeat'),
        decode_head=dict(
            type='mmwsl.LSEAggregationHead',
            in_channels=1024,
            num_classes=3,
            hidden_channels=(4, 4, 4),
            same_padding=False,
            dropout_ratio=0.0,
        ),
        data_preprocessor=dict(type='mmseg.SegDataPreProcessor', size=(400, 400)),
        train_cfg=dict(),
        test_cfg=dict(mode='whole', border=dict(before=68, after=69, stride=12)),
    ).eval()
    # Averages in place of maxima and positive weights: same geometry, and every pixel of the field gets a gradient.
    model.backbone.pool1, model.backbone.pool2 = nn.AvgPool2d(3, 3), nn.AvgPool2d(2, 2)
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.constant_(module.weight, 1 / module.weight[0].numel())
            nn.init.zeros_(module.bias)
    image = torch.ones(1, 3, 332, 324, requires_grad=True)
    cells, canvas = model._score_cells(image)
    assert cells.shape == (1, 3, 28, 27) and canvas == (336, 324)
    (gradient,) = torch.autograd.grad(cells[0, :, 12, 13].sum(), image)
    for dims, center in (((0, 1, 3), 6 + 12 * 12), ((0, 1, 2), 6 + 12 * 13)):
        seen = gradient.sum(dims).nonzero()  # a cell sees 245 pixels
        assert (seen.min(), seen.max()) == (center - 122, center + 122)
    # The cell centered at row 18 lies in the pixels that were added below an image of 13 rows: it takes no part.
    scores = torch.zeros(1, 3, 2, 2)
    label = model.decode_head.aggregate(scores, [dict()], (13, 24), (24, 24))
    scores[:, :, 1] = 1e3
    torch.testing.assert_close(model.decode_head.aggregate(scores, [dict()], (13, 24), (24, 24)), label)
    (sample,) = model(torch.zeros(1, 3, 50, 62), mode='predict')
    assert sample.pred_sem_seg.shape == (50, 62)


@pytest.mark.parametrize(
    'dtype',
    [
        torch.bfloat16,
        pytest.param(
            torch.float16,
            marks=pytest.mark.skipif(
                torch.__version__ < (2, 3), reason='this torch has no autocast to float16 on a CPU'
            ),
        ),
    ],
)
def test_the_chain_runs_in_float32_under_autocast(dtype):
    """Steps that half precision would break: odds of scores near 1, many pixels in a superpixel, the lattice."""
    model = _model(
        postprocessors=[
            dict(type='mmwsl.LogitSoftmax'),
            dict(type='mmwsl.SuperpixelVote', reduction='mean'),
            dict(type='mmwsl.DenseCRF'),
        ]
    ).eval()
    batch = _batch((32, 32))
    sample = batch['data_samples'][0]
    height, width = sample.ori_shape
    sample.image = PixelData(data=torch.randint(0, 256, (3, height, width), dtype=torch.uint8))
    sample.superpixels = PixelData(data=torch.zeros(1, height, width, dtype=torch.int64))
    with torch.no_grad(), torch.autocast('cpu', dtype=dtype):
        (result,) = model.test_step(batch)
    scores = result.seg_logits.data
    assert scores.dtype == torch.float32 and not scores.isnan().any()
    torch.testing.assert_close(scores.exp().sum(0), torch.ones(height, width))
