"""The segmentor and its inference pipeline through mmseg's own test step, on tiny images."""

import math

import pytest
import torch
from mmengine.structures import PixelData
from torch import nn

from mmwsl.inference.postprocessors import PostProcessor, build_postprocessors
from mmwsl.models import WeakEncoderDecoder
from mmwsl.models.segmentors.equal_sizes import predict_by_size
from mmwsl.registry import MODELS, POSTPROCESSORS

from .test_aggregation_head import HEAD, _batch, _model, _sample


@POSTPROCESSORS.register_module()
class KeepClass(PostProcessor):
    """Assign all pixels to one class and record the inputs."""

    def __init__(self, label):
        self.label, self.seen = label, []

    def process(self, probs, data_sample):
        self.seen.append((probs.clone(), data_sample))
        return probs * 0 + torch.eye(len(probs))[self.label][:, None, None]


@pytest.mark.parametrize('test_cfg', [dict(mode='slide', crop_size=(8, 8), stride=(4, 4)), dict(dense=dict(stride=1))])
def test_inference_settings_in_test_cfg_raise_an_error_that_names_the_scorer(test_cfg):
    with pytest.raises(ValueError, match=r'`model.test_cfg` must be None or .*got .*Set `model.inference.scorer`'):
        WeakEncoderDecoder(backbone=dict(type='mmwsl.TwoConvolutions'), decode_head=HEAD, test_cfg=test_cfg)


def test_an_unknown_step_of_the_pipeline_raises_an_error():
    with pytest.raises(TypeError, match='smoother'):
        _model(dict(smoother=dict(type='mmwsl.DenseCRF')))


def test_prediction_has_the_original_image_size_and_an_image_level_label():
    model = _model().eval()
    (sample,) = model.test_step(_batch((24, 32), ori_shape=(50, 70)))
    assert sample.pred_sem_seg.shape == (50, 70)
    torch.testing.assert_close(sample.pred_label.score.sum(), torch.tensor(1.0))
    probs = sample.seg_logits.data.softmax(0)
    assert torch.equal(sample.pred_scores.data.argmax(0), sample.pred_sem_seg.data[0])
    torch.testing.assert_close(sample.pred_scores.data, probs)
    assert 'class_maps' not in sample


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


def test_postprocessors_run_in_order_before_the_argmax():
    model = _model(dict(postprocessors=[dict(type='KeepClass', label=1), dict(type='KeepClass', label=2)])).eval()
    (sample,) = model.test_step(_batch((24, 32), ori_shape=(48, 64)))
    first, second = (postprocessor.seen[0] for postprocessor in model.pipeline.postprocessors)
    assert first[0].shape == (3, 48, 64)
    torch.testing.assert_close(first[0].sum(0), torch.ones(48, 64))
    assert (second[0][1] == 1).all() and first[1] is sample
    assert (sample.pred_sem_seg.data == 2).all()


def test_image_level_prior_changes_the_mask_by_the_label():
    plain, prior = _model(), _model(dict(postprocessors=[dict(type='mmwsl.ImageLevelPrior')]))
    batch = _batch((32, 32))
    (before,) = plain.eval().test_step(dict(batch, data_samples=[_sample((32, 32))]))
    (after,) = prior.eval().test_step(dict(batch, data_samples=[_sample((32, 32))]))
    expected = before.pred_scores.data * before.pred_label.score[:, None, None]
    torch.testing.assert_close(after.pred_scores.data, expected)
    assert torch.equal(after.seg_logits.data, before.seg_logits.data)


def test_sliding_windows_share_the_label_of_the_whole_image():
    """The image-level label is aggregated from the stitched score map, not from a window."""
    scorer = dict(type='mmwsl.SlidingWindowScorer', crop_size=(16, 16), stride=(8, 8))
    model = _model(dict(scorer=scorer, postprocessors=[dict(type='KeepClass', label=1)])).eval()
    batch = _batch((32, 40))
    (sample,) = model.test_step(batch)
    ((probs, _),) = model.pipeline.postprocessors[0].seen
    assert probs.shape == (3, 32, 40)
    assert sample.img_shape == (32, 40)  # mmseg's slide_inference writes its window's size into what it is given
    stitched = model.slide_inference(model.data_preprocessor(batch)['inputs'], [dict()])
    pooled = (torch.logsumexp(5 * stitched.flatten(2), 2) - torch.tensor(32.0 * 40).log()) / 5
    torch.testing.assert_close(sample.pred_label.score, pooled.softmax(1)[0])


