"""CLIP whose last attention is that of another vision transformer, within regions."""

import re
from typing import Any

import torch
from torch import Tensor

from ...functional import region_attention
from ...registry import MODELS
from .proxy_attention_backbone import ProxyAttentionBackbone

QUERY_AND_KEY = re.compile(r'\.(\d+)\.attention\.(attention\.)?(q_proj|k_proj|query|key)$')
"""Names of the layers in ViT, DeiT, DINO, DINOv2 and DINOv3, in all versions of `transformers`."""


@MODELS.register_module()
class RegionAttentionBackbone(ProxyAttentionBackbone):
    r"""A frozen CLIP with the attention of a frozen proxy within regions (CorrCLIP, Zhang et al., ICCV 2025).

    Unlike its parent, it has :func:`mmwsl.functional.region_attention`, and the features of the proxy are the sum of
    the queries and the keys of its last block. The regions of an image, such as those of SAM, are the superpixels of
    its sample, see :class:`mmwsl.models.CLIPSegmentor`. The region of a patch is that at its center.

    Of the authors' three branches this is the first one. There is no mean of values of earlier blocks, and no class
    token per region.

    Args:
        folder: Folder of a CLIP model, with ``preprocessor_config.json``.
        proxy: See :class:`ProxyAttentionBackbone`; a ViT, DeiT, DINO, DINOv2 or DINOv3.
        temperature: See :func:`mmwsl.functional.region_attention`; 0.25 in CorrCLIP.
        max_distance: See :func:`mmwsl.functional.merge_regions`; 0.2 in CorrCLIP.
        tuned_on: Masks that the hyper-parameters were tuned on; None if they were fixed in advance.
        **kwargs: Other arguments of :class:`ProxyAttentionBackbone`, except ``beta`` and ``gamma``.

    Raises:
        ValueError: If the proxy is another model, or an argument is out of range; see also the parent.
    """

    def __init__(
        self,
        folder: str,
        proxy: dict,
        temperature: float = 0.25,
        max_distance: float = 0.2,
        tuned_on: str | None = 'masks of VOC 2012 and other datasets, by the authors of CorrCLIP',
        **kwargs: Any,
    ) -> None:
        super().__init__(folder, proxy, tuned_on=tuned_on, **kwargs)
        if not 0 < temperature < float('inf') or not max_distance >= 0:
            raise ValueError(
                'RegionAttentionBackbone: `temperature` must be positive and finite and `max_distance` non-negative, '
                f'got {temperature}, {max_distance}.'
            )
        self.temperature, self.max_distance = temperature, max_distance
        found = [
            (int(match[1]), name) for name, _ in self.proxy.named_modules() if (match := QUERY_AND_KEY.search(name))
        ]
        self.query_and_key = [name for block, name in found if block == max(found)[0]]
        if len(self.query_and_key) != 2:
            raise ValueError(
                'RegionAttentionBackbone: `proxy` must be a ViT, DeiT, DINO, DINOv2 or DINOv3, got a model without '
                f'query and key in {proxy["folder"]!r}.'
            )

    @torch.no_grad()
    def forward(self, x: Tensor, regions: Tensor | None = None) -> tuple[Tensor]:
        """Extract features, see :class:`ProxyAttentionBackbone`.

        Args:
            x: Images, ``(N, 3, H, W)``.
            regions: Regions of the images, integers ``(N, h', w')`` of any size that covers them; negative in no
                region. None has no region.
        """
        rows, columns = self.inner_patches(x)
        if regions is None:
            regions = torch.full((len(x), *x.shape[2:]), -1, device=x.device)
        ys, xs = (
            ((torch.arange(count) + 0.5) * self.patch_size / side * length).long().clamp(max=length - 1)
            for count, side, length in zip((rows, columns), x.shape[2:], regions.shape[1:], strict=True)
        )
        patches = regions[:, ys][:, :, xs].flatten(1).to(x.device)

        def attention(features: Tensor, values: Tensor) -> Tensor:
            images = zip(features, values, patches, strict=True)
            return torch.stack([region_attention(*image, self.temperature, self.max_distance) for image in images])

        return self.attended(x, attention)

    def proxy_features(self, x: Tensor) -> Tensor:
        """Return the sum of the queries and keys of the proxy's last block, ``(N, D, h, w)``."""
        recorded: list[Tensor] = []
        hooks = [
            self.proxy.get_submodule(name).register_forward_hook(lambda module, args, output: recorded.append(output))
            for name in self.query_and_key
        ]
        try:
            grid = super().proxy_features(x).shape[2:]
        finally:
            for hook in hooks:
                hook.remove()
        query, key = (one[:, -grid[0] * grid[1] :].float() for one in recorded)
        return (query + key).transpose(1, 2).unflatten(2, grid)
