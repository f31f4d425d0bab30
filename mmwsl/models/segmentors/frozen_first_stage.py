"""Base class of cascades whose first stage is trained before and frozen."""

from torch import nn

from .weak_encoder_decoder import WeakEncoderDecoder


class FrozenFirstStage(WeakEncoderDecoder):
    """Segmentor whose backbone, neck and ``decode_head`` are a trained first stage, which ``load_from`` names."""

    def freeze_first_stage(self) -> None:
        """Exclude the parameters of the first stage from training."""
        for part in self._first_stage():
            part.requires_grad_(False)

    def train(self, mode: bool = True) -> 'FrozenFirstStage':
        """Set the mode; the layers of the first stage stay in evaluation mode."""
        super().train(mode)
        for part in self._first_stage():
            for layer in part.children():  # not the part itself: CachedBackbone caches in training mode only
                layer.eval()
        return self

    def _first_stage(self) -> list[nn.Module]:
        return [self.backbone, self.decode_head, *([self.neck] if self.with_neck else [])]
