"""Rules that choose a threshold from the mean statistics of images."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from mmwsl.functional import DEQUANTIZED
from mmwsl.functional.unsupervised_thresholds import (
    ThresholdEstimate,
    area_threshold,
    best_of_curve,
    committee_threshold,
    gaussian_mixture_threshold,
    otsu_threshold,
)
from mmwsl.functional.unsupervised_thresholds.gaussian_mixture import MAX_SAMPLES

from .statistics import GRID

MIN_OTSU_SCORE = 0.05
"""Otsu leaves out the lower scores: the many pixels near 0 would decide alone."""
Means = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Rule:
    """Rule that chooses a threshold.

    Attributes:
        estimate: Function of the mean of each field of :class:`.statistics.Statistics` over images.
        text: What the rule does, for humans.
        regions: Whether it needs the images, to compute regions.
        views: Whether it needs the scores of an augmented view.
    """

    estimate: Callable[[Means], ThresholdEstimate]
    text: str
    regions: bool = False
    views: bool = False

    @property
    def needs(self) -> str:
        """Inputs beyond scores and image-level labels, for humans."""
        return ' and '.join(['images'] * self.regions + ['scores of an augmented view'] * self.views) or 'nothing else'


def _area(means: Means) -> ThresholdEstimate:
    return area_threshold(DEQUANTIZED, means['histograms'])


def _otsu(means: Means) -> ThresholdEstimate:
    return otsu_threshold(DEQUANTIZED, means['histograms'] * (DEQUANTIZED > MIN_OTSU_SCORE))


def _gmm(means: Means) -> ThresholdEstimate:
    return gaussian_mixture_threshold(DEQUANTIZED, means['histograms'] * MAX_SAMPLES, components=3)


def _views(means: Means) -> ThresholdEstimate:
    return best_of_curve(GRID, means['views'])


def _regions(means: Means) -> ThresholdEstimate:
    return best_of_curve(GRID, means['regions'])


def _committee(means: Means) -> ThresholdEstimate:
    members = dict(otsu=_otsu, gmm=_gmm, regions=_regions) | (dict(views=_views) if means['views'].size else {})
    return committee_threshold({name: member(means) for name, member in members.items()})


RULES = dict(
    area=Rule(_area, '20% of the pixels of the images with a class are foreground'),
    otsu=Rule(_otsu, f'largest variance between the two sides of the histogram of scores above {MIN_OTSU_SCORE}'),
    gmm=Rule(_gmm, 'middle of the uncertain component of three Gaussians, fitted to the scores'),
    views=Rule(_views, 'best agreement of the masks of two views of an image', views=True),
    regions=Rule(_regions, 'best agreement of the masks with superpixels of the image', regions=True),
    committee=Rule(_committee, 'median of otsu, gmm, regions and, with a view, views', regions=True),
)
