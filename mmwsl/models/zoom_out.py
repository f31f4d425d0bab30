"""Zoom-out features, which the segmentor writes into its data samples before post-processing."""

from collections.abc import Sequence

import torch
from mmseg.models.segmentors import BaseSegmentor
from mmseg.utils import SampleList
from torch import Tensor

from ..functional import recorded_layers, zoom_out_features
from ..registry import MODELS


@MODELS.register_module()
class ZoomOutFeatures:
    """Zoom-out features of an image, by all layers of a network; see :func:`mmwsl.functional.zoom_out_features`.

    Writes ``superpixel_features (S, D)`` into the data sample, one row for each id in its field ``superpixels``,
    ascending. One forward pass of the whole image gives all layers, also where ``test_cfg`` asks for windows or
    dense inference. The cells of a map are taken to spread evenly over the input, as in networks that pad:
    the segmentor refuses ``test_cfg.border``.

    Args:
        layers: Names of modules of the segmentor, from the lowest to the highest.
        scene: Append the mean of the last layer over the image.

    Raises:
        ValueError: If ``layers`` is empty; at the first prediction, if there is no such module, or it does not give
            one map.
        KeyError: At prediction, if a sample has no superpixels.
    """

    def __init__(self, layers: Sequence[str], scene: bool = True) -> None:
        if isinstance(layers, str) or not layers:
            raise ValueError(f'`layers` must be a list of at least one name of a module, got {layers!r}')
        self.layers, self.scene = tuple(layers), scene

    def __call__(self, segmentor: BaseSegmentor, inputs: Tensor, data_samples: SampleList) -> None:
        """Write ``superpixel_features`` into the samples.

        Args:
            segmentor: The network.
            inputs: Normalized and padded images, ``(N, 3, H, W)``.
            data_samples: Their samples, with ``superpixels`` and the meta information of padding and flip.
        """
        if any('superpixels' not in sample for sample in data_samples):
            raise KeyError(
                'zoom-out features need the field `superpixels` of the data sample: add the transform '
                "type='mmwsl.ComputeSuperpixels' or 'mmwsl.LoadSuperpixels' before Resize"
            )
        height, width = inputs.shape[2:]
        with recorded_layers(segmentor, self.layers) as record, torch.no_grad():  # no gradient is asked for
            segmentor(inputs)
        if missing := [name for name in self.layers if name not in record.outputs]:
            raise ValueError(f'`layers` names {missing}, which the forward pass does not run')
        maps = [record.outputs[name].detach() for name in self.layers]
        for index, sample in enumerate(data_samples):
            meta = sample.metainfo
            # mmseg writes `img_padding_size` in testing, `padding_size` in training.
            left, right, top, bottom = meta.get('img_padding_size', meta.get('padding_size', (0, 0, 0, 0)))
            box = (top / height, 1 - bottom / height, left / width, 1 - right / width)
            superpixels = sample.superpixels.data[0]
            if meta.get('flip'):
                superpixels = superpixels.flip(1 if meta['flip_direction'] == 'horizontal' else 0)
            sample.superpixel_features = zoom_out_features(
                [values[index] for values in maps], superpixels, box, self.scene
            )
