import numpy as np
import pytest

from mmwsl.functional.unsupervised_thresholds import (
    absent_class_threshold,
    area_threshold,
    best_of_curve,
    committee_threshold,
    exceeding,
    fit_gaussian_mixture,
    gaussian_mixture_threshold,
    label_consistency_threshold,
    otsu_threshold,
    region_agreement,
    view_kappa,
)
from mmwsl.functional.unsupervised_thresholds.estimate import no_answer


def two_modes(share=0.5, count=20_000, seed=0):
    """Return background scores of N(.2, .1) and foreground scores of N(.7, .1) in one array."""
    random = np.random.default_rng(seed)
    high = int(share * count)
    return np.concatenate([random.normal(0.2, 0.1, count - high), random.normal(0.7, 0.1, high)])


RULES = {
    'otsu': otsu_threshold,
    'gmm': gaussian_mixture_threshold,
    'gmm3': lambda values, weights=None: gaussian_mixture_threshold(values, weights, components=3),
    'area': area_threshold,
}


@pytest.mark.parametrize('rule', ['otsu', 'gmm'])
def test_two_gaussians_are_split_near_the_bayes_point(rule):
    assert RULES[rule](two_modes()).threshold == pytest.approx(0.45, abs=0.01)


def test_the_mixture_moves_with_the_shares_to_the_bayes_point():
    # equal variances: t = mean of the means + variance / distance * log(share of the low / share of the high)
    bayes = 0.45 + 0.01 / 0.5 * np.log(0.8 / 0.2)
    assert bayes == pytest.approx(0.478, abs=1e-3)
    assert gaussian_mixture_threshold(two_modes(0.2)).threshold == pytest.approx(bayes, abs=0.01)


@pytest.mark.parametrize('rule', ['otsu', 'area'])
@pytest.mark.parametrize('scale, shift', [(0.25, 0.5), (3, -1)])
def test_thresholds_commute_with_increasing_affine_maps(rule, scale, shift):
    values = two_modes(0.3)
    expected = scale * RULES[rule](values).threshold + shift
    assert RULES[rule](scale * values + shift).threshold == pytest.approx(expected, abs=1e-9)


def test_the_mixture_commutes_with_affine_maps_of_its_variance_floor():
    values = two_modes(0.3)
    expected = 3 * gaussian_mixture_threshold(values).threshold - 1
    assert gaussian_mixture_threshold(3 * values - 1, min_variance=9e-4).threshold == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize('rule', RULES)
def test_a_histogram_gives_the_same_as_its_pixels_in_any_order(rule):
    values = np.random.default_rng(0).permutation(two_modes(0.3, 4000).round(2))
    levels, counts = np.unique(values, return_counts=True)
    assert RULES[rule](values).threshold == pytest.approx(RULES[rule](levels, counts).threshold, abs=1e-12)


@pytest.mark.parametrize('values', [[], [0.3] * 5, [0.0] * 9, [0.5]])
@pytest.mark.parametrize('rule', ['otsu', 'gmm', 'gmm3'])
def test_constant_and_empty_scores_have_no_answer(rule, values):
    estimate = RULES[rule](np.array(values))
    assert estimate.threshold is None and 'constant' in estimate.note
    assert area_threshold(np.zeros(0)).threshold is None


def test_otsu_equals_its_definition():
    values = np.random.default_rng(1).integers(0, 12, 60)
    best, winner = -1, None
    for low, high in zip(np.unique(values), np.unique(values)[1:], strict=False):
        below, above = values[values <= low], values[values > low]
        between = len(below) * len(above) * (below.mean() - above.mean()) ** 2
        if between > best * (1 + 1e-12):
            best, winner = between, (low + high) / 2
    assert otsu_threshold(values).threshold == winner


@pytest.mark.parametrize('area', [0.05, 0.2, 0.5])
def test_the_area_prior_is_the_fraction_above(area):
    values = np.random.default_rng(2).random(1000)
    assert (values > area_threshold(values, area=area).threshold).mean() == pytest.approx(area)


