"""Losses of weak supervision, and of labels that are partly wrong."""

from .ccnn_loss import CCNNLoss
from .em_losses import EMAdaptLoss, EMFixedLoss
from .image_label_losses import ImageLabelLoss, MultiLabelSoftMarginLoss, SoftmaxCrossEntropyLoss
from .mil_fcn_loss import MILFCNLoss
from .multilabel_losses import AsymmetricLoss, AveragePrecisionLoss, MultiLabelFocalLoss
from .noisy_label_losses import BootstrappedCrossEntropyLoss, GeneralizedCrossEntropyLoss, SymmetricCrossEntropyLoss
from .score_map_loss import MaskCrossEntropyLoss, ScoreMapLoss

__all__ = [
    'CCNNLoss',
    'AsymmetricLoss',
    'AveragePrecisionLoss',
    'MILFCNLoss',
    'BootstrappedCrossEntropyLoss',
    'EMAdaptLoss',
    'EMFixedLoss',
    'GeneralizedCrossEntropyLoss',
    'ImageLabelLoss',
    'MaskCrossEntropyLoss',
    'MultiLabelFocalLoss',
    'ScoreMapLoss',
    'MultiLabelSoftMarginLoss',
    'SoftmaxCrossEntropyLoss',
    'SymmetricCrossEntropyLoss',
]
