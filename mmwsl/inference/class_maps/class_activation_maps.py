"""Class activation maps."""

from collections.abc import Sequence

from mmseg.utils import SampleList
from torch import Tensor

from ...functional import class_activation_maps
from ...functional.class_activation_maps import NORMALIZATIONS
from ...registry import CLASS_MAPS, MODELS
from ..segmentor import Segmentor
from .base import ClassMaps


@CLASS_MAPS.register_module()
class ClassActivationMaps(ClassMaps):
    """Class activation maps; see :func:`mmwsl.functional.class_activation_maps`.

    The views of test-time augmentation are summed, then normalized once. The maps are made of the logits of independent
    classes. A softmax does not define its logits, only their differences: there, the maps are made of the
    probabilities. These are positive for every class, so the maps say where a class is, not whether it is present, and
    need image-level labels.

    Args:
        normalization: ``'max'`` or ``'min_max'``.
        background: Config of the background model, which gets the maps of the foreground classes:
            ``mmwsl.ConstantBackground``, the default with threshold 0.3, or ``mmwsl.PowerBackground``. Published
            thresholds: 0.2 for boxes (CAM), 0.15 (IRN); exponents 4, 16 and 32 (PSA), 1 (WeCLIP).
        tuned_on: Masks that the hyper-parameters were tuned on; None if they were fixed in advance.

    Raises:
        ValueError: If the normalization is unknown; when the segmentor is built, if its classes have a softmax and no
            image-level labels are used.
        TypeError: If the background model is learned.
    """

    def __init__(self, normalization: str = 'max', background: dict | None = None, tuned_on: str | None = None) -> None:
        if normalization not in NORMALIZATIONS:
            raise ValueError(f'`class_maps.normalization` must be one of {NORMALIZATIONS}, got {normalization!r}.')
        self.normalization = normalization
        self.tuned_on = tuned_on
        self.background = MODELS.build(background or dict(type='mmwsl.ConstantBackground', threshold=0.3))
        if not hasattr(self.background, 'add_background'):
            raise TypeError(
                '`class_maps.background` must derive the background from the other classes, got '
                f"{type(self.background).__name__}. Use type='mmwsl.ConstantBackground' or 'mmwsl.PowerBackground'."
            )

    def check(self, segmentor: Segmentor) -> None:
        """Check that a softmax meets image-level labels; see the parent."""
        super().check(segmentor)
        if segmentor.exclusive_classes and segmentor.pipeline.image_labels is None:
            raise ValueError(
                '`inference.class_maps` normalizes every class of the softmax of '
                f'{type(segmentor.decode_head).__name__}, also absent ones. Set '
                "`inference.image_labels=dict(type='mmwsl.KnownImageLabels')`, or use other class maps."
            )

    def __call__(
        self, segmentor: Segmentor, inputs: Tensor, data_samples: SampleList, scores: list[Tensor]
    ) -> list[Tensor]:
        """Return the scores that the maps are made of; see :meth:`ClassMaps.__call__`."""
        return [segmentor.pixel_probs(score) for score in scores] if segmentor.exclusive_classes else scores

    def merge(self, views: Sequence[Tensor]) -> Tensor:
        """Merge scores ``(K, H, W)`` of all views into maps in [0, 1]; channel 0 is not used."""
        return self.background.add_background(class_activation_maps([view[1:] for view in views], self.normalization))
