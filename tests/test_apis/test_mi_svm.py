"""The mi-SVM against a plain version of its definition, and on data with known labels."""

import numpy as np
import pytest
from sklearn.svm import SVC, LinearSVC

from mmwsl.apis.mi_svm import fit_classes, mi_svm


def bags_of(seed, count=40, size=6, shift=4.0):
    """Make bags; half of them contain one to three shifted instances among identically distributed ones."""
    rng = np.random.default_rng(seed)
    positive = np.arange(count) % 2 == 0
    features, ground_truth = [], []
    for is_positive in positive:
        hits = np.arange(size) < (rng.integers(1, 4) if is_positive else 0)
        rng.shuffle(hits)
        features.append(rng.normal(size=(size, 3)) + shift * hits[:, None] * np.array([1, -1, 0]))
        ground_truth.append(hits)
    return np.concatenate(features), np.repeat(np.arange(count), size), positive, np.concatenate(ground_truth)


def by_definition(features, bags, positive, max_iterations):
    """Andrews et al., Fig. 1, bag by bag."""
    labels = {i: bool(positive[bag]) for i, bag in enumerate(bags)}
    for _ in range(max_iterations):
        svm = SVC(kernel='linear').fit(features, [labels[i] for i in range(len(features))])
        scores = svm.decision_function(features)
        new = dict(labels)
        for bag in np.flatnonzero(positive):
            members = np.flatnonzero(bags == bag)
            for i in members:
                new[i] = scores[i] > 0
            if not any(new[i] for i in members):
                new[max(members, key=lambda i: scores[i])] = True
        if new == labels:
            break
        labels = new
    return svm, np.array([labels[i] for i in range(len(features))])


@pytest.mark.parametrize(
    ('seed', 'shift', 'max_iterations'), [(0, 4.0, 30), (1, 1.5, 30), (2, 0.5, 30), (3, 1.0, 2), (4, 0.0, 30)]
)
def test_labels_equal_the_definition(seed, shift, max_iterations):
    features, bags, positive, _ = bags_of(seed, shift=shift)
    svm, labels, converged = mi_svm(features, bags, positive, SVC(kernel='linear'), max_iterations)
    expected, expected_labels = by_definition(features, bags, positive, max_iterations)
    assert np.array_equal(labels, expected_labels)
    np.testing.assert_allclose(svm.coef_, expected.coef_)
    if max_iterations == 2:
        assert not converged
    if converged:
        assert np.array_equal(SVC(kernel='linear').fit(features, labels).coef_, svm.coef_)


def test_instances_are_found_from_labels_of_bags():
    features, bags, positive, ground_truth = bags_of(0, count=100, shift=6.0)
    _, labels, converged = mi_svm(features, bags, positive, LinearSVC(random_state=0), 50)
    assert converged and (labels == ground_truth).mean() > 0.97
    assert not labels[~positive[bags]].any()
    assert (np.bincount(bags, labels)[positive] >= 1).all()


def test_the_order_of_instances_does_not_matter_and_the_classifier_is_a_copy():
    features, bags, positive, _ = bags_of(1)
    svm = LinearSVC(random_state=0, max_iter=100000)
    labels = mi_svm(features, bags, positive, svm)[1]
    order = np.random.default_rng(0).permutation(len(bags))
    assert np.array_equal(mi_svm(features[order], bags[order], positive, svm)[1], labels[order])
    assert not hasattr(svm, 'coef_')


def test_the_instance_of_a_bag_of_one_stays_positive():
    features = np.array([[-1.0], [0.0], [1.0], [2.0], [-5.0]])
    labels = mi_svm(features, np.arange(5), np.array([False, False, True, True, True]), LinearSVC())[1]
    assert labels.tolist() == [False, False, True, True, True]


@pytest.mark.parametrize(
    ('positive', 'message'),
    [([True, True], 'got 2 that are all positive'), ([False, False], 'got 2 that are all negative')],
)
def test_bags_of_one_kind_are_rejected(positive, message):
    with pytest.raises(ValueError, match=message):
        mi_svm(np.zeros((4, 1)), np.array([0, 0, 1, 1]), np.array(positive), LinearSVC())
    with pytest.raises(ValueError, match='`max_iterations` must be at least 1, got 0'):
        mi_svm(np.zeros((2, 1)), np.arange(2), np.array([True, False]), LinearSVC(), 0)


def two_classes(unknown=False):
    """Make bags: class 1 shifts instances along one axis, class 2 along another, each in half of the bags."""
    rng = np.random.default_rng(0)
    labels = np.stack([np.full(120, -1.0), np.arange(120) % 2, np.arange(120) // 2 % 2], 1)
    features, ground_truth = rng.normal(size=(120, 6, 5)).astype(np.float32), np.zeros((120, 6, 2), bool)
    for bag, (_, first, second) in enumerate(labels):
        ground_truth[bag, 0, 0], ground_truth[bag, 1, 1] = first, second
        features[bag, 0, 2] += 8 * first
        features[bag, 1, 4] += 8 * second
    features = 100 + np.array([1, 5, 10, 1, 0.1], np.float32) * features  # scales must not matter
    if unknown:
        labels[:20, 1] = -1
    return features.reshape(-1, 5), np.repeat(np.arange(120), 6), labels, ground_truth.reshape(-1, 2)


@pytest.mark.parametrize('unknown', [False, True])
def test_probabilities_of_each_class_apply_to_unscaled_features(unknown):
    features, bags, labels, ground_truth = two_classes(unknown)
    weight, bias = fit_classes(features.copy(), bags, labels, ('background', 'first', 'second'))
    assert weight.shape == (2, 5) and bias.shape == (2,) and weight.dtype == bias.dtype == np.float32
    probs = 1 / (1 + np.exp(-(features.astype(float) @ weight.T + bias)))
    assert ((probs > 0.5) == ground_truth).mean() > 0.98
    assert np.abs(weight * features.std(0)).argmax(1).tolist() == [2, 4]


def test_images_in_which_a_class_is_unknown_are_not_used_for_it():
    features, bags, labels, _ = two_classes(unknown=True)
    changed = features.copy()
    changed[bags < 20] = changed[bags < 20][::-1]  # the same values for the scaling
    names = ('background', 'first', 'second')
    (weight, bias), (other, other_bias) = (fit_classes(values, bags, labels, names) for values in (features, changed))
    np.testing.assert_allclose(weight[0], other[0], rtol=1e-3)
    np.testing.assert_allclose(bias[0], other_bias[0], rtol=1e-3)
    assert not np.allclose(weight[1], other[1], rtol=1e-3)


@pytest.mark.parametrize(
    ('column', 'value', 'message'),
    [
        (2, 0, 'present in an image, got none for second.*remove the class'),
        (2, -1, 'present in an image, got none for second'),
        (1, 1, 'absent from an image, got none for first'),
    ],
)
def test_the_error_names_a_class_without_bags_of_both_kinds(column, value, message):
    features, bags, labels, _ = two_classes()
    labels[:, column] = value
    with pytest.raises(ValueError, match=message):
        fit_classes(features, bags, labels, ('background', 'first', 'second'))


def test_labels_of_other_classes_are_rejected():
    features, bags, labels, _ = two_classes()
    with pytest.raises(ValueError, match=r'one column for each of the 2 classes, got \(120, 3\)'):
        fit_classes(features, bags, labels, ('background', 'first'))
