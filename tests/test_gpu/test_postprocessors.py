"""Post-processors give the same results on a GPU and on a CPU."""

import pytest
import torch
from mmengine.structures import BaseDataElement, LabelData, PixelData
from mmseg.structures import SegDataSample

from mmwsl.functional import CRF_PRESETS, dense_crf
from mmwsl.inference.postprocessors import build_postprocessors

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize(
    'config',
    [
        dict(type='mmwsl.ImageLevelPrior'),
        dict(type='mmwsl.ObjectnessPrior'),
        dict(type='mmwsl.SuperpixelVote'),
        dict(type='mmwsl.SuperpixelVote', reduction='mean'),
        dict(type='mmwsl.RegionVote'),
        dict(type='mmwsl.RegionVote', field='superpixels'),
        dict(type='mmwsl.ClassThresholds', thresholds=(0.3, 0.5, 0.2)),
        dict(type='mmwsl.LogitSoftmax'),
        dict(type='mmwsl.DenseCRF'),
        dict(type='mmwsl.PixelAdaptiveRefinement'),
        dict(type='mmwsl.AffinityRandomWalk'),
        dict(type='mmwsl.SuperpixelCRF'),
    ],
    ids=lambda config: config['type'],
)
def test_a_postprocessor_on_the_gpu(config):
    torch.manual_seed(0)
    sample = SegDataSample(pred_label=LabelData(score=torch.rand(4)))
    sample.image = PixelData(data=torch.randint(0, 256, (3, 40, 50), dtype=torch.uint8))
    sample.superpixels = PixelData(data=torch.randint(0, 30, (1, 40, 50)))
    sample.objectness = PixelData(data=torch.rand(1, 40, 50))
    members = torch.rand(20, 30) < 0.3
    sample.regions = BaseDataElement(superpixels=sample.superpixels.data[0], members=members)
    probs = torch.rand(4, 40, 50)
    (step,) = build_postprocessors([config])
    result = step(probs.cuda(), sample.cuda())
    assert result.is_cuda
    torch.testing.assert_close(result.cpu(), step(probs, sample.cpu()), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize('preset', ['psa', 'irn'])
def test_the_crf_of_a_batch_in_one_lattice(preset):
    torch.manual_seed(0)
    images = torch.randint(0, 256, (3, 3, 40, 50), dtype=torch.uint8)
    probs = torch.rand(3, 4, 40, 50)
    plausible = torch.tensor([[1, 1, 1, 1], [1, 0, 1, 0], [0, 0, 0, 1]], dtype=torch.bool)
    result = dense_crf(probs.cuda(), images.cuda(), CRF_PRESETS[preset], plausible=plausible.cuda())
    assert result.is_cuda
    expected = dense_crf(probs, images, CRF_PRESETS[preset], plausible=plausible)
    torch.testing.assert_close(result.cpu(), expected, rtol=1e-3, atol=1e-3)
