"""Arguments of the scorers."""

import pytest

from mmwsl.registry import SCORERS


@pytest.mark.parametrize(
    ('config', 'error', 'message'),
    [
        (
            dict(type='mmwsl.SlidingWindowScorer', crop_size=(8, 0), stride=(4, 4)),
            ValueError,
            r'`scorer.crop_size` must be two positive integers \(height, width\), got \(8, 0\)',
        ),
        (
            dict(type='mmwsl.SlidingWindowScorer', crop_size=(8, 8), stride=(4,)),
            ValueError,
            r'`scorer.stride` must be two positive integers',
        ),
        (
            dict(type='mmwsl.OverlapTileScorer', tile=0, margin=1),
            ValueError,
            '`scorer.tile` must be an integer of at least 1, got 0',
        ),
        (
            dict(type='mmwsl.OverlapTileScorer', tile=8, margin=1.5),
            ValueError,
            '`scorer.margin` must be an integer of at least 0, got 1.5',
        ),
        (
            dict(type='mmwsl.SlidingWindowScorer', crop_size=(8.5, 8), stride=(4, 4)),
            ValueError,
            r'`scorer.crop_size` must be two positive integers .*got \(8.5, 8\)',
        ),
        (
            dict(type='mmwsl.DenseScorer', stride=None),
            ValueError,
            '`scorer.stride` must be a positive integer, got None',
        ),
        (
            dict(type='mmwsl.SlidingWindowScorer', crop_size=32, stride=(4, 4)),
            ValueError,
            '`scorer.crop_size` must be two positive integers',
        ),
        (
            dict(type='mmwsl.SlidingWindowScorer', crop_size=(8, 8), stride=(8, 9)),
            ValueError,
            r'`scorer.stride` must be at most `crop_size` \(8, 8\).*got \(8, 9\)',
        ),
        # What cannot be combined cannot be written.
        (dict(type='mmwsl.DenseScorer', crop_size=(8, 8)), TypeError, 'crop_size'),
        (
            dict(type='mmwsl.SlidingWindowScorer', crop_size=(8, 8), stride=(4, 4), max_memory=1),
            TypeError,
            'max_memory',
        ),
    ],
)
def test_bad_arguments(config, error, message):
    with pytest.raises(error, match=message):
        SCORERS.build(config)
