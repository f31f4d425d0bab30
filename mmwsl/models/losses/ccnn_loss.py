"""Constraints on the area of each class (Pathak et al., ICCV 2015)."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ...functional import ccnn_bias, score_map_kl_divergence
from ...registry import MODELS
from .score_map_loss import ScoreMapLoss


@MODELS.register_module()
class CCNNLoss(ScoreMapLoss):
    r"""CCNN: divergence from the nearest distribution whose areas keep bounds; see :func:`ccnn_bias`.

    The bounds are shares of the image, of a class's summed probabilities. Background keeps its two bounds exactly,
    save in an image of background alone; the foreground bounds may be missed, at a price of ``slack``. A class that
    is absent has no mass. The defaults are the authors' for tags without sizes.

    With size tags, one more bit for each object, a large one has the lower bound ``large_area`` instead and a small
    one the upper bound ``small_area``, and no lower one. They are the field ``gt_label.size`` of a data sample,
    ``(K,)``, with 1 for large, 0 for small, -1 for not known; a sample may go without. One commit of the authors'
    source has a background of (0.2, 0.7) and a hardness of 1000 with them. It differs in that its large objects also
    have a hard lower bound of 0.1: ``large_area`` is soft, with ``slack``.

    With a ``hardness`` :math:`s`, the entropy of the latent distribution weighs :math:`1 / s` of its fit to the
    network, :math:`P_{ij} = \mathrm{softmax}(s (f_{ij} + \lambda))`; 1 is the divergence. High ones give nearly every
    cell to one class, so that areas count cells instead of adding up doubts. Finding the bounds then costs about 30
    times as much.

    Args:
        background_area: Smallest and largest area of the background.
        foreground_area: Smallest area of a foreground class present.
        large_area: Smallest area of a large object.
        small_area: Largest area of a small object.
        slack: How many logits a foreground class may be moved for its bounds, not negative; ``inf`` makes them hard.
        hardness: How nearly the latent distribution is one class a cell, positive.
        **kwargs: ``loss_weight`` and ``loss_name`` of :class:`ScoreMapLoss`, which says how masks are used.

    Raises:
        ValueError: If an area is not in [0, 1], the background's are not in order, the slack is negative, or the
            hardness is not positive and finite.
    """

    def __init__(
        self,
        background_area: Sequence[float] = (0.3, 0.7),
        foreground_area: float = 0.05,
        large_area: float = 0.1,
        small_area: float = 0.01,
        slack: float = 2.0,
        hardness: float = 1.0,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        if len(background_area) != 2 or not 0 <= background_area[0] <= background_area[1] <= 1:
            raise ValueError(
                '`background_area` must be a smallest and a largest share of the image, in [0, 1], got '
                f'{background_area}'
            )
        for name, value in dict(foreground_area=foreground_area, large_area=large_area, small_area=small_area).items():
            if not 0 <= value <= 1:
                raise ValueError(f'`{name}` is a share of the image and must be in [0, 1], got {value}')
        if not slack >= 0:
            raise ValueError(f'`slack` must not be negative, got {slack}')
        if not 0 < hardness < math.inf:
            raise ValueError(f'`hardness` must be positive and finite, got {hardness}')
        self.background_area = tuple(background_area)
        self.foreground_area, self.large_area, self.small_area = foreground_area, large_area, small_area
        self.slack, self.hardness = slack, hardness

    def weak_loss(self, seg_logits: Tensor, image_labels: Tensor, valid: Tensor, sizes: Tensor | None) -> Tensor:
        """Return the losses ``(N,)``."""
        present = image_labels == 1
        # An image without a class present is of no consequence, but its distribution must exist.
        present[:, 0] |= ~present.any(1)
        lower, upper, slack = self.bounds(image_labels, sizes)
        # The harder problem is the plain one with the scores, and what they may be moved, times the hardness.
        scores = self.hardness * seg_logits.detach().to(torch.promote_types(seg_logits.dtype, torch.float32))
        biases = ccnn_bias(scores, present, lower, upper, self.hardness * slack, valid)
        targets = (scores + biases[:, :, None, None]).softmax(1)
        return score_map_kl_divergence(seg_logits, targets, image_labels, valid)

    def bounds(self, image_labels: Tensor, sizes: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Return the smallest areas, the largest areas and the slack of the classes, ``(N, K)`` each.

        Raises:
            ValueError: If ``sizes`` are not of the shape of ``image_labels``.
        """
        lower = torch.full(image_labels.shape, float(self.foreground_area), device=image_labels.device)
        upper = torch.ones_like(lower)
        if sizes is not None:
            if sizes.shape != image_labels.shape:
                raise ValueError(
                    f'`sizes` must have the shape of `image_labels` {tuple(image_labels.shape)}, got '
                    f'{tuple(sizes.shape)}'
                )
            lower = lower.masked_fill(sizes == 1, self.large_area).masked_fill(sizes == 0, 0.0)
            upper = upper.masked_fill(sizes == 0, self.small_area)
        lower[:, 0], upper[:, 0] = self.background_area
        slack = torch.full_like(lower, self.slack)
        slack[:, 0] = math.inf
        return lower, upper, slack
