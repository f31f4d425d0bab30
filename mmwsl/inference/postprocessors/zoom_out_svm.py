"""Scores of superpixels by classifiers of their zoom-out features, as a step."""

from pathlib import Path
from typing import ClassVar

import torch
from mmseg.structures import SegDataSample
from torch import Tensor

from ...registry import POSTPROCESSORS
from .base import PostProcessor


@POSTPROCESSORS.register_module()
class ZoomOutSVM(PostProcessor):
    r"""Replace the scores of the classes by those of one linear SVM each (ZOF of Shimoda & Yanai).

    .. math:: p_s(k) = \sigma(w_k^T \phi_s + b_k), \quad k \ge 1

    with the zoom-out features :math:`\phi_s` of superpixel s. The background keeps its score.

    Args:
        svm: File with ``weight (K - 1, D)`` and ``bias (K - 1,)``, which contain the scaling of the features and of
            the probabilities. ``tools/fit_zoom_out.py`` writes it, from tags.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If it does not hold the numbers above; in prediction, if classes or features are other than those
            that it was fitted for.
    """

    required_fields: ClassVar[dict[str, str]] = dict(
        superpixels="the transform type='mmwsl.ComputeSuperpixels' or 'mmwsl.LoadSuperpixels' before Resize",
        superpixel_features="model.zoom_out=dict(type='mmwsl.ZoomOutFeatures', layers=...) to the config",
    )

    def __init__(self, svm: str) -> None:
        self.svm = svm
        if not Path(svm).is_file():
            raise FileNotFoundError(
                f'`svm` names the file {svm!r}, which does not exist: '
                f'`python tools/fit_zoom_out.py CONFIG CHECKPOINT --out {svm}` makes it'
            )
        content = torch.load(svm, map_location='cpu', weights_only=True)
        names = 'weight', 'bias'
        if not isinstance(content, dict) or not all(isinstance(content.get(name), Tensor) for name in names):
            raise ValueError(
                f'`svm`: {svm!r} must hold the tensors `weight` and `bias`, as tools/fit_zoom_out.py writes them'
            )
        self.weight, self.bias = content['weight'].float(), content['bias'].float()
        if self.weight.dim() != 2 or self.bias.shape != self.weight.shape[:1]:
            raise ValueError(
                f'`svm`: {svm!r} must hold `weight` (K - 1, D) and `bias` (K - 1,), got '
                f'{tuple(self.weight.shape)} and {tuple(self.bias.shape)}'
            )

    def process(self, probs: Tensor, data_sample: SegDataSample) -> Tensor:
        """Replace ``probs (K, H, W)`` of the foreground."""
        features = data_sample.superpixel_features.to(probs)
        if self.weight.shape != (len(probs) - 1, features.shape[1]):
            raise ValueError(
                f'`svm`: {self.svm!r} is for {self.weight.shape[0]} foreground classes and '
                f'{self.weight.shape[1]} features, but the model has {len(probs) - 1} and '
                f'{features.shape[1]}: fit it anew with this config'
            )
        scores = (features @ self.weight.to(probs).T + self.bias.to(probs)).sigmoid()
        members = data_sample.superpixels.data[0].to(probs.device).unique(return_inverse=True)[1]
        return torch.cat([probs[:1], scores[members].permute(2, 0, 1)])
