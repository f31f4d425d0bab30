"""Test-time augmentation of `WeakSegInferencer` and `mmwsl predict`."""

import copy

import cv2
import numpy as np
import pytest
from PIL import Image

from mmwsl import apis
from mmwsl.apis import WeakSegInferencer
from mmwsl.apis.testing import main as run_test
from mmwsl.cli.main import main

from .trained import write_shapes, write_weights

WEAK = 'wsl_lse_shapes_ilp'
SEGMENTOR = 'psl_deeplabv3plus_mobilenet-v2_folder'
CLASSES = ['background', 'a', 'b']
VIEWS = """_base_ = ['{base}']
steps = _base_.test_dataloader.dataset.pipeline
sizes = [dict(type='Resize', scale=(side, side)) for side in (64, 96)]
flips = [dict(type='RandomFlip', prob=prob) for prob in (0.0, 1.0)]
tta_pipeline = [*steps[:2], dict(type='TestTimeAug', transforms=[sizes, flips, [steps[2]], [steps[3]]])]
"""


@pytest.fixture(scope='module')
def images(tmp_path_factory):
    return write_shapes(tmp_path_factory.mktemp('images'))


@pytest.fixture(scope='module')
def weights(tmp_path_factory):
    options = {'model.backbone.init_cfg': None}
    return write_weights(SEGMENTOR, tmp_path_factory.mktemp('weights') / 'random.pth', options, scale=1e5)


@pytest.fixture(scope='module')
def found(weights, images):
    return WeakSegInferencer(SEGMENTOR, weights, classes=CLASSES, tta=True)(images, return_scores=True)['predictions']


def test_masks_are_those_of_the_test_command(images, tmp_path):
    weights, config = write_weights(WEAK, tmp_path / 'random.pth'), tmp_path / 'views.py'
    config.write_text(VIEWS.format(base=apis.get_config(WEAK).filename))
    options = ['test_dataloader.dataset.length=3', f'experiment_name={tmp_path.name}']
    options += ['test_dataloader.num_workers=0', 'test_dataloader.persistent_workers=False']
    folders = ['--work-dir', str(tmp_path / 'work'), '--out', str(tmp_path / 'masks')]
    run_test([str(config), weights, '--tta', *folders, '--cfg-options', *options])
    from mmwsl.datasets.synthetic import draw_layout, render_image

    inferencer, single = (WeakSegInferencer(config, weights, tta=tta) for tta in (True, False))
    expected = {path.stem: np.asarray(Image.open(path)) for path in (tmp_path / 'masks').glob('*.png')}
    different = 0
    for name, mask in expected.items():
        scene = dict(seed=1, index=int(name.split('-')[-1]), size=96)
        pixels = render_image(draw_layout(**scene), **scene)
        (one,) = inferencer(pixels, return_scores=True)['predictions']
        assert np.array_equal(one['mask'], mask) and set(one['image_probs']) == set(inferencer.classes[1:])
        different += (single(pixels)['predictions'][0]['mask'] != mask).sum()
    assert len(expected) == 3 and different


def test_scores_are_the_mean_over_sizes_and_mirror_images(weights, images):
    cfg = apis.get_config(SEGMENTOR)
    del cfg.model.inference.postprocessors[1:]  # the CRF, which follows the mean
    augmented = WeakSegInferencer(cfg, weights, classes=CLASSES, tta=True)
    inferencers = []
    for side in (240, 320, 400):
        sized = copy.deepcopy(cfg)
        (resize,) = (step for step in sized.test_dataloader.dataset.pipeline if step.type == 'Resize')
        resize.scale = (side, side)
        inferencers.append(WeakSegInferencer(sized, weights, classes=CLASSES))
    for one in augmented(images, return_scores=True)['predictions'][:2]:
        image = cv2.imread(str(images / one['name']))
        views = [
            inferencer(np.ascontiguousarray(image[:, ::step]), return_scores=True)['predictions'][0]['scores'][
                ..., ::step
            ]
            for inferencer in inferencers
            for step in (1, -1)
        ]
        np.testing.assert_allclose(one['scores'], np.mean(views, 0), atol=1e-5)
        assert np.array_equal(one['scores'].argmax(0), one['mask'])
        assert np.abs(views[-1] - one['scores']).max() > 0.01


def test_images_of_one_size_share_a_batch(found, weights, images):
    batches = WeakSegInferencer(SEGMENTOR, weights, classes=CLASSES, tta=True)(images, 3, return_scores=True)
    for one, other in zip(found, batches['predictions'], strict=True):
        assert one['name'] == other['name']
        np.testing.assert_allclose(one['scores'], other['scores'], atol=1e-4)


def test_the_command_predicts_views_and_keeps_them_apart(weights, images, tmp_path, capfd):
    config = tmp_path / 'mine.py'
    names = f'metainfo=dict(classes={CLASSES})'
    base = apis.get_config(SEGMENTOR).filename
    config.write_text(
        f"_base_ = ['{base}']\ntest_dataloader = dict(num_workers=0, persistent_workers=False, dataset=dict({names}))\n"
    )
    command = ['predict', str(config), str(images), '--checkpoint', weights, '--out', str(tmp_path / 'out')]
    main([*command, '--tta'])
    assert len([*(tmp_path / 'out/masks').rglob('*.png')]) == 6
    with pytest.raises(SystemExit):
        main(command)  # other masks
    assert '--overwrite' in capfd.readouterr().err
