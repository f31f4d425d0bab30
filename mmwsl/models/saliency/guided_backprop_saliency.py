"""Saliency of the classes of an image by guided back-propagation."""

from collections.abc import Sequence

import torch
from mmengine.structures import PixelData
from mmseg.models.segmentors import BaseSegmentor
from mmseg.models.utils import resize
from mmseg.structures import SegDataSample
from mmseg.utils import SampleList
from torch import Tensor, nn
from torch.nn import functional as F

from ...functional import candidate_classes, channel_saliency, interpolate_score_map, max_normalize, recorded_layers
from ...inference.dense import Fields, trace
from ...registry import MODELS


@MODELS.register_module()
class GuidedBackpropSaliency:
    r"""Where the score of a class comes from (Shimoda & Yanai, weakly-supervised segmentation with saliency maps).

    The map of class c is the mean over layers i, and over scales, of :math:`\max_k |\partial S_c / \partial L_i|`,
    up-sampled bilinearly, divided by its maximum over the image. The maximum over the channels k is taken before
    up-sampling, as in the authors' code of DCSM; their poster writes it after.

    The map is written into the data sample as ``class_saliency: PixelData(data=(K, H, W))`` at the original image size,
    zero for the classes that are not asked for and for the background. One forward pass at each scale serves all
    classes and all images of a batch; it is that of the whole image, also where ``test_cfg`` asks for windows or
    dense inference.

    Args:
        layers: Names of modules of the segmentor, such as ``'backbone.layer2'``; see
            :func:`mmwsl.functional.recorded_layers`.
        guided: Guided back-propagation, else plain gradients.
        signal: What is propagated: ``'image'``, the score of the class in the image, before the sigmoid or softmax,
            or ``'cells'``, its scores in every cell, as in the authors' code of DCSM. With max-pooling the first
            reaches what one cell sees.
        scales: Factors by which the input is scaled.
        threshold: Classes of larger predicted probability are asked for.
        min_classes: If these are fewer, the next best are added, never one that ``test_cfg.use_image_labels`` excludes. With
            ``threshold=1`` it is the number of classes.
        use_image_labels: Ask for the classes of ``gt_label`` instead, for pseudo-labels of training images.
        batched: Propagate all classes at once and not one after another; see
            :meth:`mmwsl.functional.LayerRecord.gradients`.

    Raises:
        ValueError: If an argument is out of range; at the first prediction, if there is no such layer, or the network
            cannot be guided.
        KeyError: At prediction, if ``use_image_labels`` is set and a sample has no tags.
    """

    num_compared = 0
    """Number of classes for which signals are sent, if fewer are asked for."""

    def __init__(
        self,
        layers: Sequence[str],
        guided: bool = True,
        signal: str = 'image',
        scales: Sequence[float] = (1.0,),
        threshold: float = 0.5,
        min_classes: int = 1,
        use_image_labels: bool = False,
        batched: bool = False,
    ) -> None:
        if isinstance(layers, str) or not layers:
            raise ValueError(f'`layers` must be a list of at least one name of a module, got {layers!r}')
        if signal not in ('image', 'cells'):
            raise ValueError(f"`signal` must be 'image' or 'cells', got {signal!r}")
        if not scales or any(not 0 < scale < float('inf') for scale in scales):
            raise ValueError(f'`scales` must be positive factors, at least one, got {scales}')
        if min_classes < 0:
            raise ValueError(f'`min_classes` must be 0 or more, got {min_classes}')
        self.layers, self.guided, self.signal, self.scales = tuple(layers), guided, signal, tuple(scales)
        self.threshold, self.min_classes, self.use_image_labels, self.batched = (
            threshold,
            min_classes,
            use_image_labels,
            batched,
        )
        self._fields: list[Fields] | None = None

    def __call__(self, segmentor: BaseSegmentor, inputs: Tensor, data_samples: SampleList) -> None:
        """Write ``class_saliency`` into the samples.

        Args:
            segmentor: The network, a :class:`mmwsl.models.WeakEncoderDecoder`.
            inputs: Normalized and padded images, ``(N, 3, H, W)``.
            data_samples: Their samples, with ``pred_label`` and the meta information of padding, flip and size.
        """
        size = inputs.shape[2:]
        chosen = [self._classes(sample) for sample in data_samples]
        signals = self._signals([classes for classes, _ in chosen], segmentor.num_classes).to(inputs.device)
        maps = inputs.new_zeros(len(inputs), segmentor.num_classes, *size, dtype=torch.float32)
        if len(signals):
            layers = torch.cat(
                [self._layer_maps(segmentor, inputs, data_samples, signals, scale) for scale in self.scales]
            )  # (L, S, N, H, W)
            for n, (sample, (classes, asked)) in enumerate(zip(data_samples, chosen, strict=True)):
                if asked:
                    left, right, top, bottom = _padding(sample)
                    area = ..., slice(top, size[0] - bottom), slice(left, size[1] - right)
                    maps[n][area][classes[:asked]] = self.combine(layers[:, : len(classes), n][area])[:asked]
        blanks = [SegDataSample(metainfo=sample.metainfo) for sample in data_samples]
        # As for scores: crop the padding, flip, resize.
        for sample, blank in zip(data_samples, segmentor.postprocess_result(maps, blanks), strict=True):
            sample.class_saliency = PixelData(data=self.finish(blank.seg_logits.data))

    def combine(self, maps: Tensor) -> Tensor:
        """Combine the maps of all layers and scales, ``(L, C, H, W)``, to one for each class, ``(C, H, W)``."""
        return maps.mean(0)

    def finish(self, maps: Tensor) -> Tensor:
        """Bring maps ``(K, H, W)`` at the original image size to their range."""
        return max_normalize(maps)

    def _classes(self, sample: SegDataSample) -> tuple[Tensor, int]:
        """Choose the classes that signals are sent for, and how many of them, the first ones, are asked for."""
        label = sample.pred_label
        scores, guess = label.score.cpu(), label.get('guess', label.score).cpu()
        if self.use_image_labels:
            if 'gt_label' not in sample:
                raise KeyError(
                    '`use_image_labels` needs the field `gt_label` of the data sample: end the pipeline with '
                    "dict(type='mmwsl.PackImageLabelInputs') and use a dataset of image-level labels"
                )
            present = sample.gt_label.score.cpu() == 1
            possible = torch.zeros_like(present)
        else:
            present = scores > self.threshold
            possible = scores > 0 if 'guess' in label else torch.ones_like(present)
        return candidate_classes(guess, present, possible, self.min_classes, self.num_compared)

    @staticmethod
    def _signals(classes: list[Tensor], num_classes: int) -> Tensor:
        """Signal s is 1 for the s-th class of each image, ``(S, N, K)``; zero for images with fewer."""
        signals = torch.zeros(max(map(len, classes)), len(classes), num_classes)
        for n, ids in enumerate(classes):
            signals[range(len(ids)), n, ids] = 1.0
        return signals

    def _layer_maps(
        self, segmentor: nn.Module, inputs: Tensor, data_samples: SampleList, signals: Tensor, scale: float
    ) -> Tensor:
        """Compute the map of every layer and signal at the size of the inputs, ``(L, S, N, H, W)``."""
        size = tuple(inputs.shape[2:])
        if scale != 1.0:
            inputs = F.interpolate(
                inputs,
                [max(1, round(scale * side)) for side in size],
                mode='bilinear',
                align_corners=False,
                antialias=scale < 1,
            )
        scaled, (padded, canvas, before) = tuple(inputs.shape[2:]), segmentor.surround(inputs)
        with recorded_layers(segmentor, self.layers, self.guided) as record:
            cells = segmentor(padded)
            # The padding is counted in pixels of the inputs before scaling, as is the canvas then.
            canvas = [side * length / now for side, length, now in zip(canvas, size, scaled, strict=True)]
            metas = [sample.metainfo for sample in data_samples]
            if self.signal == 'image':
                scores = segmentor.decode_head.aggregate(cells, metas, size, canvas)
            else:
                scores = segmentor.decode_head.mean_scores(cells, metas, size, canvas)
            gradients = record.gradients(scores, signals.to(scores), self.batched)
        maps = [channel_saliency(gradient.float()) for gradient in gradients]  # (S, N, h, w)
        if padded is inputs:
            return torch.stack([resize(layer, size=size, mode='bilinear', align_corners=False) for layer in maps])
        if self._fields is None:
            self._fields = trace(_Layers(segmentor, self.layers)).outputs
        placed = [
            interpolate_score_map(
                layer, scaled, [field.center - before for field in fields], [field.stride for field in fields]
            )
            for layer, fields in zip(maps, self._fields, strict=True)
        ]
        return torch.stack([resize(layer, size=size, mode='bilinear', align_corners=False) for layer in placed])


def _padding(sample: SegDataSample) -> Sequence[int]:
    """Return the padding as mmseg's parent class reads it: left, right, top, bottom."""
    return sample.metainfo.get('img_padding_size', sample.metainfo.get('padding_size', (0, 0, 0, 0)))


class _Layers(nn.Module):
    """The outputs of some layers as a network."""

    def __init__(self, network: nn.Module, layers: Sequence[str]) -> None:
        super().__init__()
        self.network, self.layers = network, layers

    def forward(self, x: Tensor) -> list[Tensor]:
        with recorded_layers(self.network, self.layers) as record:
            self.network(x)
        return [record.outputs[name] for name in self.layers]
