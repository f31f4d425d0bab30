r"""Scores in 8 bits.

A score :math:`p \in [0, 1]` is coded by its angle, :math:`c = \mathrm{round}(\frac{510}{\pi} \arcsin \sqrt p)`, and
read as :math:`\hat p = \sin^2 (\pi c / 510)`. The steps are even in the angle: 0 and 1 are exact, the error is at most
:math:`\sin(\pi / 1020) < 0.0031`, near :math:`p = 1/2`, and falls with :math:`\sqrt{p (1 - p)}`; the codes next to 0
and 1 are 3.8e-5 away from them.

Scores behind a sigmoid crowd near 0 and 1. Even steps of the score itself, with an error of 0.002 everywhere, merge
0.9985 with 0.9995 and 0.0004 with 0.0015. Even steps of the log-odds need a bound to the range, beyond which all is
merged, and are four times as coarse (0.012 for odds to e^12) in the middle, where thresholds lie.
"""

import math

import numpy as np
import torch
from torch import Tensor

MAX_ERROR = math.sin(math.pi / 1020)
"""Largest difference between a score and what is read of its code."""

DEQUANTIZED = np.sin(np.arange(256) * (math.pi / 510)) ** 2
"""What each code is read as, ``(256,)`` float64, ascending from 0 to 1."""


def quantize_scores(scores: Tensor) -> Tensor:
    """Code scores in 8 bits; see the module for the formula and its error.

    Args:
        scores: Scores in [0, 1], of any shape; they may be off by rounding, 1e-4.

    Returns:
        Codes, uint8, of the same shape; they rise with the score.

    Raises:
        ValueError: If scores leave [0, 1].
    """
    if scores.numel() and not (scores.amin() >= -1e-4 and scores.amax() <= 1 + 1e-4):  # false for NaN too
        raise ValueError(
            f'`scores` must be in [0, 1], got {scores.amin().item()} to {scores.amax().item()}: end the '
            'post-processing with a step that keeps them there'
        )
    return (scores.float().clamp(0, 1).sqrt().asin() * (510 / math.pi)).round().to(torch.uint8)


def quantize_threshold(threshold: float) -> int:
    """Return the smallest code that is read as more than a threshold; 256 if there is none."""
    return int(np.searchsorted(DEQUANTIZED, threshold, side='right'))
