"""Keys of configs and of --cfg-options that nothing reads."""

import argparse

import pytest
from mmengine.config import Config

from mmwsl.apis.arguments import COUNT, FRACTION, POSITIVE, add_cfg_options
from mmwsl.apis.config import get_config, load_config, packed_configs
from mmwsl.apis.config_check import check_optimizers, merge_options
from mmwsl.apis.config_keys import READ, check_top_keys, distance, nearest
from mmwsl.apis.config_parts import check_parts
from mmwsl.apis.print_config import main


@pytest.mark.parametrize(
    ('first', 'second', 'expected'),
    [('', '', 0), ('abc', 'abc', 0), ('', 'abc', 3), ('trian', 'train', 1), ('ab', 'ba', 1), ('abc', 'axc', 1)]
    + [('abc', 'abcd', 1), ('kitten', 'sitting', 3), ('abcd', 'badc', 2)],
)
def test_distance(first, second, expected):
    assert distance(first, second) == distance(second, first) == expected


@pytest.mark.parametrize(
    ('key', 'meant'),
    [('trian_cfg', 'train_cfg'), ('optim_wraper', 'optim_wrapper'), ('visualiser', 'visualizer'), ('modle', 'model')],
)
def test_a_misspelled_setting_is_named_in_a_config_and_an_option(tmp_path, key, meant):
    path = tmp_path / 'mine.py'
    path.write_text(f'{key} = dict(max_iters=3)\n')
    with pytest.raises(ValueError, match=rf"mine\.py: .* got '{key}'. Did you mean '{meant}'\?"):
        load_config(path)
    path.write_text('default_scope = "mmseg"\n')
    with pytest.raises(ValueError, match=rf'--cfg-options {key}\.max_epochs: .*Did you mean `{meant}`\?'):
        load_config(path, {f'{key}.max_epochs': 3})


def test_variables_of_a_config_are_no_misspellings():
    for name in ('test_pipeline', 'crop_size', 'mode', 'hook', 'data_root', 'vis_backends', 'norm_cfg', 'val_list'):
        assert nearest(name, READ) is None
    for path in packed_configs():
        check_top_keys(Config.fromfile(path, import_custom_modules=False))


@pytest.fixture(scope='module')
def cfg():
    return get_config('wsl_lse_shapes')


@pytest.mark.parametrize(
    ('option', 'message'),
    [
        ({'lr': 0.1}, r'`lr` must be .*unknown key\. Set e\.g\. optim_wrapper\.optimizer\.lr\.'),
        ({'nothing': 1}, r'unknown key\. Print the settings'),
        ({'data_root': 'x'}, 'variable of the config file, which was used before'),
        (
            {'default_hooks.checkpiont.interval': 2},
            "`default_hooks` .*'checkpiont'. Did you mean 'checkpoint'",
        ),
        ({'env_cfg.cudnn_benchmrk': True}, "Did you mean 'cudnn_benchmark'"),
        ({'model.backbnoe.depth': 2}, "Did you mean 'backbone'"),
        ({'param_scheduler.7.end': 2}, r"list, whose index must be in 0\.\.\d, got '7'"),
        ({'param_scheduler.first.end': 2}, "got 'first'"),
        ({'log_level.x': 2}, "must be a dict or a list to have the key 'x', got 'INFO'"),
        ({'model.decode_head.aggregator.r': 'high'}, " must be a number, got 'high'"),
        ({'optim_wrapper.optimizer.lr': 'high'}, " must be a number, got 'high'"),
        ({'env_cfg.benchmark': True}, '`env_cfg` must have only the keys cudnn_benchmark, .*'),
        ({'env_cfg.mp_cfg.foo': 1}, '`env_cfg.mp_cfg` must have only the keys mp_start_method'),
        ({'test_cfg.foo': 1}, '`test_cfg` must have only the keys type, fp16'),
        ({'randomness.foo': 3}, 'only the keys seed, diff_rank_seed, deterministic'),
        ({'model.train_cfg.foo': 1}, '`model.train_cfg` must have no keys'),
        ({'model.inference.foo': 1}, '`model.inference` must have only the keys scorer'),
        ({'test_dataloader.dataset.data_prefix.foo': 'x'}, 'only the keys img_path, seg_map_path'),
        ({'test_dataloader.dataset.metainfo.colors': 'x'}, 'only the keys classes, palette'),
        ({'pseudo_labels.treshold': 1}, 'a variable of the config file, which was used before'),
        ({'custom_imports.imports': 'x'}, 'a variable of the config file, which was used before'),
        ({'data_preprocessor.mean': [0]}, r'the model has .* of its own\. Set model\.data_preprocessor\.mean\.'),
        ({'launcher': 'slurm'}, 'must be given as --launcher'),
        ({'resume': True}, 'must be given as --resume'),
    ],
)
def test_options_without_effect_are_rejected(cfg, option, message):
    copy = Config(dict(cfg.to_dict(), data_root='elsewhere'))
    with pytest.raises(ValueError, match=f'--cfg-options {next(iter(option))}.*{message}'):
        merge_options(copy, option)


