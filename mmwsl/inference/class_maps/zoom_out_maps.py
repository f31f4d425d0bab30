"""Class maps by zoom-out features of superpixels."""

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import torch
from mmseg.utils import SampleList
from torch import Tensor, nn

from ...functional import recorded_layers, zoom_out_features
from ...functional.guided_backprop import check_layers
from ...registry import CLASS_MAPS
from ...utils.metainfo import flipped_dims, image_padding
from ...utils.sample_fields import SUPERPIXELS
from ..segmentor import Segmentor
from .base import ClassMaps


@CLASS_MAPS.register_module()
class ZoomOutMaps(ClassMaps):
    r"""Scores of superpixels by linear SVMs of their zoom-out features (ZOF, Shimoda & Yanai).

    .. math:: p_s(k) = \sigma(w_k^T \phi_s + b_k), \quad k \ge 1

    with the zoom-out features :math:`\phi_s` of superpixel s, see :func:`mmwsl.functional.zoom_out_features`. The
    background keeps its probability. One forward pass of the whole image gives all layers, also where the scorer uses
    windows or a dense network. Each layer is assumed to cover the input evenly, as in networks that pad.

    Args:
        layers: Names of modules of the segmentor, from the lowest to the highest.
        svm: File with ``weight (K - 1, D)`` and ``bias (K - 1,)``, which include the scaling of features and
            probabilities. ``tools/fit_zoom_out.py`` fits it from image-level labels. None only computes features.
        scene: Append the mean of the last layer over the image.

    Raises:
        FileNotFoundError: If ``svm`` does not exist.
        ValueError: If ``layers`` is empty or ``svm`` does not contain such tensors; when the segmentor is built, if a
            layer does not exist or the network does not pad; at prediction, if a layer does not give one map, or
            the SVMs are for other classes or features.
        KeyError: At prediction, if a sample has no superpixels.
    """

    required_fields = dict(superpixels=SUPERPIXELS)

    def __init__(self, layers: Sequence[str], svm: str | None = None, scene: bool = True) -> None:
        check_layers(layers)
        self.layers, self.svm, self.scene = tuple(layers), svm, scene
        if svm is not None:
            self.weight, self.bias = _read_svm(svm)

    def check(self, segmentor: Segmentor) -> None:
        """Check that the layers exist and cover the input evenly; see the parent."""
        super().check(segmentor)
        check_layers(self.layers, cast(nn.Module, segmentor))
        if not segmentor.same_padding:
            raise ValueError(
                'ZoomOutMaps needs layers that cover the input evenly, but `decode_head.same_padding` is False: the '
                'network does not pad. Use other class maps.'
            )

    def __call__(
        self, segmentor: Segmentor, inputs: Tensor, data_samples: SampleList, scores: list[Tensor]
    ) -> list[Tensor]:
        """Compute the class maps of a batch; see :meth:`ClassMaps.__call__`."""
        features = self.features(segmentor, inputs, data_samples)
        return [
            self._classify(segmentor.pixel_probs(score), own, sample.superpixels.data[0])
            for score, own, sample in zip(scores, features, data_samples, strict=True)
        ]

    def features(self, segmentor: Segmentor, inputs: Tensor, data_samples: SampleList) -> list[Tensor]:
        """Compute features ``(S, D)`` of each image, one row per superpixel id of ``superpixels``, ascending.

        Args:
            segmentor: The network.
            inputs: Normalized and padded images, ``(N, 3, H, W)``.
            data_samples: Their samples, with ``superpixels`` and the meta information of padding and flip.
        """
        for sample in data_samples:
            self.check_fields(sample)
        height, width = inputs.shape[2:]
        with recorded_layers(cast(nn.Module, segmentor), self.layers) as record, torch.no_grad():
            segmentor(inputs)
        if missing := [name for name in self.layers if name not in record.outputs]:
            raise ValueError(f'`layers` must name modules that the forward pass runs, got {missing}.')
        maps = [record.outputs[name].detach() for name in self.layers]
        features = []
        for index, sample in enumerate(data_samples):
            meta = sample.metainfo
            left, right, top, bottom = image_padding(meta)
            box = (top / height, 1 - bottom / height, left / width, 1 - right / width)
            superpixels = sample.superpixels.data[0].flip(flipped_dims(meta))
            features.append(zoom_out_features([values[index] for values in maps], superpixels, box, self.scene))
        return features

    def _classify(self, probs: Tensor, features: Tensor, superpixels: Tensor) -> Tensor:
        """Replace the foreground of ``probs (K, H, W)`` by the scores of the superpixels ``(H, W)``."""
        if self.svm is None:
            raise ValueError(
                '`class_maps.svm` must name the file of the SVMs, got None. Fit them with '
                '`python tools/fit_zoom_out.py CONFIG CHECKPOINT`.'
            )
        if self.weight.shape != (len(probs) - 1, features.shape[1]):
            raise ValueError(
                f'`class_maps.svm`: {self.svm!r} is for {self.weight.shape[0]} foreground classes and '
                f'{self.weight.shape[1]} features, but the model has {len(probs) - 1} and {features.shape[1]}. '
                'Fit it again with this config.'
            )
        scores = (features.to(probs) @ self.weight.to(probs).T + self.bias.to(probs)).sigmoid()
        members = superpixels.to(probs.device).unique(return_inverse=True)[1]
        return torch.cat([probs[:1], scores[members].permute(2, 0, 1)])


def _read_svm(path: str) -> tuple[Tensor, Tensor]:
    """Read ``weight (K - 1, D)`` and ``bias (K - 1,)``."""
    if not Path(path).is_file():
        raise FileNotFoundError(
            f'`class_maps.svm` names the file {path!r}, which does not exist. Create it with '
            f'`python tools/fit_zoom_out.py CONFIG CHECKPOINT --out {path}`.'
        )
    content = torch.load(path, map_location='cpu', weights_only=True)
    if not isinstance(content, dict) or not all(isinstance(content.get(name), Tensor) for name in ('weight', 'bias')):
        raise ValueError(f'`class_maps.svm`: {path!r} must contain the tensors `weight` and `bias`.')
    weight, bias = content['weight'].float(), content['bias'].float()
    if weight.dim() != 2 or bias.shape != weight.shape[:1]:
        raise ValueError(
            f'`class_maps.svm`: {path!r} must contain `weight` (K - 1, D) and `bias` (K - 1,), got '
            f'{tuple(weight.shape)} and {tuple(bias.shape)}.'
        )
    return weight, bias
