"""ProxyCLIP: tokens against an independent computation, sizes off both grids, precision, frozen weights, segmentor."""

from copy import deepcopy

import pytest
import torch
from mmengine.structures import LabelData
from mmseg.structures import SegDataSample
from torch.nn import functional as F

from mmwsl.engine.hooks import collect_provenance
from mmwsl.models import ProxyAttentionBackbone
from mmwsl.registry import MODELS
from tests.tiny_transformers import PATCH, REASON, WIDTH, write_clip, write_vision

transformers = pytest.importorskip('transformers', reason=REASON)
NAMES = ['cat', 'cow', 'person']
MEANS = (0.48145466, 0.4578275, 0.40821073), (0.5, 0.4, 0.3)
STDS = (0.26862954, 0.26130258, 0.27577711), (0.2, 0.25, 0.3)
"""Normalization of CLIP and of the proxies, in the folders of the tests."""
SIZES = [(16, 16), (24, 32), (20, 28), (18, 9), (1, 17)]
KINDS = {'ViT': dict(patch_size=2), 'Dinov2': dict(patch_size=3), 'DINOv3ViT': dict(patch_size=8), 'DeiT': {}}


@pytest.fixture(scope='module')
def folders(tmp_path_factory):
    """A CLIP with patches of 4 pixels, and proxies with patches of other sizes."""
    root = tmp_path_factory.mktemp('models')
    proxies = {kind: str(write_vision(root / kind, kind, **settings)) for kind, settings in KINDS.items()}
    return proxies | dict(clip=str(write_clip(root / 'clip')))


def build(folders, kind, **settings):
    proxy = dict(type='mmwsl.TransformerBackbone', folder=folders[kind])
    return ProxyAttentionBackbone(folders['clip'], proxy, **settings).eval()


def images(size, count=1, seed=0):
    """Return images in [0, 1]."""
    return torch.rand(count, 3, *size, generator=torch.Generator().manual_seed(seed))


def normalized(image, number):
    mean, std = (torch.tensor(values)[:, None, None] for values in (MEANS[number], STDS[number]))
    return (image - mean) / std


def padded(x, patch):
    return F.pad(x, (0, -x.shape[3] % patch, 0, -x.shape[2] % patch))


def bilinear(grid, y, x):
    """Interpolate a grid ``(h, w, D)`` at a position in locations, constant outside of its centers."""
    y, x = (min(max(value, 0.0), length - 1) for value, length in zip((y, x), grid.shape[:2], strict=True))
    total = 0
    for row in {int(y), min(int(y) + 1, grid.shape[0] - 1)}:
        for column in {int(x), min(int(x) + 1, grid.shape[1] - 1)}:
            total = total + grid[row, column] * (1 - abs(y - row)) * (1 - abs(x - column))
    return total


