"""Data preprocessor that normalizes a batch at once."""

from typing import Any

import torch
from mmseg.models import SegDataPreProcessor
from mmseg.utils import stack_batch
from torch import Tensor

from ..registry import MODELS


@MODELS.register_module()
class FusedSegDataPreProcessor(SegDataPreProcessor):
    """``SegDataPreProcessor`` that pads and joins images as bytes, and normalizes them as one batch.

    The batches are those of its parent to the last bit. The parent converts, normalizes and pads each image, and
    joins them as float32. Here images are copied to the device while the program goes on, if they lie in pinned memory.
    A GPU starts three kernels for the normalization of a batch; a CPU normalizes each image while it is in the cache.

    Args:
        channels_last: Whether batches are stored channels last, as convolutions on a GPU prefer.
        **kwargs: Passed to :class:`mmseg.models.SegDataPreProcessor`.
    """

    def __init__(self, channels_last: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.channels_last = channels_last
        self._non_blocking = True

    def forward(self, data: dict, training: bool = False) -> dict[str, Any]:
        """Make a batch of the images and samples of a loader; see the parent.

        Raises:
            ValueError: If images of different sizes are to be predicted in one batch.
        """
        data = self.cast_data(data)
        images: list[Tensor] = list(data['inputs'])  # a tuple in test-time augmentation
        samples: Any = data.get('data_samples')
        sizes = [image.shape[-2:] for image in images]
        if training:
            assert samples is not None, 'During training, `data_samples` must be define.'
            joined, samples = stack_batch(
                images, samples, self.size, self.size_divisor, pad_val=0, seg_pad_val=self.seg_pad_val
            )
        elif not all(size == sizes[0] for size in sizes):
            raise ValueError(
                f'`inputs` must have one size in each batch, got {sorted({tuple(size) for size in sizes})}. Set '
                '`test_dataloader.batch_size` and `val_dataloader.batch_size` to 1.'
            )
        elif self.test_cfg:
            joined, paddings = stack_batch(
                images, size=self.test_cfg.get('size'), size_divisor=self.test_cfg.get('size_divisor')
            )
            for sample, padding in zip(samples, paddings, strict=True):
                sample.set_metainfo(padding)
        else:
            joined = torch.stack(images)
        inputs = self._normalized(joined)
        for image, (height, width) in zip(inputs, sizes, strict=True):
            image[:, height:] = self.pad_val
            image[:, :, width:] = self.pad_val
        if training and self.batch_augments is not None:
            inputs, samples = self.batch_augments(inputs, samples)
        return dict(inputs=inputs, data_samples=samples)

    def _normalized(self, images: Tensor) -> Tensor:
        """Convert a batch ``(N, C, H, W)`` to float32, reverse its channels and normalize it, as configured."""
        order = torch.channels_last if self.channels_last else torch.contiguous_format
        result = torch.empty(images.shape, dtype=torch.float32, device=images.device, memory_format=order)
        chunk = 1 if images.device.type == 'cpu' else len(images)
        for part, target in zip(images.split(chunk), result.split(chunk), strict=True):
            if self._channel_conversion and images.shape[1] == 3:
                part = part.flip(1)
            target.copy_(part)
            if self._enable_normalize:
                target.sub_(self.mean).div_(self.std)
        return result
