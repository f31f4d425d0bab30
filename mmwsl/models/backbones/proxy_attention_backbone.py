"""CLIP whose last attention is that of another vision transformer."""

import re
from collections.abc import Callable
from typing import cast

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn import functional as F

from ...functional import proxy_attention
from ...registry import MODELS
from .model_folder import read_model_config, read_normalization
from .transformer_backbone import TransformerBackbone

LAST_ATTENTION = re.compile(r'layers\.(\d+)\.self_attn$')


@MODELS.register_module()
class ProxyAttentionBackbone(BaseModule):
    r"""A frozen CLIP with the attention of a frozen proxy, such as DINO (ProxyCLIP, Lan et al., ECCV 2024).

    .. math:: x_i = W_\mathrm{out} \sum_j A_{ij} \, v_j + b_\mathrm{out}

    with the values v of CLIP's last block, at the locations of the proxy's patches, and the attention A by the features
    of the proxy; see :func:`mmwsl.functional.proxy_attention`. The residual connection and the MLP of the last block
    are left out. The features are for a :class:`mmwsl.models.TextSimilarityHead` of the folder of CLIP, which has
    CLIP's final normalization and projection.

    Images are normalized for CLIP, and normalized again for the proxy. Their sides need not be multiples of a patch:
    patches of the proxy whose center is outside take no part, and repeat their neighbors in the result.

    Args:
        folder: Folder of a CLIP model, with ``preprocessor_config.json``.
        proxy: Config of the :class:`mmwsl.models.TransformerBackbone` of the proxy. Its ``folder`` has a
            ``preprocessor_config.json``, too; the last of its ``layers`` is used.
        beta: See :func:`mmwsl.functional.proxy_attention`; 1.2 in ProxyCLIP.
        gamma: See :func:`mmwsl.functional.proxy_attention`; 3 in ProxyCLIP.
        dtype: Precision of CLIP, see :class:`mmwsl.models.TransformerBackbone`. The attention is in float32.
        tuned_on: Masks that the hyper-parameters were tuned on; None if they were fixed in advance.

    Raises:
        FileNotFoundError: If there is no such folder, or it has no ``preprocessor_config.json``.
        ImportError: If ``transformers`` is not installed.
        ValueError: If a folder has another model, or an argument is out of range.
    """

    def __init__(
        self,
        folder: str,
        proxy: dict,
        beta: float = 1.2,
        gamma: float = 3.0,
        dtype: str = 'float32',
        tuned_on: str | None = 'masks of VOC 2012, by the authors of ProxyCLIP',
    ) -> None:
        super().__init__()
        kind = read_model_config(folder).model_type
        if kind != 'clip':
            raise ValueError(f'ProxyAttentionBackbone: `folder` must have a CLIP model, got {kind!r} in {folder!r}.')
        if not abs(beta) < float('inf') or not 0 < gamma < float('inf'):
            raise ValueError(
                f'ProxyAttentionBackbone: `beta` must be finite and `gamma` positive and finite, got {beta}, {gamma}.'
            )
        self.beta, self.gamma, self.tuned_on = beta, gamma, tuned_on
        self.clip = TransformerBackbone(folder, dtype=dtype)
        self.proxy = MODELS.build(proxy)
        if type(self.proxy) is not TransformerBackbone or not self.proxy.frozen:
            raise ValueError(
                'ProxyAttentionBackbone: `proxy` must be a frozen TransformerBackbone, got '
                f'{type(self.proxy).__name__}.'
            )
        self.patch_size, self.embed_dim = self.proxy.patch_size, self.clip.embed_dim
        found = [(int(m[1]), name) for name, _ in self.clip.named_modules() if (m := LAST_ATTENTION.search(name))]
        self.last_attention = max(found)[1]
        (mean, std), (proxy_mean, proxy_std) = (
            [torch.tensor(values)[:, None, None] for values in read_normalization(one)]
            for one in (folder, proxy['folder'])
        )
        self.register_buffer('factor', std / proxy_std, persistent=False)
        self.register_buffer('offset', (mean - proxy_mean) / proxy_std, persistent=False)

    factor: Tensor
    offset: Tensor

    @property
    def provenance(self) -> dict[str, str]:
        """Masks that the hyper-parameters were tuned on; see :func:`mmwsl.engine.hooks.collect_provenance`."""
        return dict(tuned_on=self.tuned_on) if self.tuned_on else {}

    def init_weights(self) -> None:
        """Keep the weights of the folders."""

    @torch.no_grad()
    def forward(self, x: Tensor) -> tuple[Tensor]:
        """Extract features: images ``(N, 3, H, W)``, normalized for CLIP, to ``(N, D, h, w)`` at the proxy's stride."""
        return self.attended(x, lambda features, values: proxy_attention(features, values, self.beta, self.gamma))

    def attended(self, x: Tensor, attention: Callable[[Tensor, Tensor], Tensor]) -> tuple[Tensor]:
        """Extract features with an attention.

        Args:
            x: Images, as for :meth:`forward`.
            attention: Averages the values ``(N, L, V)`` by the features ``(N, L, D)`` of the proxy, at the patches of
                the first :meth:`inner_patches` rows and columns.
        """
        features = self.proxy_features(x * self.factor.to(x) + self.offset.to(x))
        rows, columns = self.inner_patches(x)
        values = self._values(x, rows, columns)
        projection = cast(nn.Linear, self.clip.get_submodule(f'{self.last_attention}.out_proj'))
        with torch.autocast(x.device.type, enabled=False):
            averaged = attention(_tokens(features[:, :, :rows, :columns]), _tokens(values))
            projected = projection(averaged.to(projection.weight.dtype)).to(x.dtype)
        maps = projected.transpose(1, 2).unflatten(2, (rows, columns))
        missing = (0, features.shape[3] - columns, 0, features.shape[2] - rows)
        return (F.pad(maps, missing, mode='replicate'),)

    def proxy_features(self, x: Tensor) -> Tensor:
        """Extract the features of the proxy, ``(N, D, h, w)``, from images that are normalized for it."""
        features: Tensor = self.proxy(x)[-1]
        return features

    def inner_patches(self, x: Tensor) -> tuple[int, int]:
        """Return the rows and columns of patches of the proxy whose center is inside of the images, at least one."""
        rows, columns = (max(1, -(-(2 * side - self.patch_size) // (2 * self.patch_size))) for side in x.shape[2:])
        return rows, columns

    def _values(self, x: Tensor, rows: int, columns: int) -> Tensor:
        """Return the values of CLIP's last block at the centers of the proxy's patches, float32 ``(N, D, h, w)``."""
        recorded: list[Tensor] = []
        layer = self.clip.get_submodule(f'{self.last_attention}.v_proj')
        hook = layer.register_forward_hook(lambda module, args, output: recorded.append(output))
        try:
            (maps,) = self.clip(x)
        finally:
            hook.remove()
        height, width = maps.shape[2:]
        values = recorded[0][:, -height * width :].float().transpose(1, 2).unflatten(2, (height, width))
        # Both grids begin at the first pixel, but may end at others. Positions: -1 to 1 over the grid of CLIP.
        ys, xs = (
            (torch.arange(count, device=x.device) + 0.5) * (2 * self.patch_size / (length * self.clip.patch_size)) - 1
            for count, length in ((rows, height), (columns, width))
        )
        centers = torch.stack([xs.expand(rows, columns), ys[:, None].expand(rows, columns)], -1)
        centers = centers.expand(len(values), -1, -1, -1)
        return F.grid_sample(values, centers, mode='bilinear', padding_mode='border', align_corners=False)


def _tokens(maps: Tensor) -> Tensor:
    """Turn maps ``(N, D, h, w)`` into tokens ``(N, h * w, D)``."""
    return maps.flatten(2).transpose(1, 2)
