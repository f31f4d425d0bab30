"""Splits of multi-label data."""

import numpy as np
import pytest

from mmwsl.functional import stratified_split


@pytest.mark.parametrize('fraction', [0.2, 0.5])
def test_every_class_is_selected_in_its_fraction(fraction):
    random = np.random.default_rng(1)
    labels = (random.random((400, 5)) < [0.5, 0.2, 0.1, 0.05, 0.02]).astype(int)
    selected = stratified_split(labels, fraction)
    counts = labels.sum(0)
    # A random split deviates by its standard deviation, which is over 2 images for the first three classes.
    assert np.abs(labels[selected].sum(0) - fraction * counts).max() <= 1
    assert abs(selected.sum() - fraction * 400) <= 4


def test_a_class_with_one_image_stays_in_the_other_part():
    labels = np.eye(6, dtype=int)
    assert not stratified_split(labels, 0.3).any()


def test_images_without_a_class_are_split_as_well():
    labels = np.zeros((50, 2), int)
    labels[:10, 0] = 1
    selected = stratified_split(labels, 0.2)
    assert selected[:10].sum() == 2 and selected[10:].sum() == 8


def test_the_seed_decides():
    labels = (np.random.default_rng(0).random((60, 3)) < 0.3).astype(int)
    first, again, other = (stratified_split(labels, 0.25, seed) for seed in (0, 0, 1))
    assert (first == again).all() and (first != other).any()


def test_unknown_labels_are_not_present():
    labels = np.full((20, 1), -1)
    labels[:4] = 1
    assert stratified_split(labels, 0.25)[:4].sum() == 1


@pytest.mark.parametrize('fraction', [0, 1, 1.5, np.nan])
def test_a_fraction_out_of_range_is_rejected(fraction):
    with pytest.raises(ValueError, match='must be in'):
        stratified_split(np.ones((3, 1)), fraction)