@pytest.mark.parametrize(
    ('setting', 'message'),
    [
        ('env_cfg = dict(benchmark=True)', '`env_cfg` must have only the keys cudnn_benchmark'),
        ('env_cfg = dict(cudnn_benchmrk=True)', "`env_cfg` must have the key 'cudnn_benchmark'"),
        ('randomness = dict(foo=3)', '`randomness` must have only the keys seed'),
        ('log_processor = dict(foo=3)', '`log_processor` must have only the keys window_size'),
        (
            'model = dict(backbone=dict(init_cfg=dict(checkpoint="x.pth")))',
            r'`model\.backbone\.init_cfg` must be a dict',
        ),
        ('default_hooks = dict(foo=dict(bar=1))', r'`default_hooks\.foo` must be a dict with a `type`'),
        ('custom_hooks = 3', '`custom_hooks` must be a list of dicts'),
        ('custom_hooks = [dict(priority=3)]', r'`custom_hooks\.0` must be a dict with a `type`'),
    ],
)
def test_settings_of_a_config_that_nothing_reads_are_rejected(tmp_path, setting, message):
    (tmp_path / 'own.py').write_text(setting)
    with pytest.raises(ValueError, match=message):
        load_config(tmp_path / 'own.py')


@pytest.mark.parametrize(
    'setting',
    [
        'default_hooks = dict(checkpoint=dict(interval=2), visualization=None, own=dict(type="EMAHook"))',
        'model = dict(test_cfg=dict(rcnn=dict(score_thr=0.5)), train_cfg=dict(rpn=1), init_cfg=[dict(type="Normal")])',
        'optim_wrapper = dict(paramwise_cfg=dict(num_layers=12, decay_rate=0.9), generator=dict(optimizer=None))',
        'test_dataloader = dict(dataset=dict(data_prefix=dict(img="x"), metainfo=dict(classes=("a",), task="b")))',
        'train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=1)',
        'custom_hooks = [dict(type="EMAHook")]',
    ],
)
def test_settings_that_another_class_reads_are_accepted(tmp_path, setting):
    (tmp_path / 'own.py').write_text(setting)
    load_config(tmp_path / 'own.py')


def test_an_option_may_add_a_key_beside_those_of_another_class(tmp_path):
    (tmp_path / 'own.py').write_text('test_dataloader = dict(dataset=dict(data_prefix=dict(img="x")))')
    load_config(tmp_path / 'own.py', {'test_dataloader.dataset.data_prefix.seg': 'y'})


