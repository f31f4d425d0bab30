"""Biases that give every present class a fraction of the image, EM-Adapt (Papandreou et al., ICCV 2015)."""

from collections.abc import Sequence

import torch
from torch import Tensor

from .inputs import at_least_float32, valid_or_all


def adaptive_bias(
    scores: Tensor,
    present: Tensor,
    portions: Sequence[float] | Tensor,
    valid: Tensor | None = None,
    *,
    sweeps: int = 5,
    generator: torch.Generator | None = None,
) -> Tensor:
    r"""Bias every present class until it scores highest at :math:`\rho_l` of the locations, EM-Adapt (Sec. 3.2).

    A sweep updates the background first and then the other classes in random order. The update of class :math:`l`
    raises its bias by the :math:`\rho_l`-quantile of its deficit,

    .. math:: b_l \leftarrow b_l + Q_{\rho_l} \big\{ \max_{m\ \text{present}} (f_{ij}(m) + b_m) - f_{ij}(l) - b_l
              : ij \in V \big\}

    This is 0 for a class that already has its fraction. Right after its update, a class scores highest at
    :math:`\lfloor \rho_l |V| \rfloor` locations or more; later updates of other classes may take some of them. The
    latent label of a location is then :math:`\arg\max_l f_{ij}(l) + b_l`. The quantile is the element of rank
    :math:`\lfloor \rho_l |V| \rfloor`, counted from 0, as in the authors' code.

    Args:
        scores: Class scores :math:`f`, ``(N, K, H, W)``.
        present: Present classes, boolean, ``(N, K)``.
        portions: Fraction :math:`\rho` of each class, in [0, 1], K values. The paper uses 0.4 for the background and
            0.2 for every other class.
        valid: Boolean map of the locations to use, ``(N, H, W)``, at least one per image. All locations if None.
        sweeps: Number of updates of every class. With more sweeps the fractions settle.
        generator: Source of the random order; torch's global generator if None.

    Returns:
        Non-negative biases ``(N, K)``, ``-inf`` for absent classes.

    Raises:
        ValueError: If shapes do not agree, or a portion or the number of sweeps is out of range.
    """
    num_images, num_classes = scores.shape[:2]
    portions = torch.as_tensor(portions, dtype=torch.float64)
    if portions.shape != (num_classes,) or not ((portions >= 0) & (portions <= 1)).all():
        raise ValueError(
            f'`portions` must be {num_classes} numbers in [0, 1], one for each class, got {portions.tolist()}.'
        )
    if sweeps < 1:
        raise ValueError(f'`sweeps` must be at least 1, got {sweeps}.')
    check_present(scores, present)
    valid = valid_or_all(scores, valid).flatten(1)
    scores = at_least_float32(scores.detach().flatten(2))
    biases = torch.zeros_like(scores[:, :, 0]).masked_fill(~present, -torch.inf)
    counts = valid.sum(1)
    images = torch.arange(num_images, device=scores.device)
    updates = int(present.sum(1).amax()) if num_images else 0
    highest = (scores + biases[:, :, None]).amax(1)  # (N, H*W), of the present classes
    for _ in range(sweeps):
        keys = torch.rand(num_images, num_classes, generator=generator).to(scores.device)
        keys[:, 0] = -1  # the background is first
        order = keys.masked_fill(~present, 2.0).argsort(1)
        for update in range(updates):
            label = order[:, update]  # (N,); has no effect on an image with fewer classes
            deficit = highest - scores[images, label] - biases[images, label][:, None]
            deficit = deficit.masked_fill(~valid, torch.inf).sort(1).values
            rank = (portions.to(counts.device)[label] * counts).long().minimum(counts - 1)
            increase = deficit.gather(1, rank[:, None])[:, 0].where(present[images, label], 0.0)
            biases[images, label] += increase
            highest = highest.maximum(scores[images, label] + biases[images, label][:, None])
    return biases


def check_present(scores: Tensor, present: Tensor) -> None:
    """Check that ``present`` is boolean and ``(N, K)`` like ``scores (N, K, H, W)``.

    Raises:
        ValueError: If it is not.
    """
    if present.shape != scores.shape[:2] or present.dtype != torch.bool:
        raise ValueError(
            f'`present` must be boolean of shape {tuple(scores.shape[:2])} like `scores`, got '
            f'{present.dtype} of shape {tuple(present.shape)}.'
        )
