"""Vision transformers of the package `transformers` as backbones."""

import inspect
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from mmengine.model import BaseModule
from torch import Tensor
from torch.nn import functional as F

from ...registry import MODELS
from .model_folder import load_model, read_model_config

DTYPES = ('float32', 'float16', 'bfloat16')
NORM_BEFORE_ATTENTION = re.compile(r'\.(\d+)\.(layer_norm1|layernorm_before|norm1)$')
"""Names of the layer that the attention of a block gets, in CLIP and SigLIP, ViT and DeiT, and DINOv2 and DINOv3."""


@dataclass(frozen=True)
class TransformerTokens:
    """Tokens of a batch of images.

    Attributes:
        maps: Patch tokens of each chosen layer, ``(N, D, h, w)``.
        prefix: Tokens before the patches in the last layer, ``(N, P, D)``: the class token, then a distillation token
            or registers, as the model has them.
        levels: All tokens of each layer of ``maps``, ``(N, P + h * w, D)``.
        attentions: Attention of each chosen layer, ``(N, heads, P + h * w, P + h * w)``; each row sums to 1.
    """

    maps: tuple[Tensor, ...]
    prefix: Tensor
    levels: tuple[Tensor, ...]
    attentions: tuple[Tensor, ...]


@MODELS.register_module()
class TransformerBackbone(BaseModule):
    """A plain vision transformer from a folder on disk: ViT, DeiT, DINO, DINOv2, DINOv3, SigLIP, or CLIP's.

    The feature maps are the patch tokens, at the stride of a patch. Images whose sides are no multiples of the patch
    are padded with zeros on the right and at the bottom. Position embeddings are interpolated for images that differ
    from those of the training. The last layer has the final normalization of the model, if it has one; CLIP has none
    for patches.

    Args:
        folder: Folder of the model, with ``config.json`` and weights.
        layers: Blocks whose patch tokens are returned, from 0; negative numbers count from the end.
        frozen: Exclude the parameters from training, and keep evaluation mode.
        dtype: ``'float32'``, ``'float16'`` or ``'bfloat16'``: precision of the weights and of the computation. The
            features have the precision of the inputs.

    Raises:
        FileNotFoundError: If there is no such folder.
        ImportError: If ``transformers`` is not installed.
        ValueError: If the folder has no such model or an argument is out of range.
    """

    def __init__(self, folder: str, layers: Sequence[int] = (-1,), frozen: bool = True, dtype: str = 'float32') -> None:
        super().__init__()
        if dtype not in DTYPES:
            raise ValueError(f'TransformerBackbone: `dtype` must be one of {DTYPES}, got {dtype!r}.')
        config = read_model_config(folder)
        config = getattr(config, 'vision_config', config)
        sizes: list[Any] = [getattr(config, name, None) for name in ('patch_size', 'num_hidden_layers', 'hidden_size')]
        if not all(isinstance(size, int) for size in sizes):
            raise ValueError(
                f'TransformerBackbone: the model in {folder!r} must be a plain vision transformer with square patches, '
                f'got {config.model_type!r} with patch size {sizes[0]}.'
            )
        self.patch_size: int = sizes[0]
        self.num_layers: int = sizes[1]
        self.embed_dim: int = sizes[2]
        self.layers = self._check_layers('layers', layers)
        self.model: Any = load_model(folder, 'AutoModel', config).to(getattr(torch, dtype))
        self.frozen = frozen
        self.model.requires_grad_(not frozen)
        given = inspect.signature(self.model.forward).parameters
        # Models without this argument, such as DINOv2, always interpolate.
        self._options = {name: True for name in ('interpolate_pos_encoding',) if name in given}
        self._exclude_unused()

    @property
    def attention_input(self) -> str:
        """Name of the layer normalization before the attention of the last block."""
        found = [(int(m[1]), name) for name, _ in self.named_modules() if (m := NORM_BEFORE_ATTENTION.search(name))]
        return max(found)[1]

    def init_weights(self) -> None:
        """Keep the weights of the folder: ``transformers`` gives a method of this name another meaning."""

    def train(self, mode: bool = True) -> 'TransformerBackbone':
        """Set the mode; a frozen model stays in evaluation mode."""
        super().train(mode)
        if self.frozen:
            self.model.eval()
        return self

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Extract features: ``(N, 3, H, W)`` to ``(N, D, h, w)`` of each layer, with partly padded patches."""
        return self.encode(x).maps

    def encode(self, x: Tensor, attention_layers: Sequence[int] = ()) -> TransformerTokens:
        """Extract all tokens, and the attention of some layers.

        Args:
            x: Images, ``(N, 3, H, W)``.
            attention_layers: Blocks whose attention is returned.

        Raises:
            ValueError: If a layer does not exist, or the model does not have one token per patch.
        """
        chosen = self._check_layers('attention_layers', attention_layers)
        bottom, right = (-side % self.patch_size for side in x.shape[2:])
        padded = F.pad(x, (0, right, 0, bottom)) if bottom or right else x
        grid = [side // self.patch_size for side in padded.shape[2:]]
        output = self.model(
            padded.to(self.model.dtype),
            output_attentions=bool(chosen),
            output_hidden_states=self.layers != [self.num_layers - 1],
            **self._options,
        )
        last = output.last_hidden_state
        count = last.shape[1] - grid[0] * grid[1]
        if count < 0:
            raise ValueError(
                f'TransformerBackbone: the model must have a token for each of the {grid[0]} x {grid[1]} patches, got '
                f'{last.shape[1]} tokens. Use a plain vision transformer, whose layers have one resolution.'
            )
        # The hidden states begin with the input of the first block.
        levels = [last if i == self.num_layers - 1 else output.hidden_states[i + 1] for i in self.layers]
        maps = [level[:, count:].transpose(1, 2).unflatten(2, grid).to(x.dtype) for level in levels]
        return TransformerTokens(
            maps=tuple(maps),
            prefix=last[:, :count].to(x.dtype),
            levels=tuple(level.to(x.dtype) for level in levels),
            attentions=tuple(output.attentions[i] for i in chosen),
        )

    def _exclude_unused(self) -> None:
        """Exclude parameters that no feature depends on, such as of a pooler: several processes would reject them."""
        if self.frozen:
            return
        side = 2 * self.patch_size
        parameters = [parameter for parameter in self.parameters() if parameter.requires_grad]
        with torch.enable_grad():
            features = self.forward(torch.zeros(1, 3, side, side, device=parameters[0].device))
            total = torch.stack([one.float().sum() for one in features if one.requires_grad]).sum()
        gradients = torch.autograd.grad(total, parameters, allow_unused=True)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.requires_grad_(gradient is not None)

    def _check_layers(self, name: str, layers: Sequence[int]) -> list[int]:
        """Return numbers of layers from 0."""
        count = self.num_layers
        integers = isinstance(layers, Sequence) and all(isinstance(layer, int) for layer in layers)
        if not integers or not all(-count <= layer < count for layer in layers) or (name == 'layers' and not layers):
            raise ValueError(
                f'TransformerBackbone: `{name}` must be numbers of blocks in [{-count}, {count - 1}], got {layers!r}.'
            )
        return [layer % count for layer in layers]
