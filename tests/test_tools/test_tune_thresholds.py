"""The search of thresholds, and what a result made with them says."""

import json

import pytest
from mmengine.config import Config

from mmwsl import apis
from mmwsl.apis.training import main as train
from mmwsl.apis.tuning import tune_thresholds

SHORT = [
    option
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader')
    for option in (f'{loader}.dataset.length=8', f'{loader}.num_workers=0', f'{loader}.persistent_workers=False')
]


def test_search_then_evaluation_says_where_its_numbers_come_from(run, repository, tmp_path):
    base = repository / 'configs' / 'wsl_lse_shapes_ilp.py'
    train([str(base), '--work-dir', str(tmp_path / 'trained'), '--cfg-options', 'train_cfg.max_epochs=1', *SHORT])
    config = tmp_path / 'config.py'
    config.write_text(
        f"_base_ = ['{base}']\n"
        "model = dict(postprocessors=[dict(type='mmwsl.ImageLevelPrior'),\n"
        "    dict(type='mmwsl.ClassThresholds', thresholds='found.json')])\n"
    )
    checkpoint = tmp_path / 'trained' / 'epoch_1.pth'
    # The file that the chain names does not exist yet: the search must not need it.
    run('tune_thresholds.py', config, checkpoint, '--out', 'found.json', '--indices', 5, '--cfg-options', *SHORT)
    found = json.loads((tmp_path / 'found.json').read_text())
    assert found['tuned_on'] == 'masks: all images of ShapesDataset, the first 5'
    assert len(found['thresholds']) == len(found['classes']) - 1 == 6
    output = run(
        'test.py',
        config,
        checkpoint,
        '--work-dir',
        'tested',
        '--cfg-options',
        'test_dataloader.dataset.indices=5',
        *SHORT,
    )
    assert 'tuned_on: masks: all images of ShapesDataset, the first 5' in output
    written = json.loads(next((tmp_path / 'tested').glob('*/*.json')).read_text())
    assert written['tuned_on'] == found['tuned_on']
    measured = written['mIoU']
    without = run('test.py', base, checkpoint, '--work-dir', 'plain', '--cfg-options', *SHORT)
    assert 'tuned_on' not in without
    assert measured == pytest.approx(found['mIoU'], abs=0.02)  # the same images: what the search promised


def test_the_chain_is_cut_before_the_thresholds(repository):
    cfg = apis.load_config(repository / 'configs' / 'wsl_lse_voc6_sppxl.py')
    before = cfg.test_dataloader.dataset.pipeline
    tune_thresholds(cfg, 'out.json', 'ImageSets/Segmentation/train.txt')
    assert [step.type for step in cfg.model.postprocessors] == ['mmwsl.ImageLevelPrior']
    assert cfg.test_dataloader.dataset.ann_file == 'ImageSets/Segmentation/train.txt'
    assert cfg.test_dataloader.dataset.pipeline == before
    (metric,) = cfg.test_evaluator
    assert metric.tuned_on == 'masks: ImageSets/Segmentation/train.txt of VOC6WeakDataset'


def test_thresholds_within_another_step_are_refused(repository):
    cfg = apis.load_config(repository / 'configs' / 'wsl_lse_voc6_sppxl.py')
    cfg.model.postprocessors = [dict(type='mmwsl.PostProcessorEnsemble', chains=[cfg.model.postprocessors])]
    with pytest.raises(ValueError, match='ClassThresholds within another step'):
        tune_thresholds(cfg, 'out.json')


def test_a_kind_of_the_segmentor_has_a_chain_too(repository):
    cfg = apis.load_config(repository / 'configs' / 'wsl_pronet_voc6.py')
    tune_thresholds(cfg, 'out.json')
    assert cfg.test_evaluator[0].type == 'mmwsl.ClassThresholdSearch'


def test_a_model_without_a_chain_is_refused():
    with pytest.raises(TypeError, match="needs a model of type='mmwsl.WeakEncoderDecoder', but has 'EncoderDecoder'"):
        tune_thresholds(Config(dict(model=dict(type='EncoderDecoder'))), 'out.json')
