"""CorrCLIP: tokens against an independent computation, regions of a view, what a change of a region must not change."""

import pytest
import torch
from mmengine.structures import LabelData, PixelData
from mmseg.structures import SegDataSample
from torch.nn import functional as F

from mmwsl.engine.hooks import collect_provenance
from mmwsl.functional import region_attention
from mmwsl.models import RegionAttentionBackbone
from mmwsl.registry import MODELS
from tests.tiny_transformers import REASON, WIDTH, write_clip, write_vision

from .test_proxy_attention import bilinear, clip_values, images, normalized

transformers = pytest.importorskip('transformers', reason=REASON)
NAMES = ['cat', 'cow', 'person']


@pytest.fixture(scope='module')
def folders(tmp_path_factory):
    """A CLIP with patches of 4 pixels, and proxies with patches of 2 and 8."""
    root = tmp_path_factory.mktemp('models')
    kinds = dict(ViT=dict(patch_size=2), Dinov2=dict(patch_size=2), DINOv3ViT=dict(patch_size=8))
    proxies = {kind: str(write_vision(root / kind, kind, **settings)) for kind, settings in kinds.items()}
    return proxies | dict(clip=str(write_clip(root / 'clip')))


def build(folders, kind='ViT', **settings):
    proxy = dict(type='mmwsl.TransformerBackbone', folder=folders[kind])
    return RegionAttentionBackbone(folders['clip'], proxy, **settings).eval()


