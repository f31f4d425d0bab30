"""Segmentors."""

from .multi_scale_encoder_decoder import MultiScaleEncoderDecoder
from .pronet import ProNet
from .proposal_cascade import ProposalCascade
from .proposal_network import ProposalNetwork
from .weak_encoder_decoder import WeakEncoderDecoder
from .weak_seg_tta import WeakSegTTAModel

__all__ = ['MultiScaleEncoderDecoder', 'ProposalCascade', 'WeakEncoderDecoder', 'WeakSegTTAModel']
__all__ = ['ProNet', 'ProposalCascade', 'ProposalNetwork', 'WeakEncoderDecoder', 'WeakSegTTAModel']
