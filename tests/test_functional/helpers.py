"""Random score maps for the tests of this folder."""

import torch


def random_scores(*shape, seed=0, scale=1.0):
    """Draw float64 scores from a normal distribution, the same in every call."""
    return scale * torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
