"""Fixtures and functions that several test folders share.

Two environment variables name folders that are not part of the repository. Where one is unset, the tests that need
it are skipped, with the reason in the report:

- ``MMWSL_DATA_ROOT``: a folder with the datasets (``voc6/`` in VOC devkit layout).
- ``MMWSL_WEIGHTS_ROOT``: a folder with pretrained weights (``mobilenet_v2_imagenet.pth``).
"""

import gc
import multiprocessing
import os
import socket
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

EQUAL_WEIGHTS = pytest.mark.skipif(
    torch.cuda.is_available(),
    reason='compares trained weights to the last digit, and gradients on a GPU differ from run to run; tested on CPUs '
    'with CUDA_VISIBLE_DEVICES= in the environment',
)

REPOSITORY = Path(__file__).parent.parent


def pytest_collection_finish():
    """Exclude imported modules from garbage collection: every dataset collects garbage when it is built."""
    gc.freeze()


def pytest_runtest_setup(item):
    """Skip the tests for a GPU where there is none."""
    if item.get_closest_marker('gpu') and not torch.cuda.is_available():
        pytest.skip('needs a GPU')


@pytest.fixture(scope='session', autouse=True)
def plain_configs():
    """Skip the formatting of printed configs: a runner formats its config five times, which takes seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('yapf.yapflib.yapf_api.FormatCode', lambda text, **_: (text, True))
        yield


@pytest.fixture(scope='session', autouse=True)
def own_cache(tmp_path_factory):
    """Keep what is known about files out of the user's cache folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('MMWSL_CACHE', str(tmp_path_factory.mktemp('cache')))
        yield


@pytest.fixture(autouse=True)
def ended_workers():
    """End the workers of data loaders that a test leaves in reference cycles: their failure would fail a later test."""
    yield
    if multiprocessing.active_children():
        gc.collect()


def folder_from(variable):
    """Return the folder that an environment variable names, or skip the test."""
    value = os.environ.get(variable)
    if not value:
        pytest.skip(f'{variable} is not set: see tests/conftest.py')
    path = Path(value)
    assert path.is_dir(), f'{variable}={value} is not a folder'
    return path


@pytest.fixture(scope='session')
def data_root():
    """The folder named by MMWSL_DATA_ROOT."""
    return folder_from('MMWSL_DATA_ROOT')


@pytest.fixture(scope='session')
def weights_root():
    """The folder named by MMWSL_WEIGHTS_ROOT."""
    return folder_from('MMWSL_WEIGHTS_ROOT')


@pytest.fixture(scope='session')
def repository():
    """The root of the checkout that holds the tests."""
    return REPOSITORY


def free_port():
    """Return a free port of this machine."""
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        return free.getsockname()[1]


def write_images(folder, names, size=(12, 8)):
    """Write one image of random pixels, ``size`` = (width, height), for each name, and return the folder."""
    pixels = np.random.default_rng(0).integers(0, 256, (len(names), size[1], size[0], 3), dtype=np.uint8)
    for name, image in zip(names, pixels, strict=True):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
    return folder


