"""The cache returns the features of the backbone, computes each image once, and ignores stale entries."""

import io
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch.overrides import TorchFunctionMode

from mmwsl.models import CachedBackbone, DilatedMobileNetV2

BACKBONE = dict(type='mmwsl.DilatedMobileNetV2', out_indices=(3, 6), frozen=True)


class _Counter:
    """Counter of the images that reach a module."""

    def __init__(self, module):
        self.images = 0
        module.register_forward_pre_hook(self)

    def __call__(self, module, args):
        self.images += len(args[0])


class Copies(TorchFunctionMode):
    """Records dtype of each copy to the device `meta`, and whether the program goes on meanwhile."""

    def __init__(self):
        super().__init__()
        self.found = []

    def __torch_function__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        if func is torch.Tensor.to and args[0].device.type == 'cpu' and result.device.type == 'meta':
            self.found.append((result.dtype, bool((kwargs or {}).get('non_blocking'))))
        return result


def _cached(tmp_path, seed=0, **settings):
    torch.manual_seed(seed)
    cached = CachedBackbone(BACKBONE, tmp_path / 'cache', **settings)
    return cached.train(), _Counter(cached.backbone)


def test_features_are_the_backbones_to_half_precision(tmp_path):
    cached, _ = _cached(tmp_path)
    x = torch.randn(2, 3, 32, 48)
    features = cached(x)
    for i in range(2):
        for feature, expected in zip(features, cached.backbone(x[i : i + 1]), strict=True):
            torch.testing.assert_close(feature[i], expected[0].half().float(), rtol=0, atol=0)


def test_features_are_channels_last_where_the_images_are(tmp_path):
    cached, _ = _cached(tmp_path)
    x = torch.randn(2, 3, 64, 96)
    plain, *others = [cached(x.to(memory_format=torch.channels_last)) if i else cached(x) for i in range(3)]
    assert all(feature.is_contiguous() for feature in plain)
    for features in others:
        for feature, expected in zip(features, plain, strict=True):
            assert feature.is_contiguous(memory_format=torch.channels_last) and torch.equal(feature, expected)


def test_each_image_is_computed_once_and_a_hit_equals_a_miss(tmp_path):
    cached, counter = _cached(tmp_path)
    x = torch.randn(3, 3, 32, 32)
    first = cached(x[:2])
    assert counter.images == 2
    second = cached(x[[1, 2, 0]])
    assert counter.images == 3
    for a, b in zip(first, second, strict=True):
        torch.testing.assert_close(a, b[[2, 0]], rtol=0, atol=0)


def test_a_half_filled_cache_gives_the_features_of_a_full_one_on_another_device(tmp_path, monkeypatch):
    cached, _ = _cached(tmp_path)
    x = torch.randn(2, 3, 32, 32)
    names = [cached._key(image) for image in x]
    cached(x[:1])  # stored on the CPU
    cached._files.full = True  # features on the device `meta` have no values that could be written
    cached.to('meta')
    waiting = iter(names)
    monkeypatch.setattr(cached, '_key', lambda image: next(waiting))
    x = x.to('meta')
    with Copies() as copies:
        features = cached(x)
    assert copies.found == [(torch.float16, True)] * 2  # the two levels of the first image
    assert [feature.device.type for feature in features] == ['meta'] * 2 and len(features[0]) == 2


def test_under_autocast_a_hit_equals_a_miss(tmp_path):
    cached, counter = _cached(tmp_path)
    x = torch.randn(2, 3, 32, 32)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        computed = cached(x)
        found = cached(x)
        expected = [level.half().float() for level in cached.backbone(x[:1])]
    assert counter.images == 3
    for a, b, c in zip(computed, found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)
        torch.testing.assert_close(a[:1], c, rtol=0, atol=0)


def test_another_run_finds_the_entries(tmp_path):
    x = torch.randn(2, 3, 32, 32)
    _cached(tmp_path)[0](x)
    again, counter = _cached(tmp_path)
    again(x)
    assert counter.images == 0


def test_other_pixels_weights_or_structure_are_other_entries(tmp_path):
    x = torch.randn(1, 3, 32, 32)
    cached, counter = _cached(tmp_path)
    cached(x)
    cached(x.flip(-1))
    assert counter.images == 2
    other, counter = _cached(tmp_path, seed=1)
    other(x)
    assert counter.images == 1
    dilated = CachedBackbone(dict(BACKBONE, output_stride=8), tmp_path / 'cache').train()
    dilated.load_state_dict(cached.state_dict())
    assert dilated(x)[1].shape != cached(x)[1].shape
    first_level = CachedBackbone(dict(BACKBONE, out_indices=(3,)), tmp_path / 'cache').train()
    first_level.load_state_dict(cached.state_dict())
    assert len(first_level(x)) == 1
    cached.load_state_dict(other.state_dict())
    counter = _Counter(cached.backbone)
    cached.train()(x)
    assert counter.images == 0  # the entry that `other` made


def test_another_version_has_other_entries(tmp_path, monkeypatch):
    x = torch.randn(1, 3, 32, 32)
    _cached(tmp_path)[0](x)
    monkeypatch.setattr('mmwsl.models.backbones.cached_backbone.__version__', '99.0.0')
    cached, counter = _cached(tmp_path)
    cached(x)
    assert counter.images == 1


