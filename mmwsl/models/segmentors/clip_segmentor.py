"""Segmentor without training, by CLIP."""

from collections.abc import Sequence
from typing import Any, cast

from mmseg.structures import SegDataSample
from mmseg.utils import OptSampleList, SampleList
from torch import Tensor

from ...inference import ClassActivationMaps, CLIPESMaps, Probabilities, WholeScorer
from ...registry import MODELS
from ...utils.metainfo import flipped_dims
from ...utils.sample_fields import SUPERPIXELS, check_fields
from ..backbones import ProxyAttentionBackbone, RegionAttentionBackbone, TransformerBackbone
from ..decode_heads import TextSimilarityHead
from .prompt_matcher import PromptMatcher
from .weak_encoder_decoder import WeakEncoderDecoder

CLASS_MAPS = (CLIPESMaps, ClassActivationMaps, Probabilities)


@MODELS.register_module()
class CLIPSegmentor(PromptMatcher, WeakEncoderDecoder):
    """Segmentor that compares images with class names by a frozen CLIP; it is not trained.

    An image runs through the network alone, without the padding of its batch, so its result does not depend on other
    images. Its image-level logits compare the mean of its patch tokens with the texts, as in CLIP-ES (Lin et al., CVPR
    2023), and not the class token, as CLIP does. Its score map compares each patch token. With a
    :class:`mmwsl.models.ProxyAttentionBackbone` these are the tokens of ProxyCLIP (Lan et al., ECCV 2024), with a
    :class:`mmwsl.models.RegionAttentionBackbone` those of CorrCLIP (Zhang et al., ICCV 2025), whose regions are the
    superpixels of the samples.

    Args:
        **kwargs: Passed to :class:`mmwsl.models.WeakEncoderDecoder`. The backbone is a
            :class:`mmwsl.models.TransformerBackbone`, :class:`mmwsl.models.ProxyAttentionBackbone` or
            :class:`mmwsl.models.RegionAttentionBackbone` of a CLIP folder, and the head a
            :class:`mmwsl.models.TextSimilarityHead` of the same folder.

    Raises:
        KeyError: In a prediction, if samples lack the superpixels that the backbone needs.
        ValueError: If a part of the model or of its inference is another one.
    """

    training_free = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        steps = self.pipeline
        parts = (
            ('backbone', self.backbone, (TransformerBackbone, ProxyAttentionBackbone, RegionAttentionBackbone)),
            ('decode_head', self.decode_head, (TextSimilarityHead,)),
            ('inference.scorer', steps.scorer, (WholeScorer,)),
            ('inference.class_maps', steps.class_maps, CLASS_MAPS),
        )
        for name, part, kinds in parts:
            if type(part) not in kinds:
                raise ValueError(
                    f'CLIPSegmentor: `{name}` must be a {" or ".join(kind.__name__ for kind in kinds)}, got '
                    f'{type(part).__name__}.'
                )
        if self.with_neck or self.with_auxiliary_head:
            raise ValueError('CLIPSegmentor: `neck` and `auxiliary_head` must be None, got one. Remove it.')
        if self.backbone.embed_dim != self.decode_head.in_channels:
            raise ValueError(
                'CLIPSegmentor: `backbone.folder` and `decode_head.folder` must be one model, got features of '
                f'{self.backbone.embed_dim} and {self.decode_head.in_channels} channels.'
            )

    @property
    def text_head(self) -> TextSimilarityHead:
        """Head that has the texts, the decode head."""
        return cast(TextSimilarityHead, self.decode_head)

    @property
    def aggregates(self) -> bool:
        """Whether there are image-level logits; always, from the mean of the tokens."""
        return True

    def predict_views(self, inputs: Tensor, data_samples: OptSampleList = None) -> SampleList:
        """Score a batch, see the parent; regions are passed in the meta information."""
        if not isinstance(self.backbone, RegionAttentionBackbone):
            return super().predict_views(inputs, data_samples)
        samples = data_samples or [SegDataSample()]
        for sample in samples:
            check_fields(self, sample, dict(superpixels=SUPERPIXELS))
        try:
            for sample in samples:
                sample.set_metainfo(dict(regions_of_pixels=sample.superpixels.data[0]))
            return super().predict_views(inputs, samples)
        finally:
            for sample in samples:
                sample.pop('regions_of_pixels')

    def image_features(self, image: Tensor, meta: dict) -> Sequence[Tensor]:
        """Extract the feature maps of one image without padding, ``(1, 3, H, W)``."""
        if not isinstance(self.backbone, RegionAttentionBackbone):
            return super().image_features(image, meta)
        features: Sequence[Tensor] = self.backbone(image, meta['regions_of_pixels'].flip(flipped_dims(meta))[None])
        return features

    def loss(self, inputs: Tensor, data_samples: SampleList) -> dict[str, Tensor]:
        """Reject training."""
        raise ValueError('CLIPSegmentor is not trained. Predict with it, or train another model on its pseudo-labels.')
