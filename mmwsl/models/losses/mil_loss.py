"""Multiple-instance learning on score maps."""

from torch import Tensor

from ...functional import best_cell_loss
from ...registry import MODELS
from .score_map_loss import ScoreMapLoss


@MODELS.register_module()
class BestCellLoss(ScoreMapLoss):
    """MIL-FCN: each class present, background too, at its best cell; see :func:`mmwsl.functional.best_cell_loss`.

    Unlike :class:`mmwsl.models.MaxPooling` with a loss of image scores, classes compete at a cell and not over the
    picture.

    Args:
        **kwargs: ``loss_weight`` and ``loss_name`` of :class:`ScoreMapLoss`, which says how masks are used.
    """

    def weak_loss(self, seg_logits: Tensor, image_labels: Tensor, valid: Tensor, sizes: Tensor | None) -> Tensor:
        """Return the losses ``(N,)``."""
        return best_cell_loss(seg_logits, image_labels, valid)
