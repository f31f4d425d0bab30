"""Background thresholds that are chosen without masks, from the scores, the images and the image-level labels."""

from .agreement import exceeding, region_agreement, view_kappa
from .committee import committee_threshold
from .estimate import ThresholdEstimate, best_of_curve
from .gaussian_mixture import GaussianMixture, fit_gaussian_mixture, gaussian_mixture_threshold
from .histogram import area_threshold, otsu_threshold
from .labels import absent_class_threshold, label_consistency_threshold

__all__ = [
    'GaussianMixture',
    'ThresholdEstimate',
    'absent_class_threshold',
    'area_threshold',
    'best_of_curve',
    'committee_threshold',
    'exceeding',
    'fit_gaussian_mixture',
    'gaussian_mixture_threshold',
    'label_consistency_threshold',
    'otsu_threshold',
    'region_agreement',
    'view_kappa',
]
