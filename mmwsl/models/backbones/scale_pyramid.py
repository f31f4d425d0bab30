"""One backbone that is applied to an image at several sizes."""

from collections.abc import Sequence

from mmengine.model import BaseModule
from mmseg.models.utils import resize
from torch import Tensor

from ...registry import MODELS


@MODELS.register_module()
class ScalePyramid(BaseModule):
    """Wrapper that returns the last feature map of one shared backbone at several sizes of the input.

    Use it with a :class:`mmwsl.models.PyramidAggregationHead`. A :class:`CachedBackbone` around it caches all sizes.

    Args:
        backbone: Config of the backbone.
        scales: Factors of the height and width of the input.

    Raises:
        ValueError: If ``scales`` is empty or a factor is not positive.
    """

    def __init__(self, backbone: dict, scales: Sequence[float]) -> None:
        super().__init__()
        if not scales or not all(0 < scale < float('inf') for scale in scales):
            raise ValueError(f'ScalePyramid: `scales` must be one or more positive factors, got {scales!r}.')
        self.backbone = MODELS.build(backbone)
        self.scales = tuple(scales)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Extract features: ``(N, 3, H, W)`` to one feature map ``(N, C, h, w)`` per scale, in their order."""
        height, width = x.shape[2:]
        sizes = [(max(1, round(height * scale)), max(1, round(width * scale))) for scale in self.scales]
        inputs = [x if size == (height, width) else resize(x, size=size, mode='bilinear') for size in sizes]
        return tuple(self.backbone(one)[-1] for one in inputs)
