"""Class activation maps in the inference pipeline, with and without test-time augmentation."""

import json

import pytest
import torch
from mmengine.config import Config
from mmengine.structures import LabelData
from mmseg.structures import SegDataSample
from torch import nn

from mmwsl import apis
from mmwsl.functional import class_activation_maps, power_background
from mmwsl.inference.postprocessors import PostProcessor
from mmwsl.models import WeakEncoderDecoder
from mmwsl.registry import MODELS, POSTPROCESSORS

CONSTANT = dict(type='mmwsl.ConstantBackground', threshold=0.4)


@POSTPROCESSORS.register_module()
class Spy(PostProcessor):
    """Record the maps, and halve them."""

    def __init__(self):
        self.seen = []

    def process(self, probs, data_sample):
        self.seen.append((probs, data_sample.pred_label.score))
        return probs / 2


def _model(maps=None, aggregator='GlobalAveragePooling', background=CONSTANT, head=None, **inference):
    torch.manual_seed(0)
    if maps is not None:
        inference['class_maps'] = dict(maps, type='mmwsl.ClassActivationMaps')
    backbone = dict(type='mmwsl.PlainCNN', channels=(6, 8), strides=(2, 1), pools=(0, 2))
    model = WeakEncoderDecoder(
        backbone=backbone,
        train_cfg=dict(),
        inference=inference,
        decode_head=dict(
            type='mmwsl.LSEAggregationHead',
            in_channels=8,
            num_classes=4,
            hidden_channels=(),
            aggregator=dict(type=f'mmwsl.{aggregator}'),
            background=background,
            **head or dict(kernel_size=1),
        ),
        data_preprocessor=dict(type='mmseg.SegDataPreProcessor', size=(32, 32)),
    )
    nn.init.normal_(model.decode_head.conv_seg.weight)
    return model.eval()


def _sample(shape=(32, 32), labels=(0.0, 1.0, -1.0, 0.0), **meta):
    sample = SegDataSample(metainfo=dict(img_shape=shape, ori_shape=(30, 36), img_path='image.jpg', **meta))
    sample.gt_label = LabelData(score=torch.tensor(labels))
    return sample


def _views():
    """An image in two sizes, plain and flipped, as a test-time augmentation delivers it."""
    images = [torch.randint(0, 256, (3, side, side), dtype=torch.uint8) for side in (32, 48)]
    views = [(image, {}) for image in images]
    views += [(image.flip(2), dict(flip=True, flip_direction='horizontal')) for image in images]
    return dict(
        inputs=[[image] for image, _ in views],
        data_samples=[[_sample(image.shape[1:], **meta)] for image, meta in views],
    )


def _scores(model, image, sample):
    """Score one view at the original image size and orientation with the network alone."""
    with torch.no_grad():
        inputs = model.data_preprocessor(dict(inputs=[image], data_samples=[sample]))['inputs']
        scores = model.pipeline.scorer(model, inputs, [{}])[0]
        scores = scores.flip(3) if sample.metainfo.get('flip') else scores
        return nn.functional.interpolate(scores, (30, 36), mode='bilinear')[0]


@pytest.mark.parametrize('normalization', ['max', 'min_max'])
@pytest.mark.parametrize('background', [CONSTANT, dict(type='mmwsl.PowerBackground', alpha=4.0)])
def test_all_views_make_one_map(normalization, background):
    model = _model(dict(normalization=normalization, background=background))
    tta, batch = MODELS.build(dict(type='mmwsl.WeakSegTTAModel', module=model)), _views()
    scores = [_scores(model, image, sample) for (image,), (sample,) in zip(*batch.values(), strict=True)]
    foreground = class_activation_maps([score[1:] for score in scores], normalization)
    expected = power_background(foreground, 4.0)
    if background is CONSTANT:
        expected[0] = 0.4
    (merged,) = tta.test_step(batch)
    probs = merged.pred_scores.data
    torch.testing.assert_close(probs, expected)
    torch.testing.assert_close(merged.pred_sem_seg.data[0], expected.argmax(0))
    assert len(merged.pred_sem_seg.data.unique()) > 1
    (single,) = model.test_step(dict(inputs=batch['inputs'][0], data_samples=[_sample()]))
    assert (single.pred_scores.data - probs).abs().max() > 0.01, 'the other views changed nothing'


def test_postprocessors_run_once_on_the_merged_maps_with_the_merged_label():
    model = _model(dict(), postprocessors=[dict(type='Spy')])
    tta, batch = MODELS.build(dict(type='mmwsl.WeakSegTTAModel', module=model)), _views()
    labels = [
        model.test_step(dict(inputs=inputs, data_samples=[_sample(inputs[0].shape[1:])]))[0].pred_label.score
        for inputs in batch['inputs']
    ]
    (spy,) = model.pipeline.postprocessors
    spy.seen.clear()
    (merged,) = tta.test_step(batch)
    ((maps, label),) = spy.seen
    torch.testing.assert_close(label, torch.stack(labels).mean(0))
    assert torch.equal(merged.pred_label.score, label)
    assert (maps[1:].amax((1, 2)) == 1).all()
    assert torch.equal(merged.pred_scores.data, maps / 2)


