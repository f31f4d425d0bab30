"""Zoom-out features: the feature maps of all layers, averaged over superpixels."""

from collections.abc import Sequence

import torch
from torch import Tensor

WHOLE_MAP = (0.0, 1.0, 0.0, 1.0)
DENSE_ENTRIES = 2**25
"""Number of entries, 128 MiB, up to which a dense matrix is faster than a sparse one."""


def zoom_out_features(
    maps: Sequence[Tensor], superpixels: Tensor, box: Sequence[float] = WHOLE_MAP, scene: bool = True
) -> Tensor:
    r"""Average the feature maps of several layers over superpixels (Mostajabi et al., CVPR 2015, Sec. 4).

    .. math:: \phi_s = \Big[ \frac{1}{|s|} \sum_{p \in s} F_1(p), \dots, \frac{1}{|s|} \sum_{p \in s} F_L(p),
              \frac{1}{|I|} \sum_{p \in I} F_L(p) \Big]

    where :math:`F_l(p)` is the feature map of layer l, interpolated at pixel p. From layer to layer the receptive
    fields zoom out from the superpixel to its surroundings. The last part, the scene level, is the mean of the last
    layer over the image I, equal for all of its superpixels. The paper's level of bounding boxes around the superpixel,
    which needs a forward pass for each, is not implemented.

    Args:
        maps: Feature maps of one image, ``(C_l, h_l, w_l)`` each.
        superpixels: Id of each pixel's superpixel, ``(H, W)``; ids may have gaps.
        box: Part of the feature maps that the image covers, see :func:`superpixel_pool`.
        scene: Append the scene level.

    Returns:
        Features ``(S, sum of C_l)``, with ``C_L`` more columns for the scene level; one row for each id in use,
        ascending.

    Raises:
        ValueError: If there is no feature map, or see :func:`superpixel_pool`.
    """
    if not maps:
        raise ValueError('`maps` must have the feature map of at least one layer, got none.')
    pooled: dict[int, Tensor] = {}
    # Maps of one size are pooled together, with one interpolation.
    for size in dict.fromkeys(values.shape[1:] for values in maps):
        same = [i for i, values in enumerate(maps) if values.shape[1:] == size]
        means = superpixel_pool(torch.cat([maps[i].float() for i in same]), superpixels, box)
        pooled.update(zip(same, means.split([len(maps[i]) for i in same], 1), strict=True))
    levels = [pooled[i] for i in range(len(maps))]
    if scene:
        sizes = superpixels.unique(return_counts=True)[1].to(levels[-1])
        mean = (sizes / sizes.sum()) @ levels[-1]
        levels.append(mean.expand_as(levels[-1]))
    return torch.cat(levels, 1)


def superpixel_pool(features: Tensor, superpixels: Tensor, box: Sequence[float] = WHOLE_MAP) -> Tensor:
    r"""Average a feature map over superpixels of the original image, :math:`\frac{1}{|s|} \sum_{p \in s} F(p)`.

    :math:`F(p)` is bilinear between locations, as in ``interpolate(align_corners=False)``, and so linear in the map.
    The means are a sparse matrix, the weight of each location in each superpixel, times the map. No map of the size of
    the image is needed.

    Args:
        features: Feature map, ``(C, h, w)``.
        superpixels: Id of each pixel's superpixel, ``(H, W)``; ids may have gaps.
        box: Top, bottom, left and right edge of the part of the map that the image covers, as fractions of its
            height and width, for padded inputs.

    Returns:
        Means ``(S, C)``, one row for each id in use, ascending.

    Raises:
        ValueError: If shapes do not fit, ids are not integers, or the box is not within the map.
    """
    if features.dim() != 3 or 0 in features.shape:
        raise ValueError(f'`features` must be (C, h, w), got {tuple(features.shape)}.')
    if superpixels.dim() != 2 or superpixels.is_floating_point() or not superpixels.numel():
        raise ValueError(
            f'`superpixels` must be integer ids (H, W), got {superpixels.dtype} of shape {tuple(superpixels.shape)}.'
        )
    top, bottom, left, right = box
    if not (0 <= top < bottom <= 1 and 0 <= left < right <= 1):
        raise ValueError(f'`box` must be top < bottom and left < right in [0, 1], got {tuple(box)}.')
    (height, width), (h, w) = superpixels.shape, features.shape[1:]
    _, members, sizes = superpixels.to(features.device).unique(return_inverse=True, return_counts=True)
    rows, row_weights = _neighbors(height, h, top, bottom, features)
    columns, column_weights = _neighbors(width, w, left, right, features)
    locations = rows[:, None, :, None] * w + columns[None, :, None]  # (2, 2, H, W)
    weights = row_weights[:, None, :, None] * column_weights[None, :, None] / sizes.to(features)[members]
    index = torch.stack([members.expand_as(locations).flatten(), locations.flatten()])
    matrix = torch.sparse_coo_tensor(index, weights.flatten(), (len(sizes), h * w), check_invariants=False)
    # Most of the four entries per pixel coincide, so they are summed before the product.
    matrix = matrix.to_dense() if matrix.numel() <= DENSE_ENTRIES else matrix.coalesce()
    return matrix @ features.flatten(1).T


def _neighbors(length: int, count: int, start: float, end: float, like: Tensor) -> tuple[Tensor, Tensor]:
    """Return the two locations next to each pixel along one side and their weights, each ``(2, length)``."""
    centers = start + (torch.arange(length, dtype=torch.float64) + 0.5) / length * (end - start)
    positions = (centers * count - 0.5).clamp(0, count - 1)
    below = positions.floor()
    fraction = positions - below
    index = torch.stack([below, (below + 1).clamp(max=count - 1)]).long()
    return index.to(like.device), torch.stack([1 - fraction, fraction]).to(like)
