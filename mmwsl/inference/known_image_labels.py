"""Known image-level labels of the predicted images."""

from mmseg.structures import SegDataSample
from torch import Tensor

from ..functional import mask_absent_classes, override_image_probs, redistribute_absent_classes
from ..registry import IMAGE_LABELS
from ..utils.sample_fields import PACK_IMAGE_LABELS
from .segmentor import Segmentor
from .step import InferenceStep


@IMAGE_LABELS.register_module()
class KnownImageLabels(InferenceStep):
    """Image-level labels of the predicted images, ``gt_label``, which restrict the prediction.

    For pseudo-labels of training images. An absent class gets probability 0 in every pixel, before the class maps and
    after post-processing; an unknown class is not changed. Behind a softmax, the other classes share the probability
    of absent classes in proportion. In ``pred_label``, ``score`` of every foreground class with a label becomes 1 or 0;
    ``raw_score`` keeps the predicted probabilities, and ``log_odds`` stays as predicted.

    Args:
        keep_foreground: Keep the foreground probability of a softmax: only the other foreground classes share the
            probability of absent classes, see :func:`mmwsl.functional.redistribute_absent_classes`.

    Raises:
        ValueError: When the segmentor is built, if ``keep_foreground`` is set and its classes are independent.
        KeyError: At prediction, if a sample has no labels.
    """

    required_fields = dict(
        gt_label=f'{PACK_IMAGE_LABELS}, or set `inference.image_labels=None` (--no-use-image-labels for pseudo-labels)'
    )

    def __init__(self, keep_foreground: bool = False) -> None:
        self.keep_foreground = keep_foreground

    @property
    def provenance(self) -> dict[str, str]:
        """The known labels as supervision of the prediction."""
        return dict(super().provenance, image_labels='the image-level labels of the predicted images')

    def check(self, segmentor: Segmentor) -> None:
        """Check that ``keep_foreground`` meets a softmax; see the parent."""
        super().check(segmentor)
        if self.keep_foreground and not segmentor.exclusive_classes:
            raise ValueError(
                '`inference.image_labels.keep_foreground` redistributes the probability of a softmax, but the classes '
                f'of {type(segmentor.decode_head).__name__} are independent. Remove it.'
            )

    def labels(self, data_sample: SegDataSample) -> Tensor:
        """Return the labels ``(K,)`` of an image: 1 (present), 0 (absent) or -1 (unknown); channel 0 is not used."""
        return data_sample.gt_label.score

    def restrict_scores(self, seg_logits: Tensor, data_sample: SegDataSample) -> Tensor:
        """Remove absent classes from logits ``(K, H, W)``."""
        labels = self.labels(data_sample).to(seg_logits.device)
        if self.keep_foreground:
            return redistribute_absent_classes(seg_logits, labels)
        return mask_absent_classes(seg_logits, labels)

    def restrict_probs(self, probs: Tensor, data_sample: SegDataSample) -> Tensor:
        """Set absent classes to 0 in probabilities ``(K, H, W)``."""
        return mask_absent_classes(probs, self.labels(data_sample).to(probs.device), 0.0)

    def override_prediction(self, data_sample: SegDataSample) -> None:
        """Override ``pred_label.score`` of a sample by the known labels."""
        score = data_sample.pred_label.score
        known = override_image_probs(score, self.labels(data_sample).to(score.device))
        data_sample.pred_label.set_data(dict(score=known, raw_score=score))
