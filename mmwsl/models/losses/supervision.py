"""Supervision of a batch of images, the second argument of every weak loss."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class WeakSupervision:
    """Supervision of N images: image-level labels, and the masks, saliency maps and size labels that exist.

    Args:
        image_labels: 1 (present), 0 (absent) or -1 (unknown), ``(N, K)``.
        valid: Boolean map of the locations inside each image, ``(N, H, W)``, of the size of the score map.
        masks: Mask of each image, int64 ``(H, W)`` with -1 at ignored locations, or None for an image without a mask.
            No image has a mask if None.
        sizes: Size labels, 1 (large), 0 (small) or -1 (unknown), ``(N, K)``. All are unknown if None.
        saliency: Saliency map of each image, in [0, 1], ``(H, W)``, or None for an image without one. No image has one
            if None.
    """

    image_labels: Tensor
    valid: Tensor
    masks: Sequence[Tensor | None] | None = None
    sizes: Tensor | None = None
    saliency: Sequence[Tensor | None] | None = None

    def select(self, indices: Sequence[int]) -> 'WeakSupervision':
        """Select the supervision of some images by their indices."""
        indices = list(indices)
        return WeakSupervision(
            image_labels=self.image_labels[indices],
            valid=self.valid[indices],
            masks=None if self.masks is None else [self.masks[i] for i in indices],
            sizes=None if self.sizes is None else self.sizes[indices],
            saliency=None if self.saliency is None else [self.saliency[i] for i in indices],
        )
