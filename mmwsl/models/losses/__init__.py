"""Losses of weak supervision."""

from .area_loss import AreaConstrainedLoss
from .em_losses import EMAdaptLoss, EMFixedLoss
from .image_label_losses import ImageLabelLoss, SoftMarginLoss, SoftmaxLikelihoodLoss
from .mil_loss import BestCellLoss
from .multilabel_losses import AsymmetricLoss, AveragePrecisionLoss, MultiLabelFocalLoss
from .score_map_loss import MaskLikelihoodLoss, ScoreMapLoss

__all__ = [
    'AreaConstrainedLoss', 'AsymmetricLoss', 'AveragePrecisionLoss', 'BestCellLoss', 'EMAdaptLoss', 'EMFixedLoss',
    'ImageLabelLoss', 'MaskLikelihoodLoss', 'MultiLabelFocalLoss', 'ScoreMapLoss', 'SoftMarginLoss',
    'SoftmaxLikelihoodLoss'
]
