"""Ablation of pseudo-labels: the config of every row, and the table."""

import importlib
import sys

import pytest

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


def test_every_row_has_its_network_and_its_steps(benchmark, tmp_path):
    for name, source in benchmark.SOURCES.items():
        cfg = benchmark.label_config(source, tmp_path / name, source.affinity and 'affinity.pth')
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
        steps = benchmark.label_config(source, tmp_path, source.affinity and 'affinity.pth').model.inference
        background = steps.postprocessors[0].background if steps.postprocessors else steps.class_maps.background
        assert {key: background[key] for key in source.background} == source.background


def test_finished_steps_are_not_repeated_and_the_table_compares_with_masks(benchmark, tmp_path, monkeypatch, capsys):
    for name, values in dict(gap=(40.0, 44.0), gap_irn=(45.0, 45.0), fsl_deeplabv3plus_voc6=(60.0, 60.0)).items():
        for seed, value in enumerate(values):
            result = dict(mIoU=value, cpu_seconds=3600.0, labels=None)
            write_json(tmp_path / name / f'seed_{seed}/result.json', result)
        write_json(tmp_path / name / 'result.json', dict(mIoU=50.0, ignored=12.0, cpu_seconds=1800.0))
    monkeypatch.setattr(sys, 'argv', ['label_sources.py', 'gap', 'gap_irn', '--out', str(tmp_path)])
    benchmark.main()
    rows = capsys.readouterr().out.splitlines()[-4:]
    assert rows[0] == '| class activation maps | 50.0 | 12% | 42.0 | 40.0, 44.0 | 70% |'
    assert rows[2] == '| masks | 100.0 | 0% | 60.0 | 60.0, 60.0 | 100% |'
    assert rows[3] == '7.5 CPU hours'
    assert not list(tmp_path.rglob('*.pth'))


def test_without_rows_all_are_in_the_table(benchmark, tmp_path, monkeypatch, capsys):
    names = (*benchmark.SOURCES, benchmark.FULL)
    for name in names:
        write_json(tmp_path / name / 'seed_3/result.json', dict(mIoU=50.0, cpu_seconds=1.0, labels=None))
        write_json(tmp_path / name / 'result.json', dict(mIoU=50.0, ignored=12.0, cpu_seconds=1.0))
    monkeypatch.setattr(sys, 'argv', ['label_sources.py', '--seeds', '3', '--out', str(tmp_path)])
    benchmark.main()
    assert sum(line.startswith('| ') for line in capsys.readouterr().out.splitlines()) == 1 + len(names)
