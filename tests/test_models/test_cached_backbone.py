"""The cache returns the features of the backbone, computes each image once, and ignores stale entries."""

import pytest
import torch

from mmwsl.models import CachedBackbone, DilatedMobileNetV2

BACKBONE = dict(type='mmwsl.DilatedMobileNetV2', out_indices=(3, 6), frozen=True)


class _Counter:
    """Counter of the images that reach a module."""

    def __init__(self, module):
        self.images = 0
        module.register_forward_pre_hook(self)

    def __call__(self, module, args):
        self.images += len(args[0])


def _cached(tmp_path, seed=0):
    torch.manual_seed(seed)
    cached = CachedBackbone(BACKBONE, tmp_path / 'cache')
    return cached.train(), _Counter(cached.backbone)


def test_features_are_the_backbones_to_half_precision(tmp_path):
    cached, _ = _cached(tmp_path)
    x = torch.randn(2, 3, 32, 48)
    features = cached(x)
    for i in range(2):
        for feature, expected in zip(features, cached.backbone(x[i : i + 1]), strict=True):
            torch.testing.assert_close(feature[i], expected[0].half().float(), rtol=0, atol=0)


def test_each_image_is_computed_once_and_a_hit_equals_a_miss(tmp_path):
    cached, counter = _cached(tmp_path)
    x = torch.randn(3, 3, 32, 32)
    first = cached(x[:2])
    assert counter.images == 2
    second = cached(x[[1, 2, 0]])
    assert counter.images == 3
    for a, b in zip(first, second, strict=True):
        torch.testing.assert_close(a, b[[2, 0]], rtol=0, atol=0)


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


def test_a_damaged_entry_is_computed_again(tmp_path):
    cached, counter = _cached(tmp_path)
    x = torch.randn(1, 3, 32, 32)
    expected = cached(x)
    (entry,) = (tmp_path / 'cache').rglob('*.npz')
    for content in (b'', entry.read_bytes()[:1000]):
        entry.write_bytes(content)
        torch.testing.assert_close(cached(x), expected, rtol=0, atol=0)
    assert counter.images == 3


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
