"""Helpers without torch: files, images, progress."""
