"""The CRF and pixel-adaptive refinement as post-processors, alone and behind a network."""

import pytest
import torch
from mmengine.structures import LabelData, PixelData
from mmseg.structures import SegDataSample
from torch import nn

from mmwsl.functional import CRF_PRESETS, CRFParams, affinity_random_walk, dense_crf, pixel_adaptive_refinement
from mmwsl.inference.postprocessors import build_postprocessors
from mmwsl.registry import MODELS


def sample(image, label=None):
    result = SegDataSample(image=PixelData(data=image))
    if label is not None:
        result.pred_label = LabelData(score=torch.tensor(label))
    return result


def case(labels=4, height=12, width=15):
    generator = torch.Generator().manual_seed(0)
    image = torch.randint(0, 256, (3, height, width), generator=generator, dtype=torch.uint8)
    return torch.rand(labels, height, width, generator=generator), image


def test_crf_gets_the_image_in_rgb_and_the_parameters_of_the_preset():
    probs, image = case()
    (step,) = build_postprocessors([dict(type='mmwsl.DenseCRF', preset='deeplab', bilateral_srgb=80.0, iterations=3)])
    assert step.params == CRFParams(19, 15, 61, 80, 35, 3)
    rgb, bgr = (dense_crf(probs, image, step.params) for image in (image.flip(0), image))
    assert torch.equal(step(probs, sample(image)), rgb)
    assert not torch.equal(rgb, bgr)


def test_crf_with_a_compatibility_matrix():
    probs, image = case(2)
    (step,) = build_postprocessors([dict(type='mmwsl.DenseCRF', compatibility=[[0, 3], [0.5, 0]])])
    expected = dense_crf(probs, image.flip(0), CRF_PRESETS['psa'], torch.tensor([[0.0, 3.0], [0.5, 0.0]]))
    assert torch.equal(step(probs, sample(image)), expected)
    assert not torch.equal(expected, dense_crf(probs, image.flip(0)))


def test_crf_excludes_improbable_classes():
    probs, image = case()
    probs[1] *= 0.05  # below 0.5 in every pixel
    (step,) = build_postprocessors([dict(type='mmwsl.DenseCRF', min_pixel_prob=0.5)])
    result = step(probs, sample(image))
    assert not result[1].any() and result[[0, 2, 3]].flatten(1).any(1).all()
    (step,) = build_postprocessors([dict(type='mmwsl.DenseCRF', min_image_prob=0.3)])
    result = step(probs, sample(image, label=[0.0, 0.9, 0.2, 0.3]))
    assert not result[2].any() and result[[0, 1, 3]].flatten(1).any(1).all()


def test_crf_needs_the_image_level_label_only_where_it_is_used():
    probs, image = case()
    plain, by_label = build_postprocessors(
        [dict(type='mmwsl.DenseCRF'), dict(type='mmwsl.DenseCRF', min_image_prob=0.3)]
    )
    plain(probs, sample(image))
    with pytest.raises(KeyError, match='DenseCRF needs the field `pred_label`.*WeakEncoderDecoder'):
        by_label(probs, sample(image))


@pytest.mark.parametrize('variant', ['pamr', 'par'])
def test_pixel_adaptive_refinement(variant):
    probs, image = case()
    (step,) = build_postprocessors(
        [dict(type='mmwsl.PixelAdaptiveRefinement', variant=variant, dilations=[1, 4], iterations=2)]
    )
    assert torch.equal(step(probs, sample(image)), pixel_adaptive_refinement(probs, image, (1, 4), 2, variant))


def test_random_walk():
    probs, image = case()
    (step,) = build_postprocessors([dict(type='mmwsl.AffinityRandomWalk', radius=2, stride=3, beta=3.0, log_steps=1)])
    assert torch.equal(step(probs, sample(image)), affinity_random_walk(probs, image, 2, 3, 3.0, 1))


@pytest.mark.parametrize('name', ['AffinityRandomWalk', 'DenseCRF', 'PixelAdaptiveRefinement'])
def test_a_missing_image_names_the_transform(name):
    (step,) = build_postprocessors([dict(type=f'mmwsl.{name}')])
    with pytest.raises(KeyError, match=f'{name} needs the field `image`.*KeepOriginalImage'):
        step(case()[0], SegDataSample())


@pytest.mark.parametrize('name', ['AffinityRandomWalk', 'DenseCRF', 'PixelAdaptiveRefinement'])
def test_an_image_of_another_size_raises_an_error(name):
    (step,) = build_postprocessors([dict(type=f'mmwsl.{name}')])
    with pytest.raises(ValueError, match=r'`image` must be \(C, 12, 15\).*\(3, 6, 7\)'):
        step(case()[0], sample(case(height=6, width=7)[1]))


@pytest.mark.parametrize(
    ('arguments', 'error', 'message'),
    [
        (dict(preset='voc'), ValueError, "`preset` must be one of .*'voc'"),
        (dict(bilateral_sigma=3), TypeError, r'must be among .*bilateral_sxy.*got .*bilateral_sigma'),
        (dict(gaussian_sxy=0), ValueError, '`gaussian_sxy`.*got 0'),
        (dict(min_pixel_prob=1.5), ValueError, '`min_pixel_prob`.*1.5'),
        (dict(min_image_prob=-0.5), ValueError, '`min_image_prob`.*-0.5'),
    ],
)
def test_bad_arguments_of_the_crf(arguments, error, message):
    with pytest.raises(error, match=message):
        build_postprocessors([dict(type='mmwsl.DenseCRF', **arguments)])


def test_behind_a_network_the_mask_follows_the_edge_of_the_image():
    """The network of one convolution scores a bright square at locations of 8 pixels."""

    class Brightness(nn.Module):
        def forward(self, x):
            return (nn.functional.avg_pool2d(x[:, :1], 8),)

    MODELS.register_module(name='Brightness', module=Brightness, force=True)

    def predict(postprocessors):
        model = MODELS.build(
            dict(
                type='mmwsl.WeakEncoderDecoder',
                backbone=dict(type='mmwsl.Brightness'),
                decode_head=dict(
                    type='mmwsl.LSEAggregationHead',
                    in_channels=1,
                    num_classes=2,
                    hidden_channels=(),
                    kernel_size=1,
                    dropout_ratio=0.0,
                ),
                data_preprocessor=dict(type='mmseg.SegDataPreProcessor', size=(64, 64)),
                train_cfg=dict(),
                inference=dict(postprocessors=postprocessors),
            )
        ).eval()
        with torch.no_grad():
            model.decode_head.conv_seg.weight.copy_(torch.tensor([-0.01, 0.01])[:, None, None, None])
            model.decode_head.conv_seg.bias.copy_(torch.tensor([1.3, -1.3]))
        image = torch.full((3, 64, 64), 30, dtype=torch.uint8)
        image[:, 13:50, 20:45] = 220
        data = sample(image)
        data.set_metainfo(dict(img_shape=(64, 64), ori_shape=(64, 64)))
        batch = model.data_preprocessor(dict(inputs=[image], data_samples=[data]))
        (result,) = model(**batch, mode='predict')
        return result, (image[:1] == 220).long()

    raw, truth = predict([])
    for step in ('DenseCRF', 'PixelAdaptiveRefinement'):
        result, _ = predict([dict(type=f'mmwsl.{step}')])
        wrong = (result.pred_sem_seg.data != truth).sum()
        assert wrong < (raw.pred_sem_seg.data != truth).sum() / 2, step
        assert torch.equal(result.pred_scores.data.argmax(0, keepdim=True), result.pred_sem_seg.data)
