"""Multiple-instance learning on score maps."""

from torch import Tensor

from ...functional import mil_fcn_loss
from ...registry import MODELS
from .score_map_loss import ScoreMapLoss


@MODELS.register_module()
class MILFCNLoss(ScoreMapLoss):
    """MIL-FCN: each class present, background too, at its best cell; see :func:`mmwsl.functional.mil_fcn_loss`.

    Unlike :class:`mmwsl.models.GlobalMaxPooling` with a loss of image scores, classes compete at a cell and not over the
    image.

    Args:
        **kwargs: ``loss_weight`` and ``loss_name`` of :class:`ScoreMapLoss`, which says how masks are used.
    """

    def weak_loss(self, seg_logits: Tensor, image_labels: Tensor, valid: Tensor, sizes: Tensor | None) -> Tensor:
        """Return the losses ``(N,)``."""
        return mil_fcn_loss(seg_logits, image_labels, valid)
