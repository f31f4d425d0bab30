"""Segmentor whose image-level scores are aggregated over locations and scales."""

from typing import Any

from torch import Tensor

from ...inference import WholeScorer
from ...registry import MODELS
from ..decode_heads import PyramidAggregationHead
from .weak_encoder_decoder import WeakEncoderDecoder


@MODELS.register_module()
class ProposalNetwork(WeakEncoderDecoder):
    """First level of ProNet (Sun et al., CVPR 2016): a multi-scale fully convolutional classifier.

    Its score map is the maximum over scales. Its image-level scores are aggregated over the locations of all scales.

    Args:
        **kwargs: Passed to :class:`mmwsl.models.WeakEncoderDecoder`. The backbone is a
            :class:`mmwsl.models.ScalePyramid`, or a cache of one.

    Raises:
        ValueError: If ``decode_head`` is no :class:`mmwsl.models.PyramidAggregationHead` that pads, or the scorer does
            not score whole images.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        scorer, name = self.pipeline.scorer, type(self).__name__
        if not isinstance(self.decode_head, PyramidAggregationHead) or not self.same_padding:
            raise ValueError(
                f'{name}: `decode_head` must be a PyramidAggregationHead with `same_padding`, got '
                f"{type(self.decode_head).__name__}. Use type='mmwsl.PyramidAggregationHead'."
            )
        if not isinstance(scorer, WholeScorer):
            raise ValueError(
                f'{name}: `inference.scorer` must be a WholeScorer, got {type(scorer).__name__}. The scales are those '
                'of the backbone.'
            )

    def score(
        self,
        inputs: Tensor,
        batch_img_metas: list[dict],
        input_size: tuple[int, int],
        covered_size: tuple[int, int],
    ) -> tuple[Tensor, Tensor | None]:
        """Return the score map of padded images, and ``image_logits`` over all scales; see the parent."""
        levels = self.decode_head.score_levels(self.extract_feat(inputs))
        scores, valid = self.decode_head.join_levels(levels, batch_img_metas, input_size)
        return self.decode_head.merge_levels(levels), self.decode_head.aggregator(scores, valid)
