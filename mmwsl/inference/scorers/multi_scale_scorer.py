"""Scorer of an image at several sizes."""

from collections.abc import Sequence

import torch
from mmseg.models.utils import resize
from torch import Tensor

from ...registry import SCORERS
from ...utils.metainfo import image_padding
from ..segmentor import Segmentor
from ..step import InferenceStep, build_step
from .base import Scorer

MERGES = ('max', 'mean')


@SCORERS.register_module()
class MultiScaleScorer(Scorer):
    r"""Scorer of the input at several sizes with one network, for classification and localization.

    A location of a smaller input is a larger region of the image. With score maps :math:`z^s` of the input times
    :math:`s \in S`, resized to the input, and their image-level scores :math:`a(z^s)`,

    .. math:: z_k(x) = \max_s z^s_k(x) \ \text{or}\ \frac{1}{|S|} \sum_s z^s_k(x), \qquad
              a_k = \frac{1}{|S|} \sum_s a_k(z^s)

    ``'max'`` is the region strategy of Deep MIL (Oquab et al., CVPR 2015): the point of a class is its best location of
    all scales. ``'mean'`` averages the maps on one grid, as for WILDCAT (Durand et al., CVPR 2017). Test-time
    augmentation, in contrast, averages probabilities.

    Args:
        scales: Factors of the height and width of the input.
        merge: ``'max'`` or ``'mean'`` of the score maps. Image-level scores are averaged in both cases.
        scorer: Config of the scorer that runs at each scale; :class:`WholeScorer` if None.

    Raises:
        ValueError: If ``scales`` or ``merge`` is invalid; when the segmentor is built, if ``merge`` is ``'max'`` and
            its classes have a softmax.
    """

    def __init__(self, scales: Sequence[float], merge: str = 'mean', scorer: dict | None = None) -> None:
        if not isinstance(scales, Sequence) or not scales or not all(0 < scale < float('inf') for scale in scales):
            raise ValueError(f'`scorer.scales` must be one or more positive factors, got {scales!r}.')
        if merge not in MERGES:
            raise ValueError(f'`scorer.merge` must be one of {MERGES}, got {merge!r}.')
        self.scales = tuple(scales)
        self.merge = merge
        self.scorer: Scorer = build_step(SCORERS, scorer or dict(type='mmwsl.WholeScorer'), Scorer)
        self.window = self.scorer.window
        self.input_padding = self.scorer.input_padding

    @property
    def nested(self) -> Sequence[InferenceStep]:
        """The scorer that runs at each scale."""
        return (self.scorer,)

    def check(self, segmentor: Segmentor) -> None:
        """Check that the maximum is taken of independent classes; see the parent."""
        super().check(segmentor)
        if self.merge == 'max' and segmentor.exclusive_classes:
            raise ValueError(
                "`inference.scorer.merge` must be 'mean' for a head with a softmax, whose logits of different scales "
                f"are not comparable, got 'max' and {type(segmentor.decode_head).__name__}."
            )

    def __call__(
        self, segmentor: Segmentor, inputs: Tensor, batch_img_metas: list[dict]
    ) -> tuple[Tensor, Tensor | None]:
        """Score a batch; see :meth:`Scorer.__call__`."""
        size = (inputs.shape[2], inputs.shape[3])
        seg_logits: Tensor | None = None
        image_logits = []
        for scale in self.scales:
            scaled_size = tuple(max(1, round(side * scale)) for side in size)
            scaled, metas = inputs, batch_img_metas
            if scaled_size != size:
                scaled = resize(inputs, size=scaled_size, mode='bilinear', align_corners=False)
                metas = [_scaled_padding(meta, size, scaled_size) for meta in batch_img_metas]
            scores, of_image = self.scorer(segmentor, scaled, metas)
            if scaled_size != size:
                scores = resize(scores, size=size, mode='bilinear', align_corners=False)
            image_logits.append(of_image)
            if self.merge == 'max':
                seg_logits = scores if seg_logits is None else torch.maximum(seg_logits, scores)
            else:
                share = scores / len(self.scales)
                seg_logits = share if seg_logits is None else seg_logits + share
        assert seg_logits is not None  # there is a scale
        known = [logits for logits in image_logits if logits is not None]
        return seg_logits, torch.stack(known).mean(0) if known else None


def _scaled_padding(meta: dict, size: Sequence[int], scaled_size: Sequence[int]) -> dict:
    """Return the meta information of an image after a change of the size of the padded input."""
    left, right, top, bottom = image_padding(meta)
    vertical, horizontal = (after / before for before, after in zip(size, scaled_size, strict=True))
    return dict(meta, img_padding_size=(left * horizontal, right * horizontal, top * vertical, bottom * vertical))
