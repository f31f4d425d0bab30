"""Zoom-out features: what every layer of a network says about each superpixel."""

from collections.abc import Sequence

import torch
from torch import Tensor

WHOLE_MAP = (0.0, 1.0, 0.0, 1.0)
DENSE_ENTRIES = 2**25
"""Up to this size, 128 MiB, a dense matrix is faster than a sparse one."""


def zoom_out_features(
    maps: Sequence[Tensor], superpixels: Tensor, box: Sequence[float] = WHOLE_MAP, scene: bool = True
) -> Tensor:
    r"""Describe superpixels by the feature maps of several layers (Mostajabi et al., CVPR 2015, Sec. 4).

    .. math:: \phi_s = \Big[ \frac{1}{|s|} \sum_{p \in s} F_1(p), \dots, \frac{1}{|s|} \sum_{p \in s} F_L(p),
              \frac{1}{|I|} \sum_{p \in I} F_L(p) \Big]

    where :math:`F_l(p)` is the map of layer l, interpolated at pixel p. From layer to layer the receptive fields zoom
    out from the superpixel to its surroundings; the last part, the scene level, is the mean of the last layer over the
    image I, the same for all of its superpixels. The paper also has a level of bounding boxes around the superpixel,
    each in a forward pass of its own, which is left out.

    Args:
        maps: Feature maps of one image, ``(C_l, h_l, w_l)`` each.
        superpixels: Id of each pixel's superpixel, ``(H, W)``; ids may have gaps.
        box: Which part of the maps the image covers, see :func:`superpixel_pool`.
        scene: Append the scene level.

    Returns:
        Features ``(S, sum of C_l)``, with ``C_L`` more columns for the scene level; one row for each id in use,
        ascending.

    Raises:
        ValueError: If there is no map, or as :func:`superpixel_pool`.
    """
    if not maps:
        raise ValueError('`maps` must have the feature map of one layer at least, got none')
    levels: list[Tensor | None] = [None] * len(maps)
    # Maps of one size share the interpolation: pooled together, it is made once.
    for size in dict.fromkeys(values.shape[1:] for values in maps):
        places = [i for i, values in enumerate(maps) if values.shape[1:] == size]
        pooled = superpixel_pool(torch.cat([maps[i].float() for i in places]), superpixels, box)
        for i, part in zip(places, pooled.split([len(maps[i]) for i in places], 1), strict=True):
            levels[i] = part
    if scene:
        sizes = superpixels.unique(return_counts=True)[1].to(levels[-1])
        mean = (sizes / sizes.sum()) @ levels[-1]
        levels.append(mean.expand_as(levels[-1]))
    return torch.cat(levels, 1)


def superpixel_pool(features: Tensor, superpixels: Tensor, box: Sequence[float] = WHOLE_MAP) -> Tensor:
    r"""Average a feature map over superpixels of the original image size, :math:`\frac{1}{|s|} \sum_{p \in s} F(p)`.

    :math:`F(p)` is bilinear between the cells, as in ``interpolate(align_corners=False)``. That is linear in the map:
    the means are a sparse matrix, of the weight of each cell in each superpixel, times the map, so no map is ever made
    at the size of the image.

    Args:
        features: Feature map, ``(C, h, w)``.
        superpixels: Id of each pixel's superpixel, ``(H, W)``; ids may have gaps.
        box: Top, bottom, left and right edge of the part of the map that the image covers, as fractions of its
            height and width: for inputs with padding.

    Returns:
        Means ``(S, C)``, one row for each id in use, ascending.

    Raises:
        ValueError: If shapes do not fit, ids are not integers, or the box is no part of the map.
    """
    if features.dim() != 3 or 0 in features.shape:
        raise ValueError(f'`features` must be (C, h, w), got {tuple(features.shape)}')
    if superpixels.dim() != 2 or superpixels.is_floating_point() or not superpixels.numel():
        raise ValueError(
            f'`superpixels` must be ids, integers (H, W), got {superpixels.dtype} of shape {tuple(superpixels.shape)}'
        )
    top, bottom, left, right = box
    if not (0 <= top < bottom <= 1 and 0 <= left < right <= 1):
        raise ValueError(f'`box` must be top < bottom and left < right in [0, 1], got {tuple(box)}')
    (height, width), (h, w) = superpixels.shape, features.shape[1:]
    _, members, sizes = superpixels.to(features.device).unique(return_inverse=True, return_counts=True)
    rows, row_weights = _neighbors(height, h, top, bottom, features)
    columns, column_weights = _neighbors(width, w, left, right, features)
    cells = rows[:, None, :, None] * w + columns[None, :, None]  # (2, 2, H, W)
    weights = row_weights[:, None, :, None] * column_weights[None, :, None] / sizes.to(features)[members]
    index = torch.stack([members.expand_as(cells).flatten(), cells.flatten()])
    matrix = torch.sparse_coo_tensor(index, weights.flatten(), (len(sizes), h * w), check_invariants=False)
    # Four entries a pixel, of which most fall together: summed before the product.
    matrix = matrix.to_dense() if matrix.numel() <= DENSE_ENTRIES else matrix.coalesce()
    return matrix @ features.flatten(1).T


def _neighbors(length: int, cells: int, start: float, end: float, like: Tensor) -> tuple[Tensor, Tensor]:
    """Return the two cells next to each pixel along one side, and their weights, each ``(2, length)``."""
    centers = start + (torch.arange(length, dtype=torch.float64) + 0.5) / length * (end - start)
    places = (centers * cells - 0.5).clamp(0, cells - 1)
    below = places.floor()
    share = places - below
    index = torch.stack([below, (below + 1).clamp(max=cells - 1)]).long()
    return index.to(like.device), torch.stack([1 - share, share]).to(like)
