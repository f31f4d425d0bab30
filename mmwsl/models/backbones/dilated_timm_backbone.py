"""Convolutional networks of the package `timm` as backbones at a small stride."""

from collections.abc import Sequence
from typing import Any

from mmseg.models.backbones import TIMMBackbone
from torch import Tensor

from ...registry import MODELS
from .pretrained import pretrained_state_dict

EXTRA = 'pip install "mmwsl[timm]" (in a checkout: pip install -e ".[timm]" -c constraints.txt)'


@MODELS.register_module()
class DilatedTIMMBackbone(TIMMBackbone):
    """mmseg's ``TIMMBackbone`` for pretrained features of any convolutional network of timm at a small stride.

    It differs in four points. First, nothing is downloaded. Second, ``init_cfg=dict(type='Pretrained',
    checkpoint=FILE)`` accepts the weights of the complete network, with timm's parameter names; for ResNets these are
    torchvision's names too. Every key must fit; layers after the last feature map are not loaded. Third, ``frozen``
    freezes every layer, with batch normalization in evaluation mode. Fourth, the feature maps are a tuple.

    timm dilates the stages whose stride is removed. Their padding may differ from that of the undilated network, so
    that the features differ a little from those of the ImageNet weights.

    Args:
        model_name: Name of the network in ``timm.list_models()``.
        output_stride: Stride of the last feature map.
        out_indices: Feature maps that are returned. Most networks have five, of stride 2, 4, 8, 16 and 32 if not
            dilated; negative numbers count from the last one.
        frozen: Train no layer.
        init_cfg: Initialization; None keeps timm's random weights.
        **kwargs: Passed to ``timm.create_model``.

    Raises:
        ImportError: If timm is not installed.
        ValueError: If timm has no such network, or the network has not this stride or feature map.
    """

    def __init__(
        self,
        model_name: str,
        output_stride: int = 16,
        out_indices: Sequence[int] = (-1,),
        frozen: bool = False,
        init_cfg: dict | None = None,
        **kwargs: Any,
    ) -> None:
        try:
            import timm  # noqa: F401
        except ImportError as error:
            raise ImportError(
                f'DilatedTIMMBackbone needs timm, which could not be imported ({error}). Install it with: {EXTRA}'
            ) from error
        settings: dict[str, Any] = dict(output_stride=output_stride, out_indices=tuple(out_indices))
        try:
            super().__init__(model_name, pretrained=False, init_cfg=init_cfg, **settings, **kwargs)
        except (AssertionError, IndexError, NotImplementedError, RuntimeError, TypeError, ValueError) as error:
            raise ValueError(
                f'DilatedTIMMBackbone: `model_name` must be a network of timm that accepts {settings | kwargs}, got '
                f'{model_name!r} (timm: {str(error) or type(error).__name__}). Set another network or stride.'
            ) from error
        self.model_name, self.kwargs = model_name, kwargs
        self.out_channels = tuple(self.timm_model.feature_info.channels())
        self.frozen = frozen
        if frozen:
            self.requires_grad_(False).train(False)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Extract features: ``(N, 3, H, W)`` to the feature maps of ``out_indices``."""
        return tuple(super().forward(x))

    def train(self, mode: bool = True) -> 'DilatedTIMMBackbone':
        """Set the mode; a frozen network stays in evaluation mode."""
        super().train(mode and not self.frozen)
        return self

    def init_weights(self) -> None:
        """Load the checkpoint of ``init_cfg``; timm has initialized the network otherwise.

        Raises:
            RuntimeError: If a key is missing, or a shape differs.
            ValueError: If a key is unexpected, or ``init_cfg`` has a checkpoint and anything else.
        """
        checkpoint = pretrained_state_dict(self.init_cfg)
        if checkpoint is None:
            super().init_weights()
            return
        import timm

        complete = timm.create_model(self.model_name, pretrained=False, **self.kwargs).state_dict()
        unexpected = sorted(checkpoint.keys() - complete.keys())
        if unexpected:
            raise ValueError(
                f'DilatedTIMMBackbone: `init_cfg.checkpoint` must have the weights of {self.model_name} with the names '
                f'of timm, got {len(unexpected)} other names, {unexpected[0]!r} the first. Pass another file.'
            )
        # Some networks of feature maps rename `stages.0` to `stages_0`.
        flat = {key.replace('.', '_'): value for key, value in checkpoint.items()}
        own = {key: key.replace('.', '_') for key in self.timm_model.state_dict()}
        self.timm_model.load_state_dict({key: flat[name] for key, name in own.items() if name in flat}, strict=True)
        self._is_init = True
