"""From disk to the batch: stock transforms around ours, and no mask opened."""

import builtins
import io
import os

import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.fileio.backends import LocalBackend
from mmengine.runner import Runner
from torch.utils.data import DataLoader

pytestmark = pytest.mark.filterwarnings('ignore:no image of')

AUGMENT = [
    dict(type='mmwsl.LoadImageAsBGR'),
    dict(type='RandomResize', scale=(32, 24), ratio_range=(0.8, 1.2), keep_ratio=True),
    dict(type='RandomRotate', prob=1.0, degree=10.0),
    dict(type='mmwsl.RandomCentralCrop', crop_size=20),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PhotoMetricDistortion'),
    dict(type='mmwsl.PackImageLabelInputs'),
]


def batches(dataset, workers=0):
    return list(DataLoader(dataset, batch_size=2, num_workers=workers, collate_fn=pseudo_collate))


def test_stock_transforms_around_ours(build, labeled):
    dataset = build(
        'VOCWeakDataset',
        data_root=str(labeled),
        label_file='labels.csv',
        data_prefix=dict(img_path='images'),
        pipeline=AUGMENT,
    )
    first, second = batches(dataset, workers=1)
    assert [image.shape for image in first['inputs'] + second['inputs']] == [(3, 20, 20)] * 4
    assert all(image.dtype == torch.uint8 for image in first['inputs'])
    samples = first['data_samples'] + second['data_samples']
    assert [sample.gt_label.label.tolist() for sample in samples] == [[8, 12], [], [15], [7]]
    scores = torch.stack([sample.gt_label.score for sample in samples])
    assert scores.shape == (4, 21)
    assert scores[:, 0].tolist() == [-1] * 4  # the background model of the head decides
    assert (scores[:, 1:] == 1).sum(dim=1).tolist() == [2, 0, 1, 1]
    assert (scores[:, 1:] == -1).nonzero().add(torch.tensor([0, 1])).tolist() == [[2, 13], [3, 6]]


@pytest.fixture
def opened(monkeypatch):
    """The paths that are opened through Python, mmengine or a file descriptor."""
    paths = []
    real = {name: getattr(LocalBackend, name) for name in ('get', 'get_text')}
    for name, method in real.items():
        monkeypatch.setattr(
            LocalBackend,
            name,
            lambda self, path, *args, _method=method, **kwargs: (
                paths.append(str(path)) or _method(self, path, *args, **kwargs)
            ),
        )
    real_open = builtins.open
    for module in (builtins, io):
        monkeypatch.setattr(
            module, 'open', lambda file, *args, **kwargs: paths.append(str(file)) or real_open(file, *args, **kwargs)
        )
    return paths


def test_no_mask_is_opened(build, labeled, opened):
    # decoding these files fails
    (labeled / 'masks').mkdir()
    for name in 'abcd':
        (labeled / f'masks/{name}.png').write_bytes(b'not an image')
    settings = dict(data_root=str(labeled), label_file='labels.csv', ann_file='list.txt')
    opened.clear()
    for prefix in (dict(img_path='images'), dict(img_path='images', seg_map_path='masks')):
        dataset = build('VOCWeakDataset', data_prefix=prefix, pipeline=AUGMENT, **settings)
        (batch,) = batches(dataset)
        assert all('gt_sem_seg' not in sample for sample in batch['data_samples'])
    assert str(labeled / 'images/a.jpg') in opened and str(labeled / 'labels.csv') in opened, (
        'the recorder is not installed'
    )
    assert not [path for path in opened if 'masks' in path]
    # a pipeline that loads a mask is recorded, and fails to decode it
    with pytest.raises(Exception, match='cannot identify'):
        build(
            'VOCWeakDataset',
            data_prefix=dict(img_path='images', seg_map_path='masks'),
            pipeline=[dict(type='LoadAnnotations')],
            **settings,
        )[0]
    assert str(labeled / 'masks/c.png') in opened


@pytest.fixture
def shipped_layout(tmp_path, write_images):
    """Two images where configs/lse/wsl_lse_voc6.py and wsl_lse_voc.py expect them; no mask can be decoded."""
    for folder in ('voc6', 'VOCdevkit/VOC2012'):
        root = tmp_path / folder
        write_images(root / 'JPEGImages', ['one.jpg', 'two.jpg'])
        for name in ('SegmentationClass', 'SegmentationClassAug', 'ImageSets/Segmentation', 'Annotations'):
            (root / name).mkdir(parents=True)
        for split in ('train_aug', 'val'):
            (root / f'ImageSets/Segmentation/{split}.txt').write_text('one\ntwo\n')
        (root / 'image_labels.csv').write_text('image,labels\none,cat\ntwo,dog person\n')
        for name, label in (('one', 'cat'), ('two', 'dog')):
            (root / f'Annotations/{name}.xml').write_text(
                f'<annotation><object><name>{label}</name></object></annotation>'
            )
            for masks in ('SegmentationClass', 'SegmentationClassAug'):
                (root / masks / f'{name}.png').write_bytes(b'not an image')
    return tmp_path


@pytest.mark.parametrize(
    ('config', 'label_file'),
    [('lse/wsl_lse_voc6', 'voc6/image_labels.csv'), ('wsl_lse_voc', 'VOCdevkit/VOC2012/Annotations/one.xml')],
)
def test_shipped_configs_open_no_mask(repository, shipped_layout, opened, monkeypatch, config, label_file):
    monkeypatch.setitem(os.environ, 'MMWSL_DATA_ROOT', str(shipped_layout))
    cfg = Config.fromfile(repository / f'configs/{config}.py')
    for settings in (cfg.train_dataloader, cfg.val_dataloader):
        settings.update(batch_size=2, num_workers=0, persistent_workers=False)
    opened.clear()
    batch = next(iter(Runner.build_dataloader(cfg.train_dataloader, seed=0)))
    assert sorted(os.path.basename(sample.img_path) for sample in batch['data_samples']) == ['one.jpg', 'two.jpg']
    assert all('gt_label' in sample and 'gt_sem_seg' not in sample for sample in batch['data_samples'])
    seen = {os.path.relpath(path, shipped_layout) for path in opened}
    assert label_file in seen and any(path.endswith('one.jpg') for path in seen), 'the recorder is not installed'
    assert not [path for path in opened if 'SegmentationClass' in path]
    # the evaluation of the same config opens them
    with pytest.raises(Exception, match='cannot identify'):
        next(iter(Runner.build_dataloader(cfg.val_dataloader, seed=0)))
    assert [path for path in opened if 'SegmentationClass' in path]


def test_missing_mask_folder_is_no_error(build, labeled):
    dataset = build(
        'VOCWeakDataset',
        data_root=str(labeled),
        label_file='labels.csv',
        pipeline=AUGMENT,
        data_prefix=dict(img_path='images', seg_map_path='nowhere'),
    )
    assert sum(len(batch['inputs']) for batch in batches(dataset)) == 4