@torch.no_grad()
def clip_values(folders, image):
    """Return the last block of CLIP, and its values for an image in [0, 1], ``(h, w, D)``, with the library."""
    vision = transformers.CLIPModel.from_pretrained(folders['clip'], attn_implementation='eager').eval().vision_model
    x = padded(normalized(image, 0), PATCH)
    h, w = (side // PATCH for side in x.shape[2:])
    hidden = vision.pre_layrnorm(vision.embeddings(x, interpolate_pos_encoding=True))
    *blocks, last = vision.encoder.layers
    for layer in blocks:
        hidden = hidden + layer.self_attn(layer.layer_norm1(hidden), attention_mask=None)[0]
        hidden = hidden + layer.mlp(layer.layer_norm2(hidden))
    grid = last.self_attn.v_proj(last.layer_norm1(hidden))[0, 1:].view(h, w, WIDTH)
    return last, grid


@torch.no_grad()
def reference(folders, kind, image, beta=1.2, gamma=3.0):
    """Compute the tokens of an image in [0, 1] location by location, with the models of the library."""
    last, grid = clip_values(folders, image)

    proxy = transformers.AutoModel.from_pretrained(folders[kind]).eval()
    patch = proxy.config.patch_size
    options = {} if kind.startswith('D') and kind != 'DeiT' else dict(interpolate_pos_encoding=True)
    x = padded(normalized(image, 1), patch)
    rows, columns = (side // patch for side in x.shape[2:])
    tokens = proxy(x, **options).last_hidden_state[0, -rows * columns :]
    places = [(r, c) for r in range(rows) for c in range(columns)]
    kept = [
        k
        for k, (r, c) in enumerate(places)
        if all(i == 0 or (i + 0.5) * patch < side for i, side in zip((r, c), image.shape[2:], strict=True))
    ]
    features = F.normalize(tokens[kept], dim=1)
    values = []
    for k in kept:
        y, x_ = ((index + 0.5) * patch / PATCH - 0.5 for index in places[k])
        values.append(bilinear(grid, y, x_))
    similarity = features @ features.T
    mean = similarity.mean()
    found = {}
    for i, k in enumerate(kept):
        weights = [
            torch.exp(gamma * (s - beta * mean)) if s >= beta * mean or i == j else 0
            for j, s in enumerate(similarity[i])
        ]
        attended = sum(weight * value for weight, value in zip(weights, values, strict=True)) / sum(weights)
        found[places[k]] = last.self_attn.out_proj(attended)
    ends = [max(place[dim] for place in found) for dim in (0, 1)]
    result = [[found[min(r, ends[0]), min(c, ends[1])] for c in range(columns)] for r in range(rows)]
    return torch.stack([torch.stack(row) for row in result]).permute(2, 0, 1)


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('size', SIZES)
def test_tokens_are_those_of_the_equation(folders, kind, size):
    image, backbone = images(size), build(folders, kind)
    (found,) = backbone(normalized(image, 0))
    expected = reference(folders, kind, image)
    assert found.shape[1:] == expected.shape and backbone.patch_size == KINDS[kind].get('patch_size', PATCH)
    assert expected.std() > 0.1
    torch.testing.assert_close(found[0], expected, atol=2e-4, rtol=1e-3)


def test_the_constants_of_the_attention_are_used(folders):
    image = images((20, 28))
    for settings in (dict(beta=0.5), dict(gamma=10.0)):
        (found,) = build(folders, 'ViT', **settings)(normalized(image, 0))
        torch.testing.assert_close(found[0], reference(folders, 'ViT', image, **settings), atol=2e-4, rtol=1e-3)


def test_a_batch_is_its_images(folders):
    backbone, x = build(folders, 'Dinov2'), normalized(images((20, 28), 2), 0)
    (both,) = backbone(x)
    for n in range(2):
        torch.testing.assert_close(both[n : n + 1], backbone(x[n : n + 1])[0], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize('dtype', ['float16', 'bfloat16'])
def test_half_precision(folders, dtype):
    x = normalized(images((20, 28)), 0)
    exact, half = (build(folders, 'ViT', dtype=own)(x)[0] for own in ('float32', dtype))
    assert half.dtype == torch.float32 and torch.corrcoef(torch.stack([exact.flatten(), half.flatten()]))[0, 1] > 0.99
    own = getattr(torch, dtype)
    whole = build(folders, 'ViT', dtype=dtype).to(own)(x.to(own))[0]
    assert whole.dtype == own
    assert torch.corrcoef(torch.stack([exact.flatten(), whole.float().flatten()]))[0, 1] > 0.95


def test_no_weight_is_trained_or_changed(folders):
    backbone, x = build(folders, 'ViT').train(), normalized(images((20, 28)), 0).requires_grad_()
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    backbone.init_weights()
    assert not backbone(x)[0].requires_grad and not any(one.requires_grad for one in backbone.parameters())
    assert not any(module.training for module in (backbone.clip.model, backbone.proxy.model))
    assert all(torch.equal(value, before[name]) for name, value in backbone.state_dict().items())
    assert not backbone.clip.get_submodule(f'{backbone.last_attention}.v_proj')._forward_hooks


def segmentor(folders, kind='ViT', maps='mmwsl.Probabilities', backbone=None, scale=40.0, **head):
    """Build a segmentor of three classes and the background, as the config does."""
    given = dict(num_classes=4, class_names=NAMES, background_prompts=['ground', 'sky'], templates=['a {}.'])
    proxy = dict(type='mmwsl.TransformerBackbone', folder=folders[kind])
    config = dict(
        type='mmwsl.CLIPSegmentor',
        backbone=dict(type='mmwsl.ProxyAttentionBackbone', folder=folders['clip'], proxy=proxy) | (backbone or {}),
        decode_head=dict(type='mmwsl.TextSimilarityHead', folder=folders['clip'], scale=scale, **given | head),
        inference=dict(class_maps=dict(type=maps), image_labels=dict(type='mmwsl.KnownImageLabels')),
    )
    return MODELS.build(deepcopy(config)).eval()


def test_the_masks_of_the_constants_are_named(folders):
    found = collect_provenance(segmentor(folders))
    assert found['tuned_on'] == 'masks of VOC 2012, by the authors of ProxyCLIP'
    assert 'tuned_on' not in collect_provenance(segmentor(folders, backbone=dict(beta=1.0, tuned_on=None)))


def sample_of(labels, size):
    sample = SegDataSample(metainfo=dict(ori_shape=size, img_shape=size))
    sample.gt_label = LabelData(score=torch.tensor([0.0, *labels]))
    return sample


def test_the_tokens_are_compared_with_the_texts(folders):
    """Patches of 2 pixels of an image of 12 x 10: probabilities at the centers of a bilinear map twice as large."""
    model, image = segmentor(folders, scale=5.0), images((12, 10))
    head = model.decode_head
    tokens = reference(folders, 'ViT', image).flatten(1).T
    unit = F.normalize(head.projection(head.norm(tokens)), dim=1)
    logits = 5.0 * unit @ head.text_features.T
    logits = torch.cat([logits[:, 3:].logsumexp(1, keepdim=True), logits[:, :3]], 1)
    maps = F.interpolate(logits.T.view(1, 4, 6, 5), (12, 10), mode='bilinear')[0]
    maps[2] = -torch.inf  # the second class is absent
    (found,) = model.predict(normalized(image, 0), [sample_of((1, 0, 1), (12, 10))])
    torch.testing.assert_close(found.pred_scores.data, maps.softmax(0), atol=1e-3, rtol=1e-2)
    assert found.pred_scores.data[1].std() > 0.01
    torch.testing.assert_close(segmentor(folders, scale=None).decode_head.scale, 1 / 0.07, atol=1e-2, rtol=1e-3)


def test_the_order_of_the_texts_permutes_the_channels(folders):
    image, order = normalized(images((18, 9)), 0), [2, 0, 1]
    found, turned = (
        segmentor(folders, 'Dinov2', class_names=names)
        .predict(image, [sample_of((1, 1, 1), (18, 9))])[0]
        .pred_scores.data
        for names in (NAMES, [NAMES[k] for k in order])
    )
    torch.testing.assert_close(turned[1:], found[1:][order])
    assert found.shape == (4, 18, 9)


@pytest.mark.parametrize(
    'settings, words',
    [
        (dict(backbone=dict(gamma=0)), '`gamma` positive and finite'),
        (dict(backbone=dict(beta=float('nan'))), '`beta` must be finite'),
        (dict(backbone=dict(dtype='int8')), '`dtype` must be one of'),
        (
            dict(backbone=dict(proxy=dict(type='ResNetV1c', depth=18))),
            'must be a frozen TransformerBackbone, got ResNetV1c',
        ),
        (dict(maps='mmwsl.CLIPESMaps'), "`model.backbone.type` must be 'mmwsl.TransformerBackbone' for the class maps"),
        (dict(scale=0.0), '`decode_head.scale` must be a positive finite number, got 0.0'),
    ],
)
def test_a_wrong_argument_is_one_line(folders, settings, words):
    with pytest.raises(ValueError, match=words) as error:
        segmentor(folders, **settings)
    assert '\n' not in str(error.value)


def test_folders_of_other_models_are_one_line(folders, tmp_path):
    with pytest.raises(ValueError, match="must have a CLIP model, got 'vit'"):
        ProxyAttentionBackbone(folders['ViT'], dict(type='mmwsl.TransformerBackbone', folder=folders['ViT']))
    trained = dict(type='mmwsl.TransformerBackbone', folder=folders['ViT'], frozen=False)
    with pytest.raises(ValueError, match='must be a frozen TransformerBackbone'):
        ProxyAttentionBackbone(folders['clip'], trained)
    with pytest.raises(FileNotFoundError, match='does not exist'):
        ProxyAttentionBackbone(folders['clip'], dict(type='mmwsl.TransformerBackbone', folder=str(tmp_path / 'none')))
    bare = write_vision(tmp_path / 'bare', 'ViT')
    (bare / 'preprocessor_config.json').unlink()
    with pytest.raises(FileNotFoundError, match=r'has no preprocessor_config\.json'):
        ProxyAttentionBackbone(folders['clip'], dict(type='mmwsl.TransformerBackbone', folder=str(bare)))
