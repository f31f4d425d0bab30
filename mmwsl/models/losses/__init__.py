"""Losses of weak supervision."""

from .image_label_losses import SoftmaxLikelihoodLoss, SoftMarginLoss

__all__ = ['SoftMarginLoss', 'SoftmaxLikelihoodLoss']
