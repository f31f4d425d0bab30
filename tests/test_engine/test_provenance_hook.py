"""The supervision used at test time is written with every result."""

import json
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.model import BaseModel, BaseTTAModel
from mmengine.runner import Runner
from torch import nn

from mmwsl import apis
from mmwsl.engine.hooks import ProvenanceHook, collect_provenance
from mmwsl.inference import ClassThresholds, DenseCRF, ImageLevelPrior, InferencePipeline
from mmwsl.registry import MODELS


class _Part(nn.Module):
    provenance = dict(image_labels='of the test images')


class _Segmentor(BaseModel):
    def __init__(self, *postprocessors):
        super().__init__()
        self.pipeline = InferencePipeline()
        self.pipeline.postprocessors = list(postprocessors)
        self.provenance = self.pipeline.provenance

    def forward(self, inputs, data_samples=None, mode='tensor'):
        return inputs


class _TTA(BaseTTAModel):
    def merge_preds(self, data_samples_list):
        return data_samples_list


@pytest.mark.parametrize('wrap', [lambda m: m, _TTA, lambda m: nn.parallel.DataParallel(_TTA(m))])
def test_the_provenance_of_all_parts_is_joined_and_equal_texts_occur_once(wrap):
    postprocessors = [
        ImageLevelPrior(),
        ClassThresholds(0.5, tuned_on='set b'),
        ClassThresholds(0.1, tuned_on='set a'),
        DenseCRF(tuned_on='set b'),
    ]
    segmentor = _Segmentor(*postprocessors)
    segmentor.part = _Part()
    assert collect_provenance(wrap(segmentor)) == dict(image_labels='of the test images', tuned_on='set a; set b')


def test_a_model_without_provenance_adds_nothing():
    metrics = dict(mIoU=1.0)
    ProvenanceHook().after_test_epoch(SimpleNamespace(model=_Segmentor(ImageLevelPrior())), metrics)
    ProvenanceHook().after_test_epoch(SimpleNamespace(model=_Segmentor()), None)
    assert metrics == dict(mIoU=1.0)


@pytest.fixture
def short(repository, tmp_path):
    cfg = Config.fromfile(repository / 'configs/shapes/wsl_lse_shapes.py')
    cfg.work_dir = str(tmp_path / 'work')
    cfg.experiment_name = tmp_path.name  # runners with the same name share their message hub
    thresholds = dict(type='mmwsl.ClassThresholds', thresholds=0.3, tuned_on='masks of a test')
    cfg.model.inference = dict(postprocessors=[thresholds])
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        loader.update(num_workers=0, persistent_workers=False)
        loader.dataset.length = 2
    return cfg


def _written(tmp_path):
    return json.loads(next((tmp_path / 'work').glob('*/*.json')).read_text())


def test_the_hook_of_the_configs_writes_the_provenance_with_any_runner(short, tmp_path):
    runner = Runner.from_cfg(short)
    metrics = runner.test()
    assert metrics['tuned_on'] == _written(tmp_path)['tuned_on'] == 'masks of a test'
    assert runner.val()['tuned_on'] == 'masks of a test'


def test_our_command_writes_the_provenance_without_the_hook_in_the_config(short, tmp_path):
    short.custom_hooks = []
    torch.save(dict(state_dict=MODELS.build(short.model).state_dict()), tmp_path / 'weights.pth')
    metrics = apis.test(short, str(tmp_path / 'weights.pth'))
    assert metrics['tuned_on'] == _written(tmp_path)['tuned_on'] == 'masks of a test'
