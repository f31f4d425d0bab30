"""Losses of weak supervision, and of labels that are partly wrong."""

from .area_loss import AreaConstrainedLoss
from .em_losses import EMAdaptLoss, EMFixedLoss
from .image_label_losses import ImageLabelLoss, SoftMarginLoss, SoftmaxLikelihoodLoss
from .mil_loss import BestCellLoss
from .multilabel_losses import AsymmetricLoss, AveragePrecisionLoss, MultiLabelFocalLoss
from .noisy_label_losses import BootstrappedCrossEntropyLoss, GeneralizedCrossEntropyLoss, SymmetricCrossEntropyLoss
from .score_map_loss import MaskLikelihoodLoss, ScoreMapLoss

__all__ = [
    'AreaConstrainedLoss',
    'AsymmetricLoss',
    'AveragePrecisionLoss',
    'BestCellLoss',
    'BootstrappedCrossEntropyLoss',
    'EMAdaptLoss',
    'EMFixedLoss',
    'GeneralizedCrossEntropyLoss',
    'ImageLabelLoss',
    'MaskLikelihoodLoss',
    'MultiLabelFocalLoss',
    'ScoreMapLoss',
    'SoftMarginLoss',
    'SoftmaxLikelihoodLoss',
    'SymmetricCrossEntropyLoss',
]
