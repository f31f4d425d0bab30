"""Aggregators of score maps."""

from .pooling import LSEPooling, MaxPooling, MeanPooling

__all__ = ['LSEPooling', 'MaxPooling', 'MeanPooling']
