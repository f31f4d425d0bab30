"""Data preprocessor that normalizes a batch at once."""

from collections.abc import Sequence
from functools import reduce
from typing import Any

import torch
from mmseg.models import SegDataPreProcessor
from mmseg.utils import stack_batch
from torch import Tensor

from ..functional import numbers_on
from ..registry import MODELS


@MODELS.register_module()
class FusedSegDataPreProcessor(SegDataPreProcessor):
    """``SegDataPreProcessor`` that pads and joins images as bytes, and normalizes them as one batch.

    The batches are those of its parent to the last bit. The parent converts, normalizes and pads each image, and
    joins them as float32. Here images are copied to the device while the program goes on, if they lie in pinned memory.
    A GPU joins them as bytes, with one operation if they have one size, else with one for each; it normalizes the batch
    with four, and fills the padding with seven, whatever the number of images. A CPU normalizes each image into its
    place while it is in the cache.

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
        # Images without memory: their sizes are all that padding the samples needs.
        shapes = [torch.empty(image.shape, device='meta') for image in images]
        if training:
            assert samples is not None, 'During training, `data_samples` must be define.'
            padded, samples = stack_batch(
                shapes, samples, self.size, self.size_divisor, pad_val=0, seg_pad_val=self.seg_pad_val
            )
        elif not all(size == sizes[0] for size in sizes):
            raise ValueError(
                f'`inputs` must have one size in each batch, got {sorted({tuple(size) for size in sizes})}. Set '
                '`test_dataloader.batch_size` and `val_dataloader.batch_size` to 1.'
            )
        elif self.test_cfg:
            padded, paddings = stack_batch(
                shapes, size=self.test_cfg.get('size'), size_divisor=self.test_cfg.get('size_divisor')
            )
            for sample, padding in zip(samples, paddings, strict=True):
                sample.set_metainfo(padding)
        else:
            padded = torch.stack(shapes)
        order = torch.channels_last if self.channels_last else torch.contiguous_format
        device = images[0].device
        inputs = torch.empty(padded.shape, dtype=torch.float32, device=device, memory_format=order)
        if device.type == 'cpu':
            for image, target, (height, width) in zip(images, inputs, sizes, strict=True):
                self._normalize(image[None], target[None, :, :height, :width])
                target[:, height:] = self.pad_val
                target[:, :, width:] = self.pad_val
        else:
            self._normalize(_joined(images, padded.shape), inputs)
            if any(size != padded.shape[-2:] for size in sizes):
                inputs.masked_fill_(_padding(sizes, padded.shape[-2:], device), self.pad_val)
        if training and self.batch_augments is not None:
            inputs, samples = self.batch_augments(inputs, samples)
        return dict(inputs=inputs, data_samples=samples)

    def _normalize(self, images: Tensor, target: Tensor) -> None:
        """Convert images ``(N, C, H, W)``, reverse channels and normalize them into ``target``, as configured."""
        target.copy_(images.flip(1) if self._channel_conversion and images.shape[1] == 3 else images)
        if self._enable_normalize:
            target.sub_(self.mean).div_(self.std)


def _joined(images: list[Tensor], shape: torch.Size) -> Tensor:
    """Join images to a batch of a shape; the padding is uninitialized."""
    if all(image.shape == shape[1:] for image in images):
        return torch.stack(images)
    batch = images[0].new_empty(shape, dtype=reduce(torch.promote_types, (image.dtype for image in images)))
    for image, target in zip(images, batch, strict=True):
        target[:, : image.shape[1], : image.shape[2]] = image
    return batch


def _padding(sizes: Sequence[torch.Size], size: torch.Size, device: torch.device) -> Tensor:
    """Return a mask of the padded pixels of a batch, ``(N, 1, H, W)``, whose images have some sizes."""
    heights, widths = numbers_on(device, sizes).T[:, :, None, None, None]
    rows, columns = (torch.arange(length, device=device) for length in size)
    return (rows[:, None] >= heights) | (columns >= widths)
