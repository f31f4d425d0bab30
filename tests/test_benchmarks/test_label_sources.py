"""Ablation of pseudo-labels: the config of every row, and the table."""

import importlib
import sys

import pytest
import torch

from mmwsl.apis.config import load_config
from mmwsl.registry import MODELS
from mmwsl.utils.files import write_json


@pytest.fixture
def benchmark(repository, monkeypatch):
    """The script as a module."""
    monkeypatch.syspath_prepend(repository / 'benchmarks')
    for name in ('MMWSL_AFFINITY', 'MMWSL_PSEUDO_LABELS'):  # the script sets them; afterwards they are unset again
        monkeypatch.setenv(name, '')
        monkeypatch.delenv(name)
    return importlib.import_module('label_sources')


def label_config(benchmark, source, out, backbone=''):
    """The config that labels, with a stand-in for the checkpoint of the affinity network."""
    place = benchmark.Place(out, backbone)
    return benchmark.label_config(source, out / 'labels', place, source.affinity and 'affinity.pth')


def test_every_row_has_its_network_and_its_steps(benchmark, tmp_path):
    for source in benchmark.SOURCES.values():
        cfg = label_config(benchmark, source, tmp_path)
        network, steps = load_config(source.network).model, load_config(source.steps).model.inference
        assert {key: cfg.model[key] for key in network if key != 'inference'} == {
            key: network[key] for key in network if key != 'inference'
        }
        if not source.background:
            assert cfg.model.inference.get('class_maps') == steps.get('class_maps')
        walks = [step for step in cfg.model.inference.postprocessors if 'Walk' in step.type]
        assert [walk.checkpoint for walk in walks] == ['affinity.pth'] * bool(source.affinity)
        assert all(walk.config.endswith(f'{source.affinity}.py') for walk in walks)
        others = [step for step in steps.postprocessors if 'Walk' not in step.type]
        assert [step for step in cfg.model.inference.postprocessors if step not in walks] == others
        if source.affinity is None:
            assert MODELS.build(cfg.model).num_classes == 7


def test_the_background_of_a_row_replaces_that_of_its_steps(benchmark, tmp_path):
    for name in ('gap', 'seam', 'seam_irn'):
        source = benchmark.SOURCES[name]
        steps = label_config(benchmark, source, tmp_path).model.inference
        background = steps.postprocessors[0].background if steps.postprocessors else steps.class_maps.background
        assert {key: background[key] for key in source.background} == source.background


@pytest.mark.parametrize(
    ('backbone', 'parts'),
    [
        ('efficientnet-lite0', dict(type='mmwsl.DilatedEfficientNetLite', arch='lite0')),
        ('efficientnet-lite2', dict(type='mmwsl.DilatedEfficientNetLite', arch='lite2')),
        ('timm-resnet18', dict(type='mmwsl.DilatedTIMMBackbone', model_name='resnet18')),
    ],
)
def test_every_network_of_a_backbone_has_its_layers_its_colors_and_its_channels(benchmark, tmp_path, backbone, parts):
    if backbone.startswith('timm'):
        pytest.importorskip('timm')
    place = benchmark.Place(tmp_path, backbone)
    sources = [source for source in benchmark.SOURCES.values() if source.affinity != benchmark.PSA]
    for name in {benchmark.FULL, benchmark.NETWORK, benchmark.IRN, *(source.network for source in sources)}:
        cfg, other = load_config(place.config(name)), load_config(name)
        built = cfg.model.backbone.get('backbone', cfg.model.backbone)
        assert {key: built[key] for key in parts} == parts
        assert built.output_stride == 16 and built.frozen
        assert cfg.model.data_preprocessor.mean != other.model.data_preprocessor.mean
        model = MODELS.build(cfg.model).eval()
        with torch.no_grad():
            model(torch.zeros(1, 3, 64, 64))  # all channels fit
        for settings in (cfg, other):
            settings.pop('model')
        assert {key: cfg[key] for key in other if key != 'work_dir'} == {
            key: other[key] for key in other if key != 'work_dir'
        }


def test_the_walk_has_the_affinities_of_the_backbone(benchmark, tmp_path):
    source = benchmark.SOURCES['lse_irn']
    cfg = label_config(benchmark, source, tmp_path, 'efficientnet-lite0')
    (walk,) = (step for step in cfg.model.inference.postprocessors if 'Walk' in step.type)
    assert load_config(walk.config).model.decode_head.in_channels == (24, 40, 112, 320)
    assert cfg.model.data_preprocessor.mean == [127.0] * 3


def test_psa_has_no_row_on_another_backbone(benchmark, tmp_path, monkeypatch, capsys):
    command = ['label_sources.py', 'gap_psa', '--backbone', 'efficientnet-lite0', '--out', str(tmp_path)]
    monkeypatch.setattr(sys, 'argv', command)
    with pytest.raises(SystemExit):
        benchmark.main()
    error = capsys.readouterr().err
    assert 'the channels of PSA are those of MobileNetV2. Possible rows: gap seam recam gap_irn' in error


def test_finished_steps_are_not_repeated_and_the_table_compares_with_masks(benchmark, tmp_path, monkeypatch, capsys):
    for name, values in dict(gap=(40.0, 44.0), gap_irn=(45.0, 45.0), fsl_deeplabv3plus_voc6=(60.0, 60.0)).items():
        for seed, value in enumerate(values):
            result = dict(mIoU=value, cpu_seconds=3600.0, labels=None)
            write_json(tmp_path / 'mobilenet-v2' / name / f'seed_{seed}/result.json', result)
        write_json(tmp_path / 'mobilenet-v2' / name / 'result.json', dict(mIoU=50.0, ignored=12.0, cpu_seconds=1800.0))
    write_json(tmp_path / 'timm-resnet18/gap/seed_0/result.json', dict(mIoU=50.0, cpu_seconds=9e9, labels=None))
    monkeypatch.setattr(sys, 'argv', ['label_sources.py', 'gap', 'gap_irn', '--out', str(tmp_path)])
    benchmark.main()
    rows = capsys.readouterr().out.splitlines()[-4:]
    assert rows[0] == '| class activation maps | 50.0 | 12% | 42.0 | 40.0, 44.0 | 70% |'
    assert rows[2] == '| masks | 100.0 | 0% | 60.0 | 60.0, 60.0 | 100% |'
    assert rows[3] == '7.5 CPU hours'
    assert not list(tmp_path.rglob('*.pth'))


@pytest.mark.parametrize('backbone', ['mobilenet-v2', 'efficientnet-lite2'])
def test_without_rows_all_are_in_the_table(benchmark, tmp_path, monkeypatch, capsys, backbone):
    own = backbone == 'mobilenet-v2'
    rows = [name for name in benchmark.SOURCES if own or name != 'gap_psa']
    names, options = (*rows, benchmark.FULL), [] if own else ['--backbone', backbone]
    for name in names:
        write_json(tmp_path / backbone / name / 'seed_3/result.json', dict(mIoU=50.0, cpu_seconds=1.0, labels=None))
        write_json(tmp_path / backbone / name / 'result.json', dict(mIoU=50.0, ignored=12.0, cpu_seconds=1.0))
    monkeypatch.setattr(sys, 'argv', ['label_sources.py', *options, '--seeds', '3', '--out', str(tmp_path)])
    benchmark.main()
    assert sum(line.startswith('| ') for line in capsys.readouterr().out.splitlines()) == 1 + len(names)
