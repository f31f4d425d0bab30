"""Segmentors."""

from .proposal_cascade import ProposalCascade
from .weak_encoder_decoder import WeakEncoderDecoder
from .weak_seg_tta import WeakSegTTAModel

__all__ = ['ProposalCascade', 'WeakEncoderDecoder', 'WeakSegTTAModel']
