"""Which checkpoints fit which network, by a runner that trains, resumes and tests a small network."""

import logging

import pytest
import torch
from mmengine.config import Config
from torch import nn

from mmwsl import apis
from mmwsl.apis.checkpoint_fit import check_classes, check_weights, recorded_classes
from mmwsl.apis.testing import main as run_test
from mmwsl.apis.training import main as train_main


class Network(nn.Module):
    """A backbone of two stages, and a head with a list of layers."""

    def __init__(self, stages=2, classes=3, layers=1, extra=False):
        super().__init__()
        self.backbone = nn.Module()
        for stage in range(stages):
            self.backbone.add_module(f'layer{stage}', nn.Sequential(nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2)))
        self.decode_head = nn.Module()
        self.decode_head.convs = nn.ModuleList(nn.Conv2d(2, 2, 1) for _ in range(layers))
        self.decode_head.conv_seg = nn.Conv2d(2, classes, 1)
        if extra:
            self.auxiliary_head = nn.Conv2d(2, classes, 1)


def state_of(network, **changed):
    return dict(state_dict=network.state_dict() | changed)


def test_a_checkpoint_of_the_network_is_loaded():
    source, target = Network(), Network()
    fit = check_weights(target, state_of(source))
    assert len(fit.loaded) == 2 * 6 + 2 + 2  # without the counts of batches
    assert not (fit.missing or fit.reshaped or fit.unused)
    for one, other in zip(source.state_dict().values(), target.state_dict().values(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize(
    ('source', 'target', 'message'),
    [
        (dict(classes=4), {}, r'got 2 of 16 .* another shape: decode_head\.conv_seg\.weight, decode_head\.conv_seg\.b'),
        (dict(stages=1), {}, r'got 6 of 16 .* missing .*: backbone\.layer1\.0\.weight, .* and 3 more\. Pass'),
        (dict(stages=3), {}, r'got 6 parameters that the network does not have: backbone\.layer2\.0\.weight'),
        (dict(layers=2), {}, r'does not have: decode_head\.convs\.1\.weight'),
        ({}, dict(extra=True), r'got 2 of 18 .*: auxiliary_head\.weight, auxiliary_head\.bias\.'),
    ],
)
def test_what_does_not_fit_is_rejected(source, target, message):
    with pytest.raises(ValueError, match=message):
        check_weights(Network(**target), state_of(Network(**source)))


def test_a_part_that_only_the_checkpoint_has_is_left_out():
    fit = check_weights(Network(), state_of(Network(extra=True)))
    assert fit.unused == ['auxiliary_head.weight', 'auxiliary_head.bias']


@pytest.mark.parametrize(
    ('source', 'target', 'new'),
    [
        ({}, dict(extra=True), ['auxiliary_head']),
        ({}, dict(layers=3), ['decode_head.convs.1', 'decode_head.convs.2']),
        (dict(layers=0), {}, ['decode_head.convs']),
        (dict(stages=1), {}, ['backbone.layer1']),
    ],
)
def test_a_training_may_add_whole_layers(source, target, new):
    assert check_weights(Network(**target), state_of(Network(**source)), training=True).new == new


def test_a_training_may_not_miss_a_part_of_a_layer_or_of_the_backbone():
    state = state_of(Network())
    del state['state_dict']['decode_head.conv_seg.bias']
    with pytest.raises(ValueError, match='got 1 of 16 .*bias'):
        check_weights(Network(), state, training=True)
    deeper = Network()
    deeper.backbone.layer1.append(nn.Conv2d(2, 2, 1))
    with pytest.raises(ValueError, match=r'got 2 of 18 .*backbone\.layer1\.2\.weight'):
        check_weights(deeper, state_of(Network()), training=True)
    with pytest.raises(ValueError, match='16 of 16'):
        check_weights(Network(), dict(weight=torch.ones(1)), training=True, allow_mismatch=True)


@pytest.mark.parametrize('value', [torch.nan, torch.inf, -torch.inf])
def test_weights_that_are_not_finite_are_never_accepted(value):
    state = state_of(Network(), **{'decode_head.conv_seg.bias': torch.tensor([0, value, 0])})
    for training in (False, True):
        with pytest.raises(ValueError, match=r'infinity in 1 of 18 parameters: decode_head\.conv_seg\.bias'):
            check_weights(Network(), state, training=training, allow_mismatch=training)


def test_a_file_without_parameters_names_its_keys():
    with pytest.raises(ValueError, match=r"must contain parameters, got the keys \['weights', 'epoch'\]"):
        check_weights(Network(), dict(weights='none', epoch=1))


def test_class_names_and_their_order():
    assert recorded_classes(dict(meta=dict(dataset_meta=dict(classes=('a', 'b'))))) == ['a', 'b']
    assert recorded_classes(dict(meta=dict(CLASSES=('a', 'b')))) == ['a', 'b']
    assert recorded_classes({}) is None
    check_classes(['a', 'b'], ('a', 'b'), 'key', 'Fix.')
    with pytest.raises(ValueError, match=r"got 'c' instead of 'b' at 1, 'b' instead of 'c' at 2\. Fix\."):
        check_classes(['a', 'b', 'c'], ['a', 'c', 'b'], 'key', 'Fix.')
    with pytest.raises(ValueError, match='got 1 classes instead of 2'):
        check_classes(['a', 'b'], ['a'], 'key', 'Fix.')


@pytest.fixture
def trained(tiny_config, tmp_path):
    """A config and the checkpoint of its training."""
    config = tiny_config()
    train_main([str(config), '--work-dir', str(tmp_path / 'first')])
    return str(config), tmp_path / 'first' / 'iter_4.pth'


def log_of(work_dir):
    return max(work_dir.glob('*/*.log')).read_text()


def test_a_checkpoint_stores_classes_version_and_config(trained, tmp_path):
    meta = torch.load(trained[1], weights_only=True)['meta']
    assert meta['dataset_meta']['classes'] == ('background', 'square') and meta['dataset_meta']['palette']
    assert len(meta['config_digest']) == 64 and meta['mmwsl_version']
    train(trained, tmp_path / 'longer')
    other = [torch.load(path, weights_only=True)['meta'] for path in sorted((tmp_path / 'longer').glob('*.pth'))]
    assert len({part['config_digest'] for part in other}) == 1 and other[0]['config_digest'] != meta['config_digest']


def named(names, *splits):
    """Return the options that give datasets other classes."""
    colors = ','.join(f'({i},{i},{i})' for i in range(len(names.split(','))))
    keys = [f'{split}_dataloader.dataset.metainfo' for split in splits or ('train', 'val')]
    return [option for key in keys for option in (f'{key}.classes=({names})', f'{key}.palette=[{colors}]')]


MORE_CLASSES = ['model.decode_head.num_classes=3', *named('background,square,circle')]
RENAMED = 'test_dataloader.dataset.metainfo.classes=(square,background)'


@pytest.mark.parametrize('tta', [[], ['--tta']])
@pytest.mark.parametrize(
    ('option', 'message'),
    [
        ('model.decode_head.num_classes=3', r'iter_4\.pth` must fit the config, got 2 of .*conv_seg'),
        ('model.decode_head.num_convs=0', r'does not have: decode_head\.convs\.0'),
        (RENAMED, "'square' instead of 'background' at 0, .*Correct the config"),
    ],
)
def test_a_test_of_another_network_or_other_classes_is_rejected(trained, tmp_path, option, message, tta):
    config, checkpoint = trained
    with pytest.raises(ValueError, match=message):
        run_test(
            [config, str(checkpoint), '--work-dir', str(tmp_path / 'test'), *tta, '--cfg-options', option]
            + [f'experiment_name={tmp_path.name}_test']
        )
    assert not list((tmp_path / 'test').glob('*/*.json'))


@pytest.mark.parametrize('tta', [[], ['--tta']])
def test_foreign_checkpoints_without_names_are_tested_with_one_warning(trained, tmp_path, tta):
    config, checkpoint = trained
    content = torch.load(checkpoint, weights_only=True)
    torch.save({f'module.{name}': value for name, value in content['state_dict'].items()}, tmp_path / 'foreign.pth')
    options = ['--cfg-options', f'experiment_name={tmp_path.name}_test']
    run_test([config, str(tmp_path / 'foreign.pth'), '--work-dir', str(tmp_path / 'test'), *tta, *options])
    log = log_of(tmp_path / 'test')
    assert log.count('stores no class names') == 1 and 'not in the network' not in log
    run_test([config, str(checkpoint), '--work-dir', str(tmp_path / 'own'), *options[:1], f'{options[1]}_own'])
    assert 'stores no class names' not in log_of(tmp_path / 'own')


def train(trained, work_dir, *arguments):
    config, checkpoint = trained
    names = [f'experiment_name={work_dir.parent.name}_{work_dir.name}', 'train_cfg.max_iters=6']
    flags = [argument for argument in arguments if argument.startswith('--')]
    options = [argument for argument in arguments if argument not in flags]
    train_main([config, '--work-dir', str(work_dir), *flags, '--cfg-options', *names, *options])


def test_fine_tuning_of_other_classes_is_asked_for(trained, tmp_path):
    load = f'load_from={trained[1]}'
    with pytest.raises(ValueError, match='got 2 of .*If you mean to fine-tune, pass --allow-mismatch'):
        train(trained, tmp_path / 'rejected', load, *MORE_CLASSES)
    assert not list((tmp_path / 'rejected').glob('*.pth'))
    train(trained, tmp_path / 'tuned', '--allow-mismatch', load, *MORE_CLASSES)
    assert '2 start from their initialization: decode_head.conv_seg' in log_of(tmp_path / 'tuned')
    swapped = named('square,background')
    with pytest.raises(ValueError, match='train_dataloader.*--allow-mismatch'):
        train(trained, tmp_path / 'swapped', load, *swapped)
    train(trained, tmp_path / 'allowed', '--allow-mismatch', load, *swapped, 'train_cfg.max_iters=2')


def test_new_layers_of_a_training_are_one_line(trained, tmp_path, caplog):
    cfg = Config.fromfile(trained[0])
    head = dict(cfg.model.decode_head, in_index=0, in_channels=8)
    cfg.model.auxiliary_head = head
    cfg.work_dir, cfg.load_from = str(tmp_path / 'new'), str(trained[1])
    cfg.experiment_name = f'{tmp_path.name}_new'
    with caplog.at_level(logging.WARNING):
        apis.train(cfg)
    assert log_of(tmp_path / 'new').count('1 new layers start from their initialization: auxiliary_head\n') == 1


@pytest.mark.parametrize('changed', [MORE_CLASSES, ['model.decode_head.num_convs=0']], ids=['classes', 'layers'])
def test_another_network_does_not_resume(trained, tmp_path, changed):
    before = {path.name: path.read_bytes() for path in trained[1].parent.glob('*.pth')}
    with pytest.raises(ValueError, match=r'must fit the config.*Resume with the config of that training'):
        train(trained, trained[1].parent, '--resume', '--allow-mismatch', *changed)
    assert {path.name: path.read_bytes() for path in trained[1].parent.glob('*.pth')} == before


def test_other_class_names_do_not_resume(trained):
    with pytest.raises(ValueError, match="'circle' instead of 'square' at 1. Resume with the config"):
        train(trained, trained[1].parent, '--resume', *named('background,circle'))


def test_training_and_validation_have_the_same_classes_as_the_network(trained, tmp_path):
    with pytest.raises(ValueError, match=r"val_dataloader\.dataset.*\['background', 'circle'\], got .*'square'"):
        train(trained, tmp_path / 'new', *named('background,circle', 'train'))
    with pytest.raises(ValueError, match='number of classes of the training set, 2, got 3'):
        train(trained, tmp_path / 'new', MORE_CLASSES[0])


def test_rounded_parameters_are_rejected(trained, tmp_path):
    checkpoint = torch.load(trained[1], weights_only=True)
    checkpoint['state_dict'] = {name: value.int() for name, value in checkpoint['state_dict'].items()}
    torch.save(checkpoint, tmp_path / 'rounded.pth')
    with pytest.raises(ValueError, match='rounded.pth` must have floating point parameters, got integers in'):
        run_test([trained[0], str(tmp_path / 'rounded.pth'), '--work-dir', str(tmp_path / 'test')])
