"""Tar shards that are read as streams."""

import io
import subprocess
import sys
import tarfile
import threading
import warnings
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from unittest.mock import patch

import numpy as np
import pytest
from mmengine.runner import Runner
from PIL import Image

from mmwsl.apis.config import load_config
from mmwsl.apis.training import train
from mmwsl.datasets import ImageShards
from mmwsl.datasets.shapes import SHAPES_CLASSES
from mmwsl.datasets.synthetic import draw_layout, render_image

pytest.importorskip('webdataset')
CLASSES = dict(classes=('background', 'a', 'b'))
LOAD = [dict(type='mmwsl.LoadImageAsBGR')]
PACK = [*LOAD, dict(type='mmwsl.PackImageLabelInputs')]


def png(value):
    """Return a PNG file of one color."""
    file = io.BytesIO()
    Image.new('RGB', (6, 4), (value, 0, 255)).save(file, 'png')
    return file.getvalue()


def write_shard(path, members):
    """Write the contents of files by name."""
    with tarfile.open(path, 'w') as shard:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            shard.addfile(info, io.BytesIO(content))
    return str(path)


@pytest.fixture
def shards(tmp_path):
    """Four shards of five images, whose color is their number, and whose labels follow from it."""
    for shard in range(4):
        numbers = range(5 * shard, 5 * shard + 5)
        labels = {number: ['', 'a', 'b', 'a;b', ' b ; a'][number % 5] for number in numbers}
        members = {f'x/{n}.png': png(n) for n in numbers} | {f'x/{n}.txt': labels[n].encode() for n in numbers}
        ordered = dict(sorted(members.items()))
        write_shard(tmp_path / f'{shard:03d}.tar', ordered)
    return f'{tmp_path}/{{000..003}}.tar'


def drawn(dataset):
    """Return the numbers of the images of a pass."""
    return [int(one['img'][0, 0, 2]) for one in dataset]


def test_images_are_decoded_and_labels_are_ids(shards):
    found = {int(one['img'][0, 0, 2]): one for one in ImageShards(shards, 20, CLASSES, LOAD, shuffle=0)}
    assert sorted(found) == [*range(20)]
    for number, one in found.items():
        assert one['img_label'] == [[], [1], [2], [1, 2], [1, 2]][number % 5]
        assert one['img'].shape == (4, 6, 3) and tuple(one['img'][0, 0]) == (255, 0, number)
        assert one['img_path'].endswith(f'{number // 5:03d}.tar/x/{number}.png')


def test_each_pass_has_all_images_in_another_order(shards):
    dataset = ImageShards(shards, 20, CLASSES, LOAD, shuffle=8)
    passes = [drawn(dataset) for _ in range(3)]
    assert all(sorted(one) == [*range(20)] for one in passes) and passes[0] != passes[1] != passes[2]
    assert drawn(ImageShards(shards, 20, CLASSES, LOAD, shuffle=8)) == passes[0]
    assert drawn(ImageShards(shards, 20, CLASSES, LOAD, shuffle=8, seed=1)) != passes[0]
    unshuffled = drawn(ImageShards(shards, 20, CLASSES, LOAD, shuffle=0))
    assert all(np.diff(unshuffled[start : start + 5]).tolist() == [1] * 4 for start in range(0, 20, 5))


@pytest.mark.parametrize('persistent', [True, False])
def test_workers_and_ranks_divide_the_shards(shards, persistent):
    found = []
    for rank in range(2):
        with (
            patch('mmwsl.datasets.image_shards.get_rank', return_value=rank),
            patch('mmwsl.datasets.image_shards.get_world_size', return_value=2),
        ):
            config = dict(
                type='mmwsl.ImageShards', shards=shards, length=20, metainfo=CLASSES, pipeline=PACK, shuffle=4
            )
            loader = Runner.build_dataloader(
                dict(batch_size=5, num_workers=2, persistent_workers=persistent, sampler=None, dataset=config), seed=0
            )
            assert len(loader.dataset) == 10 and len(loader) == 2
            passes = [[int(image[2, 0, 0]) for batch in loader for image in batch['inputs']] for _ in range(2)]
        assert sorted(passes[0]) == sorted(passes[1]) and passes[0] != passes[1]
        found += passes[0]
    assert sorted(found) == [*range(20)]


def test_unequal_parts_are_filled_and_cut(shards, tmp_path):
    assert len(drawn(ImageShards(shards, 13, CLASSES, LOAD))) == 13
    single = write_shard(tmp_path / 'one.tar', {'0.png': png(0), '0.txt': b'a'})
    assert drawn(ImageShards([single], 3, CLASSES, LOAD)) == [0, 0, 0]


def test_random_transforms_are_repeatable_and_leave_the_process_alone(shards):
    pipeline = [*LOAD, dict(type='RandomCrop', crop_size=(2, 2)), dict(type='RandomFlip', prob=0.5)]
    np.random.seed(3)
    expected = np.random.RandomState(3).rand()
    runs = [[bool(one.get('flip')) for one in ImageShards(shards, 20, CLASSES, pipeline)] for _ in range(2)]
    assert runs[0] == runs[1] and 0 < sum(runs[0]) < 20 and np.random.rand() == expected


