"""Segmentors."""

from .clip_segmentor import CLIPSegmentor
from .confidence_weighted import ConfidenceWeightedSegmentor
from .dual_student import DualStudentSegmentor, DualStudentTokenContrastSegmentor
from .mean_teacher import MeanTeacherSegmentor
from .multi_scale_encoder_decoder import MultiScaleEncoderDecoder
from .pronet import ProNet
from .proposal_cascade import ProposalCascade
from .proposal_network import ProposalNetwork
from .scored_seg_tta import ScoredSegTTAModel, class_probs
from .seam import SEAM
from .token_contrast import TokenContrastSegmentor
from .weak_encoder_decoder import WeakEncoderDecoder
from .weak_seg_tta import WeakSegTTAModel
from .weclip import WeCLIP

__all__ = [
    'SEAM',
    'CLIPSegmentor',
    'ConfidenceWeightedSegmentor',
    'DualStudentSegmentor',
    'DualStudentTokenContrastSegmentor',
    'MeanTeacherSegmentor',
    'MultiScaleEncoderDecoder',
    'ProNet',
    'ProposalCascade',
    'ProposalNetwork',
    'TokenContrastSegmentor',
    'WeakEncoderDecoder',
    'ScoredSegTTAModel',
    'WeakSegTTAModel',
    'class_probs',
    'WeCLIP',
]
