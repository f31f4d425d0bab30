"""Labels from class maps and two thresholds, and the contrast of features by labels."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from mmwsl.functional import (
    double_threshold,
    gaussian_mixture_threshold,
    merge_threshold_labels,
    online_labels,
    patch_token_contrast,
    pixel_adaptive_refinement,
    threshold_softmax,
)


def random_maps(*shape, seed=0):
    return torch.rand(shape, generator=torch.manual_seed(seed))


def labels_of(maps, image=None, present=(True, True), low=0.25, high=0.7, iterations=0):
    classes = len(maps)
    image = torch.zeros(3, *maps.shape[1:]) if image is None else image
    thresholds = (torch.as_tensor(t).expand(classes) for t in (low, high))
    return online_labels(maps, image, torch.tensor(present), *thresholds, iterations=iterations)


def test_labels_on_which_both_thresholds_disagree_are_ignored():
    high, low = torch.tensor([1, 0, 0, 2]), torch.tensor([1, 1, 0, 2])
    assert merge_threshold_labels(high, low).tolist() == [1, 255, 0, 2]


@pytest.mark.parametrize('threshold, expected', [(0.7, 0.4750), (0.25, 0.5866)])
def test_softmax_of_one_class_and_its_threshold(threshold, expected):
    probs = threshold_softmax(torch.full((1, 1, 1), 0.6), torch.tensor([threshold]))
    torch.testing.assert_close(probs.flatten(), torch.tensor([1 - expected, expected]), atol=5e-5, rtol=0)


def test_without_refinement_they_are_the_labels_of_the_double_threshold():
    maps = random_maps(2, 9, 7)
    scores = torch.cat([torch.zeros(1, 9, 7), maps]).numpy()
    found = labels_of(maps)
    assert found.unique().tolist() == [0, 1, 2, 255]
    np.testing.assert_array_equal(found, double_threshold(scores, 0.25, 0.7))


def test_each_pixel_is_compared_with_the_thresholds_of_its_highest_class():
    maps = torch.tensor([[[0.6, 0.5, 0.1, 0.0]], [[0.5, 0.6, 0.0, 0.3]]])
    found = labels_of(maps, low=torch.tensor([0.05, 0.4]), high=torch.tensor([0.55, 0.7]))
    assert found.tolist() == [[1, 255, 255, 0]]


def test_absent_classes_have_no_pixel_and_an_image_without_labels_is_background():
    maps = random_maps(2, 6, 6)
    found = labels_of(maps, present=(False, True))
    assert 1 not in found.unique().tolist()
    np.testing.assert_array_equal(
        found, double_threshold(torch.stack([maps[0] * 0, maps[0] * 0, maps[1]]).numpy(), 0.25, 0.7)
    )
    assert (labels_of(maps, present=(False, False)) == 0).all()


def test_refinement_equals_its_definition():
    maps, image = random_maps(3, 20, 30), 255 * random_maps(3, 20, 30, seed=1)
    present = torch.tensor([True, False, True])
    found = labels_of(maps, image, present.tolist(), iterations=3)
    merged = []
    for threshold in (0.7, 0.25):
        scores = torch.stack([torch.full((20, 30), threshold), maps[0], maps[2]]).softmax(0)
        merged.append(pixel_adaptive_refinement(scores, image, iterations=3, variant='par').argmax(0))
    for y in range(20):
        for x in range(30):
            high, low = (int(one[y, x]) for one in merged)
            expected = (0, 1, 3)[high] if high else (255 if low else 0)
            assert found[y, x] == expected
    assert len(found.unique()) > 2 and not torch.equal(found, labels_of(maps, image, present.tolist()))


def test_the_order_of_the_classes_does_not_matter():
    maps, image = random_maps(3, 16, 16), random_maps(3, 16, 16, seed=1)
    order = torch.tensor([2, 0, 1])
    found = labels_of(maps, image, (True,) * 3, iterations=2)
    permuted = labels_of(maps[order], image, (True,) * 3, iterations=2)
    back = torch.tensor([0, *(order + 1), *[255] * 252])
    torch.testing.assert_close(back[permuted], found)


def test_thresholds_in_the_wrong_order_raise_an_error():
    with pytest.raises(ValueError, match='`bg_thresholds` must not exceed `fg_thresholds`, got'):
        labels_of(random_maps(2, 4, 4), low=0.8)


def test_three_gaussians_give_both_thresholds():
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(mean, 0.04, 3000) for mean in (0.1, 0.45, 0.85)])
    estimate = gaussian_mixture_threshold(values, components=3)
    low, high = estimate.uncertain
    assert 0.2 < low < 0.35 and 0.55 < high < 0.75
    assert estimate.threshold == pytest.approx((low + high) / 2)
    assert gaussian_mixture_threshold(values).uncertain is None


TOKENS = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]).T[None, :, None]


def test_contrast_of_three_tokens_by_hand():
    """Two equal tokens of a class and an orthogonal one: not 0, because a pair is added to the divisor."""
    value = patch_token_contrast(TOKENS, torch.tensor([[[1, 1, 0]]]))
    torch.testing.assert_close(value, torch.tensor(1 / 6))


def test_contrast_equals_the_loop_over_all_pairs():
    features = torch.randn(2, 3, 2, 3, generator=torch.manual_seed(0))
    labels = torch.tensor([[[0, 1, 255], [1, 1, 0]], [[0, 0, 0], [2, 255, 0]]])
    sums, counts = {True: 0.0, False: 0.0}, {True: 0, False: 0}
    for image, ids in zip(features.flatten(2), labels.flatten(1), strict=True):
        for i in range(6):
            for j in range(6):
                if i != j and 255 not in (ids[i], ids[j]):
                    same = bool(ids[i] == ids[j])
                    sums[same] += F.cosine_similarity(image[:, i], image[:, j], dim=0).abs()
                    counts[same] += 1
    expected = (1 - sums[True] / (counts[True] + 1)) / 2 + sums[False] / (counts[False] + 1) / 2
    torch.testing.assert_close(patch_token_contrast(features, labels), expected)


def test_contrast_without_a_pair_is_zero_and_has_no_gradient():
    features = torch.randn(1, 3, 2, 2, generator=torch.manual_seed(0)).requires_grad_()
    for labels in (torch.full((1, 2, 2), 255), torch.tensor([[[1, 255], [255, 255]]])):
        value = patch_token_contrast(features, labels)
        value.backward()
        assert value == 0 and not features.grad.any()


def test_an_ignored_token_has_no_gradient_and_zeros_have_a_finite_one():
    features = torch.randn(1, 3, 1, 4, generator=torch.manual_seed(0))
    features[..., 1] = 0
    features.requires_grad_()
    patch_token_contrast(features, torch.tensor([[[1, 1, 0, 255]]])).backward()
    assert features.grad.isfinite().all() and not features.grad[..., 3].any() and features.grad[..., 0].any()


def test_gradient_of_the_contrast():
    features = torch.randn(1, 3, 2, 2, dtype=torch.float64, generator=torch.manual_seed(0)).requires_grad_()
    labels = torch.tensor([[[0, 1], [1, 255]]])
    assert torch.autograd.gradcheck(lambda x: patch_token_contrast(x, labels), features)


def test_contrast_needs_labels_of_the_locations():
    with pytest.raises(ValueError, match=r'`labels` must be \(N, H, W\) for `features` \(N, D, H, W\), got'):
        patch_token_contrast(TOKENS, torch.zeros(1, 3))