def test_a_damaged_entry_is_computed_again(tmp_path):
    cached, counter = _cached(tmp_path)
    x = torch.randn(1, 3, 32, 32)
    expected = cached(x)
    (entry,) = (tmp_path / 'cache').rglob('*.npz')
    array = io.BytesIO()
    np.save(array, np.zeros(3))
    for content in (b'', entry.read_bytes()[:1000], b'no archive', array.getvalue()):
        entry.write_bytes(content)
        torch.testing.assert_close(cached(x), expected, rtol=0, atol=0)
    assert counter.images == 5


def test_evaluation_leaves_the_cache_alone(tmp_path):
    cached, counter = _cached(tmp_path)
    x = torch.randn(1, 3, 32, 32)
    cached.eval()(x)
    cached(x)
    assert counter.images == 2
    assert not (tmp_path / 'cache').exists()


def test_checkpoints_fit_with_and_without_the_cache(tmp_path):
    cached, _ = _cached(tmp_path)
    plain = DilatedMobileNetV2(out_indices=(3, 6), frozen=True)
    assert list(cached.state_dict()) == list(plain.state_dict())
    plain.load_state_dict(cached.state_dict())
    holder = torch.nn.ModuleDict(dict(backbone=cached))
    holder.load_state_dict({f'backbone.{key}': value for key, value in plain.state_dict().items()})


def test_a_trainable_backbone_is_rejected(tmp_path):
    with pytest.raises(ValueError, match='`backbone` must be frozen.*conv1.conv.weight the first'):
        CachedBackbone(dict(type='mmwsl.DilatedMobileNetV2'), tmp_path)


def _size(folder):
    return sum(path.stat().st_size for path in folder.rglob('*') if path.is_file())


def _entry_bytes(tmp_path):
    """Return the size of an entry of the images below."""
    _cached(tmp_path / 'one')[0](torch.randn(1, 3, 32, 32))
    return _size(tmp_path / 'one')


def test_the_folder_never_exceeds_its_limit_and_features_stay_the_same(tmp_path):
    limit = 20 * _entry_bytes(tmp_path)
    x = torch.randn(40, 3, 32, 32)
    cached, counter = _cached(tmp_path, max_size=limit)
    first = cached(x)
    assert 0.5 * limit < _size(tmp_path / 'cache') <= limit
    second = cached(x)
    stored = 80 - counter.images
    assert stored == len(list((tmp_path / 'cache').rglob('*.npz'))) >= 10
    for a, b in zip(first, second, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)


def test_features_of_an_earlier_training_make_room(tmp_path):
    limit = 20 * _entry_bytes(tmp_path)
    x = torch.randn(60, 3, 32, 32)
    _cached(tmp_path, max_size=limit)[0](x[:20])
    old = sorted((tmp_path / 'cache').rglob('*.npz'))
    for path in old:
        os.utime(path, (1, 1))
    cached, counter = _cached(tmp_path, max_size=limit)
    cached(x[:2])  # used again: it stays
    used = {path for path in old if path.stat().st_mtime > 1}
    cached(x[20:])
    left = set((tmp_path / 'cache').rglob('*.npz'))
    assert used <= left and len(used) == 2 and len(left - set(old)) >= 10 and _size(tmp_path / 'cache') <= limit
    counter.images = 0
    cached(x[:2])
    assert counter.images == 0


def test_two_processes_share_the_limit_and_the_entries(tmp_path):
    limit = 20 * _entry_bytes(tmp_path)
    code = f"""
import torch
from torch.overrides import TorchFunctionMode
from mmwsl.models import CachedBackbone
torch.manual_seed(0)
cached = CachedBackbone({BACKBONE!r}, {str(tmp_path / 'cache')!r}, {limit}).train()
torch.manual_seed(1)
for x in torch.randn(30, 1, 3, 32, 32):
    cached(x)
"""
    env = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path), OMP_NUM_THREADS='1')
    processes = [subprocess.Popen([sys.executable, '-c', code], env=env) for _ in range(2)]
    assert [process.wait(60) for process in processes] == [0, 0]
    assert 0.5 * limit < _size(tmp_path / 'cache') <= limit
    cached, counter = _cached(tmp_path, max_size=limit)
    torch.manual_seed(1)
    cached(torch.randn(30, 3, 32, 32))
    assert counter.images == 30 - len(list((tmp_path / 'cache').rglob('*.npz')))


def test_a_disabled_cache_computes_the_same_features_without_a_file(tmp_path):
    cached, counter = _cached(tmp_path)
    x = torch.randn(2, 3, 32, 32)
    cached.enabled = False
    computed = cached(x)
    assert not (tmp_path / 'cache').exists()
    cached.enabled = True
    for a, b in zip(computed, cached(x), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)
    assert counter.images == 4


def test_a_folder_that_cannot_be_written_stops_the_cache_and_not_the_training(tmp_path):
    cached, counter = _cached(tmp_path)
    x = torch.randn(3, 3, 32, 32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('tempfile.NamedTemporaryFile', _full_disk)
        cached(x)
    cached(x)
    assert counter.images == 6 and not list((tmp_path / 'cache').rglob('*.npz'))


def _full_disk(*args, **kwargs):
    raise OSError(28, 'No space left on device')


@pytest.mark.parametrize('size', ['20 parsecs', '', -1, 'GB', '1e3GB'])
def test_a_limit_that_is_no_size_is_rejected(tmp_path, size):
    with pytest.raises(ValueError, match=r"`max_size` must be a number of bytes or a text such as '20GB', got"):
        CachedBackbone(BACKBONE, tmp_path, size)
