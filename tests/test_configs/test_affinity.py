"""Affinity networks train from pseudo-labels by their configs, and refine the class maps of a classifier."""

import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from PIL import Image
from skimage import measure

from mmwsl.apis.pseudo_labels.command import main
from mmwsl.apis.training import train
from mmwsl.functional import displacement_groups
from mmwsl.inference import AffinityNetwork
from mmwsl.inference.postprocessors import build_postprocessors

from .shorten import AFFINITIES, CONFIGS, short_config, write_affinity_networks


def shorter(name):
    cfg = short_config(name)
    cfg.train_dataloader.batch_size = cfg.train_dataloader.dataset.indices = 2
    cfg.train_cfg.pop('val_interval')
    cfg.default_hooks.checkpoint.interval = 1
    cfg.param_scheduler = None
    cfg.experiment_name = name
    return cfg


@pytest.mark.filterwarnings('ignore:no image of:UserWarning')
@pytest.mark.parametrize('name', AFFINITIES)
def test_an_affinity_network_trains_through_the_command(name):
    cfg = shorter(name)
    dataset = cfg.train_dataloader.dataset
    assert dataset.data_prefix.seg_map_path.endswith('pseudo_labels/masks')
    classes = dict(voc=21, voc6=7, folder=3)  # the folder of an example has two foreground classes
    assert cfg.model.decode_head.num_classes == classes[name.rpartition('_')[2]]
    runner = train(cfg)
    moved = [key for key, value in runner.model.named_parameters() if value.requires_grad]
    assert all(key.startswith('decode_head') for key in moved) == (name != 'psl_psa_voc')
    (checkpoint,) = Path('work').glob('*_1.pth')
    state = torch.load(checkpoint, weights_only=True)['state_dict']
    if cfg.model.decode_head.get('displacement_channels'):
        assert state['decode_head.mean_displacement'].any()
    before = Config.fromfile(CONFIGS[name])
    assert before.val_dataloader is None and not before.test_evaluator


@pytest.mark.filterwarnings('ignore:no image of:UserWarning')
@pytest.mark.parametrize('method', ['psa', 'irn'])
def test_from_labels_to_refined_labels(method, monkeypatch):
    """The commands of the README on two images: classifier, affinity network, pseudo-labels."""
    classifier = short_config('wsl_gap_voc6')
    classifier.update(work_dir='classifier', val_cfg=None, val_dataloader=None, val_evaluator=None)
    classifier.train_cfg.pop('val_interval')
    classifier.param_scheduler = None
    train(classifier)
    train(shorter(f'psl_{method}_voc6'))
    (affinity,) = Path('work').glob('*_1.pth')
    monkeypatch.setenv('MMWSL_AFFINITY', str(affinity))
    config = str(CONFIGS[f'wsl_gap_voc6_{method}'])
    command = [config, 'classifier/epoch_1.pth', '--out', 'refined', '--work-dir', 'labels']
    main([*command, '--format', 'coco-instances', '--cfg-options', *SERIAL])
    assert sorted(path.name for path in Path('refined/masks').iterdir()) == ['one.png', 'two.png']
    manifest = Path('refined/manifest.json').read_text()
    assert str(affinity) in manifest and 'VOC 2012' in manifest
    found = json.loads(Path('refined/coco-instances/annotations.json').read_text())
    assert len(found['images']) == 2
    if method == 'irn':
        assert [(a['image_id'], a['category_id'], a['area']) for a in found['annotations']] == list(expected(affinity))


@pytest.mark.parametrize('method', ['psa', 'irn'])
def test_an_affinity_network_computes_on_the_device_to_which_it_was_moved(method):
    """Here `meta`, whose tensors have shapes and no values."""
    walk = short_walk(method)
    network = AffinityNetwork(walk.config, walk.checkpoint)
    image = torch.zeros(3, 64, 96, dtype=torch.uint8)
    on_cpu = network(image, flip=True)
    moved = network.to('meta')(image.to('meta'), flip=True)
    assert moved.device.type == 'meta' and moved.shape == on_cpu.shape


@pytest.mark.gpu
@pytest.mark.parametrize('method', ['psa', 'irn'])
def test_the_walk_gives_the_same_results_on_a_gpu_and_on_a_cpu(method):
    torch.manual_seed(0)
    (step,) = build_postprocessors([short_walk(method)])
    sample = SegDataSample(image=PixelData(data=torch.randint(0, 256, (3, 64, 96), dtype=torch.uint8)))
    probs = torch.rand(7, 64, 96)
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        on_gpu = step(probs.cuda(), sample.cuda())
    assert on_gpu.is_cuda
    torch.testing.assert_close(on_gpu.cpu(), step(probs, sample.cpu()), rtol=1e-2, atol=1e-3)


def short_walk(method):
    """Write random weights of the affinity network of a config, and return its post-processor."""
    cfg = short_config(f'wsl_gap_voc6_{method}')
    write_affinity_networks(cfg)
    return cfg.model.inference.postprocessors[0]


def expected(affinity):
    """List the instances of the masks: connected pieces of a class that one center of displacements attracts."""
    walk = Config.fromfile(CONFIGS['wsl_gap_voc6_irn']).model.inference.postprocessors[0]
    network = AffinityNetwork(walk.config, str(affinity))
    for number, name in enumerate(('one', 'two'), 1):
        image = cv2.imread(f'{os.environ["MMWSL_DATA_ROOT"]}/voc6/JPEGImages/{name}.jpg')
        field = network(torch.from_numpy(image).permute(2, 0, 1), walk.image_size)[0, 1:]
        groups = displacement_groups(field).numpy().astype(np.float32)
        mask = np.array(Image.open(f'refined/masks/{name}.png'))
        groups = cv2.resize(groups, mask.shape[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
        for label in np.unique(mask[mask > 0]):
            pieces = []
            for group in np.unique(groups):
                ids, count = measure.label((mask == label) & (groups == group), connectivity=1, return_num=True)
                pieces += [ids == one for one in range(1, count + 1)]
            pieces.sort(key=lambda piece: piece.argmax())  # in the order of their first pixels
            for piece in pieces:
                if piece.sum() >= 0.01 * piece.size:
                    yield number, label, piece.sum()


SERIAL = ['test_dataloader.num_workers=0', 'test_dataloader.persistent_workers=False']