def test_expectation_maximization_recovers_a_mixture_and_its_bic():
    values = two_modes(0.3, 30_000)
    mixture = fit_gaussian_mixture(values)
    np.testing.assert_allclose(mixture.weights, [0.7, 0.3], atol=0.01)
    np.testing.assert_allclose(mixture.means, [0.2, 0.7], atol=0.01)
    np.testing.assert_allclose(mixture.variances, [0.01, 0.01], atol=0.001)
    density = sum(
        w / np.sqrt(2 * np.pi * v) * np.exp(-((values - m) ** 2) / (2 * v))
        for w, m, v in zip(mixture.weights, mixture.means, mixture.variances, strict=True)
    )
    assert mixture.bic == pytest.approx(5 * np.log(len(values)) - 2 * np.log(density).sum(), rel=1e-9)
    assert fit_gaussian_mixture(values, components=1).bic > mixture.bic


def test_one_gaussian_has_no_gap():
    values = np.random.default_rng(3).normal(0.5, 0.1, 5000)
    estimate = gaussian_mixture_threshold(values)
    assert estimate.threshold is None and 'one Gaussian' in estimate.note


def test_the_variance_of_a_component_has_a_floor():
    mixture = fit_gaussian_mixture(np.array([0.0] * 50 + [1.0] * 50))
    np.testing.assert_allclose(mixture.variances, 1e-4)
    assert gaussian_mixture_threshold(np.array([0.0] * 50 + [1.0] * 50)).threshold == pytest.approx(0.5, abs=1e-3)


def test_three_components_report_the_uncertain_band():
    random = np.random.default_rng(4)
    values = np.concatenate([random.normal(mean, 0.05, 5000) for mean in (0.2, 0.5, 0.8)])
    estimate = gaussian_mixture_threshold(values, components=3)
    assert estimate.threshold == pytest.approx(0.5, abs=0.01)
    band = [float(word) for word in estimate.note.split() if word[0].isdigit()]
    assert band == pytest.approx([0.35, 0.65], abs=0.01)


def test_exceeding_counts_pixels_above_each_code_in_each_group():
    codes = np.random.default_rng(5).integers(0, 7, (5, 6))
    groups = np.random.default_rng(6).integers(0, 3, (5, 6))
    expected = [[((codes > t) & (groups == g)).sum() for t in range(7)] for g in range(3)]
    np.testing.assert_array_equal(exceeding(codes, 7, groups), expected)
    np.testing.assert_array_equal(exceeding(codes, 7)[0], np.sum(expected, axis=0))


def agreement(mask, regions):
    return region_agreement(exceeding(mask.astype(int), 2, regions)[:, :1], np.bincount(regions.ravel()))[0]


def test_region_agreement_is_1_for_unions_of_regions_only():
    regions = np.repeat(np.arange(4), 25).reshape(10, 10)
    assert agreement(regions >= 2, regions) == pytest.approx(1)
    assert agreement(regions == 1, regions) == pytest.approx(1)
    cut = regions >= 2
    cut[0, 0] = True
    assert agreement(cut, regions) < 0.99
    # every region is half foreground: the regions explain nothing
    assert agreement(np.arange(100).reshape(10, 10) % 2 == 0, np.repeat(np.arange(5), 20).reshape(10, 10)) == 0


def test_region_agreement_equals_its_definition_and_rejects_trivial_masks():
    random = np.random.default_rng(7)
    regions, mask = random.integers(0, 6, (9, 9)), random.random((9, 9)) > 0.6
    share = mask.mean()
    ratios = [(mask[regions == r].mean() - share) ** 2 * (regions == r).sum() for r in range(6)]
    assert agreement(mask, regions) == pytest.approx(sum(ratios) / (mask.size * share * (1 - share)))
    assert agreement(np.zeros((9, 9), bool), regions) == agreement(np.ones((9, 9), bool), regions) == 0


def kappa(one, other):
    counts = (np.array([part.sum()]) for part in (one, other, one & other))
    return view_kappa(*counts, one.size)[0]


def test_kappa_equals_its_definition_and_corrects_for_chance():
    random = np.random.default_rng(8)
    one, other = random.random((2, 20, 20)) > 0.7
    other[:10] = one[:10]
    chance = one.mean() * other.mean() + (1 - one.mean()) * (1 - other.mean())
    assert kappa(one, other) == pytest.approx(((one == other).mean() - chance) / (1 - chance))
    assert kappa(one, one) == pytest.approx(1) and kappa(one, ~one) < 0
    full = np.ones((20, 20), bool)
    assert kappa(full, full) == kappa(~full, ~full) == kappa(full, one) == 0


