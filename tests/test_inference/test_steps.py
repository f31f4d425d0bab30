"""What all steps of inference share: how they are built, checked and described."""

import inspect

import pytest
import torch
from mmengine.logging import MMLogger
from mmengine.registry import DefaultScope, init_default_scope
from mmengine.structures import LabelData
from mmseg.models import FCNHead
from mmseg.structures import SegDataSample

from mmwsl.inference import ClassMaps, InferencePipeline, InferenceStep, KnownImageLabels, Probabilities
from mmwsl.models import WeakEncoderDecoder
from mmwsl.registry import CLASS_MAPS, IMAGE_LABELS, POSTPROCESSORS, SCORERS
from mmwsl.utils.sample_fields import check_fields


def _segmentor(**inference):
    torch.manual_seed(0)
    return WeakEncoderDecoder(
        backbone=dict(type='mmwsl.PlainCNN', channels=(4,)),
        decode_head=dict(
            type='mmwsl.LSEAggregationHead', in_channels=4, num_classes=3, hidden_channels=(), kernel_size=1
        ),
        train_cfg=dict(),
        inference=inference,
    ).eval()


@POSTPROCESSORS.register_module()
@SCORERS.register_module()
@CLASS_MAPS.register_module()
@IMAGE_LABELS.register_module()
class NotAStep:
    """Class without the interface of any step."""


@pytest.mark.parametrize(
    ('key', 'base'),
    [
        ('scorer', 'Scorer'),
        ('image_labels', 'KnownImageLabels'),
        ('class_maps', 'ClassMaps'),
        ('postprocessors', 'PostProcessor'),
    ],
)
def test_a_class_without_the_interface_is_named(key, base):
    config = dict(type='NotAStep')
    with pytest.raises(TypeError, match=f'NotAStep must be a subclass of mmwsl.inference.{base}'):
        InferencePipeline(**{key: [config] if key == 'postprocessors' else config})


@pytest.mark.parametrize(
    ('inference', 'message'),
    [
        (dict(scorer='mmwsl.WholeScorer'), "config of the scorer must be a dict .* got 'mmwsl.WholeScorer'"),
        (dict(image_labels=True), 'config of the image label source must be a dict .* got True'),
        (dict(postprocessors=['mmwsl.DenseCRF']), "config of the postprocessor must be a dict .* got 'mmwsl.DenseCRF'"),
    ],
)
def test_a_step_is_declared_by_a_dict(inference, message):
    with pytest.raises(TypeError, match=message):
        InferencePipeline(**inference)


def test_steps_are_built_without_a_warning_in_the_scope_of_mmseg(monkeypatch):
    init_default_scope('mmseg')
    messages = []
    monkeypatch.setattr(MMLogger.get_instance('steps'), 'handle', lambda record: messages.append(record.getMessage()))
    for registry, name in (
        (SCORERS, 'WholeScorer'),
        (CLASS_MAPS, 'Probabilities'),
        (POSTPROCESSORS, 'ImageLevelPrior'),
    ):
        registry.build(dict(type=f'mmwsl.{name}'))
    assert not any('Failed' in message for message in messages)
    assert DefaultScope.get_current_instance().scope_name == 'mmseg'
    super(type(SCORERS), SCORERS).build(dict(type='mmwsl.WholeScorer'))  # the warning that is avoided
    assert any('Failed to search registry with scope "mmseg"' in message for message in messages)


@CLASS_MAPS.register_module()
class NeedsDepth(Probabilities):
    """Class maps that read a field of the data sample."""

    required_fields = dict(depth="the transform type='LoadDepth'")


def test_class_maps_check_the_fields_that_they_require():
    sample = SegDataSample(metainfo=dict(ori_shape=(8, 8), img_shape=(8, 8)))
    model, inputs = _segmentor(class_maps=dict(type='NeedsDepth')), torch.zeros(1, 3, 8, 8)
    with (
        torch.no_grad(),
        pytest.raises(KeyError, match="NeedsDepth needs the field `depth` .*Add the transform type='LoadDepth'"),
    ):
        model.predict(inputs, [sample])
    sample.depth = 1
    with torch.no_grad():
        assert model.predict(inputs, [sample])[0].pred_sem_seg.shape == (8, 8)


@IMAGE_LABELS.register_module()
class FirstClassOnly(KnownImageLabels):
    """Image-level labels from a user's own source."""

    required_fields = {}

    def labels(self, data_sample):
        return torch.tensor([0.0, 1.0, 0.0])


def test_image_labels_may_come_from_elsewhere():
    sample = SegDataSample(metainfo=dict(ori_shape=(8, 8), img_shape=(8, 8)), gt_label=LabelData(score=torch.ones(3)))
    with torch.no_grad():
        (result,) = _segmentor(image_labels=dict(type='FirstClassOnly')).predict(torch.randn(1, 3, 8, 8), [sample])
    assert not result.pred_scores.data[2].any() and result.pred_scores.data[1].all()
    assert result.pred_label.score[1:].tolist() == [1, 0]


ARGUMENTS = dict(ClassThresholds=dict(thresholds=0.5), GuidedBackpropSaliency=dict(layers=['a']))
ARGUMENTS['DistinctClassSaliency'] = ARGUMENTS['GuidedBackpropSaliency']
TUNABLE = [
    (registry, name)
    for registry in (CLASS_MAPS, POSTPROCESSORS)
    for name, step in registry.module_dict.items()
    if step.__module__.startswith('mmwsl.')
    and {'tuned_on', 'kwargs'} & set(inspect.signature(step).parameters)
    # Those that load a network say so in their own tests.
    and not {'checkpoint', 'model'} & set(inspect.signature(step).parameters)
]


@pytest.mark.parametrize(('registry', 'name'), TUNABLE, ids=[name for _, name in TUNABLE])
def test_a_tuned_step_says_so(registry, name):
    config = dict(ARGUMENTS.get(name, {}), type=f'mmwsl.{name}')
    assert registry.build(config).provenance == {}
    assert registry.build(dict(config, tuned_on='set a')).provenance == dict(tuned_on='set a')


def test_the_tunable_steps_are_known():
    assert len(TUNABLE) >= 9


class _Outer(InferenceStep):
    required_fields = dict(a='A')
    tuned_on = 'set a'

    def __init__(self, inner):
        self.inner = inner

    @property
    def nested(self):
        return [self.inner]


class _Inner(InferenceStep):
    required_fields = dict(pred_label='B')
    tuned_on = 'set b'


def test_nested_steps_are_checked_and_described():
    step = _Outer(_Inner())
    assert step.provenance == dict(tuned_on='set a; set b')
    with pytest.raises(KeyError, match='_Inner needs the field `pred_label`.*Add B'):
        step.check_fields(dict(a=1))
    with pytest.raises(KeyError, match='_Outer needs the field `a`.*Add A'):
        step.check_fields({})
    step.check_fields(dict(a=1, pred_label=2))
    check_fields(step, dict(a=1), dict(a='A'))
    segmentor = _segmentor()
    step.check(segmentor)
    segmentor.decode_head = FCNHead(in_channels=4, channels=4, num_classes=3)
    with pytest.raises(ValueError, match='_Inner needs image-level probabilities.*got FCNHead'):
        step.check(segmentor)


def test_the_interface_of_class_maps_is_abstract():
    with pytest.raises(TypeError, match='abstract'):
        ClassMaps()
