"""Median of several rules."""

from collections.abc import Mapping

import numpy as np

from .estimate import ThresholdEstimate, no_answer

MAX_SPREAD = 0.2
"""Spread of the members from which on the note warns."""


def committee_threshold(members: Mapping[str, ThresholdEstimate], max_spread: float = MAX_SPREAD) -> ThresholdEstimate:
    """Choose the median of the thresholds of several rules.

    The spread between the lowest and the highest member tells how much the choice depends on the rule.

    Args:
        members: Estimates by name of the rule; rules without an answer are left out.
        max_spread: Spread from which on the note warns.

    Returns:
        The estimate. Its grid has the thresholds of the members in ascending order, and its curve is minus the mean
        distance to all members, which is highest at the median.
    """
    answers = {name: member.threshold for name, member in members.items() if member.threshold is not None}
    if not answers:
        return no_answer('no member has an answer')
    grid = np.sort(np.fromiter(answers.values(), float))
    curve = -np.abs(grid[:, None] - grid).mean(1)
    note = ', '.join(f'{name} {threshold:.3f}' for name, threshold in sorted(answers.items(), key=lambda pair: pair[1]))
    if (spread := grid[-1] - grid[0]) > max_spread:
        note += f'; the rules disagree by {spread:.2f}: ignore the pixels between {grid[0]:.3f} and {grid[-1]:.3f}'
    return ThresholdEstimate(float(np.median(grid)), grid, curve, note)
