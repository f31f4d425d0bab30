"""mmwsl: weakly supervised semantic segmentation for OpenMMLab."""

__version__ = '0.1.0'
