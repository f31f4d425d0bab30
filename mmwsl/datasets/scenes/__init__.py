"""Procedural scenes of shapes: the layout from (seed, index), and the painting of its pixels."""

from .layout import SceneObject, draw_layout
from .painting import paint_mask, paint_picture

__all__ = ['SceneObject', 'draw_layout', 'paint_mask', 'paint_picture']
