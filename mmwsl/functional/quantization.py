r"""Quantization of scores to 8 bits.

A score :math:`p \in [0, 1]` is quantized by its angle, :math:`c = \mathrm{round}(\frac{510}{\pi} \arcsin \sqrt p)`,
and dequantized as :math:`\hat p = \sin^2 (\pi c / 510)`. The steps are even in the angle. The scores 0 and 1 are exact.
The error is at most :math:`\sin(\pi / 1020) < 0.0031`, near :math:`p = 1/2`, and falls with
:math:`\sqrt{p (1 - p)}`; the codes next to 0 and 1 differ from them by 3.8e-5.

Scores after a sigmoid concentrate near 0 and 1. Even steps of the score itself, with an error of 0.002 everywhere,
merge 0.9985 with 0.9995 and 0.0004 with 0.0015. Even steps of the logit need a limited range, beyond which all scores
are merged, and are four times as coarse (0.012 for odds up to e^12) in the middle, where thresholds are.
"""

import math

import numpy as np
import torch
from torch import Tensor

MAX_ERROR = math.sin(math.pi / 1020)
"""Maximum difference between a score and its dequantized code."""

DEQUANTIZED = np.sin(np.arange(256) * (math.pi / 510)) ** 2
"""Dequantized value of each code, ``(256,)`` float64, ascending from 0 to 1."""


def quantize_scores(scores: Tensor) -> Tensor:
    """Quantize scores to 8 bits; the module docstring has the formula and its error.

    Args:
        scores: Scores in [0, 1], of any shape; rounding errors up to 1e-4 are clipped.

    Returns:
        Codes, uint8, of the same shape, in the order of the scores.

    Raises:
        ValueError: If scores are not in [0, 1].
    """
    if scores.numel() and not (scores.amin() >= -1e-4 and scores.amax() <= 1 + 1e-4):  # false for NaN too
        raise ValueError(
            f'`scores` must be in [0, 1], got {scores.amin().item()} to {scores.amax().item()}. '
            'End the post-processing pipeline with a post-processor that returns probabilities.'
        )
    return (scores.float().clamp(0, 1).sqrt().asin() * (510 / math.pi)).round().to(torch.uint8)


def quantize_threshold(threshold: float) -> int:
    """Return the smallest code whose dequantized value exceeds a threshold; 256 if there is none."""
    return int(np.searchsorted(DEQUANTIZED, threshold, side='right'))