def test_one_large_window_equals_the_whole_image():
    scorer = dict(type='mmwsl.SlidingWindowScorer', crop_size=(64, 64), stride=(32, 32))
    whole, slide = _model(), _model(dict(scorer=scorer))
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
def test_views_are_averaged_before_the_postprocessors(background):
    model = _model(background=background)
    tta = MODELS.build(dict(type='mmwsl.WeakSegTTAModel', module=model)).eval()
    images = [torch.randint(0, 256, (3, 32, 32), dtype=torch.uint8) for _ in range(2)]
    path = dict(img_path='image.jpg')
    views = [model.test_step(dict(inputs=[p], data_samples=[_sample((32, 32), **path)]))[0] for p in images]
    (merged,) = tta.test_step(
        dict(inputs=[[p] for p in images], data_samples=[[_sample((32, 32), **path)] for _ in images])
    )
    torch.testing.assert_close(merged.pred_label.score, (views[0].pred_label.score + views[1].pred_label.score) / 2)
    mean = (views[0].pred_scores.data + views[1].pred_scores.data) / 2
    torch.testing.assert_close(merged.pred_scores.data, mean)
    assert torch.equal(merged.pred_sem_seg.data[0], mean.argmax(0))
    torch.testing.assert_close(merged.seg_logits.data, (views[0].seg_logits.data + views[1].seg_logits.data) / 2)
    model.pipeline.postprocessors = build_postprocessors([dict(type='KeepClass', label=1)])
    tta.test_step(dict(inputs=[[p] for p in images], data_samples=[[_sample((32, 32), **path)] for _ in images]))
    ((probs, _),) = model.pipeline.postprocessors[0].seen
    torch.testing.assert_close(probs, mean)


def test_a_batch_of_several_sizes_is_predicted_as_its_images_alone():
    """Not padded to one size, which would change the scores near the borders."""
    model = _model(dict(postprocessors=[dict(type='mmwsl.DenseCRF')])).eval()
    batch = _batch((24, 32), (32, 32), (24, 32))
    for name, sample in zip('abc', batch['data_samples'], strict=True):
        shape = (30, 40) if name == 'b' else (24, 32)
        sample.image = PixelData(data=torch.randint(0, 256, (3, *shape), dtype=torch.uint8))
        sample.set_metainfo(dict(img_path=name, ori_shape=shape))
    pairs = [*zip(*batch.values(), strict=True)]
    alone = [model.test_step(dict(inputs=[image], data_samples=[sample]))[0] for image, sample in pairs]
    augmented = MODELS.build(dict(type='mmwsl.WeakSegTTAModel', module=model)).eval()
    views = {name: [values, values] for name, values in batch.items()}
    for found in (model.test_step(batch), model.val_step(batch), augmented.test_step(views)):
        assert [sample.img_path for sample in found] == ['a', 'b', 'c']
        for one, other in zip(found, alone, strict=True):
            torch.testing.assert_close(one.pred_scores.data, other.pred_scores.data, rtol=1e-3, atol=1e-4)
            torch.testing.assert_close(one.pred_label.score, other.pred_label.score)


def test_a_batch_of_several_sizes_may_have_no_samples():
    images = [torch.full((3, height, 8), index) for index, height in enumerate((4, 6, 4))]
    calls = []

    def predict(data):
        calls.append(data['data_samples'])
        assert len({image.shape for image in data['inputs']}) == 1
        return [int(image[0, 0, 0]) for image in data['inputs']]

    assert predict_by_size(predict, dict(inputs=images, data_samples=None)) == [0, 1, 2]
    assert calls == [None, None]


