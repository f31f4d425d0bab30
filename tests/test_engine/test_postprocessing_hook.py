"""The hook installs its post-processors before validation and testing."""

from types import SimpleNamespace

import pytest
import torch
from mmengine.model import BaseModel, BaseTTAModel
from torch import nn

from mmwsl.inference import ImageLevelPrior, InferencePipeline
from mmwsl.models import WeakEncoderDecoder
from mmwsl.registry import HOOKS


class _Segmentor(BaseModel):
    def __init__(self):
        super().__init__()
        self.pipeline = InferencePipeline()

    def forward(self, inputs, data_samples=None, mode='tensor'):
        return inputs


class _TTA(BaseTTAModel):
    def merge_preds(self, data_samples_list):
        return data_samples_list


@pytest.mark.parametrize(
    'wrap', [lambda m: m, _TTA, nn.parallel.DataParallel, lambda m: nn.parallel.DataParallel(_TTA(m))]
)
@pytest.mark.parametrize('stage', ['before_val', 'before_test'])
def test_the_post_processors_are_installed_in_the_segmentor(wrap, stage):
    segmentor = _Segmentor()
    hook = HOOKS.build(dict(type='mmwsl.PostProcessingHook', postprocessors=[dict(type='mmwsl.ImageLevelPrior')]))
    getattr(hook, stage)(SimpleNamespace(model=wrap(segmentor)))
    (postprocessor,) = segmentor.pipeline.postprocessors
    assert isinstance(postprocessor, ImageLevelPrior)


@pytest.mark.parametrize('stage', ['before_run', 'before_val', 'before_test'])
def test_a_model_without_a_pipeline_is_an_error(stage):
    hook = HOOKS.build(dict(type='mmwsl.PostProcessingHook', postprocessors=[]))
    with pytest.raises(TypeError, match='must be a segmentor .* got Conv2d. Use type=.mmwsl.WeakEncoderDecoder'):
        getattr(hook, stage)(SimpleNamespace(model=torch.nn.Conv2d(1, 1, 1)))


def test_post_processors_that_do_not_suit_the_head_are_an_error_before_the_run():
    head = dict(type='FCNHead', in_channels=4, channels=4, num_classes=3, num_convs=0, concat_input=False)
    segmentor = WeakEncoderDecoder(
        backbone=dict(type='mmwsl.PlainCNN', channels=(4,)), decode_head=dict(head, _scope_='mmseg'), train_cfg=dict()
    )
    hook = HOOKS.build(dict(type='mmwsl.PostProcessingHook', postprocessors=[dict(type='mmwsl.ImageLevelPrior')]))
    with pytest.raises(ValueError, match='ImageLevelPrior needs image-level probabilities.*got FCNHead'):
        hook.before_run(SimpleNamespace(model=nn.parallel.DataParallel(segmentor)))
