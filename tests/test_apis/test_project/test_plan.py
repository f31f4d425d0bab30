"""Lengths of trainings, batch and image sizes, and the time of the stages."""

import os

import pytest
import torch
from mmengine.config import Config

from mmwsl.apis.project.budget import CLASSIFIER_SHARE, MIRRORED, SAMPLE, SCALES, Budget
from mmwsl.apis.project.configs import mask_repeats
from mmwsl.apis.project.measure import StepTime, first_that_fits
from mmwsl.apis.project.plan import CLASSIFIER, SEGMENTOR, Length, Need, batch_sizes, image_sides, schedule


@pytest.mark.parametrize(
    'count, batches', [(3, [2]), (12, [3, 2]), (40, [10, 5, 2]), (64, [16, 8, 4, 2]), (40000, [16, 8, 4, 2])]
)
def test_batches_of_few_images_are_small(count, batches):
    assert batch_sizes(count) == batches


@pytest.mark.parametrize('need', [CLASSIFIER, SEGMENTOR])
def test_iterations_grow_with_the_data_and_have_a_minimum(need):
    counts = [Length(need, count, 16, StepTime(1)).iterations() for count in (20, 40, 3131, 40000)]
    assert counts[:2] == [need.least] * 2
    assert counts[2:] == [round(need.epochs * count / 16) for count in (3131, 40000)]


def test_epochs_of_the_user_are_exact():
    length = Length(CLASSIFIER, 45, 8, StepTime(1))
    assert length.iterations(epochs=2) == round(2 * 45 / 8)
    assert length.iterations(epochs=0.001) == 1


@pytest.mark.parametrize('seconds, expected', [(1e9, 1000), (100, 500), (20, 100), (10, 50), (1, 20), (-5, 20)])
def test_a_limit_of_time_shortens_a_training(seconds, expected):
    """An iteration takes 0.2 s: 500 fit into 100 s."""
    assert Length(Need(1, 1000, 20), 10, 1, StepTime(0.2)).iterations(seconds=seconds) == expected


def test_iterations_without_stored_features_take_longer():
    """An iteration takes 0.1 s, each of the first 40, on 20 images and their mirror images, 0.9 s more."""
    length = Length(Need(1, 10000, 1), 20, 1, StepTime(0.1, 0.9))
    assert length.iterations(seconds=20) == 20
    assert length.iterations(seconds=50) == 40 + 100
    for count in (20, 140):
        assert length.iterations(seconds=length.seconds(count) + 1e-6) == count


@pytest.mark.parametrize('iterations', [1, 5, 19, 20, 100, 5000])
def test_a_schedule_ends_with_the_training(iterations):
    settings = Config(schedule(iterations))
    assert settings.param_scheduler[-1].end == iterations == settings.train_cfg.max_iters
    assert settings.param_scheduler[0].end <= max(iterations // 10, 1) or len(settings.param_scheduler) == 1
    assert all(part.begin < part.end for part in settings.param_scheduler)
    assert 1 <= settings.default_hooks.checkpoint.interval <= iterations


@pytest.mark.parametrize(
    'sides, expected',
    [([500, 333, 640], [448, 352, 224]), ([100, 110, 90], [96]), ([20], [64]), ([300], [288, 224, 160])],
)
def test_images_are_not_enlarged_much(sides, expected):
    """An odd number of 32 pixels is halved to the even one."""
    found = image_sides(sides, 448)
    assert found[0] == expected[0] and len(found) == len(expected)
    assert all(side % 32 == 0 and abs(side - other) <= 32 for side, other in zip(found, expected, strict=True))


def test_what_does_not_fit_into_the_memory_is_skipped():
    def allocate(size):
        return torch.empty(size, dtype=torch.uint8).numel()

    assert first_that_fits([2**60, 2**59, 8, 4], allocate) == (8, 8)
    assert first_that_fits([2**60], allocate) is None
    with pytest.raises(RuntimeError, match='shape'):  # any other error is not hidden
        first_that_fits([2], lambda size: torch.empty(size).view(3))


@pytest.mark.parametrize('masked, others, repeats', [(10, 0, 1), (10, 30, 1), (10, 31, 2), (10, 90, 3), (1, 3000, 20)])
def test_images_with_masks_are_a_quarter_of_a_batch(masked, others, repeats):
    assert mask_repeats(masked, others) == repeats
    if repeats < 20:
        assert 4 * repeats * masked >= repeats * masked + others


def test_the_time_is_shared_by_all_stages():
    """100 images: their labels take 625 forward passes of their scores, 200 of mirrored images, and 200 masks."""
    length, mask = Length(CLASSIFIER, 100, 10, StepTime(0.2, 0.8)), 0.5
    budget = Budget(10, 100, 25)
    labels = 5 + 825 * (1.0 / 10) + 200 * 0.5 / os.cpu_count()
    assert budget.label_seconds(length, mask, SCALES) == pytest.approx(labels)
    evaluation = 15 + 0.4 * 25 + 0.05 * 125
    assert budget.classifier_seconds(length, mask) == pytest.approx(
        CLASSIFIER_SHARE * (600 - labels - evaluation), abs=1
    )
    assert budget.segmentor_seconds == pytest.approx(600 - evaluation, abs=1)
    many = Budget(10, 10**6, 0)
    masks = (10**6 + SAMPLE) * mask / os.cpu_count()
    assert many.label_seconds(length, mask, [1.0]) == pytest.approx(5 + 2 * (10**6 + MIRRORED) * 0.1 + masks)
    assert Budget(None, 100, 25).classifier_seconds(length, mask) is None


@pytest.mark.parametrize('minutes, scales', [(None, SCALES), (10, SCALES), (2, (1.0,))])
def test_one_scale_is_predicted_if_the_time_is_short(minutes, scales):
    """The labels of three scales take 5 + 82.5 s and the masks: more than 0.4 of 2 minutes."""
    assert Budget(minutes, 100, 25).scales(Length(CLASSIFIER, 100, 10, StepTime(0.2, 0.8)), 0.1) == scales


def test_too_little_time_is_announced():
    length, mask = Length(CLASSIFIER, 40000, 16, StepTime(0.2, 0.8)), 0.5
    for minutes in (None, 1e6):
        assert not Budget(minutes, 40000, 100).shortage(length, 100, mask)
    text = Budget(30, 40000, 100).shortage(length, 100, mask)
    assert text.startswith('--time 30 will be exceeded') and 'for the labels of 40000 images' in text
