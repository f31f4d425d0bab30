"""Vision transformer with a token per class."""

from typing import Any

import torch
from torch import Tensor, nn

from ...registry import MODELS
from ...utils.text import check_choice
from .transformer_backbone import TransformerBackbone

NOISE = 0.02
"""Standard deviation of what distinguishes the class tokens at the start."""


class _ClassTokenEmbeddings(nn.Module):
    """Embeddings of a transformer, with one token per class in the place of the tokens before the patches."""

    def __init__(self, inner: nn.Module, num_tokens: int, patch_size: int, side: int, options: dict) -> None:
        super().__init__()
        self.inner, self.patch_size = inner, patch_size
        with torch.no_grad():
            image = torch.zeros(1, 3, side, side, dtype=next(inner.parameters()).dtype)
            embedded = inner(image, **options)
        prefix = embedded[0, : embedded.shape[1] - (side // patch_size) ** 2]
        # The first token is the pretrained class token; a model without one starts from nothing.
        start = prefix[:1] if len(prefix) else torch.zeros_like(embedded[0, :1])
        self.class_tokens = nn.Parameter(start + NOISE * torch.randn(num_tokens, embedded.shape[2]).to(start.dtype))

    def __getattr__(self, name: str) -> Any:
        """Return what the model asks its embeddings for, such as their precision."""
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__('inner'), name)

    def forward(self, pixel_values: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """Embed images to the class tokens and patches, ``(N, C + h * w, D)``."""
        embedded = self.inner(pixel_values, *args, **kwargs)
        patches = (pixel_values.shape[2] // self.patch_size) * (pixel_values.shape[3] // self.patch_size)
        tokens = self.class_tokens.to(embedded.dtype).expand(len(embedded), -1, -1)
        return torch.cat([tokens, embedded[:, embedded.shape[1] - patches :]], 1)


@MODELS.register_module()
class ClassTokenTransformer(TransformerBackbone):
    """Vision transformer with one token per class (MCTformer, Xu et al., CVPR 2022), from a folder on disk.

    The class tokens take the place of the class token. They start at it and its position, with normal noise of standard
    deviation 0.02, so they are trained. The features are

    - the patch tokens of the last block, ``(N, D, h, w)``;
    - all tokens of every block, ``(N, L, C + h * w, D)``, the class tokens first;
    - the attention, without gradient: with ``attention='mean'`` the mean over the heads, ``(N, L, T, T)``, and in
      training mode ``(N, 0, T, T)``; with ``'heads'`` of every head, ``(N, L, heads, T, T)``.

    Args:
        folder: See :class:`TransformerBackbone`; ViT, DeiT, DINO, DINOv2, SigLIP or CLIP.
        num_tokens: Number of class tokens C, the foreground classes.
        attention: ``'mean'`` or ``'heads'``.
        frozen: See :class:`TransformerBackbone`; the class tokens too.
        dtype: See :class:`TransformerBackbone`.

    Raises:
        FileNotFoundError: If there is no such folder.
        ImportError: If ``transformers`` is not installed.
        ValueError: If the folder has no such model or an argument is out of range.
    """

    def __init__(
        self, folder: str, num_tokens: int, attention: str = 'mean', frozen: bool = False, dtype: str = 'float32'
    ) -> None:
        super().__init__(folder, frozen=True, dtype=dtype)
        check_choice('attention', attention, ('mean', 'heads'))
        if num_tokens < 1:
            raise ValueError(f'ClassTokenTransformer: `num_tokens` must be at least 1, got {num_tokens}.')
        self.layers = list(range(self.num_layers))
        self.num_tokens, self.attention = num_tokens, attention
        side: int = self.model.config.image_size
        for parent in [self.model, *self.model.children()]:
            if isinstance(getattr(parent, 'embeddings', None), nn.Module):
                parent.embeddings = _ClassTokenEmbeddings(
                    parent.embeddings, num_tokens, self.patch_size, side, self._options
                )
                break
        self.frozen = frozen
        self.model.requires_grad_(not frozen)
        self._exclude_unused()

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Extract features; see the class."""
        wanted = self.layers if self.attention == 'heads' or not self.training else []
        tokens = self.encode(x, wanted)
        attentions = [one.detach().to(x.dtype) for one in tokens.attentions]
        attentions = attentions if self.attention == 'heads' else [one.mean(1) for one in attentions]
        total = tokens.levels[-1].shape[1]
        stacked = torch.stack(attentions, 1) if attentions else x.new_zeros(len(x), 0, total, total)
        return tokens.maps[-1], torch.stack(tokens.levels, 1), stacked
