"""Thresholds from a mixture of Gaussians that is fitted to the scores."""

from dataclasses import dataclass

import numpy as np

from .estimate import ThresholdEstimate, no_answer, weighted_values

MAX_SAMPLES = 50_000
"""Pixels of an image are not independent: the weights are scaled down to at most this sum before the BIC."""


@dataclass(frozen=True)
class GaussianMixture:
    """Mixture of Gaussians of one variable, sorted by mean.

    Attributes:
        weights: Weight of each component, ``(K,)``; they sum to 1.
        means: Means, ascending, ``(K,)``.
        variances: Variances, ``(K,)``.
        bic: Bayesian information criterion of the fit; smaller is better.
    """

    weights: np.ndarray
    means: np.ndarray
    variances: np.ndarray
    bic: float

    def log_densities(self, values: np.ndarray) -> np.ndarray:
        """Return the logarithm of weight times density of each component, ``(K, n)`` for values ``(n,)``."""
        squares = (values - self.means[:, None]) ** 2 / self.variances[:, None]
        return np.log(self.weights)[:, None] - (squares + np.log(2 * np.pi * self.variances)[:, None]) / 2

    def responsibilities(self, values: np.ndarray) -> np.ndarray:
        """Return the probability of each component, ``(K, n)``; the columns sum to 1."""
        logs = self.log_densities(values)
        shares = np.exp(logs - logs.max(0))
        return shares / shares.sum(0)


def fit_gaussian_mixture(
    values: np.ndarray,
    weights: np.ndarray | None = None,
    components: int = 2,
    min_variance: float = 1e-4,
    max_iters: int = 500,
) -> GaussianMixture:
    """Fit a mixture of Gaussians by expectation maximization.

    The components start at equal shares of the sorted scores, so the result is deterministic. EM stops when the mean
    log-likelihood grows by less than 1e-9.

    Args:
        values: Scores, of any shape.
        weights: See :func:`.estimate.weighted_values`.
        components: Number of components K.
        min_variance: Smallest variance of a component, which keeps it from collapsing onto one value. The default
            is for scores in [0, 1].
        max_iters: Maximum number of iterations.

    Raises:
        ValueError: If there is no pixel, ``components`` is less than 1, or see :func:`.estimate.weighted_values`.
    """
    if components < 1:
        raise ValueError(f'`components` must be at least 1, got {components}.')
    points, counts = weighted_values(values, weights)
    if not len(points):
        raise ValueError('`values` must have a weight above 0, got none.')
    total = counts.sum()
    share = counts / total
    middle = share.cumsum() - share / 2
    resp = np.stack([(middle >= k / components) & (middle < (k + 1) / components) for k in range(components)]) + 1e-6
    resp /= resp.sum(0)
    before = -np.inf
    for _ in range(max_iters):
        mass = (resp @ share).clip(min=1e-12)
        means = resp @ (share * points) / mass
        variances = ((resp * (points - means[:, None]) ** 2) @ share / mass).clip(min=min_variance)
        mixture = GaussianMixture(mass / mass.sum(), means, variances, 0.0)
        logs = mixture.log_densities(points)
        top = logs.max(0)
        log_sum = top + np.log(np.exp(logs - top).sum(0))
        resp = np.exp(logs - log_sum)
        mean_log = float(log_sum @ share)
        if mean_log - before < 1e-9:
            break
        before = mean_log
    samples = min(total, MAX_SAMPLES)
    bic = (3 * components - 1) * np.log(samples) - 2 * samples * mean_log
    order = np.argsort(mixture.means, kind='stable')
    return GaussianMixture(mixture.weights[order], mixture.means[order], mixture.variances[order], float(bic))


def gaussian_mixture_threshold(
    values: np.ndarray, weights: np.ndarray | None = None, components: int = 2, min_variance: float = 1e-4
) -> ThresholdEstimate:
    r"""Choose the threshold where the two outer components of a Gaussian mixture are equally probable.

    With two components, t is the score between their means at which the responsibilities cross. With three (CoSA, Yang
    et al., ECCV 2024), the middle component holds the uncertain pixels: the crossings with its neighbors are a
    background and a foreground threshold, and t is their mean.

    Args:
        values: Scores, of any shape.
        weights: See :func:`.estimate.weighted_values`.
        components: 2 or 3.
        min_variance: See :func:`fit_gaussian_mixture`.

    Returns:
        The estimate; its curve is the entropy of the responsibilities in [0, 1], highest where the components meet.
        No answer if one Gaussian has a smaller BIC, or the responsibilities do not cross between the means.

    Raises:
        ValueError: If ``components`` is not 2 or 3, or see :func:`.estimate.weighted_values`.
    """
    if components not in (2, 3):
        raise ValueError(f'`components` must be 2 or 3, got {components}.')
    points, counts = weighted_values(values, weights)
    if len(points) < 2:
        return no_answer('the scores are constant')
    mixture = fit_gaussian_mixture(points, counts, components, min_variance)
    grid = np.linspace(points[0], points[-1], 1001)
    resp = mixture.responsibilities(grid)
    curve = -(resp * np.log(resp.clip(min=1e-300))).sum(0) / np.log(components)
    if fit_gaussian_mixture(points, counts, 1, min_variance).bic <= mixture.bic:
        return no_answer('one Gaussian fits the scores as well: there is no gap', grid, curve)
    crossings = []
    for k in range(components - 1):
        between = np.linspace(mixture.means[k], mixture.means[k + 1], 1001)
        low, high = mixture.responsibilities(between)[k : k + 2]
        ahead = high >= low
        if ahead[0] or not ahead[-1]:
            return no_answer('the responsibilities do not cross between the means', grid, curve)
        crossings.append(float(between[ahead.argmax()]))
    threshold = float(np.mean(crossings))
    if components == 2:
        return ThresholdEstimate(threshold, grid, curve)
    note = f'uncertain from {crossings[0]:.3f} to {crossings[1]:.3f}'
    return ThresholdEstimate(threshold, grid, curve, note, (crossings[0], crossings[1]))
