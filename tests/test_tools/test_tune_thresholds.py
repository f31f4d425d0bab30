"""Search for class thresholds, and the provenance of results that use them."""

import json

import pytest
from mmengine.config import Config

from mmwsl import apis
from mmwsl.apis.training import main as train
from mmwsl.apis.tuning import tune_thresholds
from mmwsl.inference import ClassThresholds
from mmwsl.registry import POSTPROCESSORS

SHORT = [
    option
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader')
    for option in (f'{loader}.dataset.length=8', f'{loader}.num_workers=0', f'{loader}.persistent_workers=False')
]


def test_search_then_evaluation_with_the_masks_that_the_thresholds_were_tuned_on(run, repository, tmp_path):
    base = repository / 'configs/shapes/wsl_lse_shapes_ilp.py'
    trial = ['train_cfg.max_epochs=1', 'param_scheduler=None', *SHORT]
    train([str(base), '--work-dir', str(tmp_path / 'trained'), '--cfg-options', *trial])
    config = tmp_path / 'config.py'
    config.write_text(
        f"_base_ = ['{base}']\n"
        "model = dict(inference=dict(postprocessors=[dict(type='mmwsl.ImageLevelPrior'),\n"
        "    dict(type='mmwsl.ClassThresholds', thresholds='found.json')]))\n"
    )
    checkpoint = tmp_path / 'trained' / 'epoch_1.pth'
    # The file that the config names does not exist yet: the search must not need it.
    run('tune_thresholds.py', config, checkpoint, '--out', 'found.json', '--max-images', 5, '--cfg-options', *SHORT)
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
    assert measured == pytest.approx(found['mIoU'], abs=0.02)  # the same images as in the search


def test_the_post_processing_pipeline_is_cut_before_the_thresholds(repository):
    cfg = apis.load_config(repository / 'configs/priors/wsl_lse_voc6_sppxl.py')
    before = cfg.test_dataloader.dataset.pipeline
    tune_thresholds(cfg, 'out.json', 'ImageSets/Segmentation/train.txt')
    assert [step.type for step in cfg.model.inference.postprocessors] == ['mmwsl.ImageLevelPrior']
    assert cfg.test_dataloader.dataset.ann_file == 'ImageSets/Segmentation/train.txt'
    assert cfg.test_dataloader.dataset.pipeline == before
    (metric,) = cfg.test_evaluator
    assert metric.tuned_on == 'masks: ImageSets/Segmentation/train.txt of VOC6WeakDataset'


@POSTPROCESSORS.register_module()
class MyThresholds(ClassThresholds):
    pass


def test_the_pipeline_is_cut_before_a_subclass_of_the_thresholds(repository):
    cfg = apis.load_config(repository / 'configs/priors/wsl_lse_voc6_sppxl.py')
    cfg.model.inference.postprocessors[1].type = 'mmwsl.MyThresholds'
    tune_thresholds(cfg, 'out.json')
    assert [part.type for part in cfg.model.inference.postprocessors] == ['mmwsl.ImageLevelPrior']


def test_post_processors_without_thresholds_are_used_whole(repository):
    cfg = apis.load_config(repository / 'configs/shapes/wsl_lse_shapes_ilp.py')
    tune_thresholds(cfg, 'out.json')
    assert [part.type for part in cfg.model.inference.postprocessors] == ['mmwsl.ImageLevelPrior']


@pytest.mark.parametrize('kind', ['ClassThresholds', 'MyThresholds'])
def test_thresholds_inside_another_post_processor_are_rejected(repository, kind):
    cfg = apis.load_config(repository / 'configs/priors/wsl_lse_voc6_sppxl.py')
    inference = cfg.model.inference
    inference.postprocessors[1].type = f'mmwsl.{kind}'
    inference.postprocessors = [dict(type='mmwsl.PostProcessorEnsemble', pipelines=[inference.postprocessors])]
    with pytest.raises(ValueError, match="nests ClassThresholds inside 'mmwsl.PostProcessorEnsemble'"):
        tune_thresholds(cfg, 'out.json')


def test_a_subclass_of_the_segmentor_is_accepted(repository):
    cfg = apis.load_config(repository / 'configs/pronet/wsl_pronet_voc6.py')
    tune_thresholds(cfg, 'out.json')
    assert cfg.test_evaluator[0].type == 'mmwsl.ClassThresholdSearch'


def test_a_model_without_inference_pipeline_is_rejected():
    with pytest.raises(TypeError, match="`model.type` must be 'mmwsl.WeakEncoderDecoder' .*got 'EncoderDecoder'"):
        tune_thresholds(Config(dict(model=dict(type='EncoderDecoder'))), 'out.json')


def test_no_image_is_rejected(repository):
    cfg = apis.load_config(repository / 'configs/shapes/wsl_lse_shapes.py')
    with pytest.raises(ValueError, match='--max-images must be at least 1, got 0'):
        tune_thresholds(cfg, 'out.json', max_images=0)
