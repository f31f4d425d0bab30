"""Segmentors."""

from .activation_maps import ActivationMaps
from .postprocessed_encoder_decoder import PostprocessedEncoderDecoder
from .proposal_cascade import ProposalCascade
from .weak_encoder_decoder import WeakEncoderDecoder
from .weak_seg_tta import WeakSegTTAModel

__all__ = ['ActivationMaps', 'PostprocessedEncoderDecoder', 'ProposalCascade', 'WeakEncoderDecoder', 'WeakSegTTAModel']
