"""Synthetic images of shapes: the layout of a scene from (seed, index), and its rendering."""

from .layout import SceneObject, draw_layout
from .rendering import render_image, render_instances, render_mask

__all__ = ['SceneObject', 'draw_layout', 'render_mask', 'render_image', 'render_instances']
