"""Drawings of images, masks and results."""

from .chart import draw_chart
from .drawing import draw_legend, overlay_mask, side_by_side
from .image_grid import colorize_mask, image_grid

__all__ = ['colorize_mask', 'draw_chart', 'draw_legend', 'image_grid', 'overlay_mask', 'side_by_side']
