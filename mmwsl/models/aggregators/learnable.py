"""Trainable hyper-parameters of aggregators."""

import torch
from torch import nn


def learnable_parameter(value: float, learnable: bool, num_classes: int | None) -> nn.Parameter | None:
    """Create the parameter ``(num_classes,)`` of a learnable hyper-parameter, None if it is fixed.

    Raises:
        ValueError: If ``num_classes`` is not given exactly when ``learnable`` is True.
    """
    if learnable != (num_classes is not None):
        raise ValueError(
            '`num_classes` must be set if and only if `learnable` is True, got '
            f'learnable={learnable} and num_classes={num_classes}.'
        )
    return None if num_classes is None else nn.Parameter(torch.full((num_classes,), float(value)))
