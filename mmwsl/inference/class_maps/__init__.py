"""Class maps: from scores to one map per class."""

from .base import ClassMaps
from .beam_search_boxes import BeamSearchBoxes
from .class_activation_maps import ClassActivationMaps
from .clip_es_maps import CLIPESMaps
from .distinct_class_saliency import DistinctClassSaliency
from .guided_backprop_saliency import GuidedBackpropSaliency
from .probabilities import Probabilities
from .zoom_out_maps import ZoomOutMaps

__all__ = [
    'BeamSearchBoxes',
    'CLIPESMaps',
    'ClassActivationMaps',
    'ClassMaps',
    'DistinctClassSaliency',
    'GuidedBackpropSaliency',
    'Probabilities',
    'ZoomOutMaps',
]
