"""Crops of feature maps at boxes, and maps of the scores of boxes.

Boxes are ``(N, B, 4)``: left, top, right, bottom, as fractions of the width and height of the map. So they fit maps of
any size over the same input.
"""

import torch
from torch import Tensor
from torch.nn import functional as F


def crop_and_resize(maps: Tensor, boxes: Tensor, size: int, samples: int = 2) -> Tensor:
    """Crop boxes and resize each to one size; on feature maps this is RoIAlign (He et al., ICCV 2017).

    Each output location is the mean of ``samples x samples`` bilinearly interpolated points, spread evenly over its
    part of the box.

    Args:
        maps: Images or feature maps, ``(N, C, H, W)``.
        boxes: Boxes, ``(N, B, 4)``, in fractions.
        size: Height and width of a crop.
        samples: Points per output location in each direction. Use more if a box has many more locations than a crop.

    Returns:
        Crops, ``(N, B, C, size, size)``.
    """
    steps = size * samples
    offsets = (torch.arange(steps, device=boxes.device) + 0.5) / steps
    start, extent = boxes[..., :2, None], (boxes[..., 2:] - boxes[..., :2])[..., None]
    x, y = (2 * (start + extent * offsets) - 1).unbind(2)  # (N, B, steps), from -1 to 1 as grid_sample expects
    grid = torch.stack([x[:, :, None, :].expand(-1, -1, steps, -1), y[:, :, :, None].expand(-1, -1, -1, steps)], -1)
    dtype = torch.promote_types(maps.dtype, torch.float32)  # half precision cannot tell the pixels of an image apart
    # The boxes of an image stand below each other, so that its map is not repeated for each box.
    crops = F.grid_sample(
        maps.to(dtype), grid.flatten(1, 2).to(dtype), mode='bilinear', padding_mode='border', align_corners=False
    )
    return F.avg_pool2d(crops, samples).unflatten(2, (boxes.shape[1], size)).transpose(1, 2)


def boxes_to_map(scores: Tensor, boxes: Tensor, valid: Tensor, size: tuple[int, int]) -> Tensor:
    """Render the scores of boxes: the mean score of the boxes that contain each location's center, or 0.

    Args:
        scores: Scores of the boxes, ``(N, K, B)``.
        boxes: Boxes, ``(N, B, 4)``, in fractions.
        valid: Boolean mask of the boxes to use, ``(N, B)``.
        size: Height and width of the map.

    Returns:
        Score maps, ``(N, K, *size)``.
    """
    y, x = ((torch.arange(length, device=boxes.device) + 0.5) / length for length in size)
    columns = (boxes[..., 0, None] <= x) & (x < boxes[..., 2, None])  # (N, B, W)
    rows = (boxes[..., 1, None] <= y) & (y < boxes[..., 3, None])
    inside = (rows[..., :, None] & columns[..., None, :] & valid[..., None, None]).to(scores)
    return torch.einsum('nkb,nbhw->nkhw', scores, inside) / inside.sum(1, keepdim=True).clamp(min=1)
