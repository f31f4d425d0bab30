"""Fully connected CRF."""

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import torch
from mmseg.structures import SegDataSample
from torch import Tensor

from ...functional import CRF_PRESETS, CRFKernels, CRFParams, copy_to, dense_crf, plausible_labels
from ...registry import POSTPROCESSORS
from ...utils.sample_fields import AGGREGATING_HEAD, KEEP_ORIGINAL_IMAGE
from ..segmentor import Segmentor
from .base import PostProcessor


class SharedKernels:
    """CRF kernels of images, until they are cleared: several CRFs on one image build each lattice once."""

    def __init__(self) -> None:
        self._kernels: dict[tuple, tuple[Sequence[Tensor], CRFKernels]] = {}

    def get(self, images: Sequence[Tensor], device: torch.device, params: CRFParams) -> CRFKernels:
        """Return the kernels of an image, or of a batch of images of equal size, as they are now.

        Args:
            images: The images, ``(3, H, W)`` in BGR, at least one. They are kept, so that no other tensor gets the
                identity of one.
            device: Device to compute on.
            params: Widths and weights of the kernels.
        """
        # The version changes when a tensor is changed in place; tensors of inference mode have none.
        versions = [(id(image), None if image.is_inference() else image._version) for image in images]
        key = (*versions, device, params.kernel_key)
        entry = self._kernels.get(key)
        if entry is None:
            entry = self._kernels[key] = images, CRFKernels(_joined_rgb(images, device), params)
        return entry[1]

    def clear(self) -> None:
        """Free all kernels."""
        self._kernels.clear()


@POSTPROCESSORS.register_module()
class DenseCRF(PostProcessor):
    """Mean field in a fully connected CRF with the colors of the image; see :func:`mmwsl.functional.dense_crf`.

    Time grows with the number of classes. ``min_pixel_prob`` and ``min_image_prob`` exclude improbable classes, whose
    result is zero. The background is never excluded.

    Args:
        preset: CRF parameters to start from, of :data:`mmwsl.functional.CRF_PRESETS`: ``'psa'`` for probabilities,
            ``'irn'`` for hard labels, ``'deeplab'``, ``'ccnn'``.
        compatibility: Penalty of each class (row) near each other class (column), ``(K, K)``. None is the Potts model.
        min_pixel_prob: Exclude classes that reach this probability in no pixel, in [0, 1].
        min_image_prob: Exclude classes of lower image-level probability, in [0, 1].
        tuned_on: Masks that the parameters were tuned on, if any.
        **params: Parameters that differ from the preset, see :class:`mmwsl.functional.CRFParams`.

    Raises:
        ValueError: If an argument is out of range; when the segmentor is built, if ``compatibility`` is not ``(K, K)``.
        TypeError: If a parameter does not exist.
    """

    required_fields = dict(image=KEEP_ORIGINAL_IMAGE)

    def __init__(
        self,
        preset: str = 'psa',
        compatibility: Sequence[Sequence[float]] | None = None,
        min_pixel_prob: float | None = None,
        min_image_prob: float | None = None,
        tuned_on: str | None = None,
        **params: Any,
    ) -> None:
        if preset not in CRF_PRESETS:
            raise ValueError(f'`preset` must be one of {sorted(CRF_PRESETS)}, got {preset!r}.')
        names = [field.name for field in fields(CRFParams)]
        if unknown := sorted(params.keys() - set(names)):
            raise TypeError(f'`params` must be among {names}, got {unknown}.')
        for name, bound in dict(min_pixel_prob=min_pixel_prob, min_image_prob=min_image_prob).items():
            if bound is not None and not 0 <= bound <= 1:
                raise ValueError(f'`{name}` must be None or in [0, 1], got {bound}.')
        self.params = replace(CRF_PRESETS[preset], **params)
        self.compatibility = None if compatibility is None else torch.as_tensor(compatibility, dtype=torch.float32)
        self.min_pixel_prob = min_pixel_prob
        self.tuned_on = tuned_on
        self.min_image_prob = min_image_prob
        self.shared_kernels: SharedKernels | None = None
        if min_image_prob is not None:
            self.required_fields = dict(self.required_fields, pred_label=AGGREGATING_HEAD)

    def check(self, segmentor: Segmentor) -> None:
        """Check the shape of ``compatibility``; see the parent."""
        super().check(segmentor)
        shape = (segmentor.num_classes, segmentor.num_classes)
        if self.compatibility is not None and self.compatibility.shape != shape:
            raise ValueError(f'`compatibility` must have the shape {shape}, got {tuple(self.compatibility.shape)}.')

    def process(self, probs: Tensor, data_sample: SegDataSample) -> Tensor:
        """Refine ``probs (K, H, W)``."""
        return self._refine([probs], [data_sample])[0]

    def process_batch(self, probs: Sequence[Tensor], data_samples: Sequence[SegDataSample]) -> list[Tensor]:
        """Refine the probabilities of a batch; images of equal size are processed together."""
        groups: dict[tuple, list[int]] = {}
        for index, (one, sample) in enumerate(zip(probs, data_samples, strict=True)):
            groups.setdefault((one.shape, sample.image.data.shape), []).append(index)
        results = list(probs)
        for indices in groups.values():
            refined = self._refine([probs[index] for index in indices], [data_samples[index] for index in indices])
            for index, one in zip(indices, refined, strict=True):
                results[index] = one
        return results

    def _refine(self, probs: Sequence[Tensor], data_samples: Sequence[SegDataSample]) -> Sequence[Tensor]:
        """Refine the probabilities of images of equal size."""
        device, images = probs[0].device, [sample.image.data for sample in data_samples]
        kernels = None if self.shared_kernels is None else self.shared_kernels.get(images, device, self.params)
        refined = dense_crf(
            _joined(probs),
            _joined_rgb(images, device) if kernels is None else kernels.image,
            self.params,
            None if self.compatibility is None else copy_to(device, self.compatibility),
            self._plausible(probs, data_samples),
            kernels,
        )
        return [refined] if len(probs) == 1 else refined.unbind()

    def _plausible(self, probs: Sequence[Tensor], data_samples: Sequence[SegDataSample]) -> Tensor | None:
        """Select the classes of each image that are probable enough; None selects all."""
        if self.min_pixel_prob is None and self.min_image_prob is None:
            return None
        by_image = [None if self.min_image_prob is None else sample.pred_label.score for sample in data_samples]
        limits = self.min_pixel_prob or 0.0, self.min_image_prob or 0.0
        return _joined(
            [
                plausible_labels(one, limits[0], of_image, limits[1])
                for one, of_image in zip(probs, by_image, strict=True)
            ]
        )


def _joined(tensors: Sequence[Tensor]) -> Tensor:
    """Return the only tensor, or the stack of several."""
    return tensors[0] if len(tensors) == 1 else torch.stack(list(tensors))


def _joined_rgb(images: Sequence[Tensor], device: torch.device) -> Tensor:
    """Join images ``(3, H, W)`` and convert them to RGB, as in other implementations.

    The order of the channels rotates the lattice.
    """
    return _joined(images).to(device).flip(-3)
