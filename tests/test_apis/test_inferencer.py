"""`WeakSegInferencer`: the masks of the test command, of any source, whatever the batch."""

import os
import threading
import warnings
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np
import pytest
import torch
from mmseg.apis import MMSegInferencer, inference_model, init_model
from PIL import Image

from mmwsl import apis
from mmwsl.apis import WeakSegInferencer
from mmwsl.apis.project import Project
from mmwsl.apis.testing import main as run_test
from mmwsl.apis.training import main as train_command
from mmwsl.utils.output_path import OutputError

from .trained import SIZES, damage, write_shapes, write_weights

CONFIG = 'wsl_lse_shapes_ilp'
NO_WORKERS = [
    f'{split}_dataloader.{key}' for split in ('val', 'test') for key in ('num_workers=0', 'persistent_workers=False')
]


@pytest.fixture(scope='module')
def weights(tmp_path_factory):
    return write_weights(CONFIG, tmp_path_factory.mktemp('weights') / 'random.pth')


@pytest.fixture(scope='module')
def images(tmp_path_factory):
    return write_shapes(tmp_path_factory.mktemp('images'))


@pytest.fixture(scope='module')
def inferencer(weights):
    return WeakSegInferencer(CONFIG, weights)


@pytest.fixture(scope='module')
def single(inferencer, images):
    """The predictions of the folder, one image at a time, by name."""
    result = inferencer(images, return_scores=True)
    assert not result['failed'] and result['output'] is None
    found = {one['name']: one for one in result['predictions']}
    assert list(found) == sorted(SIZES) and sum(len(np.unique(one['mask'])) > 1 for one in found.values()) > 3
    return found


def equal(one, other):
    """Whether two predictions are equal bit by bit."""
    return np.array_equal(one['mask'], other['mask']) and np.array_equal(one['scores'], other['scores'])


def masks_of_the_test_command(config, weights, folder, *options):
    options = [*NO_WORKERS, f'experiment_name={folder.name}', *options]
    run_test(
        [str(config), weights, '--work-dir', str(folder / 'work'), '--out', str(folder / 'masks')]
        + ['--cfg-options', *options]
    )
    return {path.stem: np.asarray(Image.open(path)) for path in (folder / 'masks').glob('*.png')}


def test_masks_are_those_of_the_test_command(inferencer, weights, tmp_path):
    expected = masks_of_the_test_command(CONFIG, weights, tmp_path, 'test_dataloader.dataset.length=8')
    from mmwsl.datasets.synthetic import draw_layout, render_image

    for name in expected:  # the images of that dataset, as files
        scene = dict(seed=1, index=int(name.split('-')[-1]), size=96)
        pixels = render_image(draw_layout(**scene), **scene)
        cv2.imwrite(str(tmp_path / f'{name}.png'), pixels)
    result = inferencer([tmp_path / f'{name}.png' for name in expected])
    found = {one['name']: one['mask'] for one in result['predictions']}
    assert len(found) == 8 and len({label for mask in found.values() for label in np.unique(mask)}) > 2
    for name, mask in expected.items():
        assert found[f'{name}.png'].dtype == np.uint8 and np.array_equal(found[f'{name}.png'], mask)


def test_masks_of_real_images_after_superpixels_and_crf_are_those_of_the_test_command(
    repository, data_root, weights_root, tmp_path
):
    config = tmp_path / 'config.py'
    steps = "[dict(type='mmwsl.SuperpixelVote', reduction='mean'), dict(type='mmwsl.DenseCRF', min_pixel_prob=0.3)]"
    base = repository / 'configs/priors/wsl_lse_voc6_sppxl.py'
    config.write_text(f"_base_ = ['{base}']\nmodel = dict(inference=dict(postprocessors={steps}))\n")
    weights = write_weights(config, tmp_path / 'random.pth', pretrained=True)
    expected = masks_of_the_test_command(config, weights, tmp_path, 'test_dataloader.dataset.indices=3')
    files = [data_root / 'voc6/JPEGImages' / f'{name}.jpg' for name in expected]
    result = WeakSegInferencer(config, weights)(files, batch_size=2)
    assert len(result['predictions']) == 3 and any(len(np.unique(mask)) > 2 for mask in expected.values())
    for one, mask in zip(result['predictions'], expected.values(), strict=True):
        assert np.array_equal(one['mask'], mask)