def write_scenes(root, count=7, size=16, seed=0):
    """Write ``count`` images of one bright square each, with masks: 0 background, 1 square."""
    rng = np.random.default_rng(seed)
    for name in ('images', 'masks'):
        (root / name).mkdir(parents=True)
    for index in range(count):
        mask = np.zeros((size, size), np.uint8)
        top, left = rng.integers(0, size // 2, 2)
        mask[top : top + size // 2, left : left + size // 2] = 1
        image = rng.integers(0, 90, (size, size, 3)) + 150 * mask[..., None]
        Image.fromarray(image.astype(np.uint8)).save(root / 'images' / f'{index}.png')
        Image.fromarray(mask).save(root / 'masks' / f'{index}.png')


def tiny_settings(root):
    """Return a complete config of MMSegmentation's own parts: a U-Net of a few hundred weights on written images."""
    metainfo = dict(classes=('background', 'square'), palette=[[0, 0, 0], [255, 0, 0]])
    load = [dict(type='LoadImageFromFile'), dict(type='LoadAnnotations'), dict(type='PackSegInputs')]
    dataset = dict(
        type='BaseSegDataset',
        data_root=str(root),
        data_prefix=dict(img_path='images', seg_map_path='masks'),
        img_suffix='.png',
        seg_map_suffix='.png',
        metainfo=metainfo,
        pipeline=load,
    )
    bn = dict(type='BN')
    preprocessor = dict(
        type='SegDataPreProcessor',
        mean=[128.0] * 3,
        std=[128.0] * 3,
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
        size=(16, 16),
        test_cfg=dict(size_divisor=2),
    )
    test_loader = dict(batch_size=1, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False), dataset=dataset)
    flips = [dict(type='RandomFlip', prob=prob, direction='horizontal') for prob in (0.0, 1.0)]
    return dict(
        default_scope='mmseg',
        model=dict(
            type='EncoderDecoder',
            data_preprocessor=preprocessor,
            test_cfg=dict(mode='whole'),
            train_cfg=dict(),
            backbone=dict(
                type='UNet',
                in_channels=3,
                base_channels=4,
                num_stages=2,
                strides=(1, 1),
                enc_num_convs=(1, 1),
                dec_num_convs=(1,),
                downsamples=(True,),
                enc_dilations=(1, 1),
                dec_dilations=(1,),
                norm_cfg=bn,
            ),
            decode_head=dict(
                type='FCNHead',
                in_channels=4,
                in_index=1,
                channels=4,
                num_convs=1,
                concat_input=False,
                num_classes=2,
                norm_cfg=bn,
                align_corners=False,
                dropout_ratio=0.0,
                loss_decode=dict(type='CrossEntropyLoss'),
            ),
        ),
        train_dataloader=dict(
            batch_size=2, num_workers=0, sampler=dict(type='InfiniteSampler', shuffle=True), dataset=dataset
        ),
        val_dataloader=test_loader,
        test_dataloader=test_loader,
        val_evaluator=dict(type='IoUMetric'),
        test_evaluator=dict(type='IoUMetric'),
        train_cfg=dict(type='IterBasedTrainLoop', max_iters=4, val_interval=100),
        val_cfg=dict(type='ValLoop'),
        test_cfg=dict(type='TestLoop'),
        optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.05, momentum=0.9)),
        default_hooks=dict(
            checkpoint=dict(type='mmwsl.WeightsOnlyCheckpointHook', by_epoch=False, interval=2),
            logger=dict(type='LoggerHook', interval=1, log_metric_by_epoch=False),
            visualization=dict(type='SegVisualizationHook'),
        ),
        visualizer=dict(type='SegLocalVisualizer', vis_backends=[dict(type='LocalVisBackend')], name='visualizer'),
        tta_model=dict(type='SegTTAModel'),
        tta_pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='TestTimeAug', transforms=[flips, [dict(type='LoadAnnotations')], [dict(type='PackSegInputs')]]),
        ],
        env_cfg=dict(cudnn_benchmark=False, mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0)),
        log_processor=dict(by_epoch=False),
        randomness=dict(seed=0),
        log_level='INFO',
    )


@pytest.fixture
def on_cpu(monkeypatch):
    """Train in this process on the CPU, also where there is a GPU: gradients there differ from run to run."""
    monkeypatch.setattr('mmengine.device.utils.DEVICE', 'cpu')


@pytest.fixture
def tiny_config(tmp_path):
    """A function that writes seven tiny images and a config file for them, and returns the config's path.

    Keyword arguments replace top-level settings of the config. The run is named after the test: by default mmengine
    names it after the config and the current second, and a second run of that name has no log file.
    """
    from mmengine.config import Config

    def write(**settings):
        write_scenes(tmp_path / 'scenes')
        path = tmp_path / 'tiny.py'
        Config({**tiny_settings(tmp_path / 'scenes'), 'experiment_name': tmp_path.name, **settings}).dump(path)
        return path

    return write


@pytest.fixture
def seeded():
    """Seed torch, so that random numbers are the same in every run."""
    torch.manual_seed(0)
