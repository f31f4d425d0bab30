r"""Doubt about the labels and the mask of an image, without ground truth.

The doubt is the largest of four fractions:

- 1 if a labeled class has no pixel in the mask;
- the foreground that a small change of the thresholds would add or remove. With :math:`s` the score of the
  highest-scoring foreground class :math:`k^*` and the threshold :math:`\delta_{k^*}`, both as codes of
  :mod:`mmwsl.functional.quantization`, whose steps are fine near 0 and 1, where the scores of a sigmoid are:
  :math:`\#\{|s - \delta_{k^*}| \le m\} / \#\{s \ge \delta_{k^*} - m\}`. The margin m is 16 codes, 0.1 near 1/2, and
  at most half of the distance of the threshold to 0 and to 255;
- the disagreement of the network with the image-level labels, :math:`\max_k |y_k - p_k|`;
- the disagreement of augmented views, 1 minus their agreement.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

CODES = np.arange(256)
MARGIN = 16


class Reason(NamedTuple):
    """A reason for doubt: a value in [0, 1] and what it means."""

    value: float
    text: str


def code_of(threshold: float) -> float:
    """Return the code of a threshold, not rounded."""
    return 510 / math.pi * math.asin(math.sqrt(min(max(threshold, 0), 1)))


def near_threshold(histograms: Mapping[int, Sequence[int]], thresholds: Sequence[float]) -> float:
    """Return the fraction of the possible foreground within the margin of its threshold.

    Args:
        histograms: Codes of the highest-scoring class, see :func:`mmwsl.report.maps.winner_histograms`.
        thresholds: Thresholds of the K - 1 foreground classes.

    Returns:
        The fraction, in [0, 1]; 0 without possible foreground.
    """
    near = possible = 0
    for k, counts in histograms.items():
        code = code_of(thresholds[k - 1])
        margin = min(MARGIN, code / 2, (255 - code) / 2)
        near += np.dot(counts, abs(CODES - code) <= margin)
        possible += np.dot(counts, CODES - code >= -margin)
    return float(near / possible) if possible else 0.0


def label_disagreement(labels: Sequence[str], probs: Mapping[str, float]) -> Reason | None:
    """Return the largest difference between a label, 0 or 1, and its probability; None without probabilities."""
    differences = {name: abs((name in labels) - prob) for name, prob in probs.items()}
    if not differences:
        return None
    name = max(differences, key=lambda name: differences[name])
    kind = 'labeled' if name in labels else 'not labeled'
    return Reason(differences[name], f'{name} is {kind}, the network gives it {100 * probs[name]:.0f}%')


def doubts(
    missing: Sequence[str],
    near: float | None,
    disagreement: Reason | None,
    agreement: float | None,
) -> list[Reason]:
    """Return the reasons for doubt about an image, largest first; see the module docstring.

    Args:
        missing: Labeled classes without a pixel.
        near: Result of :func:`near_threshold`; None without scores.
        disagreement: Result of :func:`label_disagreement`.
        agreement: Mean agreement of augmented views, in [0, 1].
    """
    reasons = [Reason(1.0, f'{name} is labeled and has no pixel') for name in missing]
    if near is not None:
        text = f'{100 * near:.0f}% of the possible foreground is near its threshold'
        reasons.append(Reason(near, text))
    if disagreement is not None:
        reasons.append(disagreement)
    if agreement is not None:
        reasons.append(Reason(1 - agreement, f'augmented views agree on {100 * agreement:.0f}% of the pixels'))
    return sorted(reasons, key=lambda reason: -reason.value)
