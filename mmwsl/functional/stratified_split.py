"""Splits of a dataset: a fraction of each class of several labels, or a number of images of each class."""

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


def per_class_split(classes: np.ndarray, count: int, seed: int = 0) -> np.ndarray:
    """Select the same number of images of each class, the protocol of 15-Scene (Lazebnik et al., CVPR 2006).

    Args:
        classes: Class of each image, ``(N,)``.
        count: Number of images to select per class.
        seed: Seed of the selection. It depends on the order of the images as well.

    Returns:
        Whether an image is selected, ``(N,)`` bool.

    Raises:
        ValueError: If ``count`` is less than 1, or a class has no more images than that: none would be left.
    """
    if count < 1:
        raise ValueError(f'`count` must be at least 1, got {count}.')
    selected = np.zeros(len(classes), bool)
    rng = np.random.default_rng(seed)
    for name in np.unique(classes):
        images = np.flatnonzero(classes == name)
        if len(images) <= count:
            raise ValueError(
                f'`count` must be less than the number of images of each class, got {count} for {len(images)} images '
                f'of class {name}.'
            )
        selected[rng.permutation(images)[:count]] = True
    return selected
