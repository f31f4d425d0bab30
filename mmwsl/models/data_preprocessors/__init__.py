"""Data preprocessors."""

from .folder_preprocessor import FolderPreProcessor

__all__ = ['FolderPreProcessor']
