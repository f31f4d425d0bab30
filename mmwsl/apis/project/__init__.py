"""Projects of own images: the folder that ``mmwsl run`` fills, and its stages."""

from .layout import Project

__all__ = ['Project']
