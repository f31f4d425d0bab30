"""Post-processors give the same results on a GPU and on a CPU."""

import pytest
import torch
from mmengine.structures import BaseDataElement, LabelData, PixelData
from mmseg.structures import SegDataSample

from mmwsl.functional import CRF_PRESETS, affinity_random_walk, dense_crf, pixel_adaptive_refinement
from mmwsl.functional.neighbor_average import _sum_rows, average_neighbors, triton_kernels
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


@pytest.mark.parametrize('config', [dict(type='mmwsl.ClassThresholds', thresholds=(0.3, 0.5, 0.2))])
def test_a_postprocessor_waits_for_nothing(config):
    """torch raises an error where the program would wait for the GPU, also to copy numbers to it."""
    (step,) = build_postprocessors([config])
    probs = torch.rand(4, 40, 50).cuda()
    torch.cuda.set_sync_debug_mode('error')
    try:
        step.process(probs, SegDataSample())
    finally:
        torch.cuda.set_sync_debug_mode('default')


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


@pytest.mark.parametrize('labels', [1, 3, 21])
@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_the_triton_kernels_give_the_results_of_torch(labels, dtype, monkeypatch):
    pytest.importorskip('triton', reason='Triton is missing. Install it with: pip install triton')
    monkeypatch.setenv('MMWSL_TRITON', '1')
    assert triton_kernels() is not None
    torch.manual_seed(0)
    offsets = [(dy, dx) for dy in (-13, 0, 2) for dx in (-1, 0, 40)]
    maps = torch.rand(labels, 37, 41, dtype=dtype).cuda()
    weights = torch.rand(len(offsets), 37, 41, dtype=dtype).cuda() / len(offsets)
    expected = _sum_rows(maps, weights, offsets, 3)
    torch.testing.assert_close(average_neighbors(maps, weights, offsets, 3), expected, rtol=1e-5, atol=1e-6)
    leaf = maps.clone().requires_grad_()
    assert average_neighbors(leaf, weights, offsets, 3).requires_grad


@pytest.mark.parametrize('labels', [2, 21])
def test_the_crf_with_triton_gives_the_results_of_torch(labels, monkeypatch):
    pytest.importorskip('triton', reason='Triton is missing. Install it with: pip install triton')
    monkeypatch.setenv('MMWSL_TRITON', '1')
    torch.manual_seed(0)
    probs, image = torch.rand(labels, 60, 70).cuda(), torch.randint(0, 256, (3, 60, 70)).byte().cuda()
    with_gradient = dense_crf(probs.clone().requires_grad_(), image)  # which torch computes
    assert with_gradient.requires_grad
    torch.testing.assert_close(dense_crf(probs, image), with_gradient.detach(), rtol=1e-3, atol=1e-4)


def test_the_crf_does_not_depend_on_tf32():
    torch.manual_seed(0)
    probs, image = torch.rand(4, 60, 70).cuda(), torch.randint(0, 256, (3, 60, 70)).byte().cuda()
    before = torch.backends.cuda.matmul.allow_tf32
    results = []
    try:
        for torch.backends.cuda.matmul.allow_tf32 in (False, True):
            results.append(dense_crf(probs, image))
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before
    torch.testing.assert_close(*results, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('labels', [1, 21])
def test_refinements_on_both_devices(labels):
    torch.manual_seed(0)
    probs, image = torch.rand(labels, 60, 70), torch.randint(0, 256, (3, 60, 70)).byte()
    image[:, :20, :30] = 90
    for variant in ('pamr', 'par'):
        result = pixel_adaptive_refinement(probs.cuda(), image.cuda(), variant=variant).cpu()
        torch.testing.assert_close(
            result, pixel_adaptive_refinement(probs, image, variant=variant), rtol=1e-3, atol=1e-4
        )
    for stride in (1, 4):
        result = affinity_random_walk(probs.cuda(), image.cuda(), stride=stride, log_steps=4).cpu()
        expected = affinity_random_walk(probs, image, stride=stride, log_steps=4)
        torch.testing.assert_close(result, expected, rtol=1e-3, atol=1e-4)
