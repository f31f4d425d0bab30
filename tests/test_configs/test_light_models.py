"""The models with EfficientNet-Lite0: their layers fit, and they differ from MobileNetV2's in the backbone only."""

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS

from mmwsl.utils.nested import dicts_in

from .shorten import FOLDER


@pytest.mark.parametrize('name', ['lse', 'deeplabv3plus'])
def test_a_model_with_efficientnet_lite0(name):
    folder = FOLDER / '_base_' / 'models'
    cfg = Config.fromfile(folder / f'{name}_efficientnet-lite0.py')
    init_default_scope('mmseg')
    model = MODELS.build(cfg.model)
    model.init_weights()
    model.eval()
    with torch.no_grad():
        assert model(torch.zeros(2, 3, 64, 96)).shape[:2] == (2, 7)
    assert model.data_preprocessor.mean.flatten().tolist() == [127.0] * 3
    assert model.data_preprocessor.std.flatten().tolist() == [128.0] * 3
    other = Config.fromfile(folder / f'{name}_mobilenet-v2.py')
    assert cfg.data_preprocessor == cfg.model.data_preprocessor
    for settings in (cfg, other):
        (backbone,) = (part for part in dicts_in(settings.model.to_dict()) if 'Dilated' in str(part.get('type')))
        assert backbone['output_stride'] == 16 and backbone['frozen']
        assert name == 'lse' or backbone['out_indices'] == (2, 6)
        for key in ('backbone', 'data_preprocessor'):
            del settings.model[key]
        settings.model.decode_head.pop('c1_in_channels', None)
    assert cfg.model == other.model


@pytest.mark.parametrize('backbone', ['efficientnet-lite0', 'mobilenet-v2', 'resnet50'])
def test_the_network_of_a_round_labels_the_images_of_the_next_one(backbone):
    """It loads the weights of the first round and of the later ones."""
    first, later, labels = (
        Config.fromfile(FOLDER / f'{name}.py').model
        for name in (
            f'folder/psl_deeplabv3plus_{backbone}_folder',
            f'best/psl_deeplabv3plus_{backbone}_best',
            f'best/psl_deeplabv3plus_{backbone}_best_pseudo',
        )
    )
    assert labels.type == 'mmwsl.WeakEncoderDecoder' and labels.inference.image_labels.keep_foreground
    for part in ('data_preprocessor', 'backbone', 'decode_head'):
        networks = [model[part].to_dict() for model in (first, later, labels)]
        for network in networks:
            network.pop('loss_decode', None)
        assert networks[0] == networks[1] == networks[2]
