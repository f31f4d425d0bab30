"""Checks and precision of the tensors that several functions take."""

from collections.abc import Sequence

import torch
from torch import Tensor


def numbers_on(device: torch.device, values: Sequence, dtype: torch.dtype | None = None) -> Tensor:
    """Make a tensor of numbers of the program on a device, without waiting for the work of the device.

    ``torch.tensor(values, device=device)`` and ``Tensor.new_tensor`` wait until a GPU has finished all work before.
    """
    return copy_to(device, torch.tensor(values, dtype=dtype))


def copy_to(device: torch.device, tensor: Tensor) -> Tensor:
    """Copy a tensor to a device, without waiting for the work of a GPU.

    A copy to the CPU waits: otherwise its values would be read before they are there.
    """
    return tensor.to(device, non_blocking=device.type != 'cpu')


def at_least_float32(scores: Tensor) -> Tensor:
    """Convert half precision to float32; other dtypes stay as they are."""
    return scores.float() if scores.dtype in (torch.float16, torch.bfloat16) else scores


def check_score_map(scores: Tensor, name: str, batches: bool = False) -> None:
    """Check that ``scores`` is one score map ``(K, H, W)``, or with ``batches`` several, that is not empty.

    Raises:
        ValueError: If it is not; the message calls it ``name``.
    """
    if scores.dim() not in ((3, 4) if batches else (3,)) or 0 in scores.shape:
        raise ValueError(
            f'`{name}` must be (K, H, W){" or (B, K, H, W)" if batches else ""} with at least one class and one pixel, '
            f'got {tuple(scores.shape)}.'
        )


def check_probs(probs: Tensor, batches: bool = False) -> None:
    """Check that ``probs`` is a score map ``(K, H, W)``, or with ``batches`` several, of finite non-negative values.

    Raises:
        ValueError: If it is not.
    """
    check_score_map(probs, 'probs', batches)
    lowest, highest = probs.detach().amin(), probs.detach().amax()  # aminmax does not support half precision everywhere
    if not (lowest >= 0 and highest < float('inf')):
        raise ValueError(
            f'`probs` must be finite and non-negative, got {lowest:.3g} to {highest:.3g}. '
            'Pass probabilities, not logits.'
        )


def check_image(image: Tensor, scores: Tensor, name: str) -> None:
    """Check that ``image (..., C, H, W)`` has the size of ``scores (..., K, H, W)``, which messages call ``name``.

    Raises:
        ValueError: If it does not.
    """
    *batch, _, height, width = scores.shape
    if image.dim() != scores.dim() or (*image.shape[:-3], *image.shape[-2:]) != (*batch, height, width):
        expected = ', '.join(map(str, (*batch, 'C', height, width)))
        raise ValueError(
            f'`image` must be ({expected}) like `{name}`, got {tuple(image.shape)}. '
            'Resize the image to the size of the score map.'
        )


def check_finite(**tensors: Tensor) -> None:
    """Check that tensors have finite values only.

    Args:
        **tensors: Tensors by the names that messages use.

    Raises:
        ValueError: If one holds NaN or infinite values.
    """
    for name, values in tensors.items():
        if not values.isfinite().all():
            raise ValueError(f'`{name}` must be finite, got NaN or infinite values.')


def valid_or_all(scores: Tensor, valid: Tensor | None) -> Tensor:
    """Check ``valid (N, H, W)`` against ``scores (N, K, H, W)``, or return a map of all locations.

    Raises:
        ValueError: If ``valid`` is not boolean of that shape.
    """
    if valid is None:
        return torch.ones_like(scores[:, 0], dtype=torch.bool)
    if valid.shape != scores[:, 0].shape or valid.dtype != torch.bool:
        raise ValueError(
            f'`valid` must be boolean of shape {tuple(scores[:, 0].shape)} like `scores` without classes, '
            f'got {valid.dtype} of shape {tuple(valid.shape)}.'
        )
    return valid
