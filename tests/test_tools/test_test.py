import json
import os

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmseg.apis import inference_model, init_model
from mmseg.registry import MODELS
from PIL import Image

from mmwsl import apis
from mmwsl.apis.testing import draw_predictions, main, use_test_time_augmentation, write_predictions
from mmwsl.apis.training import main as train
from mmwsl.models import WeakEncoderDecoder


class MakesAFolder:
    """Unpickles as a call that makes a folder."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.fixture
def trained(tiny_config, tmp_path):
    """A config with two metrics, and a checkpoint of it that has learned something."""
    metrics = [dict(type='IoUMetric'), dict(type='IoUMetric', iou_metrics=['mDice'], prefix='dice')]
    config = tiny_config(test_evaluator=metrics)
    train([str(config), '--work-dir', str(tmp_path / 'train'), '--cfg-options', 'train_cfg.max_iters=30'])
    return config, tmp_path / 'train' / 'iter_30.pth'


def test_all_outputs_of_one_evaluation(trained, run, tmp_path):
    config, checkpoint = trained
    run('test.py', config, checkpoint, '--work-dir', 'work', '--out', 'masks', '--show-dir', 'drawn', '--tta')

    scores = json.loads(next((tmp_path / 'work').glob('*/*.json')).read_text())
    assert scores['mIoU'] > 60 and scores['dice/mDice'] > scores['mIoU']

    intersection, union = np.zeros(2), np.zeros(2)
    for index in range(7):
        truth, predicted = (
            np.asarray(Image.open(tmp_path / folder / f'{index}.png')) for folder in ('scenes/masks', 'masks')
        )
        assert predicted.shape == truth.shape and set(np.unique(predicted)) <= {0, 1}
        for label in (0, 1):
            intersection[label] += ((truth == label) & (predicted == label)).sum()
            union[label] += ((truth == label) | (predicted == label)).sum()
    assert round(100 * (intersection / union).mean(), 2) == pytest.approx(scores['mIoU'], abs=0.006)

    drawn = sorted((tmp_path / 'drawn').rglob('*.png'))
    assert len(drawn) == 7
    plain = apis.test(apis.load_config(config, work_dir=str(tmp_path / 'plain')), str(checkpoint))
    assert plain['aAcc'] != scores['aAcc'], 'the flipped images changed nothing'


def test_augmentation_uses_the_pipeline_and_model_of_the_config(tiny_config):
    cfg = apis.load_config(tiny_config())
    use_test_time_augmentation(cfg)
    assert (cfg.model.type, cfg.model.module.type) == ('SegTTAModel', 'EncoderDecoder')
    assert cfg.test_dataloader.dataset.pipeline == cfg.tta_pipeline


def test_augmentation_needs_its_pipeline_and_model(tiny_config):
    cfg = apis.load_config(tiny_config())
    cfg.pop('tta_pipeline')
    with pytest.raises(ValueError, match='--tta needs .*but the config has no `tta_pipeline`. Define'):
        use_test_time_augmentation(cfg)


def test_augmentation_that_ignores_the_inference_pipeline_raises_an_error(repository):
    @MODELS.register_module(force=True)
    class UsersSegmentor(WeakEncoderDecoder):
        """Segmentor of a user's own package."""

    for kind in ('mmwsl.WeakEncoderDecoder', 'UsersSegmentor'):
        cfg = apis.load_config(repository / 'configs/wsl_lse_voc.py', {'model.type': kind})
        cfg.tta_model = dict(type='SegTTAModel')
        with pytest.raises(ValueError, match=f"'SegTTAModel' would ignore .*{kind}.*mmwsl.WeakSegTTAModel"):
            use_test_time_augmentation(cfg)


@pytest.mark.parametrize('evaluators', [[], [dict(type='IoUMetric')]])
def test_out_leaves_the_metrics_alone(tiny_config, evaluators):
    cfg = apis.load_config(tiny_config(test_evaluator=evaluators, custom_hooks=[dict(type='mmwsl.ProvenanceHook')]))
    write_predictions(cfg, 'masks')
    assert cfg.test_evaluator == evaluators
    assert cfg.custom_hooks == [dict(type='mmwsl.ProvenanceHook'), dict(type='mmwsl.MaskWriterHook', out_dir='masks')]
    loads_masks = any(step.type == 'LoadAnnotations' for step in cfg.test_dataloader.dataset.pipeline)
    assert loads_masks == bool(evaluators)  # unlabeled images have none


