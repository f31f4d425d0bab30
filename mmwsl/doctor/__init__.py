"""Command ``mmwsl doctor``: what this machine has, what is missing, and what to do.

It stands beside ``apis``, which cannot be imported without MMSegmentation, and imports the standard library only.
"""
