"""Losses of weak supervision."""

from .image_label_losses import SoftMarginLoss, SoftmaxLikelihoodLoss

__all__ = ['SoftMarginLoss', 'SoftmaxLikelihoodLoss']
