"""Tests of the configs of the long section of the benchmark: every layer of each network is trained."""

import sys

import pytest
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope

from mmwsl.registry import MODELS

NAMES = ('wsl_lse_voc6', 'fsl_deeplabv3plus_voc6', 'psl_deeplabv3plus_voc6')


@pytest.mark.parametrize('name', NAMES)
def test_every_layer_is_trained_and_images_are_mirrored(repository, monkeypatch, tmp_path, name):
    monkeypatch.syspath_prepend(repository / 'benchmarks')
    for module in ('sections', 'sections.voc6'):
        monkeypatch.delitem(sys.modules, module, raising=False)
    from sections.voc6 import open_layers

    cfg = open_layers(name, tmp_path)
    init_default_scope(cfg.default_scope)
    cfg.model.backbone.init_cfg = None
    model = MODELS.build(cfg.model).train()
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert not hasattr(model.backbone, 'cache_dir')

    rate = cfg.optim_wrapper.optimizer.lr
    groups = build_optim_wrapper(model, cfg.optim_wrapper).optimizer.param_groups
    rates = {group['params'][0]: group['lr'] for group in groups}
    for part, expected in ((model.backbone, 0.1 * rate), (model.decode_head, rate)):
        for parameter in part.parameters():
            assert rates[parameter] == pytest.approx(expected)

    dataset = cfg.train_dataloader.dataset
    pipeline = dataset.get('pipeline') or dataset.dataset.pipeline
    assert [step['type'] for step in pipeline].count('RandomFlip') == 1
