"""Two networks that are trained at once, each on the pixel labels of the other."""

import copy
from typing import Any, ClassVar

from mmseg.utils import SampleList, add_prefix
from torch import Tensor

from ...functional import feature_discrepancy_loss
from ...registry import MODELS
from .mean_teacher import MeanTeacherSegmentor
from .token_contrast import TokenContrastSegmentor


@MODELS.register_module()
class DualStudentSegmentor(MeanTeacherSegmentor):
    r"""Two single-stage networks without shared weights (DuPL, Wu et al., CVPR 2024).

    Both have the same config, pretrained weights and losses, and heads that are initialized differently. Each labels
    the pixels as its parent class does, and is trained on the labels of the other. Their features are pushed
    apart, :func:`mmwsl.functional.feature_discrepancy_loss`, from the first iteration on.

    .. math:: L = L_1 + L_2 + \delta L_\mathrm{discrepancy}

    With ``momentum=1`` the networks label the pixels themselves, as in DuPL, without a moving average. The schedule of
    its threshold is that of :class:`mmwsl.models.CosineLabeler`. The filter of noisy labels, ``filtering`` of
    :class:`mmwsl.models.RobustCrossEntropyLoss`, uses the losses of the student that is trained on the labels, DuPL
    those of the student that predicted them. There is no consistency with strongly augmented images.

    Masks and image-level scores are those of the first student; the authors report the better one on val. The losses
    of the second one have the prefix ``second`` in the log.

    Args:
        discrepancy_weight: Weight :math:`\delta`, non-negative.
        discrepancy_index: Index of the feature map of the backbone, or of the neck if there is one.
        **kwargs: Passed to the parent class, for both students.

    Raises:
        ValueError: If the weight is negative or not finite; see also the parent class.
    """

    student: ClassVar[type[MeanTeacherSegmentor]] = MeanTeacherSegmentor

    def __init__(self, *, discrepancy_weight: float = 0.1, discrepancy_index: int = -1, **kwargs: Any) -> None:
        super().__init__(**copy.deepcopy(kwargs))
        if not 0 <= discrepancy_weight < float('inf'):
            raise ValueError(f'`model.discrepancy_weight` must be non-negative and finite, got {discrepancy_weight}.')
        self.discrepancy_weight, self.discrepancy_index = discrepancy_weight, discrepancy_index
        self.second = self.student(**{**kwargs, 'data_preprocessor': None, 'inference': None})  # it predicts nothing

    def loss(self, inputs: Tensor, data_samples: SampleList) -> dict[str, Tensor]:
        """Label the batch by both students, and compute the losses of each on the labels of the other."""
        students = (self, self.second)
        labels = [student.update_teacher().label_pixels(inputs, data_samples) for student in students]
        features = [student.extract_feat(inputs) for student in students]
        losses = self.student_losses(features[0], labels[1], inputs, data_samples)
        losses |= add_prefix(self.second.student_losses(features[1], labels[0], inputs, data_samples), 'second')
        first, second = (levels[self.discrepancy_index] for levels in features)
        metas = [sample.metainfo for sample in data_samples]
        valid = self.auxiliary_head.valid_locations(first, metas, (inputs.shape[2], inputs.shape[3]))
        losses['loss_discrepancy'] = self.discrepancy_weight * feature_discrepancy_loss(first, second, valid)
        return losses


@MODELS.register_module()
class DualStudentTokenContrastSegmentor(DualStudentSegmentor, TokenContrastSegmentor):
    """Two vision transformers with the second classifier of ToCo, as in DuPL (Wu et al., CVPR 2024).

    The labels of the tokens, for the contrast, are each student's own.

    Args:
        **kwargs: Arguments of :class:`DualStudentSegmentor` and :class:`TokenContrastSegmentor`.
    """

    student = TokenContrastSegmentor
