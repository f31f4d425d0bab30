"""Result of a rule that chooses a background threshold without masks."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ThresholdEstimate:
    """Threshold that a rule chose without masks, and the curve that the rule looked at.

    A pixel is foreground where its score exceeds the threshold.

    Attributes:
        threshold: The threshold; None is "no answer": the input does not determine it.
        grid: Ascending thresholds that the rule compared, ``(T,)``.
        curve: Criterion at each of them, ``(T,)``; NaN where it is not defined.
        note: Reason for no answer, or what to know about the answer.
        uncertain: Threshold of the background and threshold of the foreground, if the rule has both: scores between
            them are uncertain.
    """

    threshold: float | None
    grid: np.ndarray
    curve: np.ndarray
    note: str = ''
    uncertain: tuple[float, float] | None = None


def no_answer(note: str, grid: np.ndarray | None = None, curve: np.ndarray | None = None) -> ThresholdEstimate:
    """Return the estimate of a rule that has no answer."""
    empty = np.zeros(0)
    return ThresholdEstimate(None, empty if grid is None else grid, empty if curve is None else curve, note)


def best_of_curve(grid: np.ndarray, curve: np.ndarray, note: str = '') -> ThresholdEstimate:
    """Return the threshold with the highest criterion, the first one of a tie; no answer if it is nowhere defined."""
    if not np.isfinite(curve).any():
        return no_answer('the criterion is defined at no threshold', grid, curve)
    return ThresholdEstimate(float(grid[np.nanargmax(curve)]), grid, curve, note)


def weighted_values(values: np.ndarray, weights: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct values, ascending, and their total weights, ``(n,)`` each; weights of 0 are dropped.

    Args:
        values: Scores, of any shape.
        weights: Non-negative weights of the same shape, such as the counts of a histogram. None weighs all equally.

    Raises:
        ValueError: If a value is not finite, a weight is negative or not finite, or the shapes differ.
    """
    values = np.asarray(values, float).ravel()
    weights = np.ones_like(values) if weights is None else np.asarray(weights, float).ravel()
    if values.shape != weights.shape:
        raise ValueError(f'`weights` must have the shape of `values`, got {weights.shape} and {values.shape}.')
    if not np.isfinite(values).all():
        raise ValueError('`values` must be finite, got NaN or infinity. Check the network that predicted them.')
    if not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise ValueError(f'`weights` must be finite and non-negative, got a minimum of {weights.min()}.')
    distinct, index = np.unique(values[weights > 0], return_inverse=True)
    return distinct, np.bincount(index.ravel(), weights[weights > 0], len(distinct))
