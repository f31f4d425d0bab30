"""Lengths of trainings."""

import pytest
from mmengine.config import Config

from mmwsl.apis.project.plan import (
    CLASSIFIER,
    SEGMENTOR,
    Need,
    batch_size,
    image_side,
    plan_iterations,
    schedule,
    training_seconds,
)


@pytest.mark.parametrize('count, batch', [(3, 2), (12, 3), (40, 10), (64, 16), (40000, 16)])
def test_batches_of_few_images_are_small(count, batch):
    assert batch_size(count) == batch


@pytest.mark.parametrize('need', [CLASSIFIER, SEGMENTOR])
def test_iterations_grow_with_the_data_and_have_a_minimum(need):
    counts = [plan_iterations(need, count, 16) for count in (20, 40, 3131, 40000)]
    assert counts[:2] == [need.least] * 2
    assert counts[2:] == [round(need.epochs * count / 16) for count in (3131, 40000)]


def test_epochs_of_the_user_are_exact():
    assert plan_iterations(CLASSIFIER, 45, 8, epochs=2) == round(2 * 45 / 8)
    assert plan_iterations(CLASSIFIER, 45, 8, epochs=0.001) == 1


@pytest.mark.parametrize('seconds, expected', [(1e9, 1000), (100, 500), (20, 100), (10, 50), (1, 20), (-5, 20)])
def test_a_limit_of_time_shortens_a_training(seconds, expected):
    """An iteration takes 0.2 s, the first hundred none more: 500 fit into 100 s."""
    assert plan_iterations(Need(1, 1000, 20), 10, 1, seconds=seconds, step_seconds=0.2) == expected


def test_iterations_without_stored_features_take_longer():
    arguments = dict(step_seconds=0.1, first_seconds=0.9, first_steps=40)
    need = Need(1, 10000, 1)
    assert plan_iterations(need, 10, 1, seconds=20, **arguments) == 20
    assert plan_iterations(need, 10, 1, seconds=50, **arguments) == 40 + 100
    for count in (20, 140):
        seconds = training_seconds(count, **arguments)
        assert plan_iterations(need, 10, 1, seconds=seconds + 1e-6, **arguments) == count


@pytest.mark.parametrize('iterations', [1, 5, 19, 20, 100, 5000])
def test_a_schedule_ends_with_the_training(iterations):
    settings = Config(schedule(iterations))
    assert settings.param_scheduler[-1].end == iterations == settings.train_cfg.max_iters
    assert settings.param_scheduler[0].end <= max(iterations // 10, 1) or len(settings.param_scheduler) == 1
    assert all(part.begin < part.end for part in settings.param_scheduler)
    assert 1 <= settings.default_hooks.checkpoint.interval <= iterations


@pytest.mark.parametrize('sides, side', [([500, 333, 640], 448), ([100, 110, 90], 96), ([20], 64), ([300], 288)])
def test_images_are_not_enlarged_much(sides, side):
    assert image_side(sides, 448) == side
