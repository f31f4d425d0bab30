"""A batch of images gives the results of one image at a time, also where all images share one lattice."""

import sys

import pytest
import torch

from mmwsl.functional import CRF_PRESETS, CRFKernels, CRFParams, PermutohedralLattice, dense_crf

from .test_dense_crf import make_image, scores

IMAGES = torch.stack([make_image(name) for name in ('astronaut', 'chelsea', 'coffee')])
PROBS = torch.stack([scores(5, seed=seed) for seed in range(3)])
PLAUSIBLE = torch.tensor([[1, 1, 0, 0, 1], [0, 1, 0, 1, 0], [0, 0, 0, 0, 1]], dtype=torch.bool)


@pytest.fixture(params=['one after the other', 'one lattice'])
def way(request, monkeypatch):
    """Run a test in the way of the CPU and in the way of a GPU."""
    if request.param == 'one lattice':
        module = sys.modules['mmwsl.functional.dense_crf']
        monkeypatch.setattr(module, '_is_split', lambda probs: False)
    return request.param


def one_by_one(probs, images, params, compatibility=None, plausible=None):
    masks = plausible if plausible is not None else [None] * len(probs)
    return torch.stack(
        [dense_crf(*pair, params, compatibility, mask) for *pair, mask in zip(probs, images, masks, strict=True)]
    )


@pytest.mark.parametrize('preset', ['ccnn', 'irn', 'psa'])
@pytest.mark.parametrize('plausible', [None, PLAUSIBLE], ids=['all labels', 'some labels'])
@pytest.mark.parametrize('penalty', [None, torch.rand(5, 5, generator=torch.Generator().manual_seed(0))])
def test_results(way, preset, plausible, penalty):
    params = CRF_PRESETS[preset]
    result = dense_crf(PROBS, IMAGES, params, penalty, plausible)
    torch.testing.assert_close(result, one_by_one(PROBS, IMAGES, params, penalty, plausible))
    if plausible is not None:
        assert not result[~plausible].any() and torch.equal(result[2, 4], torch.ones(24, 32, dtype=torch.float64))


def test_other_images_have_no_influence(way):
    others = IMAGES.clone()
    others[1:] = 255 - others[1:]
    mixed = dense_crf(PROBS, others)
    expected = dense_crf(PROBS, IMAGES)
    torch.testing.assert_close(mixed[0], expected[0])
    assert not torch.allclose(mixed[1], expected[1])


def test_equal_images_have_equal_results(way):
    """Their points lie at the same place in feature space, so that they would mix without groups."""
    image = IMAGES[:1].expand(3, -1, -1, -1)
    torch.testing.assert_close(dense_crf(PROBS, image), one_by_one(PROBS, image, CRFParams()))


def test_pixels_of_zeros_are_uniform_among_the_labels_of_their_image(way):
    probs = PROBS.clone()
    probs[:, :, :4] = 0
    for params in (CRF_PRESETS['psa'], CRF_PRESETS['irn']):
        result = dense_crf(probs, IMAGES, params, plausible=PLAUSIBLE)
        torch.testing.assert_close(result, one_by_one(probs, IMAGES, params, plausible=PLAUSIBLE))


def test_gradient(way):
    images, probs = IMAGES[:2, :, :4, :5], PROBS[:2, :, :4, :5].clone().requires_grad_()
    params = CRFParams(iterations=2)
    assert torch.autograd.gradcheck(lambda p: dense_crf(p, images, params, plausible=PLAUSIBLE[:2]), probs)


def test_calls_can_share_kernels(way):
    kernels = CRFKernels(IMAGES, CRFParams())
    for probs in (PROBS, PROBS.flip(1)):
        assert torch.equal(dense_crf(probs, IMAGES, kernels=kernels), dense_crf(probs, IMAGES))


def test_a_batch_of_one(way):
    torch.testing.assert_close(dense_crf(PROBS[:1], IMAGES[:1])[0], dense_crf(PROBS[0], IMAGES[0]))


def test_float32_of_the_compiled_functions():
    probs = PROBS.float()
    assert torch.equal(dense_crf(probs, IMAGES), one_by_one(probs, IMAGES, CRFParams()))


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(image=IMAGES[:2]), r'`image` must be \(3, C, 24, 32\) like `probs`, got \(2, 3, 24, 32\)'),
        (dict(image=IMAGES[0]), r'`image` must be \(3, C, 24, 32\) like `probs`, got \(3, 24, 32\)'),
        (dict(plausible=PLAUSIBLE[0]), r'`plausible` must be a boolean mask \(3, 5\).*\(5,\)'),
        (
            dict(plausible=PLAUSIBLE & torch.tensor([[True], [True], [False]])),
            r'`plausible` must be.*at least one label of each image',
        ),
        (dict(probs=PROBS[None]), r'`probs` must be \(K, H, W\) or \(B, K, H, W\).*\(1, 3, 5, 24, 32\)'),
    ],
)
def test_bad_input(changes, message):
    with pytest.raises(ValueError, match=message):
        dense_crf(**dict(dict(probs=PROBS, image=IMAGES), **changes))


def test_groups_of_a_lattice_do_not_mix():
    torch.manual_seed(0)
    points, values = torch.randn(30, 3, dtype=torch.float64), torch.randn(30, 2, dtype=torch.float64)
    points[10:20] = points[:10]
    result = PermutohedralLattice(points, groups=3).filter(values)
    parts = zip(points.split(10), values.split(10), strict=True)
    torch.testing.assert_close(result, torch.cat([PermutohedralLattice(one).filter(value) for one, value in parts]))


@pytest.mark.parametrize('groups', [0, 7, 2.0])
def test_bad_groups(groups):
    with pytest.raises(
        ValueError, match=f'`groups` must be a positive integer that divides the 30 points, got {groups}'
    ):
        PermutohedralLattice(torch.rand(30, 3), groups=groups)
