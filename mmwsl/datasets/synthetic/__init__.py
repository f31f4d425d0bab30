"""Procedural scenes of shapes: the layout from (seed, index), and the painting of its pixels."""

from .layout import SceneObject, draw_layout
from .rendering import render_image, render_mask

__all__ = ['SceneObject', 'draw_layout', 'render_mask', 'render_image']
