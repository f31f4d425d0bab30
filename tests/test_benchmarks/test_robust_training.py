"""Comparison of robust losses and backbones: its changes fit every config, and its table."""

import importlib.util
import json
import sys

import pytest


@pytest.fixture(scope='module')
def benchmark(repository):
    """The script as a module."""
    spec = importlib.util.spec_from_file_location('robust_training', repository / 'benchmarks' / 'robust_training.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_each_config_is_compared_with_the_masks_of_its_backbone(benchmark):
    assert {benchmark.full_supervision(name) for name in benchmark.CONFIGS} == {'fsl_deeplabv3plus_voc6'}
    for lite in ('efficientnet-lite0', 'efficientnet-lite2'):
        full = f'fsl_deeplabv3plus_{lite}_voc6'
        assert benchmark.full_supervision(f'psl_deeplabv3plus_{lite}_voc6') == full == benchmark.full_supervision(full)


BACKBONES = [
    f'{supervision}_deeplabv3plus_{backbone}_voc6'
    for supervision in ('psl', 'fsl')
    for backbone in ('efficientnet-lite0', 'efficientnet-lite2', 'timm-resnet18')
]


def test_every_config_has_the_images_and_the_length_of_the_comparison(benchmark, tmp_path):
    for name in (*benchmark.CONFIGS, *BACKBONES):
        cfg = benchmark.short_config(name, tmp_path, epochs=5, seed=2)
        dataset = cfg.train_dataloader.dataset.dataset
        assert dataset.ann_file == 'ImageSets/Segmentation/train.txt' and cfg.randomness.seed == 2
        assert (cfg.train_cfg.max_epochs, cfg.param_scheduler[-1].end) == (5, 5)
        filtering = cfg.model.decode_head.loss_decode.get('filtering')
        # 400 of 1000 iterations, here of 200.
        assert filtering == (dict(begin=80) if name.endswith('filtered') else None)
        momenta = [hook.momentum for hook in cfg.custom_hooks if hook.type == 'EMAHook']
        assert momenta == ([pytest.approx(0.05)] if name.endswith('ema') else [])
        steps = [step.type for step in dataset.pipeline]
        assert ('mmwsl.LoadConfidence' in steps) == name.endswith('weighted')


def test_the_table_has_ratios_of_the_same_backbone(benchmark, tmp_path, monkeypatch, capsys):
    found = dict(psl_deeplabv3plus_voc6=(40, 50), fsl_deeplabv3plus_voc6=(50, 50))
    found['psl_deeplabv3plus_efficientnet-lite2_voc6'] = (60, 60)
    (tmp_path / 'manifest.json').write_text('{}')
    monkeypatch.setenv('MMWSL_PSEUDO_LABELS', str(tmp_path))
    for name, values in found.items():
        for seed, value in enumerate(values):
            (tmp_path / name / f'seed_{seed}').mkdir(parents=True)
            result = dict(mIoU=value, cpu_seconds=60, labels=benchmark.labels_digest(name))
            (tmp_path / name / f'seed_{seed}' / 'result.json').write_text(json.dumps(result))
    monkeypatch.setattr(sys, 'argv', ['robust_training.py', *found, '--seeds', '0', '1', '--out', str(tmp_path)])
    benchmark.main()
    rows = capsys.readouterr().out.splitlines()[-3:]
    assert rows[0] == '| `psl_deeplabv3plus_voc6` | 45.0 | 7.1 | 40.0, 50.0 | 90% | 1 |'
    assert rows[2] == '| `psl_deeplabv3plus_efficientnet-lite2_voc6` | 60.0 | 0.0 | 60.0, 60.0 |  | 1 |'
    # results on other labels are not taken for those of these
    (tmp_path / 'manifest.json').write_text('{"other": 1}')
    with pytest.raises(SystemExit, match='was measured on other labels than MMWSL_PSEUDO_LABELS. Pass another --out'):
        benchmark.main()
