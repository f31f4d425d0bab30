"""Drawings of images, masks and results."""

from .chart import draw_chart
from .image_grid import colorize_mask, image_grid

__all__ = ['colorize_mask', 'draw_chart', 'image_grid']
