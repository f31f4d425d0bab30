"""Class maps by guided back-propagation."""

from collections.abc import Sequence
from typing import cast

import torch
from mmengine.structures import PixelData
from mmseg.models.utils import resize
from mmseg.structures import SegDataSample
from mmseg.utils import SampleList
from torch import Tensor, nn
from torch.nn import functional as F

from ...functional import (
    candidate_classes,
    channel_saliency,
    interpolate_score_map,
    max_normalize,
    recorded_layers,
    saliency_prior,
)
from ...functional.guided_backprop import check_layers
from ...functional.priors import check_power
from ...registry import CLASS_MAPS
from ...utils.metainfo import image_padding
from ...utils.sample_fields import AGGREGATING_HEAD
from ..dense import Fields, trace
from ..input_padding import InputPadding
from ..segmentor import Segmentor
from ..step import InferenceStep, build_step
from .base import ClassMaps

PROBABILITIES = dict(type='mmwsl.Probabilities')


@CLASS_MAPS.register_module()
class GuidedBackpropSaliency(ClassMaps):
    r"""Class maps weighted by the saliency of each class (FCN + GBP and ZOF + GBP, Shimoda & Yanai).

    The saliency map of class c is the mean over layers i, and over scales, of
    :math:`\max_k |\partial S_c / \partial L_i|`, upsampled bilinearly and divided by its maximum over the image. The
    maximum over the channels k is taken before upsampling, as in the authors' code of DCSM; their poster takes it
    after. It is zero for the background and for classes that are not selected.

    The maps are :func:`mmwsl.functional.saliency_prior` of ``scores`` and the saliency. The sample also gets the
    field ``class_saliency: PixelData(data=(K, H, W))``, for visualization. One forward pass per scale serves all
    classes and images of a batch. It scores the whole image, also where the scorer uses windows or a dense network.

    Args:
        layers: Names of modules of the segmentor, such as ``'backbone.layer2'``; see
            :func:`mmwsl.functional.recorded_layers`.
        scores: Config of the class maps that the saliency weights, whose views are averaged. None returns the
            saliency itself as the maps of the foreground, beside the background probability.
        power: Exponent of the product; 0.5 is the geometric mean.
        guided: Use guided back-propagation instead of plain gradients.
        target: Score that is differentiated: ``'image'``, the image-level logit of the class, or ``'score_map'``, its
            logits at all locations, as in the authors' code of DCSM. With max-pooling, ``'image'`` reaches only the
            receptive field of one location.
        scales: Factors by which the input is scaled.
        threshold: Classes of higher image-level probability are selected; known image-level labels count as 1 or 0.
        min_classes: If fewer classes are selected, the highest-scoring others are added, but no class that known
            image-level labels exclude. With ``threshold=1`` it is the number of classes.
        batched: Differentiate all classes at once instead of one after another; see
            :meth:`mmwsl.functional.LayerRecord.gradients`.
        tuned_on: Masks that the hyper-parameters were tuned on, if any.

    Raises:
        ValueError: If an argument is out of range or ``scores`` has its own ``merge``; when the segmentor is built, if
            a layer does not exist or the head does not aggregate; at the first prediction, if the network cannot be
            guided.
    """

    required_fields = dict(pred_label=AGGREGATING_HEAD)

    num_compared = 0
    """Minimum number of classes that are differentiated; see :class:`DistinctClassSaliency`."""

    def __init__(
        self,
        layers: Sequence[str],
        scores: dict | None = PROBABILITIES,
        power: float = 1.0,
        guided: bool = True,
        target: str = 'image',
        scales: Sequence[float] = (1.0,),
        threshold: float = 0.5,
        min_classes: int = 1,
        batched: bool = False,
        tuned_on: str | None = None,
    ) -> None:
        check_layers(layers)
        if target not in ('image', 'score_map'):
            raise ValueError(f"`target` must be 'image' or 'score_map', got {target!r}.")
        if not scales or any(not 0 < scale < float('inf') for scale in scales):
            raise ValueError(f'`scales` must be positive factors, at least one, got {scales}.')
        if not 0 <= threshold <= 1:
            raise ValueError(f'`threshold` must be in [0, 1], got {threshold}.')
        if min_classes < 0:
            raise ValueError(f'`min_classes` must be non-negative, got {min_classes}.')
        check_power(power)
        self.layers, self.guided, self.target, self.scales = tuple(layers), guided, target, tuple(scales)
        self.threshold, self.min_classes, self.batched = threshold, min_classes, batched
        self.scores: ClassMaps | None = None if scores is None else build_step(CLASS_MAPS, scores, ClassMaps)
        if isinstance(self.scores, GuidedBackpropSaliency):
            raise ValueError('`scores` must not be saliency maps themselves. Use one of the two alone.')
        # The views are merged after the product with the saliency: the maps must be complete in each view.
        if self.scores is not None and type(self.scores).merge is not ClassMaps.merge:
            raise ValueError(
                f'`scores` must be class maps whose views are averaged, got {type(self.scores).__name__}, which merges '
                "them in its own way. Use type='mmwsl.Probabilities'."
            )
        self.power, self.tuned_on = power, tuned_on
        self._input_padding = InputPadding()
        self._receptive_fields: list[Fields] | None = None

    @property
    def nested(self) -> list[InferenceStep]:
        """The class maps that the saliency weights."""
        return [] if self.scores is None else [self.scores]

    def check(self, segmentor: Segmentor) -> None:
        """Check that the layers exist and that the decode head aggregates; see the parent."""
        super().check(segmentor)
        if segmentor.image_head is not segmentor.decode_head:
            raise ValueError(
                f'`decode_head` must aggregate its score map for {type(self).__name__}, got '
                f'{type(segmentor.decode_head).__name__}.'
            )
        check_layers(self.layers, cast(nn.Module, segmentor))

    def __call__(
        self, segmentor: Segmentor, inputs: Tensor, data_samples: SampleList, scores: list[Tensor]
    ) -> list[Tensor]:
        """Compute the class maps of a batch; see :meth:`ClassMaps.__call__`."""
        saliency = self.saliency(segmentor, inputs, data_samples)
        if self.scores is None:
            probs = [segmentor.pixel_probs(score) for score in scores]
            maps = [torch.cat([prob[:1], torch.ones_like(prob[1:])]) for prob in probs]
        else:
            maps = self.scores(segmentor, inputs, data_samples, scores)
        return [saliency_prior(own, weight, self.power) for own, weight in zip(maps, saliency, strict=True)]

    def saliency(self, segmentor: Segmentor, inputs: Tensor, data_samples: SampleList) -> list[Tensor]:
        """Compute the saliency maps ``(K, H, W)`` of each image and write them into ``class_saliency``."""
        size = (inputs.shape[2], inputs.shape[3])
        selected = [self._select_classes(sample) for sample in data_samples]
        grad_outputs = self._grad_outputs([classes for classes, _ in selected], segmentor.num_classes).to(inputs.device)
        maps = inputs.new_zeros(len(inputs), segmentor.num_classes, *size, dtype=torch.float32)
        if len(grad_outputs):
            layers = torch.cat(
                [self._layer_maps(segmentor, inputs, data_samples, grad_outputs, scale) for scale in self.scales]
            )  # (L, S, N, H, W)
            for n, (sample, (classes, count)) in enumerate(zip(data_samples, selected, strict=True)):
                if count:
                    left, right, top, bottom = image_padding(sample.metainfo)
                    area = ..., slice(top, size[0] - bottom), slice(left, size[1] - right)
                    maps[n][area][classes[:count]] = self.combine(layers[:, : len(classes), n][area])[:count]
        blanks = [SegDataSample(metainfo=sample.metainfo) for sample in data_samples]
        # As for logits: crop the padding, undo the flip, resize.
        blanks = segmentor.postprocess_result(maps, blanks)
        for sample, blank in zip(data_samples, blanks, strict=True):
            sample.class_saliency = PixelData(data=self.normalize(blank.seg_logits.data))
        return [sample.class_saliency.data for sample in data_samples]

    def combine(self, maps: Tensor) -> Tensor:
        """Combine the maps of all layers and scales, ``(L, C, H, W)``, into one per class, ``(C, H, W)``."""
        return maps.mean(0)

    def normalize(self, maps: Tensor) -> Tensor:
        """Normalize maps ``(K, H, W)`` at the original image size to their range."""
        return max_normalize(maps)

    def _select_classes(self, sample: SegDataSample) -> tuple[Tensor, int]:
        """Select the classes to differentiate, and how many of them, the first ones, get a map."""
        label = sample.pred_label
        scores, raw = label.score.cpu(), label.get('raw_score', label.score).cpu()
        # With known image-level labels, an absent class has score 0 and is not possible.
        possible = scores > 0 if 'raw_score' in label else torch.ones_like(scores, dtype=torch.bool)
        return candidate_classes(raw, scores > self.threshold, possible, self.min_classes, self.num_compared)

    @staticmethod
    def _grad_outputs(classes: list[Tensor], num_classes: int) -> Tensor:
        """Return ``(S, N, K)``: row s is 1 for the s-th class of each image, zero if there is none."""
        grad_outputs = torch.zeros(max(map(len, classes)), len(classes), num_classes)
        for n, ids in enumerate(classes):
            grad_outputs[range(len(ids)), n, ids] = 1.0
        return grad_outputs

    def _layer_maps(
        self, segmentor: Segmentor, inputs: Tensor, data_samples: SampleList, grad_outputs: Tensor, scale: float
    ) -> Tensor:
        """Compute the map of every layer and selected class at the size of the inputs, ``(L, S, N, H, W)``."""
        size = (inputs.shape[2], inputs.shape[3])
        if scale != 1.0:
            inputs = F.interpolate(
                inputs,
                [max(1, round(scale * side)) for side in size],
                mode='bilinear',
                align_corners=False,
                antialias=scale < 1,
            )
        scaled = (inputs.shape[2], inputs.shape[3])
        padded, covered_size, offset = self._input_padding(segmentor, inputs)
        network = cast(nn.Module, segmentor)
        with recorded_layers(network, self.layers, self.guided) as record:
            score_map = segmentor(padded)
            # In pixels of the inputs before scaling, as the padding of the samples.
            covered = tuple(side * old / new for side, old, new in zip(covered_size, size, scaled, strict=True))
            metas = [sample.metainfo for sample in data_samples]
            head = segmentor.decode_head
            pool = head.aggregate if self.target == 'image' else head.mean_scores
            scores = pool(score_map, metas, size, covered)
            gradients = record.gradients(scores, grad_outputs.to(scores), self.batched)
        maps = [channel_saliency(gradient.float()) for gradient in gradients]  # (S, N, h, w)
        if padded is not inputs:
            if self._receptive_fields is None:
                self._receptive_fields = trace(_Layers(network, self.layers)).outputs
            maps = [
                interpolate_score_map(
                    layer,
                    scaled,
                    [field.center - before for field, before in zip(fields, offset, strict=True)],
                    [field.stride for field in fields],
                )
                for layer, fields in zip(maps, self._receptive_fields, strict=True)
            ]
        return torch.stack([resize(layer, size=size, mode='bilinear', align_corners=False) for layer in maps])


class _Layers(nn.Module):
    """Network that returns the outputs of some layers of another network."""

    def __init__(self, network: nn.Module, layers: Sequence[str]) -> None:
        super().__init__()
        self.network, self.layers = network, layers

    def forward(self, x: Tensor) -> list[Tensor]:
        with recorded_layers(self.network, self.layers) as record:
            self.network(x)
        return [record.outputs[name] for name in self.layers]
