"""Lengths of trainings, batch and image sizes, and the time of the stages."""

import os
import time

import pytest
import torch
from mmengine.config import Config

from mmwsl.apis.project.budget import CLASSIFIER_FRACTION, MIRRORED, SAMPLE, SCALES, VALIDATED, Budget
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
    [([500, 333, 640], [448, 320, 224]), ([100, 110, 90], [96]), ([20], [64]), ([300], [288, 224, 128])],
)
def test_images_are_not_enlarged_much(sides, expected):
    """Then come three quarters and a half, in multiples of 32, rounded to even ones."""
    assert image_sides(sides, 448) == expected


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


def budget(minutes, train=100, val=25, masks=25, **spent):
    """A budget with a prediction of 0.1 s and a mask of 0.5 s."""
    result = Budget(minutes, train, val, masks, **spent)
    result.forward, result.mask = 0.1, 0.5
    return result


def test_the_time_is_shared_by_all_stages():
    """Three scales and mirror images take the time of 6.25 predictions."""
    labels = 5 + (625 + 200) * 0.1 + 200 * 0.5 / os.cpu_count()
    evaluation = 10 + (25 + 6.25 * 25) * 0.1 + 25 * 0.5 / 2 + 0.05 * 125
    assert budget(10).label_seconds(SCALES) == pytest.approx(labels)
    assert budget(10).evaluation_seconds == pytest.approx(evaluation)
    expected = CLASSIFIER_FRACTION * (600 - labels - evaluation)
    assert budget(10).classifier_seconds == pytest.approx(expected, abs=1)
    assert budget(10).segmentor_seconds() == pytest.approx(600 - evaluation, abs=1)
    assert budget(10, spent=100).segmentor_seconds() == pytest.approx(500 - evaluation, abs=1)
    assert budget(None).classifier_seconds is None and budget(None).segmentor_seconds() is None


@pytest.mark.parametrize('rounds', [2, 3])
def test_the_time_is_shared_by_all_rounds(rounds):
    """Planned at the beginning, the trainings of all rounds have equal times, which add up with the labels."""
    views = [SCALES, *[(1.0, 2.0)] * (rounds - 1)]
    plan = budget(60, views=views)
    labels = [plan.label_seconds(scales) for scales in views]
    assert labels[1] == pytest.approx(labels[0] + (10 - 6.25) * 100 * 0.1)
    classifier = plan.classifier_seconds
    left = 3600 - classifier - labels[0]
    for round in range(1, rounds + 1):
        plan.start = time.monotonic() - (3600 - left)  # what is left at the beginning of the training of this round
        segmentor = plan.segmentor_seconds(round)
        assert segmentor == pytest.approx(classifier * (1 - CLASSIFIER_FRACTION) / CLASSIFIER_FRACTION, abs=1)
        left -= segmentor + (labels[round] if round < rounds else 0)
    assert left == pytest.approx(plan.evaluation_seconds, abs=2)


def test_one_scale_is_predicted_in_all_rounds_if_the_time_is_short():
    """Labels of one round take less than 225 s, of two more than 240 s, which are 0.4 of 10 minutes."""
    assert budget(10).scales() == SCALES
    plan = budget(10, views=[SCALES, (1.0, 2.0), (1.0, 2.0)])
    assert [plan.scales(round) for round in (1, 2, 3)] == [(1.0,), (1.0,), (1.0, 2.0)]
    assert plan.labels_seconds() == pytest.approx(3 * plan.label_seconds((1.0,)))
    assert plan.labels_seconds(4) == 0


def test_large_sets_are_sampled_for_thresholds_agreement_and_report():
    masks = (10**6 + SAMPLE) * 0.5 / os.cpu_count()
    assert budget(10, 10**6).label_seconds([1.0]) == pytest.approx(5 + 2 * (10**6 + MIRRORED) * 0.1 + masks)
    many = budget(None, 0, 10**6, 10**6).evaluation_seconds
    assert many == pytest.approx(10 + (10**6 + 6.25 * VALIDATED) * 0.1 + 10**6 * (0.5 / 2 + 0.05))


@pytest.mark.parametrize('minutes, scales', [(None, SCALES), (20, SCALES), (2, (1.0,))])
def test_one_scale_is_predicted_if_the_time_is_short(minutes, scales):
    """The labels of three scales take more than 87 s: 0.4 of 2 minutes are less."""
    assert budget(minutes).scales() == scales


def test_too_little_time_is_announced():
    length = Length(CLASSIFIER, 40000, 16, StepTime(0.2, 0.8))
    for minutes in (None, 1e6):
        assert not budget(minutes, 40000).shortage(length, 100)
    assert budget(60, 100, views=[SCALES] * 9).shortage(length, 3 * 3600) and not budget(60, 100).shortage(length, 60)
    text = budget(30, 40000).shortage(length, 100)
    assert text.startswith('--time 30 will be exceeded') and 'for the labels of 40000 images' in text
