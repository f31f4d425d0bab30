"""Mean field against its definition, with exact sums and the lattice's matrix, and against pydensecrf."""

import dataclasses

import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image
from torch.nn import functional as F

from mmwsl.functional import CRF_PRESETS, CRFKernels, CRFParams, PermutohedralLattice, dense_crf, plausible_labels

IMAGES = ('astronaut', 'chelsea', 'coffee', 'rocket')  # distributed with scikit-image


def make_image(name='astronaut', width=32, height=24):
    image = Image.fromarray(getattr(skimage.data, name)()).resize((width, height))
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)


def scores(labels, height=24, width=32, sharpness=3, seed=0, dtype=torch.float64):
    """Return probabilities in soft blobs that do not depend on the image."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randn(1, labels, 4, 5, generator=generator, dtype=dtype)
    return (sharpness * F.interpolate(coarse, (height, width), mode='bilinear'))[0].softmax(0)


def features(image, params):
    """Return the points of the smoothness and the appearance kernel, in the order x, y, colors."""
    height, width = image.shape[1:]
    pixels = [[x, y] for y in range(height) for x in range(width)]
    position = torch.tensor(pixels, dtype=torch.float64)
    color = image.double().flatten(1).T
    return (
        position / params.gaussian_sxy,
        torch.cat([position / params.bilateral_sxy, color / params.bilateral_srgb], 1),
    )


def exact_kernel(points):
    return torch.exp(-(points[:, None] - points).square().sum(-1) / 2)


def lattice_kernel(points):
    return PermutohedralLattice(points).apply(torch.eye(len(points), dtype=torch.float64))


def messages(image, params, kernel):
    """Return the weighted sum of the normalized kernels, N x N."""
    total = 0
    for weight, points in zip((params.gaussian_weight, params.bilateral_weight), features(image, params), strict=True):
        matrix = kernel(points)
        norm = matrix.sum(1)
        total = total + weight * matrix / (norm[:, None] * norm).sqrt()
    return total


def mean_field(probs, image, params, kernel, penalty=None):
    """Compute the definition with N x N matrices."""
    labels = len(probs)
    if penalty is None:
        penalty = 1 - torch.eye(labels, dtype=torch.float64)
    unary = -(probs / probs.sum(0)).flatten(1).clamp(min=1e-5).log()
    pairwise = messages(image, params, kernel)
    q = (-unary).softmax(0)
    for _ in range(params.iterations):
        q = (-unary - penalty @ (q @ pairwise.T)).softmax(0)
    return q.reshape(probs.shape)


def same_labels(a, b):
    return (a.argmax(0) == b.argmax(0)).double().mean().item()


def test_against_exact_sums():
    """The docstring states these bounds for the error of the lattice on 32 x 24 pixels."""
    fractions, errors = [], []
    for name in IMAGES:
        for labels in (3, 5):
            for preset in ('deeplab', 'psa'):
                probs, image, params = scores(labels), make_image(name), CRF_PRESETS[preset]
                exact = mean_field(probs, image, params, exact_kernel)
                result = dense_crf(probs, image, params)
                fractions.append(same_labels(result, exact))
                errors.append((result - exact).abs().mean().item())
                assert same_labels(probs, exact) < fractions[-1] - 0.1  # the CRF changes labels
    assert min(fractions) > 0.93 and np.median(fractions) > 0.97
    assert max(errors) < 0.03 and np.median(errors) < 0.01


def test_against_exact_sums_where_the_scores_decide_little():
    """The docstring states these fractions too: they are no bound of the error, but what was measured."""
    fractions = []
    for seed in range(4):
        for labels in (3, 5):
            for preset in ('deeplab', 'psa'):
                generator = torch.Generator().manual_seed(seed)
                image = torch.randint(0, 256, (3, 24, 32), generator=generator).byte()
                probs = (0.01 * torch.randn(labels, 24, 32, generator=generator, dtype=torch.float64)).softmax(0)
                exact = mean_field(probs, image, CRF_PRESETS[preset], exact_kernel)
                fractions.append(same_labels(dense_crf(probs, image, CRF_PRESETS[preset]), exact))
    assert min(fractions) == pytest.approx(0.70, abs=0.01) and np.median(fractions) == pytest.approx(0.82, abs=0.01)


def dominant(matrix):
    """Return the left eigenvector of the largest eigenvalue: its product with nearly equal scores decides the label."""
    vector = torch.ones(len(matrix), dtype=matrix.dtype)
    for _ in range(300):
        vector = vector @ matrix
        vector = vector / vector.norm()
    return vector


def test_scores_that_are_constructed_to_disagree():
    """The docstring states it: exact sums and the lattice amplify opposite signs of these scores."""
    image, params = make_image('chelsea'), CRF_PRESETS['ccnn']
    difference = dominant(messages(image, params, exact_kernel)) - dominant(messages(image, params, lattice_kernel))
    logits = 1e-3 * difference / difference.abs().max()
    probs = torch.stack([logits, -logits]).softmax(0).reshape(2, 24, 32)
    assert (probs[0] - probs[1]).abs().max() <= 1e-3
    assert same_labels(dense_crf(probs, image, params), mean_field(probs, image, params, exact_kernel)) < 0.01


@pytest.mark.parametrize('preset', ['ccnn', 'deeplab', 'psa'])
@pytest.mark.parametrize('penalty', [None, [[0.0, 2.0, 0.3], [1.0, 0.0, -1.0], [0.0, 0.5, 0.2]]])
def test_with_the_matrix_of_the_lattice_it_is_the_definition(preset, penalty):
    probs, image, params = scores(3, 9, 11), make_image('chelsea', 11, 9), CRF_PRESETS[preset]
    penalty = None if penalty is None else torch.tensor(penalty, dtype=torch.float64)
    expected = mean_field(probs, image, params, lattice_kernel, penalty)
    torch.testing.assert_close(dense_crf(probs, image, params, penalty), expected)
    assert same_labels(expected, probs) < 0.95


def test_many_labels_are_treated_like_few():
    """The softmax of 16 and more labels is another code path."""
    probs, image, params = scores(20, 6, 7), make_image(width=7, height=6), CRFParams(iterations=3)
    torch.testing.assert_close(dense_crf(probs, image, params), mean_field(probs, image, params, lattice_kernel))


@pytest.fixture(scope='module')
def densecrf():
    return pytest.importorskip(
        'pydensecrf.densecrf', reason='pydensecrf is missing. Install it with: pip install pydensecrf2'
    )


def reference(densecrf, unary, image, gaussian, bilateral):
    """Run 10 iterations of pydensecrf on energies ``unary (K, H*W)``."""
    _, height, width = image.shape
    crf = densecrf.DenseCRF2D(width, height, len(unary))
    crf.setUnaryEnergy(np.ascontiguousarray(unary))
    crf.addPairwiseGaussian(**gaussian)
    crf.addPairwiseBilateral(rgbim=np.ascontiguousarray(image.permute(1, 2, 0).numpy()), **bilateral)
    return torch.from_numpy(np.array(crf.inference(10))).view(-1, height, width)


def energies(probs):
    return -probs.clamp(min=1e-5).log().flatten(1).numpy()


@pytest.mark.parametrize(('labels', 'width', 'height'), [(2, 160, 120), (4, 160, 120), (21, 500, 375)])
def test_agrees_with_pydensecrf(densecrf, labels, width, height):
    image, probs = make_image(width=width, height=height), scores(labels, height, width, dtype=torch.float32)
    gaussian, bilateral = dict(sxy=3, compat=3), dict(sxy=80, srgb=13, compat=10)
    expected = reference(densecrf, energies(probs), image, gaussian, bilateral)
    result = dense_crf(probs, image, CRF_PRESETS['psa'])
    assert same_labels(result, expected) >= 0.999
    assert (result - expected).abs().mean() < 1e-5
    assert same_labels(probs, expected) < 0.95


def test_agrees_with_pydensecrf_on_images_of_voc(densecrf, data_root):
    paths = sorted((data_root / 'voc6' / 'JPEGImages').glob('*.jpg'))[::1500]
    assert paths
    for path in paths:
        image = torch.from_numpy(np.array(Image.open(path).convert('RGB'))).permute(2, 0, 1)
        probs = scores(7, *image.shape[1:], dtype=torch.float32)
        gaussian, bilateral = dict(sxy=19, compat=15), dict(sxy=61, srgb=10, compat=35)
        expected = reference(densecrf, energies(probs), image, gaussian, bilateral)
        assert same_labels(dense_crf(probs, image, CRF_PRESETS['deeplab']), expected) >= 0.999, path


def test_hard_labels_agree_with_pydensecrf(densecrf):
    from pydensecrf.utils import unary_from_labels

    image, probs = make_image(width=80, height=60), scores(4, 60, 80, dtype=torch.float32)
    unary = unary_from_labels(probs.argmax(0).numpy(), 4, gt_prob=0.7, zero_unsure=False)
    expected = reference(densecrf, unary, image, dict(sxy=3, compat=3), dict(sxy=50, srgb=5, compat=10))
    torch.testing.assert_close(dense_crf(probs, image, CRF_PRESETS['irn']), expected, atol=1e-4, rtol=1e-4)


def test_presets_are_the_published_parameters():
    rows = {name: dataclasses.astuple(params) for name, params in CRF_PRESETS.items()}
    assert rows == {
        'ccnn': (6, 6, 50, 4, 5, 10, None),
        'deeplab': (19, 15, 61, 10, 35, 10, None),
        'irn': (3, 3, 50, 5, 10, 10, 0.7),
        'psa': (3, 3, 80, 13, 10, 10, None),
    }


@pytest.mark.parametrize('penalty', [None, torch.tensor([[0.0, 2.0, 1.0], [1.0, 0.0, -1.0], [1.0, 1.0, 0.5]]).double()])
def test_gradient(penalty):
    image, params = make_image(width=5, height=4), CRFParams(iterations=3)
    probs = (scores(3, 4, 5) + 0.1).requires_grad_()
    assert torch.autograd.gradcheck(lambda p: dense_crf(p, image, params, penalty), probs)


def test_gradient_reaches_plausible_labels_only():
    probs = scores(4, 4, 5).requires_grad_()
    plausible = torch.tensor([True, False, True, True])
    dense_crf(probs, make_image(width=5, height=4), CRFParams(iterations=2), plausible=plausible)[2].sum().backward()
    assert probs.grad[2].abs().min() > 0 and not probs.grad[1].any()


def test_noise_is_removed_along_the_edge_of_two_colors():
    image = torch.full((3, 20, 30), 40, dtype=torch.uint8)
    image[:, :, 13:] = 200
    gt_mask = torch.zeros(20, 30, dtype=torch.long)
    gt_mask[:, 13:] = 1
    wrong = torch.rand(20, 30, generator=torch.Generator().manual_seed(0)) < 0.25
    probs = F.one_hot(gt_mask ^ wrong.long(), 2).permute(2, 0, 1) * 0.4 + 0.3
    assert 0.15 < (probs.argmax(0) != gt_mask).double().mean()
    assert torch.equal(dense_crf(probs, image).argmax(0), gt_mask)


def test_only_plausible_labels_are_used():
    probs, image, params = scores(5), make_image(), CRFParams(iterations=2)
    plausible = torch.tensor([True, False, True, False, True])
    penalty = torch.rand(5, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    result = dense_crf(probs, image, params, penalty, plausible)
    assert not result[~plausible].any()
    torch.testing.assert_close(
        result[plausible], dense_crf(probs[plausible], image, params, penalty[::2, ::2].contiguous())
    )
    torch.testing.assert_close(result.sum(0), torch.ones_like(result[0]))


def test_plausible_labels_are_probable_in_a_pixel_and_in_the_image():
    probs = torch.zeros(4, 2, 2)
    probs[0], probs[1], probs[2, 0, 0] = 1.0, 4.0, 5.0  # normalized maxima: 0.2, 0.8, 0.5, 0
    assert plausible_labels(probs, 0.4).tolist() == [True, True, True, False]
    assert plausible_labels(probs, 0.6).tolist() == [True, True, False, False]
    assert plausible_labels(probs, 0.6, torch.tensor([0.0, 0.1, 0.9, 0.9]), 0.3).tolist() == [True, False, False, False]
    assert plausible_labels(probs).all()


@pytest.mark.parametrize('height', [1, 2])
@pytest.mark.parametrize('width', [1, 40])
def test_thin_images(height, width):
    probs, image, params = scores(3, height, width), make_image(width=width, height=height), CRF_PRESETS['psa']
    torch.testing.assert_close(dense_crf(probs, image), mean_field(probs, image, params, lattice_kernel))


def test_one_label_is_certain():
    assert torch.equal(dense_crf(scores(1), make_image()), torch.ones(1, 24, 32, dtype=torch.float64))
    only = torch.tensor([False, True, False])
    assert torch.equal(dense_crf(scores(3), make_image(), plausible=only)[1], torch.ones(24, 32, dtype=torch.float64))


def test_200_labels():
    result = dense_crf(scores(200), make_image())
    torch.testing.assert_close(result.sum(0), torch.ones_like(result[0]))
    assert same_labels(result, mean_field(scores(200), make_image(), CRF_PRESETS['psa'], lattice_kernel)) == 1


def test_an_all_background_image_stays_background():
    probs = torch.zeros(21, 24, 32)
    probs[0] = 1
    assert dense_crf(probs, make_image())[0].min() > 0.999


def test_only_ratios_of_scores_matter_and_zeros_are_uniform():
    probs, image = scores(4), make_image()
    torch.testing.assert_close(dense_crf(probs * 7, image), dense_crf(probs, image))
    probs[:, 3:5, 3:5] = 0
    assert dense_crf(probs, image).isfinite().all()
    torch.testing.assert_close(
        dense_crf(probs, image, CRFParams(iterations=0))[:, 3, 3], torch.full((4,), 0.25, dtype=torch.float64)
    )


def test_without_iterations_or_weights_the_result_is_the_input():
    probs, image = scores(4), make_image()
    for params in (CRFParams(iterations=0), CRFParams(gaussian_weight=0.0, bilateral_weight=0.0)):
        torch.testing.assert_close(dense_crf(probs, image, params), probs, atol=1e-4, rtol=0)


def test_a_single_kernel():
    probs, image = scores(3), make_image()
    without = CRFParams(bilateral_weight=0.0)
    torch.testing.assert_close(dense_crf(probs, image, without), dense_crf(probs, torch.zeros_like(image), without))
    color = CRFParams(gaussian_weight=0.0)
    assert not torch.allclose(dense_crf(probs, image, color), dense_crf(probs, torch.zeros_like(image), color))


def test_half_precision_is_computed_in_float32():
    probs = scores(3).half()
    result = dense_crf(probs, make_image())
    assert result.dtype == torch.float32
    assert torch.equal(result, dense_crf(probs.float(), make_image()))


def test_the_input_does_not_change():
    probs, image = scores(3), make_image()
    copies = probs.clone(), image.clone()
    dense_crf(probs, image, plausible=torch.tensor([True, True, False]))
    assert torch.equal(probs, copies[0]) and torch.equal(image, copies[1])


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_calls_can_share_kernels(dtype):
    image, params = make_image(), CRF_PRESETS['psa']
    kernels = CRFKernels(image, params)
    for labels in (3, 5):
        probs = scores(labels, dtype=dtype)
        assert torch.equal(dense_crf(probs, image, params, kernels=kernels), dense_crf(probs, image, params))
    few = dataclasses.replace(params, iterations=2)
    assert torch.equal(dense_crf(probs, image, few, kernels=kernels), dense_crf(probs, image, few))


def test_kernels_of_another_image_or_of_other_widths_are_rejected():
    probs, image = scores(3), make_image()
    for kernels in (CRFKernels(image.clone(), CRF_PRESETS['psa']), CRFKernels(image, CRF_PRESETS['ccnn'])):
        with pytest.raises(ValueError, match='`kernels` must be those of `image` and `params`'):
            dense_crf(probs, image, CRF_PRESETS['psa'], kernels=kernels)


GOOD = dict(probs=torch.rand(3, 4, 5), image=torch.zeros(3, 4, 5))


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(probs=torch.rand(3, 4)), r'`probs` must be \(K, H, W\)'),
        (dict(probs=torch.rand(0, 4, 5)), 'at least one class'),
        (dict(probs=torch.rand(3, 0, 5)), 'at least one class and one pixel'),
        (dict(probs=torch.full((3, 4, 5), float('nan'))), '`probs` must be finite'),
        (dict(probs=torch.full((3, 4, 5), float('inf'))), '`probs` must be finite'),
        (dict(probs=torch.rand(3, 4, 5) - 0.5), 'not logits'),
        (dict(image=torch.zeros(3, 5, 4)), r'`image` must be \(C, 4, 5\).*\(3, 5, 4\)'),
        (dict(image=torch.zeros(4, 5)), '`image` must be'),
        (dict(image=torch.full((3, 4, 5), float('nan'))), '`image` must be finite'),
        (dict(compatibility=torch.eye(2)), r'`compatibility`.*\(3, 3\)'),
        (dict(compatibility=torch.full((3, 3), float('inf'))), '`compatibility` must be a finite matrix'),
        (dict(plausible=torch.tensor([True, False])), '`plausible`'),
        (dict(plausible=torch.tensor([1, 0, 1])), '`plausible`.*int64'),
        (dict(plausible=torch.zeros(3, dtype=torch.bool)), 'at least one label'),
    ],
)
def test_bad_input(changes, message):
    with pytest.raises(ValueError, match=message):
        dense_crf(**{**GOOD, **changes})


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('gaussian_sxy', 0.0),
        ('bilateral_sxy', -1.0),
        ('bilateral_srgb', float('inf')),
        ('gaussian_weight', -1.0),
        ('bilateral_weight', float('nan')),
        ('iterations', -1),
        ('iterations', 2.5),
        ('gt_prob', 0.0),
        ('gt_prob', 1.0),
    ],
)
def test_bad_params(name, value):
    with pytest.raises(ValueError, match=f'`{name}` must .* got {value}'):
        CRFParams(**{name: value})
