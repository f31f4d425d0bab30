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

    The views of test-time augmentation are summed, then normalized once. The maps of an aggregating head are made of
    its logits; those of any other head are made of its class probabilities, which are positive for every class. The
    maps say where a class is, not whether it is present: with a softmax, use image-level labels.

    Args:
        normalization: ``'max'`` or ``'min_max'``.
        background: Config of the background model, which gets the maps of the foreground classes:
            ``mmwsl.ConstantBackground``, the default with threshold 0.3, or ``mmwsl.PowerBackground``. Published
            thresholds: 0.2 for boxes (CAM), 0.15 (IRN); exponents 4, 16 and 32 (PSA), 1 (WeCLIP).
        tuned_on: Masks that the hyper-parameters were tuned on; None if they were fixed in advance.

    Raises:
        ValueError: If the normalization is unknown; when the segmentor is built, if its head does not aggregate and no
            image-level labels are used, or ``keep_foreground`` of the labels is set and the head aggregates.
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
        """Check that the scores suit the maps; see the parent."""
        super().check(segmentor)
        labels, head = segmentor.pipeline.image_labels, type(segmentor.decode_head).__name__
        if not segmentor.aggregates and labels is None:
            raise ValueError(
                f'`inference.class_maps` normalizes every class of the softmax of {head}, also absent ones. Set '
                "`inference.image_labels=dict(type='mmwsl.KnownImageLabels')`, or use other class maps."
            )
        if segmentor.aggregates and labels is not None and labels.keep_foreground:
            raise ValueError(
                '`inference.image_labels.keep_foreground` redistributes the probability of a softmax, but the '
                f'activation maps of {head} are made of logits. Remove it.'
            )

    def __call__(
        self, segmentor: Segmentor, inputs: Tensor, data_samples: SampleList, scores: list[Tensor]
    ) -> list[Tensor]:
        """Return the scores that the maps are made of; see :meth:`ClassMaps.__call__`."""
        return scores if segmentor.aggregates else [segmentor.pixel_probs(score) for score in scores]

    def merge(self, views: Sequence[Tensor]) -> Tensor:
        """Merge scores ``(K, H, W)`` of all views into maps in [0, 1]; channel 0 is not used."""
        return self.background.add_background(class_activation_maps([view[1:] for view in views], self.normalization))
