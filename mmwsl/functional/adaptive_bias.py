"""Biases of the classes present that give each a share of the image (Papandreou et al., ICCV 2015)."""

from collections.abc import Sequence

import torch
from torch import Tensor

from .weak_losses import valid_or_all


def adaptive_bias(
    scores: Tensor,
    present: Tensor,
    portions: Sequence[float] | Tensor,
    valid: Tensor | None = None,
    *,
    sweeps: int = 5,
    generator: torch.Generator | None = None,
) -> Tensor:
    r"""Bias every class present until it is the best of :math:`\rho_l` of the cells, EM-Adapt (Sec. 3.2).

    Classes take turns, the background first and the others in random order, for several sweeps. In its turn, class
    :math:`l` is raised by the :math:`\rho_l`-quantile of how much it lacks,

    .. math:: b_l \leftarrow b_l + Q_{\rho_l} \big\{ \max_{m\ \text{present}} (f_{ij}(m) + b_m) - f_{ij}(l) - b_l
              : ij \in V \big\}

    which is 0 where it has its share. Right after its turn, a class is the best of at least
    :math:`\lfloor \rho_l |V| \rfloor` cells; a later turn of another class may take some of them. The latent label of
    a cell is then :math:`\arg\max_l f_{ij}(l) + b_l`. The quantile is the element of rank
    :math:`\lfloor \rho_l |V| \rfloor`, counted from 0, as in the authors' code.

    Args:
        scores: Class scores :math:`f`, ``(N, K, H, W)``.
        present: Classes present, boolean, ``(N, K)``.
        portions: :math:`\rho` of each class, in [0, 1], K values. The paper uses 0.4 for the background and 0.2 else.
        valid: Boolean map of the cells to use, ``(N, H, W)``, at least one an image. All cells if None.
        sweeps: How often all classes take turns. More lets the shares settle.
        generator: Source of the random order; torch's global one if None.

    Returns:
        Biases ``(N, K)``, not negative, ``-inf`` for classes that are absent.

    Raises:
        ValueError: If shapes do not agree, or a portion or the number of sweeps is out of range.
    """
    num_images, num_classes = scores.shape[:2]
    portions = torch.as_tensor(portions, dtype=torch.float64)
    if portions.shape != (num_classes,) or not ((portions >= 0) & (portions <= 1)).all():
        raise ValueError(
            f'`portions` must be {num_classes} numbers in [0, 1], one for each class, got {portions.tolist()}'
        )
    if sweeps < 1:
        raise ValueError(f'`sweeps` must be at least 1, got {sweeps}')
    check_present(scores, present)
    cells = valid_or_all(scores, valid).flatten(1)
    scores = scores.detach().flatten(2)
    scores = scores.float() if scores.dtype in (torch.float16, torch.bfloat16) else scores
    biases = torch.zeros_like(scores[:, :, 0]).masked_fill(~present, -torch.inf)
    counts = cells.sum(1)
    images = torch.arange(num_images, device=scores.device)
    turns = int(present.sum(1).amax()) if num_images else 0
    best = (scores + biases[:, :, None]).amax(1)  # (N, H*W), of the classes present
    for _ in range(sweeps):
        keys = torch.rand(num_images, num_classes, generator=generator).to(scores.device)
        keys[:, 0] = -1  # the background is first
        order = keys.masked_fill(~present, 2.0).argsort(1)
        for turn in range(turns):
            label = order[:, turn]  # (N,); of no consequence where the image has fewer classes
            lacking = best - scores[images, label] - biases[images, label][:, None]
            lacking = lacking.masked_fill(~cells, torch.inf).sort(1).values
            rank = (portions.to(counts.device)[label] * counts).long().minimum(counts - 1)
            raised = lacking.gather(1, rank[:, None])[:, 0].where(present[images, label], 0.0)
            biases[images, label] += raised
            best = best.maximum(scores[images, label] + biases[images, label][:, None])
    return biases


def check_present(scores: Tensor, present: Tensor) -> None:
    """Check that ``present`` is boolean and ``(N, K)`` like ``scores (N, K, H, W)``.

    Raises:
        ValueError: If it is not.
    """
    if present.shape != scores.shape[:2] or present.dtype != torch.bool:
        raise ValueError(
            f'`present` must be boolean of shape {tuple(scores.shape[:2])} like `scores`, got '
            f'{present.dtype} of shape {tuple(present.shape)}'
        )
