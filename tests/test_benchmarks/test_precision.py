"""Tests of bfloat16 against float32 on the trained demonstration, and of the command that compares them."""

import runpy

import pytest


@pytest.mark.parametrize('seeds', ['1', '0', '-3'])
def test_too_few_seeds_are_rejected_before_a_training(repository, capsys, seeds):
    main = runpy.run_path(str(repository / 'benchmarks' / 'precision.py'))['main']
    with pytest.raises(SystemExit) as end:
        main(['--seeds', seeds])
    assert end.value.code == 2 and f'--seeds must be at least 2, got {seeds}.' in capsys.readouterr().err


def test_the_demonstration_trained_in_bfloat16_differs_by_less_than_two_seeds(repository):
    mean_iou = runpy.run_path(str(repository / 'benchmarks' / 'precision.py'))['mean_iou']
    exact = [mean_iou('off', seed, images=640, epochs=4) for seed in (0, 1)]
    rounded = [mean_iou('bfloat16', seed, images=640, epochs=4) for seed in (0, 1)]
    assert min(exact) > 30  # background alone reaches less than 15 with its seven classes
    noise = abs(exact[0] - exact[1])
    differences = [abs(other - value) for other, value in zip(rounded, exact, strict=True)]
    assert 0 < max(differences) < 0.5 * noise, (exact, rounded)