def halves(height, width, outside=0):
    """Return two regions, left and right, and the last rows in none."""
    regions = torch.zeros(1, height, width, dtype=torch.long)
    regions[:, :, width // 2 :] = 7
    regions[:, height - outside :] = -1
    return regions


@torch.no_grad()
def reference(folders, image, regions, temperature, max_distance):
    """Compute the tokens with the models of the library, by a ViT with patches of 2 pixels."""
    last, grid = clip_values(folders, image)

    proxy = transformers.AutoModel.from_pretrained(folders['ViT']).eval()
    output = proxy(normalized(image, 1), interpolate_pos_encoding=True, output_hidden_states=True)
    (block,) = [module for name, module in proxy.named_modules() if name.endswith('layers.2')]
    entering = block.layernorm_before(output.hidden_states[-2])
    features = (block.attention.q_proj(entering) + block.attention.k_proj(entering))[0, 1:]
    rows, columns = (side // 2 for side in image.shape[2:])
    places = [(r, c) for r in range(rows) for c in range(columns)]
    values = torch.stack([bilinear(grid, (r + 0.5) / 2 - 0.5, (c + 0.5) / 2 - 0.5) for r, c in places])
    patches = torch.tensor([regions[0, 2 * r + 1, 2 * c + 1] for r, c in places])
    attended = region_attention(features, values, patches, temperature, max_distance)
    return last.self_attn.out_proj(attended).T.view(-1, rows, columns)


@pytest.mark.parametrize('outside', [0, 4])
def test_tokens_are_those_of_the_equation(folders, outside):
    image, regions = images((12, 16)), halves(12, 16, outside)
    (found,) = build(folders, temperature=0.5, max_distance=0.01)(normalized(image, 0), regions)
    expected = reference(folders, image, regions, 0.5, 0.01)
    assert found.shape[1:] == expected.shape == (WIDTH, 6, 8) and expected.std() > 0.1
    torch.testing.assert_close(found[0], expected, atol=2e-4, rtol=1e-3)


@pytest.mark.parametrize('kind', ['ViT', 'Dinov2', 'DINOv3ViT'])
@pytest.mark.parametrize('size', [(16, 16), (18, 9), (1, 17)])
def test_every_proxy_and_size(folders, kind, size):
    backbone, x = build(folders, kind, max_distance=0.0), normalized(images(size, 2), 0)
    regions = torch.cat([halves(*size), torch.full((1, *size), -1)])
    (found,) = backbone(x, regions)
    assert found.shape == (2, WIDTH, *(-(-side // backbone.patch_size) for side in size)) and found.isfinite().all()
    for index in range(2):
        torch.testing.assert_close(found[index : index + 1], backbone(x[index : index + 1], regions[index, None])[0])
    torch.testing.assert_close(found[1], backbone(x)[0][1])
    assert not found.requires_grad and not any(value.requires_grad for value in backbone.parameters())


def test_regions_of_any_size_cover_the_image(folders):
    backbone, x = build(folders, max_distance=0.0), normalized(images((12, 16)), 0)
    (found,) = backbone(x, halves(12, 16))
    torch.testing.assert_close(found, backbone(x, halves(300, 400))[0])
    assert not torch.allclose(found, backbone(x, halves(12, 16).transpose(1, 2))[0])


def segmentor(folders, **backbone):
    proxy = dict(type='mmwsl.TransformerBackbone', folder=folders['ViT'])
    config = dict(
        type='mmwsl.CLIPSegmentor',
        backbone=dict(type='mmwsl.RegionAttentionBackbone', folder=folders['clip'], proxy=proxy) | backbone,
        decode_head=dict(
            type='mmwsl.TextSimilarityHead',
            folder=folders['clip'],
            num_classes=4,
            class_names=NAMES,
            background_prompts=['ground', 'sky'],
            templates=['a {}.'],
            scale=5.0,
        ),
        inference=dict(class_maps=dict(type='mmwsl.Probabilities'), image_labels=dict(type='mmwsl.KnownImageLabels')),
    )
    return MODELS.build(config).eval()


def sample_of(regions, labels=(1.0, 1.0, 1.0), **meta):
    size = tuple(regions.shape[1:])
    sample = SegDataSample(metainfo=dict(ori_shape=size, img_shape=size) | meta)
    sample.gt_label = LabelData(score=torch.tensor([0.0, *labels]))
    sample.superpixels = PixelData(data=regions)
    return sample


def test_the_regions_of_a_sample_act_and_stay_in_it(folders):
    model, x = segmentor(folders, max_distance=0.0), normalized(images((12, 16)), 0)
    regions = halves(12, 16)
    (found,) = model.predict(x, [sample_of(regions, (1.0, 0.0, 1.0))])
    logits = model.decode_head(model.backbone(x, regions))
    logits = F.interpolate(logits, (12, 16), mode='bilinear')[0]
    logits[2] = -torch.inf  # the second class is absent
    torch.testing.assert_close(found.pred_scores.data, logits.softmax(0))
    assert torch.equal(found.superpixels.data, regions) and set(found.metainfo) == {'ori_shape', 'img_shape'}
    (other,) = model.predict(x, [sample_of(halves(12, 16, 12), (1.0, 0.0, 1.0))])
    assert (other.pred_scores.data - found.pred_scores.data).abs().max() > 1e-3


@pytest.mark.parametrize('direction, dim', [('horizontal', 3), ('vertical', 2)])
def test_the_regions_of_a_mirrored_view_are_mirrored(folders, direction, dim):
    model, x = segmentor(folders, max_distance=0.0), normalized(images((12, 16)), 0)
    regions = halves(12, 16, 4)
    regions[:, :8, 4:] = 7  # a quarter on the left: mirrored, another partition
    (view,) = model.predict_views(x.flip(dim), [sample_of(regions, flip=True, flip_direction=direction)])
    (plain,) = model.predict_views(x.flip(dim), [sample_of(regions.flip(dim - 1))])
    torch.testing.assert_close(view.class_maps.data, plain.class_maps.data.flip(dim - 1))


def test_a_sample_without_superpixels_is_an_error(folders):
    model, x = segmentor(folders), normalized(images((12, 16)), 0)
    sample = SegDataSample(metainfo=dict(ori_shape=(12, 16), img_shape=(12, 16)))
    for samples in ([sample], None):
        with pytest.raises(KeyError, match='CLIPSegmentor needs the field `superpixels` of the data sample. Add'):
            model.predict(x, samples)


def test_the_masks_of_the_constants_are_named(folders):
    found = collect_provenance(segmentor(folders))
    assert found['tuned_on'] == 'masks of VOC 2012 and other datasets, by the authors of CorrCLIP'


@pytest.mark.parametrize('settings', [dict(temperature=0.0), dict(max_distance=-1.0), dict(temperature=float('nan'))])
def test_errors(folders, settings):
    with pytest.raises(ValueError, match='`temperature` must be positive and finite and `max_distance` non-negative'):
        build(folders, **settings)


def test_a_proxy_without_query_and_key_is_an_error(folders, tmp_path):
    folders = folders | dict(Siglip=str(write_vision(tmp_path / 'siglip', 'Siglip')))
    with pytest.raises(ValueError, match='must be a ViT, DeiT, DINO, DINOv2 or DINOv3, got a model without query'):
        build(folders, 'Siglip')
