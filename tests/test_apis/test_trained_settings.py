"""Settings without parameters, compared with those of the training."""

import copy
import logging

import mmwsl
from mmwsl.apis.trained_settings import changed_settings, warn_changed_settings


def model():
    return mmwsl.get_config('wsl_lse_voc').model.to_dict()


def test_equal_settings_and_those_of_training_alone_are_no_change():
    trained, other = model(), model()
    other['decode_head'] |= dict(dropout_ratio=0.9, loss_decode=dict(type='Other'), init_cfg=None)
    other['backbone']['init_cfg'] = dict(type='Pretrained', checkpoint='x.pth')
    other['inference'] = dict(postprocessors=[dict(type='mmwsl.ImageLevelPrior')])
    other['decode_head']['background'] = dict(type='mmwsl.ConstantBackground', threshold=0.9)  # chosen afterwards
    assert changed_settings(trained, other) == changed_settings(trained, dict(type='TTA', module=trained)) == []


def test_each_changed_setting_is_named_with_both_values():
    trained, other = model(), model()
    other['decode_head']['aggregator'] = dict(type='mmwsl.GlobalAveragePooling')
    other['data_preprocessor'] = dict(trained.get('data_preprocessor') or {}, mean=[0.0, 0.0, 0.0])
    texts = changed_settings(trained, other)
    assert "model.decode_head.aggregator.type was 'mmwsl.LSEPooling', is 'mmwsl.GlobalAveragePooling'" in texts
    assert any(text.startswith('model.data_preprocessor.mean.0 was ') for text in texts)
    assert any('model.decode_head.aggregator.r was ' in text and text.endswith("is 'none'") for text in texts)


def test_a_list_and_a_tuple_are_equal_and_files_without_settings_say_nothing(caplog):
    trained, other = model(), copy.deepcopy(model())
    other['decode_head']['hidden_channels'] = (8, 4)
    trained['decode_head']['hidden_channels'] = [8, 4]
    assert changed_settings(trained, other) == []
    with caplog.at_level(logging.WARNING):
        warn_changed_settings(dict(meta={}), other, 'a.pth')
        warn_changed_settings({}, other, 'a.pth')
    assert not caplog.text


def test_an_auxiliary_head_counts():
    trained = mmwsl.get_config('psl_deeplabv3plus_mobilenet-v2_folder').model.to_dict()
    other = copy.deepcopy(trained)
    other['auxiliary_head']['aggregator']['r'] = 9.0
    assert changed_settings(trained, other) == ['model.auxiliary_head.aggregator.r was 0.3, is 9.0']
