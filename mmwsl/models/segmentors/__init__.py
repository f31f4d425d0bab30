"""Segmentors."""

from .class_activation_maps import ClassActivationMaps
from .postprocessed_encoder_decoder import PostprocessedEncoderDecoder
from .proposal_cascade import ProposalCascade
from .weak_encoder_decoder import WeakEncoderDecoder
from .weak_seg_tta import WeakSegTTAModel

__all__ = [
    'ClassActivationMaps',
    'PostprocessedEncoderDecoder',
    'ProposalCascade',
    'WeakEncoderDecoder',
    'WeakSegTTAModel',
]
