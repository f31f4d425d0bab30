"""Segmentors."""

from .multi_scale_encoder_decoder import MultiScaleEncoderDecoder
from .proposal_cascade import ProposalCascade
from .weak_encoder_decoder import WeakEncoderDecoder
from .weak_seg_tta import WeakSegTTAModel

__all__ = ['MultiScaleEncoderDecoder', 'ProposalCascade', 'WeakEncoderDecoder', 'WeakSegTTAModel']