def test_the_post_processors_of_a_hook_are_applied(single, images, weights, repository, tmp_path):
    config = tmp_path / 'config.py'
    hook = "dict(type='mmwsl.PostProcessingHook', postprocessors=[dict(type='mmwsl.ClassThresholds', thresholds=1.0)])"
    config.write_text(f"_base_ = ['{repository / 'configs/shapes/wsl_lse_shapes.py'}']\ncustom_hooks = [{hook}]\n")
    result = WeakSegInferencer(config, weights)(images)
    assert all((one['mask'] == 0).all() for one in result['predictions'])
    assert any((one['mask'] > 0).any() for one in single.values())


@pytest.mark.parametrize('batch_size, num_workers', [(2, 0), (3, 2)])
def test_a_batch_changes_neither_masks_nor_order(inferencer, single, images, batch_size, num_workers):
    result = inferencer(images, batch_size, return_scores=True, num_workers=num_workers)
    assert [one['name'] for one in result['predictions']] == list(single)
    for one in result['predictions']:
        expected = single[one['name']]
        # Rounding errors of a batch, which the enlarged last layer of the test multiplies.
        assert (one['mask'] == expected['mask']).mean() > 0.999
        assert np.abs(one['scores'] - expected['scores']).max() < 1e-3


def test_scores_and_image_probabilities_belong_to_the_mask(inferencer, single):
    for name, one in single.items():
        assert one['scores'].shape == (7, *one['mask'].shape) and one['scores'].dtype == np.float32
        assert np.array_equal(one['scores'].argmax(0), one['mask']), name
        assert list(one['image_probs']) == inferencer.classes[1:]
        assert all(0 <= value <= 1 for value in one['image_probs'].values())


