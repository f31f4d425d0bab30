"""Losses of weak supervision, and noise-robust losses for pseudo-labels."""

from .border_weighted_loss import BorderWeightedCrossEntropyLoss
from .ccnn_loss import CCNNLoss
from .em_losses import EMAdaptLoss, EMFixedLoss
from .image_label_losses import ImageLabelLoss, MultiLabelSoftMarginLoss, SoftmaxCrossEntropyLoss
from .mil_fcn_loss import MILFCNLoss
from .multilabel_losses import AsymmetricLoss, AveragePrecisionLoss, MultiLabelFocalLoss
from .noisy_label_losses import (
    BootstrappedCrossEntropyLoss,
    GeneralizedCrossEntropyLoss,
    RobustCrossEntropyLoss,
    SymmetricCrossEntropyLoss,
)
from .saliency_loss import SaliencyCrossEntropyLoss
from .score_map_loss import MaskBinaryCrossEntropyLoss, MaskCrossEntropyLoss, ScoreMapLoss
from .supervision import WeakSupervision
from .token_contrast_loss import CropTokenContrastLoss, PatchTokenContrastLoss

__all__ = [
    'AsymmetricLoss',
    'AveragePrecisionLoss',
    'BorderWeightedCrossEntropyLoss',
    'BootstrappedCrossEntropyLoss',
    'CCNNLoss',
    'CropTokenContrastLoss',
    'EMAdaptLoss',
    'EMFixedLoss',
    'GeneralizedCrossEntropyLoss',
    'ImageLabelLoss',
    'MILFCNLoss',
    'MaskBinaryCrossEntropyLoss',
    'MaskCrossEntropyLoss',
    'MultiLabelFocalLoss',
    'MultiLabelSoftMarginLoss',
    'PatchTokenContrastLoss',
    'RobustCrossEntropyLoss',
    'SaliencyCrossEntropyLoss',
    'ScoreMapLoss',
    'SoftmaxCrossEntropyLoss',
    'SymmetricCrossEntropyLoss',
    'WeakSupervision',
]
