"""Fully connected CRF."""

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import torch
from mmseg.structures import SegDataSample
from torch import Tensor

from ...functional import CRF_PRESETS, CRFKernels, CRFParams, dense_crf, plausible_labels
from ...registry import POSTPROCESSORS
from ...utils.sample_fields import AGGREGATING_HEAD, KEEP_ORIGINAL_IMAGE
from ..segmentor import Segmentor
from .base import PostProcessor


class SharedKernels:
    """CRF kernels of images, until they are cleared: several CRFs on one image build each lattice once."""

    def __init__(self) -> None:
        self._kernels: dict[tuple, tuple[Tensor, CRFKernels]] = {}

    def get(self, image: Tensor, device: torch.device, params: CRFParams) -> CRFKernels:
        """Return the kernels of an image as it is now, ``(3, H, W)`` in BGR.

        Args:
            image: The image. It is kept, so that no other tensor gets its identity.
            device: Device to compute on.
            params: Widths and weights of the kernels.
        """
        # The version changes when a tensor is changed in place; tensors of inference mode have none.
        version = None if image.is_inference() else image._version
        key = id(image), version, device, params.kernel_key
        entry = self._kernels.get(key)
        if entry is None:
            # RGB, as in other implementations: the order of the channels rotates the lattice.
            entry = self._kernels[key] = image, CRFKernels(image.flip(0).to(device), params)
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
        plausible = None
        if self.min_pixel_prob is not None or self.min_image_prob is not None:
            image_probs = None if self.min_image_prob is None else data_sample.pred_label.score
            plausible = plausible_labels(probs, self.min_pixel_prob or 0.0, image_probs, self.min_image_prob or 0.0)
        shared = SharedKernels() if self.shared_kernels is None else self.shared_kernels
        kernels = shared.get(data_sample.image.data, probs.device, self.params)
        compatibility = None if self.compatibility is None else self.compatibility.to(probs.device)
        return dense_crf(probs, kernels.image, self.params, compatibility, plausible, kernels)