def test_options_with_effect_are_kept(cfg):
    copy = Config(cfg.to_dict())
    options = {
        'optim_wrapper.clip_grad.max_norm': 1.0,  # a new dict
        'param_scheduler': None,
        'model.decode_head.aggregator.r': 2,
        'param_scheduler.0.end': 3,
        'test_cfg.fp16': True,
        'model_wrapper_cfg.type': 'MMDistributedDataParallel',
        'load_from': 'file.pth',
        'tta_model.type': 'mmwsl.WeakSegTTAModel',
    }
    for key, value in options.items():
        if key != 'param_scheduler':
            merge_options(copy, {key: value})
    assert copy.optim_wrapper.clip_grad.max_norm == 1.0 and copy.model.decode_head.aggregator.r == 2
    assert copy.param_scheduler[0].end == 3 and copy.test_cfg.fp16 and copy.load_from == 'file.pth'
    merge_options(copy, {'param_scheduler': None})
    assert copy.param_scheduler is None
    # thresholds may be numbers or a file
    copy.model.inference = dict(postprocessors=[dict(type='mmwsl.ClassThresholds', thresholds=0.5)])
    merge_options(copy, {'model.inference.postprocessors.0.thresholds': 'found.json'})
    assert copy.model.inference.postprocessors[0].thresholds == 'found.json'


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('lr', "--cfg-options must be KEY=VALUE, got 'lr'."),
        ('=3', "must be KEY=VALUE, got '=3'."),
        ('model..lr=3', 'must be KEY=VALUE'),
        ('key=[1,2', "--cfg-options key: a list must be written as [a,b] or a,b with closed brackets, got '[1,2'."),
        ("key='[1,2]','[3'", 'key: a list must be written as'),
        ("key=(1,'(2,3')", 'key: a list must be written as'),
        ('key="\'[1,2]\'",[3', 'key: a list must be written as'),
    ],
)
def test_options_that_cannot_be_read_are_one_line(capsys, text, message):
    parser = argparse.ArgumentParser()
    add_cfg_options(parser)
    with pytest.raises(SystemExit) as end:
        parser.parse_args(['--cfg-options', text])
    assert end.value.code == 2 and message in capsys.readouterr().err.splitlines()[-1]


def test_options_that_can_be_read():
    parser = argparse.ArgumentParser()
    add_cfg_options(parser)
    values = ['a.b=1', 'c=[1,2]', 'd=[(1,2),(3,4)]', 'e=x=y', 'f=', 'g=None']
    options = parser.parse_args(['--cfg-options', *values]).cfg_options
    assert options == {'a.b': 1, 'c': [1, 2], 'd': [(1, 2), (3, 4)], 'e': 'x=y', 'f': '', 'g': None}


@pytest.mark.parametrize(
    ('kind', 'good', 'bad'),
    [
        (POSITIVE, ['1', '20'], ['0', '-3', '2.5', 'two', '']),
        (COUNT, ['0', '7'], ['-1', '0.5']),
        (FRACTION, ['0', '1', '0.25'], ['1.01', '-0.1', 'nan', 'inf', 'high']),
    ],
)
def test_numbers_of_a_command_line(kind, good, bad):
    assert [kind(text) for text in good] == [float(text) for text in good]
    for text in bad:
        with pytest.raises(argparse.ArgumentTypeError, match='must be .*got'):
            kind(text)


def test_printed_configs_are_checked_too():
    with pytest.raises(ValueError, match='Did you mean `train_cfg`'):
        main(['wsl_lse_shapes', '--cfg-options', 'trian_cfg.max_epochs=3'])


@pytest.mark.parametrize('value', [0, -3, [], [0, -1], 1.5, 'many'])
def test_indices_that_select_nothing_or_from_the_end_are_rejected(tiny_config, value):
    with pytest.raises(ValueError, match=r'`test_dataloader\.dataset\.indices` must be a positive number'):
        load_config(tiny_config(), {'test_dataloader.dataset.indices': value})


@pytest.mark.parametrize('value', [1, 3, [0, 2], (0,), None])
def test_other_indices_are_accepted(tmp_path, value):
    (tmp_path / 'own.py').write_text(f'train_dataloader = dict(dataset=dict(dataset=dict(indices={value})))')
    load_config(tmp_path / 'own.py')


def test_missing_parts_are_named(tmp_path):
    (tmp_path / 'own.py').write_text('model = dict(type="X")\ntest_cfg = None')
    cfg = load_config(tmp_path / 'own.py')
    check_parts(cfg, 'model')
    with pytest.raises(ValueError, match=r'own\.py.* must have `test_dataloader` and `test_cfg`, got none'):
        check_parts(cfg, 'model', 'test_dataloader', 'test_cfg')


def test_an_unknown_optimizer_is_named_with_similar_ones(tiny_config):
    path = tiny_config()
    check_optimizers(load_config(path))
    cfg = load_config(path, {'optim_wrapper.optimizer.type': 'Adam2'})
    with pytest.raises(ValueError, match=r"`optimizer\.type` must be an optimizer, got 'Adam2'\. Similar .*Adam"):
        check_optimizers(cfg)
