"""Pictures with predictions painted over them, of scenes that have no file."""

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
from mmwsl.datasets.transforms import GenerateShapes


@pytest.mark.parametrize('tta', [False, True])
def test_every_scene_is_drawn_over_itself(repository, tmp_path, tta):
    cfg = load_config(repository / 'configs' / 'wsl_lse_shapes.py', work_dir=str(tmp_path / 'work'))
    cfg.test_dataloader.dataset.length = 3
    cfg.test_dataloader.update(num_workers=0, persistent_workers=False)
    cfg.visualizer.alpha = 0.
    cfg.visualizer.name = f'over itself {tta}'
    draw_predictions(cfg, show_dir=str(tmp_path / 'painted'))
    init_default_scope('mmseg')
    torch.save(dict(state_dict=MODELS.build(cfg.model).state_dict()), tmp_path / 'untrained.pth')
    if tta:
        flips = [[dict(type='RandomFlip', prob=prob, direction='horizontal') for prob in (0., 1.)]]
        load, *pack = cfg.test_dataloader.dataset.pipeline
        cfg.tta_pipeline = [load, dict(type='TestTimeAug', transforms=[*flips, *([step] for step in pack)])]
        use_test_time_augmentation(cfg)
    evaluate(cfg, str(tmp_path / 'untrained.pth'))
    painted = sorted((tmp_path / 'painted').rglob('*.png'))
    assert len(painted) == 3
    scenes = ShapesDataset(length=3, seed=1, pipeline=[GenerateShapes()], test_mode=True)
    for index, path in enumerate(painted):
        picture = np.asarray(Image.open(path))
        expected = scenes[index]['img'][..., ::-1]
        # The truth and the prediction side by side, fully transparent here.
        assert picture.shape == (96, 192, 3)
        assert (picture[:, :96] == expected).mean() > 0.9 and (picture[:, 96:] == expected).mean() > 0.7
