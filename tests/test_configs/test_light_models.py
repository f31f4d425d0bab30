"""The models with EfficientNet-Lite: their layers fit, and they differ from MobileNetV2's in the backbone only."""

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS

from mmwsl.apis.project.configs import AFFINITIES, CLASSIFIERS, LABELERS, SEGMENTORS
from mmwsl.inference.postprocessors import DenseCRF, ImageLevelPrior, LogitSoftmax
from mmwsl.registry import POSTPROCESSORS
from mmwsl.utils.nested import dicts_in
from mmwsl.utils.weights import WEIGHTS

from .shorten import CONFIGS, FOLDER

LITE = {'lite0': (320, 40), 'lite2': (352, 48)}
"""Channels of the last feature map and of the feature map of stride 8."""


@pytest.mark.parametrize('arch', LITE)
@pytest.mark.parametrize('name', ['wsl_lse', 'psl_deeplabv3plus'])
def test_a_model_with_efficientnet_lite(name, arch):
    cfg, other = (
        Config.fromfile(CONFIGS[f'{name}_{part}_folder']) for part in (f'efficientnet-{arch}', 'mobilenet-v2')
    )
    init_default_scope('mmseg')
    model = MODELS.build(cfg.model)
    model.init_weights()
    model.eval()
    with torch.no_grad():
        assert model(torch.zeros(2, 3, 64, 96)).shape[:2] == (2, 3)
    assert model.data_preprocessor.mean.flatten().tolist() == [127.0] * 3
    assert model.data_preprocessor.std.flatten().tolist() == [128.0] * 3
    assert (cfg.model.decode_head.in_channels, cfg.model.decode_head.get('c1_in_channels')) == (
        (LITE[arch][0], None) if name == 'wsl_lse' else LITE[arch]
    )
    assert_only_the_backbone_differs(cfg, other)


def assert_only_the_backbone_differs(cfg, other):
    """Compare the models of two configs, channels of the backbone and its colors aside."""
    for settings in (cfg, other):
        (backbone,) = (part for part in dicts_in(settings.model.to_dict()) if 'Dilated' in str(part.get('type')))
        assert backbone['output_stride'] == 16 and backbone['frozen']
        assert 'Aggregation' in settings.model.decode_head.type or backbone['out_indices'] == (2, 6)
        for key in ('mean', 'std'):
            del settings.model.data_preprocessor[key]
        del settings.model.backbone
        heads = [settings.model.decode_head, settings.model.get('auxiliary_head') or {}]
        assert all(head['in_channels'] == heads[0].in_channels for head in heads if head)
        for head in heads:
            for key in ('in_channels', 'c1_in_channels'):
                head.pop(key, None)
    assert cfg.model == other.model


@pytest.mark.parametrize('arch', LITE)
@pytest.mark.parametrize('name', ['wsl_lse', 'fsl_deeplabv3plus', 'psl_deeplabv3plus'])
def test_the_backbone_is_the_only_difference_on_voc6(name, arch):
    cfg, other = (Config.fromfile(CONFIGS[f'{name}{part}_voc6']) for part in (f'_efficientnet-{arch}', ''))
    assert_only_the_backbone_differs(cfg, other)
    for settings in (cfg, other):
        settings.pop('model')
    for key in ('colors', 'efficientnet', 'classifier', 'segmentor', 'stages', 'affinity'):
        cfg.pop(key)
    assert cfg.to_dict() == other.to_dict()


@pytest.mark.parametrize('table', [CLASSIFIERS, SEGMENTORS, AFFINITIES, LABELERS])
def test_a_project_has_the_configs_of_each_backbone_with_known_weights(table):
    assert table.keys() == WEIGHTS.keys()
    assert all((FOLDER / path).is_file() for path in table.values())


@pytest.mark.parametrize('backbone', ['efficientnet-lite0', 'efficientnet-lite2', 'mobilenet-v2', 'resnet50'])
def test_the_network_of_a_round_labels_the_images_of_the_next_one(backbone):
    """It loads the weights of the round before."""
    trained, labels = (
        Config.fromfile(FOLDER / f'{name}.py').model
        for name in (
            f'folder/psl_deeplabv3plus_{backbone}_folder',
            f'best/psl_deeplabv3plus_{backbone}_best_pseudo',
        )
    )
    assert labels.type == 'mmwsl.WeakEncoderDecoder' and labels.inference.image_labels.keep_foreground
    assert labels.inference.postprocessors == []  # thresholds come first
    steps = [POSTPROCESSORS.get(step.type) for step in trained.inference.postprocessors]
    assert steps == [ImageLevelPrior, LogitSoftmax, DenseCRF]
    for part in ('data_preprocessor', 'backbone', 'decode_head'):
        assert labels[part] == trained[part]
