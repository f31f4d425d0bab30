"""Thresholds from the histogram of the scores: area prior and Otsu."""

import numpy as np

from .estimate import ThresholdEstimate, best_of_curve, no_answer, weighted_values


def area_threshold(values: np.ndarray, weights: np.ndarray | None = None, area: float = 0.2) -> ThresholdEstimate:
    r"""Choose the threshold that a given fraction of the pixels exceeds (area prior, or percentile).

    .. math:: t = \min \{ t : \mathrm{P}(v > t) \le \rho \}

    The answer is the prior :math:`\rho`, not the data. EM-Adapt (Papandreou et al., ICCV 2015) uses
    :math:`\rho = 0.2` for a foreground class.

    Args:
        values: Scores, of any shape.
        weights: See :func:`.estimate.weighted_values`.
        area: Fraction :math:`\rho` of foreground pixels, between 0 and 1.

    Returns:
        The estimate; its curve is minus the difference between the fraction of foreground and ``area``.

    Raises:
        ValueError: If ``area`` is not between 0 and 1, or see :func:`.estimate.weighted_values`.
    """
    if not 0 < area < 1:
        raise ValueError(f'`area` must be between 0 and 1, got {area}.')
    grid, counts = weighted_values(values, weights)
    if not len(grid):
        return no_answer('there is no pixel')
    above = 1 - counts.cumsum() / counts.sum()
    curve = -np.abs(above - area)
    return ThresholdEstimate(float(grid[np.argmax(above <= area + 1e-12)]), grid, curve)


def otsu_threshold(values: np.ndarray, weights: np.ndarray | None = None) -> ThresholdEstimate:
    r"""Choose the threshold that maximizes the variance between the two sides (Otsu, 1979).

    .. math:: t = \arg\max_t w_0(t) \, w_1(t) \, \big( \mu_0(t) - \mu_1(t) \big)^2

    The candidates are the middles between adjacent distinct values, so that the result is exact and commutes with
    :math:`v \to a v + b` for :math:`a > 0`. The first maximum counts.

    Args:
        values: Scores, of any shape.
        weights: See :func:`.estimate.weighted_values`.

    Returns:
        The estimate, with the variance between the sides as its curve; no answer for constant scores.

    Raises:
        ValueError: See :func:`.estimate.weighted_values`.
    """
    distinct, counts = weighted_values(values, weights)
    if len(distinct) < 2:
        return no_answer('the scores are constant')
    share = counts / counts.sum()
    low = share.cumsum()[:-1]
    mass = (share * distinct).cumsum()
    between = (mass[-1] * low - mass[:-1]) ** 2 / (low * (1 - low)).clip(min=1e-300)
    return best_of_curve((distinct[:-1] + distinct[1:]) / 2, between)
