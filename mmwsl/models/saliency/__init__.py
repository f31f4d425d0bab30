"""Class saliency, which the segmentor writes into its data samples before post-processing."""

from .distinct_class_saliency import DistinctClassSaliency
from .guided_backprop_saliency import GuidedBackpropSaliency

__all__ = ['DistinctClassSaliency', 'GuidedBackpropSaliency']
