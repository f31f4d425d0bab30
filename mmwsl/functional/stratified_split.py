"""Split of a multi-label dataset that keeps the fraction of each class."""

import numpy as np


def stratified_split(labels: np.ndarray, fraction: float, seed: int = 0) -> np.ndarray:
    """Select a fraction of the images so that each class is selected in this fraction.

    Iterative stratification (Sechidis et al., ECML PKDD 2011) with two parts: the images of the rarest class that still
    has unassigned images go first, each to the part that lacks more images of this class; a tie goes to the part that
    lacks more images. Images without a class come last.

    Args:
        labels: 1 where the image has the class, ``(N, K)``.
        fraction: Fraction to select, in (0, 1).
        seed: Seed of the order of the images.

    Returns:
        Whether an image is selected, ``(N,)`` bool. A class with one image keeps it in the other part.

    Raises:
        ValueError: If ``fraction`` is not in (0, 1).
    """
    if not 0 < fraction < 1:
        raise ValueError(f'`fraction` must be in (0, 1), got {fraction}.')
    present = labels == 1
    fractions = np.array([1 - fraction, fraction])
    wanted = present.sum(0)[:, None] * fractions  # (K, 2): images of each class that each part still lacks
    size = len(labels) * fractions
    selected = np.zeros(len(labels), bool)
    free = np.ones(len(labels), bool)
    order = np.random.default_rng(seed).permutation(len(labels))

    def assign(index: int, lacking: np.ndarray) -> None:
        # The first part wins a tie.
        part = max((0, 1), key=lambda side: (round(float(lacking[side]), 9), round(float(size[side]), 9), -side))
        selected[index], free[index] = bool(part), False
        wanted[present[index], part] -= 1
        size[part] -= 1

    while counts := {k: count for k, count in enumerate((present & free[:, None]).sum(0)) if count}:
        rarest = min(counts, key=lambda k: (counts[k], k))
        for index in order[(present[:, rarest] & free)[order]]:
            assign(index, wanted[rarest])
    for index in order[free[order]]:
        assign(index, size)
    return selected
