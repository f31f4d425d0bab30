"""Multiple-instance learning on score maps."""

from torch import Tensor

from ...functional import mil_fcn_loss
from ...registry import MODELS
from .score_map_loss import ScoreMapLoss
from .supervision import WeakSupervision


@MODELS.register_module()
class MILFCNLoss(ScoreMapLoss):
    """MIL-FCN loss of each present class at its highest-scoring location; see :func:`mmwsl.functional.mil_fcn_loss`.

    The background counts as present in every image. Unlike :class:`mmwsl.models.GlobalMaxPooling` with a loss of image
    logits, classes compete at a location and not over the image.
    """

    def weak_loss(self, seg_logits: Tensor, supervision: WeakSupervision) -> Tensor:
        """Compute the losses ``(N,)``."""
        return mil_fcn_loss(seg_logits, supervision.image_labels, supervision.valid)