@pytest.mark.parametrize('normalization', ['max', 'min_max'])
def test_image_labels_make_absent_classes_zero_before_the_background(normalization):
    """Class 1 is present, 2 unknown, 3 absent."""
    maps = dict(normalization=normalization, background=dict(type='mmwsl.PowerBackground', alpha=2.0))
    plain, labeled = _model(maps), _model(maps, image_labels=dict(type='mmwsl.KnownImageLabels'))
    with torch.no_grad():
        for model in (plain, labeled):  # the absent class has the highest scores
            model.decode_head.conv_seg.bias[3] = 5.0
    batch = _views()
    results = [
        MODELS.build(dict(type='mmwsl.WeakSegTTAModel', module=model)).test_step(_clone(batch))[0]
        for model in (plain, labeled)
    ]
    before, after = (result.pred_scores.data for result in results)
    assert before[3].max() == 1 and not after[3].any()
    torch.testing.assert_close(after[1:3], before[1:3])
    torch.testing.assert_close(after[0], (1 - before[1:3].amax(0)) ** 2)
    assert not (results[1].pred_sem_seg.data == 3).any() and (results[0].pred_sem_seg.data == 3).any()
    assert results[1].pred_label.score[1] == 1 and results[1].pred_label.score[3] == 0
    assert plain.pipeline.provenance == {} and 'image_labels' in labeled.pipeline.provenance


def _clone(batch):
    return dict(
        inputs=batch['inputs'], data_samples=[[view.clone() for view in views] for views in batch['data_samples']]
    )


def test_a_result_that_uses_image_labels_reports_them(repository, tmp_path):
    cfg = Config.fromfile(repository / 'configs/shapes/wsl_lse_shapes.py')
    cfg.work_dir, cfg.experiment_name = str(tmp_path / 'work'), tmp_path.name
    cfg.model.inference = dict(
        image_labels=dict(type='mmwsl.KnownImageLabels'), class_maps=dict(type='mmwsl.ClassActivationMaps')
    )
    cfg.test_dataloader.update(num_workers=0, persistent_workers=False)
    cfg.test_dataloader.dataset.length = 2
    torch.save(dict(state_dict=MODELS.build(dict(cfg.model, _scope_='mmseg')).state_dict()), tmp_path / 'weights.pth')
    metrics = apis.test(cfg, str(tmp_path / 'weights.pth'))
    written = json.loads(next((tmp_path / 'work').glob('*/*.json')).read_text())
    assert metrics['image_labels'] == written['image_labels'] and metrics['mIoU'] == written['mIoU']


@pytest.mark.parametrize(
    'options',
    [
        dict(),
        dict(aggregator='LSEPooling'),
        dict(aggregator='WILDCATPooling'),
        dict(aggregator='NoisyOrPooling'),
        dict(scorer=dict(type='mmwsl.DenseScorer', stride=2)),
        dict(scorer=dict(type='mmwsl.SlidingWindowScorer', crop_size=(16, 16), stride=(16, 16))),
        dict(scorer=dict(type='mmwsl.OverlapTileScorer', tile=16, margin=8)),
        dict(head=dict(kernel_size=3, same_padding=False)),
    ],
    ids=str,
)
def test_the_maps_of_a_view_are_made_of_the_scores_of_the_scorer(options):
    batch = dict(inputs=[torch.randint(0, 256, (3, 32, 32), dtype=torch.uint8)], data_samples=[_sample()])
    model = _model(dict(background=CONSTANT), **options)
    (view,) = model.predict_views(**model.data_preprocessor(batch))
    scores, label = view.seg_logits.data.clone(), view.pred_label.score
    (sample,) = model.test_step(batch)
    torch.testing.assert_close(sample.pred_scores.data[1:], class_activation_maps([scores[1:]]))
    torch.testing.assert_close(sample.pred_label.score, label)


def test_maps_of_a_softmax_are_made_of_its_probabilities():
    """A softmax does not change if a constant is added to all logits, and so do the maps."""
    learned = dict(type='mmwsl.LearnedBackground')
    with pytest.raises(ValueError, match='softmax of LSEAggregationHead.*Set `inference.image_labels'):
        _model(dict(), background=learned)
    image = torch.randint(0, 256, (3, 32, 32), dtype=torch.uint8)
    masks = []
    for constant in (0.0, 5.0):
        model = _model(dict(), background=learned, image_labels=dict(type='mmwsl.KnownImageLabels'))
        with torch.no_grad():
            model.decode_head.conv_seg.bias += constant
        (sample,) = model.test_step(dict(inputs=[image], data_samples=[_sample()]))
        masks.append(sample.pred_scores.data)
    torch.testing.assert_close(*masks)
    assert not masks[0][[3]].any() and masks[0][1].max() == 1


def test_training_and_state_do_not_change():
    plain, maps = _model(), _model(dict())
    assert plain.state_dict().keys() == maps.state_dict().keys()
    batch = dict(inputs=[torch.randint(0, 256, (3, 32, 32), dtype=torch.uint8)], data_samples=[_sample()])
    losses = [model.train().loss(**model.data_preprocessor(batch, True))['decode.loss_cls'] for model in (plain, maps)]
    torch.testing.assert_close(*losses)


@pytest.mark.parametrize(
    ('maps', 'error', 'message'),
    [
        (
            dict(normalization='mean'),
            ValueError,
            r"`class_maps.normalization` must be one of .*, got 'mean'",
        ),
        (
            dict(background=dict(type='mmwsl.LearnedBackground')),
            TypeError,
            'must derive the background .*got LearnedBackground.*ConstantBackg',
        ),
        (dict(threshold=0.3), TypeError, 'threshold'),
    ],
)
def test_bad_arguments(maps, error, message):
    with pytest.raises(error, match=message):
        _model(dict(maps))


def test_a_segmentor_that_cannot_merge_views_is_named():
    with pytest.raises(TypeError, match="got Linear. Use tta_model = dict\\(type='SegTTAModel'\\)"):
        module = nn.Linear(1, 1)
        module.test_step = None
        MODELS.build(dict(type='mmwsl.WeakSegTTAModel', module=module))
