"""Every config builds, trains a step and evaluates, through the real runner on tiny files of its layout."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from mmwsl.apis.acceleration import set_precision
from mmwsl.apis.testing import use_test_time_augmentation
from mmwsl.apis.training_free import is_training_free
from mmwsl.engine.runner import WeakSegRunner
from tests.tiny_transformers import REASON

from .shorten import CONFIGS, SEGMENTORS, bases_of, parts_of, short_config, write_affinity_networks, write_svms

pytestmark = pytest.mark.filterwarnings('ignore:no image of:UserWarning')


def _training(path):
    """Return all settings that training depends on."""
    cfg = Config.fromfile(path)
    model = {key: value for key, value in cfg.model.items() if key != 'inference'}
    return model, cfg.train_dataloader, cfg.optim_wrapper, cfg.param_scheduler, cfg.train_cfg


def _trains_as_its_base(path):
    """Tell whether a config changes inference only; it is then evaluated with untrained weights."""
    configs = [base for base in bases_of(path) if '_base_' not in base.parts]
    return len(configs) == 1 and _training(configs[0]) == _training(path)


def _opens_masks(dataset):
    return 'LoadAnnotations' in {step.type for step in dataset.pipeline}


@pytest.mark.parametrize('name', SEGMENTORS)
def test_config_trains_and_evaluates(name):
    if CONFIGS[name].parent.name in ('clip', 'vit'):
        pytest.importorskip('transformers', reason=REASON)
    if 'timm' in name:
        pytest.importorskip('timm', reason='the extra `timm` is not installed (pip install -e ".[timm]")')
    cfg = short_config(name)
    assert cfg.default_scope == 'mmseg'
    # mmseg's inference_model reads `test_pipeline`.
    shipped = Config.fromfile(CONFIGS[name])
    assert shipped.test_pipeline == shipped.test_dataloader.dataset.pipeline
    write_svms(cfg)
    write_affinity_networks(cfg)
    cfg.default_hooks.checkpoint = None  # hundreds of megabytes
    weak = name.startswith('wsl')
    masked = [_opens_masks(part) for part in parts_of(cfg.train_dataloader.dataset)]
    assert masked == ([True, False] if name.endswith('semi') else [not weak])
    runner = Runner.from_cfg(cfg)
    if not (_trains_as_its_base(CONFIGS[name]) or is_training_free(cfg)):
        before = [parameter.detach().clone() for parameter in runner.model.parameters()]
        runner.train()
        changed = [not torch.equal(a, b) for a, b in zip(before, runner.model.parameters(), strict=True)]
        assert any(changed), 'the training step changed no parameter'
    metrics = runner.test()
    without_masks = name.endswith(('_folder', '_cls', '_points', '_best_pseudo'))
    labels_or_points = without_masks or name in (
        'wsl_beamsearch_voc',
        'wsl_beamsearch_voc6',
        'wsl_deepmil_voc',
        'wsl_deepmil_coco',
    )
    assert ('mIoU' not in metrics) == labels_or_points
    assert 0 <= metrics.get('mIoU', 0) <= 100
    assert ('mAP' in metrics or 'mean_class_accuracy' in metrics) == weak


@pytest.mark.parametrize(
    'name',
    [
        'psl_irn_voc6',
        'psl_psa_voc6',
        'wsl_ccnn_voc6',
        'wsl_wildcat_voc6_cls',
        'fsl_deeplabv2_voc6',
        'fsl_deeplabv2_voc6_msc',
        'fsl_deeplabv3_voc6',
        'wsl_emadapt_voc6',
        'fsl_fcn8s_voc6',
        'wsl_lse_mobilenet-v2_folder',
        'wsl_lse_efficientnet-lite0_voc6',
        'wsl_milfcn_voc6',
        'fsl_objectness_voc6',
        'wsl_attention_voc6',
        'wsl_pronet_voc6',
        'wsl_pronet_voc6_tree',
        'psl_fcn_voc6_gce',
        'wsl_recam_voc6',
        'wsl_seam_voc6',
        'wsl_stc_voc6_initial',
    ],
)
def test_cached_features_train_in_bfloat16(name):
    cfg = short_config(name)
    assert cfg.model.backbone.type == 'mmwsl.CachedBackbone'
    assert set_precision(cfg, 'bfloat16') == 'bfloat16'
    cfg.default_hooks.checkpoint = None
    cfg.train_cfg.pop('val_interval')
    cfg.update(val_cfg=None, val_dataloader=None, val_evaluator=None)
    runner = Runner.from_cfg(cfg)
    weights = {key: value.detach().clone() for key, value in runner.model.named_parameters() if value.requires_grad}
    runner.train()
    assert any(Path(cfg.model.backbone.cache_dir).rglob('*.npz'))
    parameters = dict(runner.model.named_parameters())
    assert all(parameters[key].isfinite().all() for key in weights)
    assert any(not torch.equal(value, parameters[key]) for key, value in weights.items())


@pytest.mark.usefixtures('on_cpu')
def test_a_compiled_step_is_that_of_the_network():
    """With the backend `eager`, which traces the step and generates no code."""
    states = []
    torch._dynamo.utils.counters.clear()
    for settings in ({}, dict(compile=dict(backend='eager'))):
        cfg = short_config('wsl_lse_voc')
        cfg.update(val_cfg=None, val_dataloader=None, val_evaluator=None, **settings)
        cfg.default_hooks.checkpoint = None
        runner = WeakSegRunner.from_cfg(cfg)
        runner.train()
        states.append(runner.model.state_dict())
    assert torch._dynamo.utils.counters['stats']['unique_graphs'] > 0
    for name, value in states[0].items():
        torch.testing.assert_close(states[1][name], value, msg=name)


@pytest.mark.usefixtures('on_cpu')
def test_a_resumed_training_sees_the_crops_of_an_uninterrupted_one():
    """With another number of processes that load images, which persist from epoch to epoch."""
    assert Config.fromfile(CONFIGS['fsl_deeplabv3plus_voc6']).train_dataloader.persistent_workers

    def train(folder, epochs, checkpoint=None, workers=1):
        cfg = short_config('fsl_deeplabv3plus_voc6')
        cfg.train_dataloader.update(num_workers=workers, persistent_workers=True)
        cfg.train_cfg.update(max_epochs=epochs)
        cfg.update(val_cfg=None, val_dataloader=None, val_evaluator=None)
        cfg.update(work_dir=folder, load_from=checkpoint, resume=checkpoint is not None)
        runner = WeakSegRunner.from_cfg(cfg)
        runner.train()
        return runner.model.state_dict()

    train('interrupted', 1)
    resumed = train('interrupted', 2, 'interrupted/epoch_1.pth')
    uninterrupted = train('whole', 2, workers=2)
    assert all(torch.equal(value, uninterrupted[name]) for name, value in resumed.items())


@pytest.mark.parametrize(
    'name',
    [
        'wsl_lse_voc6_ilp',
        'wsl_lse_voc6_sppxl',
        'wsl_lse_voc6_seg_crf',
        'wsl_lse_folder',
        'wsl_lse_folder_masks',
        'wsl_lse_efficientnet-lite0_folder',
        'psl_deeplabv3plus_mobilenet-v2_folder',
        'fsl_deconvnet_voc6',
        'fsl_segformer_voc6',
        'wsl_wildcat_voc',
        'wsl_wildcat_voc12_action_cls',
        'wsl_lse_overfeat_voc',
        'psl_deeplabv3plus_voc6_pseudo',
        'psl_deeplabv3plus_efficientnet-lite0_best_pseudo',
        'wsl_corrclip_voc',
    ],
)
def test_test_time_augmentation(name):
    cfg = short_config(name)
    use_test_time_augmentation(cfg)
    metrics = Runner.from_cfg(cfg).test()
    without_masks = name.endswith(('folder', 'cls', 'best_pseudo'))
    assert ('mIoU' in metrics) != without_masks and ('mAP' in metrics) == name.startswith('wsl')