def test_shards_of_a_server(shards, tmp_path):
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    handler.log_message = lambda *args: None
    with ThreadingHTTPServer(('127.0.0.1', 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f'http://127.0.0.1:{server.server_port}/{{000..003}}.tar'
        assert sorted(drawn(ImageShards(url, 20, CLASSES, LOAD))) == [*range(20)]
        server.shutdown()


def test_damaged_images_are_skipped_or_named(tmp_path):
    members = {'0.png': png(0)[:40], '0.txt': b'a', '1.png': png(1), '1.txt': b'a'}
    shard = write_shard(tmp_path / 'one.tar', members)
    with pytest.raises(ValueError, match=r"one\.tar/0\.png' cannot be read"):
        drawn(ImageShards(shard, 2, CLASSES, LOAD))
    with pytest.warns(UserWarning, match='skipped image'):
        assert drawn(ImageShards(shard, 2, CLASSES, [dict(LOAD[0], on_bad_image='skip')])) == [1, 1]
    only = write_shard(tmp_path / 'bad.tar', {'0.png': png(0)[:40], '0.txt': b'a'})
    with pytest.warns(UserWarning), pytest.raises(ValueError, match='that can be read, got none'):  # not without end
        drawn(ImageShards(only, 2, CLASSES, [dict(LOAD[0], on_bad_image='skip')]))


def test_a_shard_that_is_cut_is_named(shards, tmp_path):
    path = tmp_path / '000.tar'
    path.write_bytes(path.read_bytes()[:700])
    with pytest.raises(ValueError, match=r'`shards` must be whole tar files, got .*000\.tar'):
        drawn(ImageShards(str(path), 5, CLASSES, LOAD))


@pytest.mark.parametrize(
    ('members', 'message'),
    [
        ({'0.png': png(0)}, r"one\.tar/0 must have an image and its labels in `txt`, got the files \['png'\]"),
        ({'0.txt': b'a'}, r"must have an image and its labels in `txt`, got the files \['txt'\]"),
        ({'0.png': png(0), '0.txt': b'a;cat'}, r"one\.tar/0 has the unknown label 'cat'"),
        ({}, 'must contain images that can be read, got none'),
    ],
)
def test_wrong_shards_are_named(tmp_path, members, message):
    shard = write_shard(tmp_path / 'one.tar', members)
    with pytest.raises(ValueError, match=message):
        drawn(ImageShards(shard, 1, CLASSES, LOAD))


def test_wrong_arguments(shards):
    with pytest.raises(ValueError, match='`shards` must name at least one tar file'):
        ImageShards([], 1, CLASSES, LOAD)
    with pytest.raises(ValueError, match='`length` must be'):
        ImageShards(shards, 0, CLASSES, LOAD)
    with pytest.raises(ValueError, match='must start with'):
        ImageShards(shards, 1, dict(classes=('a',)), LOAD)
    with (
        patch('mmwsl.datasets.image_shards.get_world_size', return_value=5),
        patch('mmwsl.datasets.image_shards.get_rank', return_value=4),
        pytest.raises(ValueError, match='at least one for each of the 5 processes that load images, got 4'),
    ):
        drawn(ImageShards(shards, 20, CLASSES, LOAD))


def test_without_webdataset_the_extra_is_named():
    code = (
        "import sys; sys.modules['webdataset'] = None\n"
        'from mmwsl.datasets import ImageShards\n'
        "ImageShards('a.tar', 1, dict(classes=('background', 'a')), [])"
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert "ImportError: ImageShards needs webdataset: pip install 'mmwsl[shards]'" in done.stderr


@pytest.mark.parametrize('by_epoch', [False, True])
def test_a_training_reads_shards(tmp_path, by_epoch):
    """With the network and the loss of the demonstration, two processes that load images, and their checkpoint."""
    for shard in range(2):
        members = {}
        for index in range(6 * shard, 6 * shard + 6):
            scene = draw_layout(3, index, 96)
            file = io.BytesIO()
            Image.fromarray(render_image(scene, 96, 3, index)[..., ::-1]).save(file, 'png')
            names = sorted({SHAPES_CLASSES[item.label] for item in scene})
            members |= {f'{index:02d}.png': file.getvalue(), f'{index:02d}.txt': ';'.join(names).encode()}
        write_shard(tmp_path / f'{shard}.tar', members)
    cfg = load_config('wsl_lse_shapes', work_dir=str(tmp_path / 'work'))
    dataset = dict(type='mmwsl.ImageShards', shards=f'{tmp_path}/{{0..1}}.tar', length=12)
    dataset |= dict(metainfo=dict(classes=SHAPES_CLASSES), pipeline=PACK)
    cfg.train_dataloader = dict(batch_size=3, num_workers=2, persistent_workers=True, sampler=None, dataset=dataset)
    cfg.train_dataloader.drop_last = True
    cfg.update(val_cfg=None, val_dataloader=None, val_evaluator=None, param_scheduler=None)
    loop = dict(type='EpochBasedTrainLoop', max_epochs=2) if by_epoch else dict(type='IterBasedTrainLoop', max_iters=5)
    cfg.train_cfg = loop
    cfg.default_hooks.checkpoint.update(by_epoch=by_epoch, interval=1 if by_epoch else 5)
    if by_epoch:
        with pytest.raises(ValueError, match='must be IterBasedTrainLoop for ImageShards, got EpochBasedTrainLoop'):
            train(cfg)
        return
    with warnings.catch_warnings():
        warnings.filterwarnings('error', 'Length of IterableDataset')
        runner = train(cfg)
    assert runner.iter == 5 and (tmp_path / 'work/iter_5.pth').exists()
    assert '12 images in batches of 3' in next((tmp_path / 'work').glob('*/*.log')).read_text()
