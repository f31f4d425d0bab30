"""Agreement of thresholded masks: between augmented views, and with regions of the image."""

import numpy as np


def exceeding(codes: np.ndarray, steps: int, groups: np.ndarray | None = None) -> np.ndarray:
    """Count the pixels above each threshold, in each group.

    Args:
        codes: Index of the score of each pixel in an ascending grid, 0 to ``steps - 1``, of any shape.
        steps: Number of thresholds T of the grid.
        groups: Id of the group of each pixel, from 0, of the same shape; None is one group.

    Returns:
        Number of pixels with a code above t, ``(G, T)``.
    """
    codes = codes.ravel().astype(np.int64)
    groups = np.zeros_like(codes) if groups is None else groups.ravel().astype(np.int64)
    count = int(groups.max()) + 1 if len(groups) else 1
    histogram = np.bincount(groups * steps + codes, minlength=count * steps).reshape(count, steps)
    return histogram[:, ::-1].cumsum(1)[:, ::-1] - histogram


def view_kappa(first: np.ndarray, second: np.ndarray, both: np.ndarray, pixels: np.ndarray | float) -> np.ndarray:
    r"""Compute Cohen's kappa of the masks of two views at each threshold.

    .. math:: \kappa = \frac{p_o - p_e}{1 - p_e}, \qquad p_e = q_1 q_2 + (1 - q_1) (1 - q_2)

    with the fraction :math:`p_o` of pixels on which the views agree, and the foreground fractions :math:`q`. The IoU
    would prefer the threshold 0, where both masks are full; kappa corrects for the agreement by chance.

    Args:
        first: Foreground pixels of the first view at each threshold, ``(..., T)``, see :func:`exceeding`.
        second: The same of the second view.
        both: Pixels that are foreground in both views.
        pixels: Number of all pixels, that broadcasts with ``first``.

    Returns:
        Kappa in [-1, 1], ``(..., T)``; 0 where both masks are empty or both are full: they agree by chance.
    """
    one, other = first / pixels, second / pixels
    observed = 1 - one - other + 2 * both / pixels
    chance = one * other + (1 - one) * (1 - other)
    return np.where(chance < 1 - 1e-12, (observed - chance) / (1 - chance).clip(min=1e-12), 0.0)


def region_agreement(inside: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    r"""Compute how well the masks of an image follow its regions, at each threshold.

    .. math:: J(t) = \frac{\sum_r |r| \, (q_r - q)^2}{N q (1 - q)}

    with the fraction :math:`q_r` of region r inside the mask, and the fraction q of the image: the share of the mask's
    variance that the regions explain. It is 1 if and only if the mask is a union of regions.

    Args:
        inside: Pixels of the mask in each region, ``(R, T)``, see :func:`exceeding`.
        sizes: Pixels of each region, ``(R,)``.

    Returns:
        J in [0, 1], ``(T,)``; 0 where the mask is empty or the whole image: these follow no boundary, and neither may
        win.
    """
    total = sizes.sum()
    used = sizes > 0
    area = inside.sum(0) / total
    explained = (inside[used] ** 2 / sizes[used, None]).sum(0) / total - area**2
    return np.where((area > 0) & (area < 1), explained / (area * (1 - area)).clip(min=1e-300), 0.0)
