"""Predictions of a batch are those of one image at a time, also where a CRF processes images together."""

import sys

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmwsl.functional import PermutohedralLattice
from mmwsl.registry import MODELS

PIPELINES = {
    'crf': [dict(type='mmwsl.DenseCRF', preset='ccnn', iterations=3)],
    'crf of probable classes': [dict(type='mmwsl.DenseCRF', min_pixel_prob=0.3, min_image_prob=0.1, iterations=3)],
    'ensemble': [
        dict(
            type='mmwsl.PostProcessorEnsemble',
            pipelines=[[dict(type='mmwsl.DenseCRF', iterations=2)], [dict(type='mmwsl.DenseCRF', iterations=4)]],
        )
    ],
    'prior and refinement': [
        dict(type='mmwsl.ImageLevelPrior'),
        dict(type='mmwsl.PixelAdaptiveRefinement', dilations=[1, 2], iterations=2),
    ],
}


def segmentor(postprocessors):
    torch.manual_seed(0)
    head = dict(in_channels=320, in_index=0, num_classes=4, hidden_channels=(8,), dropout_ratio=0.0)
    return MODELS.build(
        dict(
            type='mmwsl.WeakEncoderDecoder',
            backbone=dict(type='mmwsl.DilatedMobileNetV2', out_indices=(6,)),
            decode_head=dict(type='mmwsl.LSEAggregationHead', **head),
            data_preprocessor=dict(type='mmseg.SegDataPreProcessor', mean=[128.0] * 3, std=[64.0] * 3),
            train_cfg=dict(),
            inference=dict(postprocessors=postprocessors),
        )
    ).eval()


def batch(*sizes):
    """Return images of one size for the network, whose originals have other sizes."""
    generator = torch.Generator().manual_seed(1)
    images, samples = [], []
    for size in sizes:
        images.append(torch.randint(0, 256, (3, 32, 32), generator=generator).byte())
        original = torch.randint(0, 256, (3, *size), generator=generator).byte()
        meta = dict(img_shape=(32, 32), ori_shape=size)
        samples.append(SegDataSample(metainfo=meta, image=PixelData(data=original)))
    return images, samples


@torch.no_grad()
@pytest.mark.parametrize('name', PIPELINES)
@pytest.mark.parametrize('together', [False, True])
def test_predictions(name, together, monkeypatch):
    model = segmentor(PIPELINES[name])
    images, samples = batch((20, 24), (16, 30), (20, 24))
    # The scores of untrained networks hardly differ.
    scores = model(model.data_preprocessor(dict(inputs=images))['inputs'])
    mean, last = scores.mean((0, 2, 3)), model.decode_head.conv_seg
    std = (scores - mean[:, None, None]).std()
    last.bias.copy_((last.bias - mean) / std)
    last.weight.div_(std)
    expected = [
        model.test_step(dict(inputs=[image], data_samples=[sample.clone()]))[0]
        for image, sample in zip(images, samples, strict=True)
    ]
    built, original = [], PermutohedralLattice.__init__
    if together:
        monkeypatch.setattr(sys.modules['mmwsl.functional.dense_crf'], '_is_split', lambda probs: False)

    def counted(self, features, groups=1):
        built.append(groups)
        original(self, features, groups)

    monkeypatch.setattr(PermutohedralLattice, '__init__', counted)
    results = model.test_step(dict(inputs=images, data_samples=samples))
    for result, one in zip(results, expected, strict=True):
        torch.testing.assert_close(result.pred_scores.data, one.pred_scores.data, rtol=1e-3, atol=1e-3)
        assert (result.pred_sem_seg.data == one.pred_sem_seg.data).double().mean() > 0.99
        torch.testing.assert_close(result.pred_label.score, one.pred_label.score)
    assert not torch.allclose(results[0].pred_scores.data, results[2].pred_scores.data, atol=0.01)
    if together and name.startswith('crf'):
        assert max(built) == 2