def test_masks_never_replace_those_of_the_dataset(trained, tmp_path):
    config, checkpoint = trained
    before = {path: path.read_bytes() for path in (tmp_path / 'scenes').rglob('*.png')}
    for folder in ('masks', 'images'):
        arguments = [str(config), str(checkpoint), '--work-dir', str(tmp_path / folder), '--out']
        with pytest.raises(ValueError, match=f'--out must be apart from the images, labels and masks, got .*{folder}'):
            main([*arguments, str(tmp_path / 'scenes' / folder)])
    assert before == {path: path.read_bytes() for path in (tmp_path / 'scenes').rglob('*.png')}


def test_show_opens_windows_for_as_long_as_asked(tiny_config):
    cfg = apis.load_config(tiny_config())
    draw_predictions(cfg, show=True, wait_time=0.5)
    assert cfg.default_hooks.visualization == dict(
        type='SegVisualizationHook', draw=True, interval=1, show=True, wait_time=0.5
    )
    del cfg.default_hooks['visualization']
    with pytest.raises(ValueError, match='--show and --show-dir need `default_hooks.visualization`'):
        draw_predictions(cfg, show=True)


def test_a_checkpoint_that_runs_code_needs_the_switch(trained, tmp_path):
    config, checkpoint = trained
    trace, malicious = tmp_path / 'code_ran', tmp_path / 'malicious.pth'
    contents = torch.load(checkpoint, weights_only=True)
    contents['meta']['note'] = MakesAFolder(str(trace))
    torch.save(contents, malicious)

    work = ['--work-dir', str(tmp_path / 'work')]
    in_backbone = ['model.backbone.init_cfg.type=Pretrained', f'model.backbone.init_cfg.checkpoint={malicious}']
    for arguments in ([malicious], [checkpoint, '--cfg-options', *in_backbone]):
        with pytest.raises(apis.UnsafeCheckpointError, match=r"malicious\.pth' was rejected.*--trust-checkpoint"):
            main([str(config), *map(str, arguments), *work])
        assert not trace.exists()
    main([str(config), str(malicious), *work, '--trust-checkpoint'])
    assert trace.exists()


def test_an_missing_checkpoint_is_named(tiny_config):
    with pytest.raises(FileNotFoundError, match=r"checkpoint='none\.pth' does not exist"):
        main([str(tiny_config()), 'none.pth'])


def test_masks_of_unlabeled_images_need_neither_labels_nor_masks(repository, tmp_path, capfd):
    """By the test command, and by mmseg's own inference on a single image."""
    (tmp_path / 'new').mkdir()
    for name, size in (('a', (40, 30)), ('b', (50, 60))):
        Image.fromarray(np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)).save(
            tmp_path / 'new' / f'{name}.png'
        )
    config = repository / 'configs/folder/wsl_lse_folder_masks.py'
    options = [
        'test_evaluator=[]',
        'test_dataloader.dataset.label_file=',
        'test_dataloader.dataset.ann_file=',
        f'test_dataloader.dataset.data_root={tmp_path}',
        'test_dataloader.dataset.data_prefix.img_path=new',
        'test_dataloader.num_workers=0',
        'test_dataloader.persistent_workers=False',
        'test_dataloader.dataset.img_suffix=.png',
        'model.backbone.init_cfg=None',
        'model.backbone.depth=18',
        'model.decode_head.in_channels=512',
        'model.decode_head.hidden_channels=[8]',
    ]
    cfg = apis.load_config(config)
    cfg.merge_from_dict(
        {
            'model.backbone.init_cfg': None,
            'model.backbone.depth': 18,
            'model.decode_head.in_channels': 512,
            'model.decode_head.hidden_channels': [8],
        }
    )
    init_default_scope('mmseg')
    checkpoint = tmp_path / 'untrained.pth'
    torch.save(dict(state_dict=MODELS.build(cfg.model).state_dict()), checkpoint)
    main(
        [
            str(config),
            str(checkpoint),
            '--work-dir',
            str(tmp_path / 'work'),
            '--out',
            str(tmp_path / 'predicted'),
            '--cfg-options',
            f'experiment_name={tmp_path.name}',
            *options,
        ]
    )
    printed = ''.join(capfd.readouterr())
    assert f'Masks: {tmp_path / "predicted"} (2 images)' in printed
    assert 'empty' not in printed and 'results are saved' not in printed
    masks = {path.stem: np.asarray(Image.open(path)) for path in (tmp_path / 'predicted').glob('*.png')}
    assert {name: mask.shape for name, mask in masks.items()} == dict(a=(40, 30), b=(50, 60))
    model = init_model(cfg, device='cpu')
    model.load_state_dict(torch.load(checkpoint, weights_only=True)['state_dict'])
    predicted = inference_model(model, str(tmp_path / 'new' / 'b.png'))
    assert np.array_equal(predicted.pred_sem_seg.data[0].numpy(), masks['b'])