def test_arrays_files_and_urls_give_the_same(inferencer, single, images):
    handler = partial(SimpleHTTPRequestHandler, directory=str(images))
    handler.log_message = lambda *args: None
    with ThreadingHTTPServer(('127.0.0.1', 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f'http://127.0.0.1:{server.server_port}/sub/b.png'
        array = cv2.imread(str(images / 'sub/b.png'))
        result = inferencer([url, array, images / 'sub' / 'b.png'], return_scores=True)
        server.shutdown()
    assert [one['name'] for one in result['predictions']][1] == '000001.png'
    assert len(result['predictions']) == 3
    assert all(equal(one, single['sub/b.png']) for one in result['predictions'])


def test_a_damaged_image_is_named_and_the_others_are_predicted(inferencer, single, tmp_path):
    write_shapes(tmp_path)
    damage(tmp_path / 'sub/b.png')
    (tmp_path / 'f.png').write_text('no image')
    result = inferencer(tmp_path, batch_size=3, return_scores=True)
    assert [one['name'] for one in result['failed']] == ['f.png', 'sub/b.png']
    assert all('cannot be read' in one['error'] and '\n' not in one['error'] for one in result['failed'])
    assert [one['name'] for one in result['predictions']] == [name for name in single if name != 'sub/b.png']
    assert all(np.array_equal(one['mask'], single[one['name']]['mask']) for one in result['predictions'])


def test_masks_are_written_with_their_names_and_palette(inferencer, single, images, tmp_path):
    result = inferencer(images, out_dir=tmp_path / 'out')
    files = sorted(path.relative_to(tmp_path / 'out').as_posix() for path in (tmp_path / 'out').rglob('*.png'))
    assert files == ['a.png', 'c.png', 'd.png', 'e.png', 'sub/a.png', 'sub/b.png']
    with Image.open(result['output'] / 'sub/a.png') as file:
        assert np.array_equal(np.asarray(file), single['sub/a.png']['mask'])
        assert file.getpalette()[3:6] == list(inferencer.palette[1])
    for folder, message in (('out', 'must be a new folder'), ('images', 'must be apart')):
        with pytest.raises(OutputError, match=f'`out_dir` {message}'):
            inferencer(images, out_dir=images if folder == 'images' else tmp_path / folder)
    before = sorted((tmp_path / 'out').rglob('*'))
    for wrong in (dict(format='bogus'), dict(batch_size='3'), dict(num_workers=-1), dict(names=['../x.png'])):
        with pytest.raises(ValueError, match=f'`{next(iter(wrong))}` must be'):
            inferencer(images / 'c.jpg', out_dir=tmp_path / 'out', overwrite=True, **wrong)
    assert sorted((tmp_path / 'out').rglob('*')) == before  # nothing is removed for a call that is rejected
    (tmp_path / 'out/mine.png').write_text('mine')
    inferencer(images / 'c.jpg', out_dir=tmp_path / 'out', overwrite=True)
    assert sorted(path.name for path in (tmp_path / 'out').rglob('*.png')) == ['c.png', 'mine.png']


def test_a_segmentor_of_mmseg_works_and_is_drawn(tiny_config, tmp_path):
    config = tiny_config()
    train_command([str(config), '--work-dir', str(tmp_path / 'train'), '--cfg-options', 'train_cfg.max_iters=30'])
    checkpoint = str(tmp_path / 'train/iter_30.pth')
    expected = masks_of_the_test_command(config, checkpoint, tmp_path)
    inferencer = WeakSegInferencer(config, checkpoint, 'cpu')
    assert isinstance(inferencer, MMSegInferencer) and inferencer.classes == ['background', 'square']
    files = [tmp_path / f'scenes/images/{name}.png' for name in expected]
    result = inferencer(files, return_scores=True, return_datasamples=True)
    for one, mask in zip(result['predictions'], expected.values(), strict=True):
        assert np.array_equal(one['mask'], mask) and one['image_probs'] is None
        assert np.allclose(one['scores'].sum(0), 1, atol=1e-6) and np.array_equal(one['scores'].argmax(0), mask)
    samples = [one['data_sample'] for one in result['predictions']]
    drawn = inferencer.visualize(
        [str(file) for file in files], samples, return_vis=True, opacity=1.0, with_labels=False
    )
    assert (drawn[0][expected[next(iter(expected))] == 1] == [255, 0, 0]).all()


def test_mmsegs_own_function_predicts_the_same(single, images, weights):
    cfg = apis.get_config(CONFIG)
    cfg.test_pipeline = [dict(type='mmwsl.LoadImageAsBGR'), *cfg.test_pipeline[1:]]
    cfg.test_pipeline = [step for step in cfg.test_pipeline if step['type'] != 'mmwsl.RenderShapesMask']
    model = init_model(cfg, weights, device='cpu')
    found = inference_model(model, str(images / 'c.jpg')).pred_sem_seg.data[0].numpy()
    assert np.array_equal(found, single['c.jpg']['mask'])


def test_a_project_names_its_config_and_checkpoint(repository, weights, single, images, tmp_path):
    project = Project(tmp_path)
    project.config.write_text(f"_base_ = ['{repository / 'configs/shapes/wsl_lse_shapes_ilp.py'}']\n")
    with pytest.raises(FileNotFoundError, match='has no trained network'):
        WeakSegInferencer(tmp_path)
    project.update_summary(classifier=dict(config='project.py', checkpoint=weights))
    with warnings.catch_warnings():
        warnings.filterwarnings('error', message='Failed to add')  # mmengine's, of the config's backends
        inferencer = WeakSegInferencer(tmp_path)
    (one,) = inferencer(images / 'e.png', return_scores=True)['predictions']
    assert equal(one, single['e.png'])


def test_known_image_labels_are_not_used(repository, weights, single, images, tmp_path):
    config = tmp_path / 'config.py'
    config.write_text(
        f"_base_ = ['{repository / 'configs/shapes/wsl_lse_shapes_ilp.py'}']\n"
        "model = dict(inference=dict(image_labels=dict(type='mmwsl.KnownImageLabels')))\n"
    )
    (one,) = WeakSegInferencer(config, weights)(images / 'e.png', return_scores=True)['predictions']
    assert equal(one, single['e.png'])


def test_checkpoints_that_do_not_fit_are_rejected(weights, tmp_path):
    with pytest.raises(ValueError, match='`weights` must be the checkpoint of the config, got None'):
        WeakSegInferencer(CONFIG)
    with pytest.raises(FileNotFoundError, match=r"checkpoint='none\.pth' does not exist"):
        WeakSegInferencer(CONFIG, 'none.pth')
    with pytest.raises(FileNotFoundError, match=r"config='wsl_lse_shape' does not exist.*wsl_lse_shapes"):
        WeakSegInferencer('wsl_lse_shape', weights)
    bias = 'decode_head.conv_seg.bias'
    for changed, message in (
        (torch.zeros(3), f'1 of .* missing or of another shape: {bias}'),
        (torch.full((7,), torch.nan), f'NaN or infinity in 1 of .*{bias}'),
    ):
        path = write_weights(CONFIG, tmp_path / 'wrong.pth', **{bias: changed})
        with pytest.raises(ValueError, match=message):
            WeakSegInferencer(CONFIG, path)


def test_class_names_are_those_of_the_config(repository, weights, tmp_path):
    names = ['background', 'circle', 'square', 'triangle', 'star', 'ring', 'cross']
    assert WeakSegInferencer(CONFIG, weights).classes == names
    swapped = [*names[:5], 'cross', 'ring']
    other = write_weights(CONFIG, tmp_path / 'other.pth', meta=dict(dataset_meta=dict(classes=swapped, palette=None)))
    with pytest.raises(ValueError, match='must be those of the checkpoint.*got'):
        WeakSegInferencer(CONFIG, other)
    assert WeakSegInferencer(CONFIG, other, classes=list('abcdefg')).classes == list('abcdefg')
    config = tmp_path / 'folder.py'  # a dataset that reads its classes from a table, which is not here
    config.write_text(
        f"_base_ = ['{repository / 'configs/shapes/wsl_lse_shapes.py'}']\n"
        "pipeline = [dict(type='mmwsl.LoadImageAsBGR'), dict(type='mmwsl.PackImageLabelInputs')]\n"
        "test_dataloader = dict(dataset=dict(_delete_=True, type='mmwsl.FolderWeakDataset', data_root='gone',\n"
        "    label_file='gone.csv', pipeline=pipeline))\n"
    )
    inferencer = WeakSegInferencer(config, other)
    assert inferencer.classes == swapped and len(inferencer.palette) == 7
    with pytest.raises(ValueError, match='must name the classes, got None'):
        WeakSegInferencer(config, weights)


class MakesAFolder:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_a_checkpoint_that_runs_code_needs_trust(weights, tmp_path):
    malicious, trace = tmp_path / 'malicious.pth', tmp_path / 'code_ran'
    torch.save(torch.load(weights, weights_only=True) | dict(note=MakesAFolder(str(trace))), malicious)
    with pytest.raises(apis.UnsafeCheckpointError, match=r'malicious\.pth'):
        WeakSegInferencer(CONFIG, malicious)
    assert not trace.exists()
    WeakSegInferencer(CONFIG, malicious, trust_checkpoint=True)
    assert trace.exists()


def test_a_batch_size_below_one_is_rejected(inferencer, images):
    with pytest.raises(ValueError, match='`batch_size` must be an integer of at least 1, got 0'):
        inferencer(images, batch_size=0)
