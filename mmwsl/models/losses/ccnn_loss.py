"""CCNN loss: constraints on the area of each class (Pathak et al., ICCV 2015)."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ...functional import ccnn_bias, score_map_kl_divergence
from ...registry import MODELS
from .score_map_loss import ScoreMapLoss
from .supervision import WeakSupervision


@MODELS.register_module()
class CCNNLoss(ScoreMapLoss):
    r"""Divergence from the nearest latent distribution whose class areas keep bounds (CCNN).

    See :func:`mmwsl.functional.ccnn_bias`. The area of a class is the sum of its probabilities, as a fraction of the
    image. The two bounds of the background are hard, except in a background image. The bounds of the foreground are
    soft, at a price of ``slack``. An absent class has no mass. The defaults are the authors' for image-level labels
    without sizes.

    With size labels, one more bit per object, a large object has the lower bound ``large_area`` instead. A small object
    has the upper bound ``small_area`` and no lower bound. The labels are the field ``gt_label.size`` of a data sample,
    ``(K,)``, with 1 for large, 0 for small, -1 for unknown; a sample may lack them. One commit of the authors'
    source uses a background of (0.2, 0.7) and a hardness of 1000 with them. There, large objects also have a hard
    lower bound of 0.1; here ``large_area`` is soft, with ``slack``.

    With a ``hardness`` :math:`s`, the entropy of the latent distribution weighs :math:`1 / s` of its fit to the
    network, :math:`P_{ij} = \mathrm{softmax}(s (f_{ij} + \lambda))`; 1 is the divergence. High values assign nearly
    every location to one class, so that areas count locations instead of summing low probabilities. Finding the bounds
    then costs about 30 times as much.

    Args:
        background_area: Smallest and largest area of the background.
        foreground_area: Smallest area of a present foreground class.
        large_area: Smallest area of a large object.
        small_area: Largest area of a small object.
        slack: Largest bias of a foreground class, in logits, non-negative; ``inf`` makes its bounds hard.
        hardness: Hardness of the assignment of locations to classes, positive.
        **kwargs: Passed to :class:`ScoreMapLoss`.

    Raises:
        ValueError: If an area is not in [0, 1], the background's areas are not in order, the slack is negative, or the
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
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if len(background_area) != 2 or not 0 <= background_area[0] <= background_area[1] <= 1:
            raise ValueError(
                'CCNNLoss: `background_area` must be two fractions of the image in [0, 1], the smaller first, got '
                f'{background_area}.'
            )
        for name, value in dict(foreground_area=foreground_area, large_area=large_area, small_area=small_area).items():
            if not 0 <= value <= 1:
                raise ValueError(f'CCNNLoss: `{name}` must be in [0, 1], got {value}. Set a fraction of the image.')
        if not slack >= 0:
            raise ValueError(f'CCNNLoss: `slack` must be non-negative, got {slack}.')
        if not 0 < hardness < math.inf:
            raise ValueError(f'CCNNLoss: `hardness` must be positive and finite, got {hardness}.')
        self.background_area = tuple(background_area)
        self.foreground_area, self.large_area, self.small_area = foreground_area, large_area, small_area
        self.slack, self.hardness = slack, hardness

    def weak_loss(self, seg_logits: Tensor, supervision: WeakSupervision) -> Tensor:
        """Compute the losses ``(N,)``."""
        image_labels, valid = supervision.image_labels, supervision.valid
        present = image_labels == 1
        # The loss of an image without a present class is unused, but its distribution must exist.
        present[:, 0] |= ~present.any(1)
        lower, upper, slack = self.bounds(image_labels, supervision.sizes)
        # The harder problem is the plain problem with scores and slack multiplied by the hardness.
        scores = self.hardness * seg_logits.detach().to(torch.promote_types(seg_logits.dtype, torch.float32))
        biases = ccnn_bias(scores, present, lower, upper, self.hardness * slack, valid)
        targets = (scores + biases[:, :, None, None]).softmax(1)
        return score_map_kl_divergence(seg_logits, targets, image_labels, valid)

    def bounds(self, image_labels: Tensor, sizes: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Return the smallest areas, the largest areas and the slack of the classes, ``(N, K)`` each.

        Raises:
            ValueError: If the shape of ``sizes`` is not the shape of ``image_labels``.
        """
        lower = torch.full(image_labels.shape, float(self.foreground_area), device=image_labels.device)
        upper = torch.ones_like(lower)
        if sizes is not None:
            if sizes.shape != image_labels.shape:
                raise ValueError(
                    f'CCNNLoss: `sizes` must have the shape of `image_labels` {tuple(image_labels.shape)}, got '
                    f'{tuple(sizes.shape)}.'
                )
            lower = lower.masked_fill(sizes == 1, self.large_area).masked_fill(sizes == 0, 0.0)
            upper = upper.masked_fill(sizes == 0, self.small_area)
        lower[:, 0], upper[:, 0] = self.background_area
        slack = torch.full_like(lower, self.slack)
        slack[:, 0] = math.inf
        return lower, upper, slack
