"""Instances from a label map: connected components, and displacement fields that point to instance centers."""

import torch
from torch import Tensor
from torch.nn import functional as F

from .inputs import at_least_float32, check_finite, check_score_map


def connected_components(labels: Tensor) -> Tensor:
    """Return the component of each pixel: 4-connected pixels with one label.

    The algorithm is FastSV (Zhang et al., SIAM PP 2020): a forest whose roots are hooked to the lowest neighboring
    root, with pointer jumping. It needs about log(pixels) rounds and works on any device.

    Args:
        labels: Any integer labels, ``(H, W)``.

    Returns:
        The index of the first pixel of the component in row-major order, ``(H, W)`` int64.

    Raises:
        ValueError: If ``labels`` is not an integer map.
    """
    if labels.dim() != 2 or labels.is_floating_point():
        raise ValueError(f'`labels` must be integers (H, W), got {labels.dtype} {tuple(labels.shape)}.')
    index = torch.arange(labels.numel(), device=labels.device).view_as(labels)
    right, down = labels[:, 1:] == labels[:, :-1], labels[1:] == labels[:-1]
    first = torch.cat([index[:, :-1][right], index[:-1][down]])
    second = torch.cat([index[:, 1:][right], index[1:][down]])
    parents = index.flatten()
    while True:
        before = parents
        low = torch.minimum(parents[first], parents[second])
        for ends in (first, second):
            parents = parents.scatter_reduce(0, before[ends], low, 'amin').scatter_reduce(0, ends, low, 'amin')
        parents = parents[parents]
        if torch.equal(parents, before):
            return parents.view_as(labels)


def label_instances(labels: Tensor, groups: Tensor | None = None, ignore_index: int = 255) -> tuple[Tensor, Tensor]:
    """Split the foreground of a label map into instances: 4-connected pixels of one class and one group.

    Without ``groups``, touching objects of a class become one instance, and an occluded object several.

    Args:
        labels: Class of each pixel, 0 is background, ``(H, W)``.
        groups: Ids that keep touching objects apart, such as those of :func:`displacement_groups`, ``(H, W)``.
        ignore_index: Label of ignored pixels, which are in no instance.

    Returns:
        The instance of each pixel, ``(H, W)`` int64: 0 is none, and 1 to n are ordered by their first pixels in
        row-major order; and the classes of the instances, ``(n,)`` int64.

    Raises:
        ValueError: If the maps are not integers, or differ in size.
    """
    if groups is not None and groups.shape != labels.shape:
        raise ValueError(f'`groups` must have the size {tuple(labels.shape)} of `labels`, got {tuple(groups.shape)}.')
    pieces = labels
    if groups is not None:
        _, pairs = torch.stack([labels.long(), groups.long()]).flatten(1).unique(dim=1, return_inverse=True)
        pieces = pairs.view_as(labels)
    components = connected_components(pieces)
    foreground = (labels > 0) & (labels != ignore_index)
    first, inverse = components[foreground].unique(return_inverse=True)
    instances = torch.zeros_like(components)
    instances[foreground] = inverse + 1
    return instances, labels.flatten()[first].long()


def displacement_centers(displacements: Tensor, iterations: int = 300) -> Tensor:
    r"""Follow a displacement field from each pixel to its instance center (Ahn et al., CVPR 2019, Sec. 4.2).

    .. math:: c \leftarrow \operatorname{clip}(c + D(c)), \quad c_0 = \text{the pixel}

    D is bilinear between pixels. A single step would be enough for an exact field; the iterations sum up the steps of
    an inexact one. 300 is the number of the authors' code.

    Args:
        displacements: Rows and columns to move by, in pixels of the field, ``(2, H, W)``, finite.
        iterations: Number of steps, non-negative.

    Returns:
        Row and column of each pixel's center, ``(2, H, W)``.

    Raises:
        ValueError: If ``displacements`` is not finite ``(2, H, W)``, or ``iterations`` is negative.
    """
    check_score_map(displacements, 'displacements')
    check_finite(displacements=displacements)
    if len(displacements) != 2:
        raise ValueError(f'`displacements` must be (2, H, W), got {tuple(displacements.shape)}.')
    if iterations < 0:
        raise ValueError(f'`iterations` must be non-negative, got {iterations}.')
    field = at_least_float32(displacements)
    limits = field.new_tensor(field.shape[1:]).view(2, 1, 1) - 1
    axes = [torch.arange(length).to(field) for length in field.shape[1:]]
    centers = torch.stack(torch.meshgrid(*axes, indexing='ij'))
    for _ in range(iterations):
        # grid_sample takes x before y, from -1 to 1 between the centers of the outermost pixels
        grid = (2 * centers / limits.clamp(min=1) - 1).flip(0).permute(1, 2, 0)[None]
        centers = centers + F.grid_sample(field[None], grid, padding_mode='border', align_corners=True)[0]
        centers = centers.clamp(min=0).minimum(limits)
    return centers


def displacement_groups(displacements: Tensor, threshold: float = 2.5, iterations: int = 300) -> Tensor:
    r"""Group pixels whose displacements lead to the same center region (Ahn et al., CVPR 2019, Sec. 4.2).

    The center regions are the 4-connected components of the pixels with :math:`\| D \| <` ``threshold``. A pixel is in
    the group of the region at its rounded center, see :func:`displacement_centers`. 2.5 is the value of the authors'
    code, for a field of a quarter of the image's size. Resize the groups to the image with nearest neighbors.

    Args:
        displacements: See :func:`displacement_centers`.
        threshold: Largest norm in a center region, exclusive; positive.
        iterations: See :func:`displacement_centers`.

    Returns:
        The group of each pixel, ``(H, W)`` int64: 1 and up, and 0 for the pixels that end outside of all regions,
        which the authors' code groups together too.

    Raises:
        ValueError: If ``displacements`` is not finite ``(2, H, W)``, or a number is out of range.
    """
    if not threshold > 0:
        raise ValueError(f'`threshold` must be positive, got {threshold}.')
    row, column = displacement_centers(displacements, iterations).round().long()
    regions, _ = label_instances((at_least_float32(displacements).norm(dim=0) < threshold).long())
    return regions[row, column]


def instance_scores(probs: Tensor, instances: Tensor, classes: Tensor, min_fraction: float = 0.01) -> Tensor:
    """Score instances by the maximum of their class in them (Ahn et al., CVPR 2019, authors' code).

    Args:
        probs: Class scores, ``(K, H, W)``.
        instances: Instance of each pixel, 0 is none, 1 to n, ``(H, W)``.
        classes: Class of each instance, ``(n,)``.
        min_fraction: An instance with a smaller fraction of the pixels gets the score 0.

    Returns:
        The scores, ``(n,)``.

    Raises:
        ValueError: If the sizes do not agree.
    """
    if probs.dim() != 3 or probs.shape[1:] != instances.shape or int(instances.max()) > len(classes):
        raise ValueError(
            f'`instances` must have the size of `probs` (K, H, W) and ids up to {len(classes)}, got '
            f'{tuple(instances.shape)} up to {int(instances.max())} for {tuple(probs.shape)}.'
        )
    inside = instances > 0
    ids = instances[inside] - 1
    values = probs[:, inside].gather(0, classes[ids][None])[0]
    scores = probs.new_full((len(classes),), -torch.inf).scatter_reduce(0, ids, values, 'amax')
    areas = ids.bincount(minlength=len(classes))
    return scores.where((areas > 0) & (areas >= min_fraction * instances.numel()), torch.zeros_like(scores))
