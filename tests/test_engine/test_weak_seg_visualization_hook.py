"""Images with predictions painted over them, of scenes that have no file."""

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
def test_every_scene_is_drawn_over_itself(repository, tmp_path, tta):
    cfg = load_config(repository / 'configs' / 'wsl_lse_shapes.py', work_dir=str(tmp_path / 'work'))
    cfg.test_dataloader.dataset.length = 3
    cfg.test_dataloader.update(num_workers=0, persistent_workers=False)
    cfg.visualizer.alpha = 0.0
    cfg.visualizer.name = f'over itself {tta}'
    draw_predictions(cfg, show_dir=str(tmp_path / 'painted'))
    init_default_scope('mmseg')
    torch.save(dict(state_dict=MODELS.build(cfg.model).state_dict()), tmp_path / 'untrained.pth')
    if tta:
        flips = [[dict(type='RandomFlip', prob=prob, direction='horizontal') for prob in (0.0, 1.0)]]
        load, *pack = cfg.test_dataloader.dataset.pipeline
        cfg.tta_pipeline = [load, dict(type='TestTimeAug', transforms=[*flips, *([step] for step in pack)])]
        use_test_time_augmentation(cfg)
    evaluate(cfg, str(tmp_path / 'untrained.pth'))
    painted = sorted((tmp_path / 'painted').rglob('*.png'))
    assert len(painted) == 3
    scenes = ShapesDataset(length=3, seed=1, pipeline=[RenderShapesImage()], test_mode=True)
    for index, path in enumerate(painted):
        image = np.asarray(Image.open(path))
        expected = scenes[index]['img'][..., ::-1]
        # The truth and the prediction side by side, fully transparent here.
        assert image.shape == (96, 192, 3)
        assert (image[:, :96] == expected).mean() > 0.9 and (image[:, 96:] == expected).mean() > 0.7


def test_maps_of_raw_scores_are_refused(repository, tmp_path):
    cfg = load_config(repository / 'configs' / 'wsl_lse_shapes.py', work_dir=str(tmp_path / 'work'))
    cfg.model.type, cfg.visualizer.name = 'EncoderDecoder', 'raw'
    cfg.default_hooks.visualization.maps = True
    draw_predictions(cfg, show_dir=str(tmp_path / 'painted'))
    init_default_scope('mmseg')
    torch.save(dict(state_dict=MODELS.build(cfg.model).state_dict()), tmp_path / 'untrained.pth')
    with pytest.raises(ValueError, match='`maps=True` draws .* EncoderDecoder leaves raw ones: use the segmentor'):
        evaluate(cfg, str(tmp_path / 'untrained.pth'))


def test_maps_are_drawn_where_they_are_asked_for(repository, tmp_path):
    cfg = load_config(repository / 'configs' / 'wsl_lse_shapes.py', work_dir=str(tmp_path / 'work'))
    cfg.test_dataloader.dataset.length = 2
    cfg.test_dataloader.update(num_workers=0, persistent_workers=False)
    cfg.visualizer.name = 'maps'
    cfg.model.saliency = dict(
        type='mmwsl.GuidedBackpropSaliency', layers=['backbone.layers.0'], threshold=1.0, min_classes=2
    )
    cfg.default_hooks.visualization.maps = True
    draw_predictions(cfg, show_dir=str(tmp_path / 'painted'))
    init_default_scope('mmseg')
    torch.save(dict(state_dict=MODELS.build(cfg.model).state_dict()), tmp_path / 'untrained.pth')
    evaluate(cfg, str(tmp_path / 'untrained.pth'))
    names = [path.stem for path in (tmp_path / 'painted').rglob('*.png')]
    saliency = [name for name in names if '_saliency_' in name]
    assert len(saliency) >= 4 and len(names) == 2 + 2 * len(saliency)
    assert {name.replace('_saliency_', '_score_') for name in saliency} < set(names)
    assert not any('_background_' in name for name in names)
