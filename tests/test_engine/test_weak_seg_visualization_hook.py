"""Predictions drawn over synthetic images, which have no file, and heat maps of the scores."""

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from PIL import Image

from mmwsl.apis import load_config
from mmwsl.apis.testing import draw_predictions, use_test_time_augmentation
from mmwsl.apis.testing import test as evaluate
from mmwsl.datasets import ShapesDataset
from mmwsl.datasets.transforms import RenderShapesImage


@pytest.mark.parametrize('tta', [False, True])
def test_every_prediction_is_drawn_over_its_input_image(repository, tmp_path, tta):
    cfg = load_config(repository / 'configs/shapes/wsl_lse_shapes.py', work_dir=str(tmp_path / 'work'))
    cfg.test_dataloader.dataset.length = 3
    cfg.test_dataloader.update(num_workers=0, persistent_workers=False)
    cfg.visualizer.alpha = 0.0
    cfg.visualizer.name = f'over itself {tta}'
    draw_predictions(cfg, show_dir=str(tmp_path / 'drawn'))
    init_default_scope('mmseg')
    torch.save(dict(state_dict=MODELS.build(cfg.model).state_dict()), tmp_path / 'untrained.pth')
    if tta:
        flips = [[dict(type='RandomFlip', prob=prob, direction='horizontal') for prob in (0.0, 1.0)]]
        load, *pack = cfg.test_dataloader.dataset.pipeline
        cfg.tta_pipeline = [load, dict(type='TestTimeAug', transforms=[*flips, *([step] for step in pack)])]
        use_test_time_augmentation(cfg)
    evaluate(cfg, str(tmp_path / 'untrained.pth'))
    drawn = sorted((tmp_path / 'drawn').rglob('*.png'))
    assert len(drawn) == 3
    dataset = ShapesDataset(length=3, seed=1, pipeline=[RenderShapesImage()], test_mode=True)
    for index, path in enumerate(drawn):
        image = np.asarray(Image.open(path))
        expected = dataset[index]['img'][..., ::-1]
        # Ground truth and prediction side by side, fully transparent here.
        assert image.shape == (96, 192, 3)
        assert (image[:, :96] == expected).mean() > 0.9 and (image[:, 96:] == expected).mean() > 0.7


def test_draw_maps_without_pred_scores_is_an_error(repository, tmp_path):
    cfg = load_config(repository / 'configs/shapes/wsl_lse_shapes.py', work_dir=str(tmp_path / 'work'))
    cfg.model.type, cfg.visualizer.name = 'EncoderDecoder', 'raw'
    cfg.default_hooks.visualization.draw_maps = True
    draw_predictions(cfg, show_dir=str(tmp_path / 'drawn'))
    init_default_scope('mmseg')
    torch.save(dict(state_dict=MODELS.build(cfg.model).state_dict()), tmp_path / 'untrained.pth')
    message = '`draw_maps` must be False .* got True with EncoderDecoder. Use type=.mmwsl.WeakEncoderDecoder'
    with pytest.raises(ValueError, match=message):
        evaluate(cfg, str(tmp_path / 'untrained.pth'))


def test_draw_maps_draws_scores_and_saliency(repository, tmp_path):
    cfg = load_config(repository / 'configs/shapes/wsl_lse_shapes.py', work_dir=str(tmp_path / 'work'))
    cfg.test_dataloader.dataset.length = 2
    cfg.test_dataloader.update(num_workers=0, persistent_workers=False)
    cfg.visualizer.name = 'maps'
    cfg.model.inference = dict(
        class_maps=dict(type='mmwsl.GuidedBackpropSaliency', layers=['backbone.layers.0'], threshold=1.0, min_classes=2)
    )
    cfg.default_hooks.visualization.draw_maps = True
    draw_predictions(cfg, show_dir=str(tmp_path / 'drawn'))
    init_default_scope('mmseg')
    torch.save(dict(state_dict=MODELS.build(cfg.model).state_dict()), tmp_path / 'untrained.pth')
    evaluate(cfg, str(tmp_path / 'untrained.pth'))
    names = [path.stem for path in (tmp_path / 'drawn').rglob('*.png')]
    saliency = [name for name in names if '_saliency_' in name]
    assert len(saliency) >= 4 and len(names) == 2 + 2 * len(saliency)
    assert {name.replace('_saliency_', '_score_') for name in saliency} < set(names)
    assert not any('_background_' in name for name in names)
