"""Smooth displacement of every pixel, from a few vectors."""

from torch import Tensor
from torch.nn import functional as F


def elastic_displacement(vectors: Tensor, size: tuple[int, int]) -> Tensor:
    """Interpolate the displacements of a coarse grid to all pixels (U-Net, Ronneberger et al., MICCAI 2015, Sec. 3.1).

    The interpolation is bicubic. The outer grid points lie on the outer pixels.

    Args:
        vectors: Vertical and horizontal displacements at the grid points, in pixels, ``(2, h, w)`` float.
        size: Height and width of the image.

    Returns:
        Displacements, ``(2, H, W)``.

    Raises:
        ValueError: If ``vectors`` does not have two components.
    """
    if vectors.ndim != 3 or len(vectors) != 2:
        raise ValueError(f'`vectors` must be (2, h, w), got {tuple(vectors.shape)}.')
    return F.interpolate(vectors[None], size, mode='bicubic', align_corners=True)[0]
