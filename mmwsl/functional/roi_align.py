"""RoIAlign in plain torch: average of bilinear samples on a grid in each bin of a box."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

MAX_ELEMENTS = 2**24
"""Elements of an intermediate tensor; boxes are processed in parts that have no more. Does not change the result."""


def roi_align(
    features: Tensor,
    rois: Tensor,
    output_size: tuple[int, int],
    spatial_scale: float = 1.0,
    sampling_ratio: int = 0,
    aligned: bool = True,
) -> Tensor:
    r"""Pool a feature map within boxes (He et al., ICCV 2017, Sec. 3; ``aligned`` as in Detectron2).

    A box is divided into bins, and each bin has the mean of bilinear samples on a regular grid. The grid is a product
    of rows and columns, so the mean is a product of two small matrices with the feature map:

    .. math:: y_{rcpq} = \sum_{ij} A_{rpi} B_{rqj} x_{cij}

    where :math:`A_{rpi}` is the mean over the sample rows of bin p of the bilinear weight of pixel row i. Samples more
    than one pixel outside of the map count as 0, other samples outside of it have the value of its border. Linear in
    ``features``, with an exact gradient; ``rois`` get none, as in mmcv.

    Args:
        features: Feature maps, ``(N, C, H, W)``.
        rois: Index of the image, then corners x1, y1, x2, y2 in pixels of the image, ``(R, 5)``.
        output_size: Number of bins (rows, columns).
        spatial_scale: Scale from the image to ``features``.
        sampling_ratio: Samples of a bin in each direction. 0 uses ``ceil(size of the box / number of bins)``.
        aligned: Whether pixel i has its center at i + 0.5, and a box may be smaller than a pixel. Otherwise the center
            is at i and a box has at least one pixel.

    Returns:
        ``(R, C, *output_size)``.

    Raises:
        ValueError: If a shape does not fit, or a box has a negative size with ``aligned``.
    """
    if features.dim() != 4 or rois.dim() != 2 or rois.shape[1] != 5:
        raise ValueError(
            f'`features` must be (N, C, H, W) for `rois` (R, 5), got {tuple(features.shape)} and {tuple(rois.shape)}.'
        )
    output = features.new_zeros(len(rois), features.shape[1], *output_size)
    geometry = (output_size, spatial_scale, sampling_ratio, aligned)
    for image, part, rows, columns in _weights(rois, features.shape, geometry):
        channels, height, width = features[image].shape
        lines = rows.flatten(0, 1) @ features[image].transpose(0, 1).reshape(height, -1)  # (r * P, C * W)
        pooled = lines.view(*rows.shape[:2], channels, width) @ columns.transpose(1, 2)[:, None]
        output = output.index_copy(0, part, pooled.transpose(1, 2))  # (r, P, C, Q) to (r, C, P, Q)
    return output


def roi_align_gradient(
    gradient: Tensor,
    rois: Tensor,
    shape: Sequence[int],
    spatial_scale: float = 1.0,
    sampling_ratio: int = 0,
    aligned: bool = True,
) -> Tensor:
    """Compute the gradient of :func:`roi_align` with respect to ``features``: its transpose.

    Args:
        gradient: Gradient of the output, ``(R, C, P, Q)``.
        rois: As there.
        shape: Shape of ``features``.
        spatial_scale: As there.
        sampling_ratio: As there.
        aligned: As there.

    Returns:
        ``(N, C, H, W)``.
    """
    output = gradient.new_zeros(tuple(shape))
    _, channels, height, width = shape
    geometry = ((gradient.shape[2], gradient.shape[3]), spatial_scale, sampling_ratio, aligned)
    for image, part, rows, columns in _weights(rois, shape, geometry):
        lines = gradient[part].transpose(1, 2) @ columns[:, None]  # (r, P, C, W)
        spread = rows.flatten(0, 1).T @ lines.reshape(-1, channels * width)  # (H, C * W)
        output[image] += spread.view(height, channels, width).transpose(0, 1)
    return output


def _weights(
    rois: Tensor, shape: Sequence[int], geometry: tuple[tuple[int, int], float, int, bool]
) -> Iterator[tuple[int, Tensor, Tensor, Tensor]]:
    """Yield, for parts of the boxes of each image, the image, their indices ``(r,)`` and weights of rows and columns.

    The weights are ``(r, P, H)`` and ``(r, Q, W)``.
    """
    output_size, scale, ratio, aligned = geometry
    images, channels, height, width = shape
    indices = rois[:, 0].long()
    if len(rois) and not 0 <= int(indices.min()) <= int(indices.max()) < images:
        raise ValueError(f'`rois` must name one of {images} images, got {int(indices.min())} to {int(indices.max())}.')
    corners = rois[:, 1:] * scale - (0.5 if aligned else 0.0)
    sizes = corners[:, 2:] - corners[:, :2]
    if not aligned:
        sizes = sizes.clamp(min=1)
    elif len(sizes) and sizes.min() < 0:
        raise ValueError(f'`rois` must have a size of at least 0, got {sizes.min() / scale:g}.')
    step = max(1, MAX_ELEMENTS // max(1, output_size[0] * channels * width))
    for image in indices.unique().tolist():
        for part in (indices == image).nonzero().squeeze(1).split(step):
            rows = _axis_weights(corners[part, 1], sizes[part, 1], output_size[0], height, ratio)
            yield image, part, rows, _axis_weights(corners[part, 0], sizes[part, 0], output_size[1], width, ratio)


def _axis_weights(start: Tensor, size: Tensor, bins: int, length: int, ratio: int) -> Tensor:
    """Return the mean bilinear weight of each of ``length`` pixels in each bin along one axis, ``(r, bins, length)``.

    Args:
        start: First coordinate of each box, ``(r,)``.
        size: Extent of each box, ``(r,)``.
        bins: Number of bins.
        length: Number of pixels of the axis.
        ratio: Samples of a bin; 0 for ``ceil(size / bins)``, none for a size of 0.
    """
    counts = (torch.full_like(size, ratio) if ratio > 0 else (size / bins).ceil())[:, None, None]
    sample = torch.arange(int(counts.max()) if len(counts) else 0, device=size.device, dtype=size.dtype)
    index = torch.arange(bins, device=size.device, dtype=size.dtype)[:, None]
    divisor = counts.clamp(min=1)
    at = start[:, None, None] + (index + (sample + 0.5) / divisor) * (size / bins)[:, None, None]  # (r, bins, samples)
    share = ((sample < counts) & (at >= -1) & (at <= length)) / divisor
    at = at.clamp(0, length - 1)
    low = at.floor().long()
    upper = (at - low) * share
    weights = size.new_zeros(len(size), bins, length)
    weights.scatter_add_(2, low, share - upper)
    return weights.scatter_add_(2, (low + 1).clamp(max=length - 1), upper)
