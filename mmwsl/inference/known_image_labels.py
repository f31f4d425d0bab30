"""Known image-level labels of the predicted images."""

from mmengine.structures import LabelData
from mmseg.structures import SegDataSample
from torch import Tensor

from ..functional import mask_absent_classes, override_image_probs, redistribute_absent_classes
from ..registry import IMAGE_LABELS


@IMAGE_LABELS.register_module()
class KnownImageLabels:
    """Image-level labels of the predicted images, ``gt_label``, which restrict the prediction.

    For pseudo-labels of training images. An absent class gets probability 0 in every pixel, before the class maps and
    after post-processing; an unknown class is not changed. Behind a softmax, the other classes share the probability
    of absent classes in proportion. In ``pred_label``, ``score`` of every foreground class with a label becomes 1 or 0;
    ``raw_score`` keeps the predicted probabilities.

    Args:
        keep_foreground: Keep the foreground probability of a softmax: only the other foreground classes share the
            probability of absent classes, see :func:`mmwsl.functional.redistribute_absent_classes`.
    """

    provenance = dict(image_labels='the image-level labels of the predicted images')
    """Supervision that the prediction uses, by kind."""

    def __init__(self, keep_foreground: bool = False) -> None:
        self.keep_foreground = keep_foreground

    def restrict_scores(self, seg_logits: Tensor, data_sample: SegDataSample) -> Tensor:
        """Remove absent classes from logits ``(K, H, W)``."""
        labels = self._labels(data_sample, seg_logits)
        if self.keep_foreground:
            return redistribute_absent_classes(seg_logits, labels)
        return mask_absent_classes(seg_logits, labels)

    def restrict_probs(self, probs: Tensor, data_sample: SegDataSample) -> Tensor:
        """Set absent classes to 0 in probabilities ``(K, H, W)``."""
        return mask_absent_classes(probs, self._labels(data_sample, probs), 0.0)

    def override_prediction(self, data_sample: SegDataSample) -> None:
        """Override ``pred_label.score`` of a sample by the known labels."""
        score = data_sample.pred_label.score
        known = override_image_probs(score, self._labels(data_sample, score))
        data_sample.pred_label = LabelData(score=known, raw_score=score)

    @staticmethod
    def _labels(data_sample: SegDataSample, like: Tensor) -> Tensor:
        if 'gt_label' not in data_sample:
            raise KeyError(
                'KnownImageLabels needs the field `gt_label` of the data sample. End the pipeline with '
                "type='mmwsl.PackImageLabelInputs' and give the dataset image-level labels, or set "
                '`inference.image_labels=None` (--no-use-image-labels for pseudo-labels).'
            )
        return data_sample.gt_label.score.to(like.device)