def test_input_padding_aligns_a_network_that_does_not_pad():
    """OverFeat and the paper's head: with padding, the locations are centered at 6, 18, 30 ... of the image."""
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
    ).eval()
    # Averages in place of maxima and positive weights: same geometry, and every pixel of the field gets a gradient.
    model.backbone.pool1, model.backbone.pool2 = nn.AvgPool2d(3, 3), nn.AvgPool2d(2, 2)
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.constant_(module.weight, 1 / module.weight[0].numel())
            nn.init.zeros_(module.bias)
    image = torch.ones(1, 3, 332, 324, requires_grad=True)
    padded, size, offset = model.pipeline.scorer.input_padding(model, image)
    score_map = model(padded)
    assert score_map.shape == (1, 3, 28, 27) and size == (336, 324) and offset == (68, 68)
    (gradient,) = torch.autograd.grad(score_map[0, :, 12, 13].sum(), image)
    for dims, center in (((0, 1, 3), 6 + 12 * 12), ((0, 1, 2), 6 + 12 * 13)):
        seen = gradient.sum(dims).nonzero()  # the receptive field has 245 pixels
        assert (seen.min(), seen.max()) == (center - 122, center + 122)
    # The location centered at row 18 lies in the padding below an image of 13 rows: it is not aggregated.
    scores = torch.zeros(1, 3, 2, 2)
    label = model.decode_head.aggregate(scores, [dict()], (13, 24), (24, 24))
    scores[:, :, 1] = 1e3
    torch.testing.assert_close(model.decode_head.aggregate(scores, [dict()], (13, 24), (24, 24)), label)
    (sample,) = model(torch.zeros(1, 3, 50, 62), mode='predict')
    assert sample.pred_sem_seg.shape == (50, 62)


@torch.no_grad()
def test_scores_of_a_network_that_does_not_pad_lie_at_their_pixels():
    """Stride 2, from 1 pixel before to 5 after: 1 + 2 pixels of padding, and 1 more row for an odd height."""
    torch.manual_seed(0)
    head = dict(type='mmwsl.LSEAggregationHead', in_channels=4, num_classes=3, hidden_channels=(), same_padding=False)
    backbone = dict(type='mmwsl.PlainCNN', channels=(4,), strides=(2,))
    model = WeakEncoderDecoder(backbone=backbone, decode_head=head, train_cfg=dict()).eval()
    nn.init.normal_(model.decode_head.conv_seg.weight)
    image = torch.randn(1, 3, 21, 22)
    score_map = model(nn.functional.pad(image, (1, 2, 1, 3)))
    assert score_map.shape == (1, 3, 11, 11)
    expected = nn.functional.interpolate(score_map, (22, 22), mode='bilinear')[..., :21, :]
    seg_logits, image_logits = model.pipeline.scorer(model, image, [{}])
    torch.testing.assert_close(seg_logits, expected)
    inside = score_map[:, :, :10].flatten(2)  # the center of the last row lies at 21, below the image
    torch.testing.assert_close(image_logits, (torch.logsumexp(5 * inside, 2) - math.log(110)) / 5)


@pytest.mark.parametrize(
    'scorer',
    [
        dict(type='mmwsl.SlidingWindowScorer', crop_size=(8, 8), stride=(8, 8)),
        dict(type='mmwsl.OverlapTileScorer', tile=8, margin=4),
    ],
)
def test_windows_of_a_network_that_does_not_pad_are_an_error(scorer):
    head = dict(type='mmwsl.LSEAggregationHead', in_channels=4, num_classes=3, same_padding=False)
    with pytest.raises(ValueError, match='Scorer needs a network that pads, but `decode_head.same_padding` is False'):
        WeakEncoderDecoder(
            backbone=dict(type='mmwsl.PlainCNN', channels=(4,)), decode_head=head, inference=dict(scorer=scorer)
        )


@pytest.mark.parametrize(
    'dtype',
    [
        torch.bfloat16,
        pytest.param(
            torch.float16,
            marks=pytest.mark.skipif(
                torch.__version__ < (2, 3),
                reason='needs autocast to float16 on a CPU. Install it with: pip install torch>=2.3',
            ),
        ),
    ],
)
def test_the_pipeline_runs_in_float32_under_autocast(dtype):
    """Half precision would break the odds of scores near 1, means of many pixels, and the lattice of the CRF."""
    postprocessors = [
        dict(type='mmwsl.LogitSoftmax'),
        dict(type='mmwsl.SuperpixelVote', reduction='mean'),
        dict(type='mmwsl.DenseCRF'),
    ]
    model = _model(dict(postprocessors=postprocessors)).eval()
    batch = _batch((32, 32))
    sample = batch['data_samples'][0]
    height, width = sample.ori_shape
    sample.image = PixelData(data=torch.randint(0, 256, (3, height, width), dtype=torch.uint8))
    sample.superpixels = PixelData(data=torch.zeros(1, height, width, dtype=torch.int64))
    with torch.no_grad(), torch.autocast('cpu', dtype=dtype):
        (result,) = model.test_step(batch)
    scores = result.pred_scores.data
    assert scores.dtype == torch.float32 and not scores.isnan().any()
    torch.testing.assert_close(scores.sum(0), torch.ones(height, width))