def test_agreement_of_regions_and_views_is_best_at_the_object():
    """An object with soft borders: the threshold of its true border wins, and stays so after a change of scale."""
    y, x = np.mgrid[:40, :40]
    distance = np.hypot(y - 20, x - 20)
    regions = (distance > 10).astype(int)  # the border of the object is where the score is 1/2
    score = 1 / (1 + np.exp(distance - 10))
    for scaled in (score, score * 0.5 + 0.1):
        codes = (255 * scaled).astype(int)
        curve = region_agreement(exceeding(codes, 256, regions), np.bincount(regions.ravel()))
        threshold = best_of_curve(np.arange(256) / 255, curve).threshold
        np.testing.assert_array_equal(codes > 255 * threshold, distance <= 10)


def test_few_absent_images_exceed_the_null_threshold():
    maxima = np.random.default_rng(9).random(500)
    threshold = absent_class_threshold(maxima, 0.02).threshold
    assert (maxima > threshold).mean() == pytest.approx(0.02)
    assert absent_class_threshold(maxima, 0).threshold == maxima.max()
    assert absent_class_threshold(np.zeros(0)).threshold is None


def test_label_consistency_finds_the_threshold_between_present_and_absent_classes():
    random = np.random.default_rng(10)
    labels = np.array([[1, 0], [0, 1], [1, 1], [1, 0], [0, 0]], bool)
    peaks = np.where(labels, 0.8, 0.4)[:, :, None] * random.uniform(0.9, 1, (5, 2, 300))
    grid = np.arange(0.05, 1, 0.1)
    areas = (peaks[:, :, None] > grid[:, None]).mean(-1)
    estimate = label_consistency_threshold(areas, labels, grid)
    assert estimate.threshold == pytest.approx(0.45) and estimate.curve.max() == 1
    assert estimate.curve[0] < 1 and estimate.curve[-1] == 0
    assert label_consistency_threshold(areas, np.zeros((5, 2), bool), grid).threshold is None


def test_the_committee_is_the_median_and_warns_of_disagreement():
    members = dict(a=best_of_curve(np.array([0.3]), np.ones(1)), b=best_of_curve(np.array([0.35]), np.ones(1)))
    estimate = committee_threshold({**members, 'c': no_answer('none')})
    assert estimate.threshold == pytest.approx(0.325) and 'disagree' not in estimate.note
    members['d'] = best_of_curve(np.array([0.9]), np.ones(1))
    estimate = committee_threshold(members)
    assert estimate.threshold == 0.35 and 'between 0.300 and 0.900' in estimate.note
    assert committee_threshold(dict(c=no_answer('none'))).threshold is None


def test_the_best_of_a_curve_is_the_first_maximum():
    grid = np.array([0.1, 0.2, 0.3])
    assert best_of_curve(grid, np.array([np.nan, 2.0, 2.0])).threshold == 0.2
    assert best_of_curve(grid, np.full(3, np.nan)).threshold is None


@pytest.mark.parametrize(
    'call, message',
    [
        (lambda: otsu_threshold([0.1, np.nan]), '`values` must be finite'),
        (lambda: otsu_threshold([0.1, 0.2], [1, -1]), '`weights` must be finite and non-negative'),
        (lambda: otsu_threshold([0.1, 0.2], [1]), '`weights` must have the shape'),
        (lambda: area_threshold([0.1], area=1), '`area` must be between 0 and 1, got 1'),
        (lambda: fit_gaussian_mixture([0.1], components=0), '`components` must be at least 1'),
        (lambda: fit_gaussian_mixture([]), 'weight above 0'),
        (lambda: gaussian_mixture_threshold([0.1, 0.2], components=4), '`components` must be 2 or 3'),
        (lambda: absent_class_threshold([0.1], 1), '`false_alarms` must be in'),
        (lambda: absent_class_threshold([np.inf]), '`maxima` must be finite'),
        (lambda: label_consistency_threshold(np.zeros((2, 3, 4)), np.ones((2, 3)), np.arange(5)), '`areas` must be'),
        (
            lambda: label_consistency_threshold(np.zeros((2, 3, 4)), np.ones((2, 3)), np.arange(4), 0),
            '`min_area` must be above 0',
        ),
    ],
)
def test_wrong_arguments_are_rejected(call, message):
    with pytest.raises(ValueError, match=message):
        call()
