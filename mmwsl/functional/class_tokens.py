"""Class tokens of a transformer: their contrast, and class maps by their attention to the patches."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from .inputs import at_least_float32, check_finite

CROP_EPSILON = 1e-4


def class_token_contrast(tokens: Tensor, labels: Tensor) -> Tensor:
    r"""Compute how much the class tokens of an image are alike (contrastive class token loss of MCTformer+, Xu et al.).

    .. math:: L = - \frac{1}{|P|} \sum_{c \in P} \log \frac{\exp (z_c \cdot z_c)}{\sum_k \exp (z_c \cdot z_k)}, \quad
              z_c = \frac{t_c}{\| t_c \|}

    with the present classes P: the cross-entropy of the rows of the similarity matrix against the identity, without a
    temperature. It is the mean over layers and over images with a present class (TPAMI 2024).

    Args:
        tokens: Class tokens :math:`t` of each layer, ``(N, L, C, D)``. Half precision is computed in float32.
        labels: 1 for a present class, other values otherwise, ``(N, C)``.

    Returns:
        The loss, a scalar: 0 if no class is present, at least :math:`\log (1 + (C - 1) e^{-2})` otherwise.

    Raises:
        ValueError: If shapes do not agree.
    """
    if tokens.dim() != 4 or labels.shape != (tokens.shape[0], tokens.shape[2]):
        raise ValueError(
            f'`tokens` must be (N, L, C, D) and `labels` (N, C), got {tuple(tokens.shape)} and {tuple(labels.shape)}.'
        )
    unit = F.normalize(at_least_float32(tokens), dim=-1)
    losses = -(unit @ unit.transpose(2, 3)).log_softmax(-1).diagonal(dim1=2, dim2=3).mean(1)  # (N, C)
    present = (labels == 1).to(losses.dtype)
    counts = present.sum(1)
    of_image = (losses * present).sum(1) / counts.clamp(min=1)
    return of_image.sum() / (counts > 0).sum().clamp(min=1)


def crop_token_contrast(teachers: Tensor, students: Tensor, positive: Tensor, temperature: float = 0.5) -> Tensor:
    r"""Compute the contrast of class tokens of crops (class token contrast of ToCo, Ru et al., CVPR 2023).

    For the projection q of each whole view by the teacher, with crops :math:`P` on objects and crops :math:`U` without,

    .. math:: L = - \frac{1}{|P|} \Big( \sum_{k \in P} \log \frac{e^{q \cdot k / \tau}}{e^{q \cdot k / \tau} + s}
              + \log \frac{1}{1 + s} \Big), \quad s = \sum_{k \in U} e^{q \cdot k / \tau} + 10^{-4}

    The mean is over whole views and images. The second term, which keeps s small, is that of the authors' code. An
    image without a positive crop contributes 0. The projections are not normalized here.

    Args:
        teachers: Projections q of whole views, ``(N, T, D)``. They get no gradient. Half precision is computed in
            float32.
        students: Projections k of all crops, ``(N, V, D)``.
        positive: Crops on objects, boolean ``(N, V)``; whole views are positive in ToCo.
        temperature: Temperature :math:`\tau`, positive; 0.5 in ToCo, 1.0 in its script for COCO.

    Returns:
        The loss, a non-negative scalar.

    Raises:
        ValueError: If shapes do not agree, or ``temperature`` is not positive.
    """
    shapes = [tuple(one.shape) for one in (teachers, students, positive)]
    if teachers.dim() != 3 or students.dim() != 3 or positive.shape != students.shape[:2]:
        raise ValueError(f'`teachers` (N, T, D), `students` (N, V, D) and `positive` (N, V) must agree, got {shapes}.')
    if not temperature > 0:
        raise ValueError(f'`temperature` must be positive, got {temperature}.')
    logits = at_least_float32(teachers.detach()) @ at_least_float32(students).transpose(1, 2) / temperature  # (N, T, V)
    chosen = positive[:, None].expand_as(logits)
    # The logarithm of s, with 1e-4 as one more negative, so that large logits do not overflow.
    rest = torch.full_like(logits[..., :1], math.log(CROP_EPSILON))
    negative = torch.cat([logits.masked_fill(chosen, -torch.inf), rest], 2).logsumexp(2, keepdim=True)
    losses = F.softplus(negative - logits).masked_fill(~chosen, 0.0).sum(2) + F.softplus(negative)[..., 0]
    counts = positive.sum(1)[:, None]
    return (losses / counts.clamp(min=1)).masked_fill(counts == 0, 0.0).mean()


def uncertain_crops(
    labels: Tensor, valid: Tensor, count: int, size: int, threshold: float = 0.2, ignore_index: int = 255
) -> tuple[Tensor, Tensor]:
    """Draw crops around locations that are no certain object (local crops of ToCo, Ru et al., CVPR 2023).

    A location counts 0 if it is background, 1 if it is ignored, and 2 if it has a class. The centers are drawn among
    the valid locations below 2, or among all valid ones if there are none. A crop is moved into the valid rectangle. It
    is on an object if the mean of its valid locations exceeds ``threshold``.

    Args:
        labels: Labels of the locations, ``(N, h, w)``.
        valid: Locations inside the images, boolean ``(N, h, w)``, a rectangle each.
        count: Number of crops V of an image.
        size: Side of a crop in locations, at most h and w.
        threshold: Largest mean of a crop without an object; 0.2 in ToCo.
        ignore_index: Label of ignored locations.

    Returns:
        First row and column of each crop, ``(N, V, 2)`` int64, and whether it is on an object, boolean ``(N, V)``.
    """
    codes = torch.full_like(labels, 2).masked_fill(labels == ignore_index, 1).masked_fill(labels == 0, 0)
    corners = labels.new_empty(len(labels), count, 2, dtype=torch.int64)
    limit = torch.tensor(labels.shape[1:]).to(corners) - size
    positive = torch.empty(len(labels), count, dtype=torch.bool, device=labels.device)
    for n, (code, inside) in enumerate(zip(codes, valid, strict=True)):
        centers = ((code < 2) & inside).nonzero()
        centers = centers if len(centers) else inside.nonzero()
        drawn = centers[torch.randint(len(centers), (count,)).to(centers.device)]
        sides = inside.any(1), inside.any(0)
        first = torch.stack([side.int().argmax() for side in sides])
        end = first + torch.stack([side.sum() for side in sides])
        # A rectangle smaller than a crop does not contain it, but the map does.
        corners[n] = (drawn - size // 2).minimum(end - size).maximum(first).minimum(limit)
        for v, (row, column) in enumerate(corners[n].tolist()):
            window = (slice(row, row + size), slice(column, column + size))
            positive[n, v] = code[window][inside[window]].float().mean() > threshold
    return corners, positive


def class_attention(attention: Tensor, num_classes: int, size: tuple[int, int]) -> Tensor:
    r"""Return the attention of the class tokens to the patches as maps (MCTformer, Xu et al., CVPR 2022, Eq. 1).

    The tokens are the class tokens, then the patches row by row.

    Args:
        attention: Attention of any layers or heads, ``(..., T, T)`` with ``T = C + h * w``; rows attend to columns.
        num_classes: Number of class tokens C.
        size: Height h and width w of the patches.

    Returns:
        Maps, ``(..., C, h, w)``.

    Raises:
        ValueError: If the shape does not fit ``num_classes`` and ``size``.
    """
    _check(attention, num_classes, size)
    return attention[..., :num_classes, num_classes:].unflatten(-1, size)


def patch_attention(attention: Tensor, num_classes: int, size: tuple[int, int]) -> Tensor:
    """Return the attention between patches, ``(..., h * w, h * w)``; see :func:`class_attention` for the arguments."""
    _check(attention, num_classes, size)
    return attention[..., num_classes:, num_classes:]


def fuse_class_attention(maps: Tensor, attention_maps: Tensor, root: bool = True) -> Tensor:
    r"""Multiply class maps of the patches and of the class tokens (MCTformer, Xu et al., CVPR 2022, Eq. 8).

    .. math:: M_c = \sqrt{\max(0, z_c) \, A_c}

    The square root is that of MCTformer+; MCTformer has none.

    Args:
        maps: Logits z of the patches, ``(N, C, h, w)``. Half precision is computed and returned in float32.
        attention_maps: Maps A of :func:`class_attention`, ``(N, C, h, w)``.
        root: Whether to take the square root.

    Returns:
        Non-negative maps, ``(N, C, h, w)``.
    """
    product = at_least_float32(maps).relu() * at_least_float32(attention_maps)
    return product.sqrt() if root else product


def refine_by_attention(maps: Tensor, affinity: Tensor, valid: Tensor | None = None) -> Tensor:
    r"""Propagate class maps once by the attention between patches (MCTformer, Xu et al., CVPR 2022, Eq. 4).

    .. math:: M'_c(i) = \sum_j A_{ij} \, M_c(j)

    Args:
        maps: Class maps, ``(N, C, h, w)``. Half precision is computed and returned in float32.
        affinity: Attention A between patches, ``(N, h * w, h * w)``, such as the mean of :func:`patch_attention` over
            layers and heads. The rows need not sum to 1.
        valid: Patches inside of the images, boolean ``(N, h, w)``; all of them if None. Other patches are no sources.

    Returns:
        Maps, ``(N, C, h, w)``.

    Raises:
        ValueError: If shapes do not agree, or a value is not finite.
    """
    count = maps.shape[2] * maps.shape[3] if maps.dim() == 4 else -1
    if affinity.shape != (len(maps), count, count):
        raise ValueError(
            f'`maps` (N, C, h, w) and `affinity` (N, h * w, h * w) must agree, got {tuple(maps.shape)} and '
            f'{tuple(affinity.shape)}.'
        )
    check_finite(maps=maps, affinity=affinity)
    maps, affinity = at_least_float32(maps), at_least_float32(affinity)
    sources = maps if valid is None else maps * valid[:, None]
    return torch.einsum('nij,ncj->nci', affinity, sources.flatten(2)).view_as(maps)


def _check(attention: Tensor, num_classes: int, size: tuple[int, int]) -> None:
    total = num_classes + size[0] * size[1]
    if attention.shape[-2:] != (total, total):
        raise ValueError(
            f'`attention` must be (..., {total}, {total}) for {num_classes} class tokens and {size[0]} x {size[1]} '
            f'patches, got {tuple(attention.shape)}.'
        )
