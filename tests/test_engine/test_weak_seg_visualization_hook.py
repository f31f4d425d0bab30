"""Predictions drawn over synthetic images, which have no file, and heat maps of the scores."""

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from PIL import Image

from mmwsl.apis import load_config
from mmwsl.apis.testing import draw_predictions, use_test_time_augmentation, write_predictions
from mmwsl.apis.testing import test as evaluate
from mmwsl.datasets import ShapesDataset
from mmwsl.datasets.transforms import RenderShapesImage
from mmwsl.visualization import overlay_mask
from mmwsl.visualization.image_grid import GAP, font_size


@pytest.mark.parametrize('tta', [False, True])
def test_every_prediction_is_drawn_over_its_input_image(repository, tmp_path, tta):
    cfg = load_config(repository / 'configs/shapes/wsl_lse_shapes.py', work_dir=str(tmp_path / 'work'))
    cfg.test_dataloader.dataset.length = 3
    cfg.test_dataloader.update(num_workers=0, persistent_workers=False)
    cfg.default_hooks.visualization.alpha = 0.0
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
    assert [path.relative_to(tmp_path / 'drawn').as_posix() for path in drawn] == [
        f'shapes-1-{index:06d}.png' for index in range(3)
    ]
    dataset = ShapesDataset(length=3, seed=1, pipeline=[RenderShapesImage()], test_mode=True)
    for index, path in enumerate(drawn):
        image = np.asarray(Image.open(path))
        expected = dataset[index]['img'][..., ::-1]
        # Image, ground truth and prediction, fully transparent here, each enlarged to 192 pixels.
        top = font_size(192) + 2 * GAP
        for panel in range(3):
            pixels = image[top : top + 192, GAP + (192 + GAP) * panel :][:, :192]
            assert (pixels[::2, ::2] == expected).all() and (pixels[1::2, 1::2] == expected).all()


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
    maps = [name for name in names if name.endswith('_maps')]
    assert len(maps) >= 4 and len(names) == 2 + len(maps)
    assert not any('_background_' in name for name in names)
    # Image, scores and saliency beside each other.
    assert np.asarray(Image.open(next((tmp_path / 'drawn').rglob('*_maps.png')))).shape[1] == GAP + 3 * (192 + GAP)


@pytest.fixture
def scenes(tmp_path):
    """Images in subfolders, two of them with one stem, and their masks."""
    rng = np.random.default_rng(0)
    for name in ('a/x.png', 'b/x.png', 'b/x.jpg', 'y.png'):
        for folder, pixels in (
            ('images', rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)),
            ('masks', np.where(rng.random((20, 30)) < 0.3, 255, rng.integers(0, 2, (20, 30))).astype(np.uint8)),
        ):
            path = tmp_path / folder / name
            if folder == 'masks':
                path = path.with_name(f'{path.name}.png') if name.startswith('b/') else path.with_suffix('.png')
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)
    return tmp_path


@pytest.fixture
def evaluated(scenes, tiny_config):
    """Drawings and masks of these images, by the real runner."""
    dataset = dict(
        type='mmwsl.FolderWeakDataset',
        data_root=str(scenes),
        data_prefix=dict(img_path='images', seg_map_path='masks'),
        metainfo=dict(classes=('background', 'square'), palette=[[0, 0, 0], [255, 0, 0]]),
        pipeline=[dict(type='LoadImageFromFile'), dict(type='LoadAnnotations'), dict(type='PackSegInputs')],
        test_mode=True,
    )
    loader = dict(batch_size=2, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False), dataset=dataset)
    path = tiny_config(test_dataloader=loader)
    cfg = load_config(path, work_dir=str(scenes / 'work'))
    cfg.default_hooks.visualization = dict(type='mmwsl.WeakSegVisualizationHook')
    cfg.visualizer.name = scenes.name
    draw_predictions(cfg, show_dir=str(scenes / 'drawn'))
    write_predictions(cfg, str(scenes / 'predicted'))
    init_default_scope('mmseg')
    torch.manual_seed(0)
    torch.save(dict(state_dict=MODELS.build(cfg.model).state_dict()), scenes / 'untrained.pth')
    evaluate(cfg, str(scenes / 'untrained.pth'))
    return scenes


def test_masks_and_drawings_keep_subfolders_and_equal_stems(evaluated):
    expected = ['a/x.png', 'b/x.png', 'b/x.png.png', 'y.png']
    for folder in ('drawn', 'predicted'):
        files = sorted(path.relative_to(evaluated / folder).as_posix() for path in (evaluated / folder).rglob('*.png'))
        assert files == expected


def test_masks_are_indices_with_the_palette(evaluated):
    for path in (evaluated / 'predicted').rglob('*.png'):
        with Image.open(path) as mask:
            assert mask.mode == 'P' and mask.size == (30, 20)
            assert mask.getpalette()[:6] == [0, 0, 0, 255, 0, 0]
            assert set(np.unique(np.asarray(mask))) <= {0, 1}


def test_the_drawing_has_image_ground_truth_and_prediction(evaluated):
    drawing = np.asarray(Image.open(evaluated / 'drawn' / 'y.png'))
    image, masks = np.asarray(Image.open(evaluated / 'images' / 'y.png')), []
    for folder in ('masks', 'predicted'):
        masks.append(np.asarray(Image.open(evaluated / folder / 'y.png')))
    palette = [[0, 0, 0], [255, 0, 0]]
    panels = [image, *(overlay_mask(image, mask, palette) for mask in masks)]
    factor = 7  # 30 pixels are enlarged to 210
    top = font_size(factor * 30) + 2 * GAP
    for index, panel in enumerate(panels):
        left = GAP + index * (factor * 30 + GAP)
        part = drawing[top : top + factor * 20, left : left + factor * 30]
        assert (part[::factor, ::factor] == panel).all()
    legend = drawing[top + factor * 20 :]
    assert (legend == (255, 0, 0)).all(2).sum() > 50  # the color of `square`
