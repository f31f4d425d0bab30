"""Head that compares image features with texts, by CLIP."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import Tensor, nn
from torch.nn import functional as F

from ...registry import MODELS
from ..backbones.model_folder import load_model, load_tokenizer, read_model_config


@MODELS.register_module()
class TextSimilarityHead(BaseDecodeHead):
    r"""Head of CLIP (Radford et al., ICML 2021): logits are the similarities of image features and class names.

    .. math:: z_k = s \, \frac{P \, \mathrm{LN}(x)}{\| P \, \mathrm{LN}(x) \|} \cdot t_k, \quad
              t_k = \mathrm{norm} \Big( \frac{1}{m} \sum_j \mathrm{norm} (T(\text{text}_{k,j})) \Big)

    with the final normalization LN, projection P and text encoder T of the folder. A class has one or several
    texts, each put into every template. The logit of the background, channel 0, is the Log-Sum-Exp of those of the
    background words, so its softmax probability is the sum of theirs.

    It is frozen. The text features are computed once and stored with the weights.

    Args:
        folder: Folder of a CLIP model with its tokenizer.
        num_classes: Classes K, background included.
        class_names: Names of the foreground classes, in the order of the dataset.
        prompts: Text of a class, or several, by its name. A class without one has its name as the text.
        background_prompts: Words for the background, at least one.
        templates: Sentences with ``{}`` in the place of a text.
        scale: The scale s, positive; None is that of the folder, 100 for the released models. ProxyCLIP uses 40.
        **kwargs: Passed to :class:`mmseg.models.decode_heads.decode_head.BaseDecodeHead`.

    Raises:
        FileNotFoundError: If there is no such folder.
        ImportError: If ``transformers`` is not installed.
        ValueError: If the folder has no CLIP model, or a text cannot be encoded: it is empty, too long, or has
            characters that the tokenizer does not know.
    """

    def __init__(
        self,
        folder: str,
        *,
        num_classes: int,
        class_names: Sequence[str],
        background_prompts: Sequence[str],
        prompts: Mapping[str, str | Sequence[str]] | None = None,
        templates: Sequence[str] = ('a photo of a {}.',),
        scale: float | None = None,
        **kwargs: Any,
    ) -> None:
        names, prompts = list(class_names), prompts or {}
        if len(names) != num_classes - 1 or len(set(names)) != len(names):
            raise ValueError(
                f'`decode_head.class_names` must be the names of the {num_classes - 1} foreground classes, got '
                f'{names}. Correct it or `num_classes`.'
            )
        if unknown := [name for name in prompts if name not in names]:
            raise ValueError(
                f'`decode_head.prompts` must have names of `class_names`, got {unknown[0]!r}. Correct or remove it.'
            )
        if isinstance(background_prompts, str) or not background_prompts:
            raise ValueError(f'`decode_head.background_prompts` must be at least one word, got {background_prompts!r}.')
        if scale is not None and not 0 < scale < math.inf:
            raise ValueError(f'`decode_head.scale` must be a positive finite number, got {scale}.')
        config = read_model_config(folder)
        if config.model_type != 'clip':
            raise ValueError(f'`decode_head.folder` must have a CLIP model, got {config.model_type!r} in {folder!r}.')
        width = config.vision_config.hidden_size
        super().__init__(width, width, num_classes=num_classes, dropout_ratio=0, init_cfg=None, **kwargs)
        del self.conv_seg
        self.class_names = tuple(names)
        model: Any = load_model(folder, 'CLIPModel', config)
        encoder = _TextEncoder(model, load_tokenizer(folder), _check_templates(templates))
        background = [encoder.encode('the background', [word]) for word in background_prompts]
        with torch.no_grad():
            classes = [encoder.encode(f'class {name!r}', _as_list(prompts.get(name, name))) for name in names]
        self.register_buffer('text_features', torch.stack([*classes, *background]))
        self.norm: nn.Module = model.vision_model.post_layernorm
        self.projection: nn.Module = model.visual_projection
        self.scale = math.exp(model.logit_scale.item()) if scale is None else scale
        self.requires_grad_(False)

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Score every location: feature maps of the backbone, the last used, to ``seg_logits (N, K, h, w)``."""
        maps = inputs[self.in_index]
        classes, background = self.split_similarity(maps.flatten(2).transpose(1, 2))
        logits = torch.cat([background.logsumexp(-1, keepdim=True), classes], -1)
        return logits.transpose(1, 2).unflatten(2, maps.shape[2:])

    def split_similarity(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Compare features with the texts.

        Args:
            features: Features of CLIP's last block, ``(..., D)``.

        Returns:
            Logits of the foreground classes ``(..., K - 1)``, and of the background words ``(..., B)``.
        """
        projected = F.normalize(self.projection(self.norm(features.to(self.text_features.dtype))), dim=-1)
        logits = self.scale * projected @ self.text_features.T
        return logits[..., : self.num_classes - 1], logits[..., self.num_classes - 1 :]


class _TextEncoder:
    """Text encoder of a CLIP model, one text at a time: a batch would need padding."""

    def __init__(self, model: Any, tokenizer: Any, templates: Sequence[str]) -> None:
        self.model, self.tokenizer, self.templates = model, tokenizer, templates
        self.length: int = model.config.text_config.max_position_embeddings

    @torch.no_grad()
    def encode(self, owner: str, texts: Sequence[str]) -> Tensor:
        """Return the normalized mean of the features of all texts in all templates, ``(D,)``."""
        sentences = [template.replace('{}', self._check(owner, text)) for text in texts for template in self.templates]
        features = []
        for sentence in sentences:
            tokens = self.model.text_model(self._tokens(owner, sentence)).pooler_output
            features.append(F.normalize(self.model.text_projection(tokens), dim=-1))
        return F.normalize(torch.cat(features).mean(0), dim=0)

    @staticmethod
    def _check(owner: str, text: object) -> str:
        if not isinstance(text, str) or not text.strip() or '_' in text:
            raise ValueError(
                f'`decode_head.prompts`: the text of {owner} must be words with blanks between them, got {text!r}. '
                'Write it as in a sentence, without underscores.'
            )
        return text.strip()

    def _tokens(self, owner: str, sentence: str) -> Tensor:
        ids = self.tokenizer(sentence, truncation=False).input_ids
        if len(ids) > self.length:
            raise ValueError(
                f'`decode_head.prompts`: the text of {owner} must have at most {self.length} tokens with its template, '
                f'got {len(ids)}: {sentence[:80]!r}. Shorten it.'
            )
        # An unknown character becomes the token that ends a text: what follows would not be read.
        special = {self.tokenizer.bos_token_id, self.tokenizer.eos_token_id, self.tokenizer.unk_token_id}
        if len(ids) < 3 or special & set(ids[1:-1]):
            raise ValueError(
                f'`decode_head.prompts`: the text of {owner} must have characters that the tokenizer knows, got '
                f'{sentence[:80]!r}. Write it with letters and digits.'
            )
        return torch.tensor([ids])


def _as_list(texts: object) -> list[Any]:
    return list(texts) if isinstance(texts, Sequence) and not isinstance(texts, str) and texts else [texts]


def _check_templates(templates: Sequence[str]) -> list[str]:
    if isinstance(templates, str) or not templates or any(template.count('{}') != 1 for template in templates):
        raise ValueError(
            f"`decode_head.templates` must be sentences with one {{}} each, such as ['a photo of a {{}}.'], got "
            f'{templates!r}.'
        )
    return list(templates)
