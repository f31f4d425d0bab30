"""Command ``mmwsl``."""
