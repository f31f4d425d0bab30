"""VGG-16 as a fully convolutional network."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence

import torch
from mmcv.cnn.vgg import make_vgg_layer
from mmengine.model import BaseModule
from torch import Tensor, nn

from ...registry import MODELS
from .pretrained import pretrained_state_dict

NUM_CONVS = (2, 2, 3, 3, 3)


@MODELS.register_module()
class VGG16(BaseModule):
    """The 16-layer network of Simonyan & Zisserman (ICLR 2015), optionally with its classifier as convolutions.

    It is the backbone of FCN (Long et al., CVPR 2015) and DeepLab v1 and v2 (Chen et al., ICLR 2015; PAMI 2018), and
    the encoder of DeconvNet (Noh et al., ICCV 2015). mmcv's ``VGG`` lacks ``fc6`` and ``fc7`` as convolutions, poolings
    of stride 1, and the indices of the maxima. Layers have torchvision's names (``vgg16``, or ``vgg16_bn`` with
    ``with_bn``).

    ``init_cfg=dict(type='Pretrained', checkpoint=...)`` accepts torchvision's checkpoints. A classifier with fewer
    channels or a smaller kernel takes evenly spaced channels and taps of VGG's classifier, as DeepLab does
    (decimation). torchvision's classifier has no normalization, so ``bn6`` and ``bn7`` keep their initial values.

    Args:
        channels: Channels of the five stages.
        strides: Stride of the pooling after each stage, 1 or 2.
        dilations: Dilation of the convolutions of each stage.
        pool_size: Window of the poolings: 2 as in VGG, or 3, padded by 1, as in DeepLab.
        with_bn: Normalize after every convolution, including ``fc6`` and ``fc7``.
        fc_channels: Channels of ``fc6`` and ``fc7``, 4096 in VGG. None omits them.
        fc_kernel_size: Kernel of ``fc6``, 7 in VGG, 3 in DeepLab.
        fc_dilations: Dilation of ``fc6``, for each of the parallel pairs of ``fc6`` and ``fc7``.
        fc_padding: ``'same'`` keeps the size of the feature map; ``'valid'`` does not pad, as in DeconvNet.
        dropout_ratio: Dropout after ``fc6`` and ``fc7``.
        out_indices: Stages whose feature maps are returned.
        before_pool: Return the feature maps of ``out_indices`` before their pooling, for shortcut connections.
        return_pool_indices: Also return the indices of the maxima of each pooling, for unpooling.
        init_cfg: Initialization.

    Raises:
        ValueError: If an argument does not have one value per stage, or the poolings do not fit together. In
            ``forward``, if the images are too small for ``fc6`` or, with ``return_pool_indices``, their sides are no
            multiples of 32.
    """

    def __init__(
        self,
        channels: Sequence[int] = (64, 128, 256, 512, 512),
        strides: Sequence[int] = (2, 2, 2, 2, 2),
        dilations: Sequence[int] = (1, 1, 1, 1, 1),
        pool_size: int = 2,
        with_bn: bool = False,
        fc_channels: int | None = None,
        fc_kernel_size: int = 7,
        fc_dilations: Sequence[int] = (1,),
        fc_padding: str = 'same',
        dropout_ratio: float = 0.5,
        out_indices: Sequence[int] = (),
        before_pool: bool = False,
        return_pool_indices: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        for name, values in dict(channels=channels, strides=strides, dilations=dilations).items():
            if len(values) != len(NUM_CONVS):
                raise ValueError(f'VGG16: `{name}` must have one value for each of the 5 stages, got {values}.')
        if pool_size not in (2, 3) or (pool_size == 2 and set(strides) != {2}):
            raise ValueError(
                f'VGG16: `pool_size` must be 3, or 2 if all `strides` are 2, got {pool_size} and {strides}.'
            )
        if return_pool_indices and pool_size != 2:
            raise ValueError(
                f'VGG16: `pool_size` must be 2 for `return_pool_indices`, windows that do not overlap, got {pool_size}.'
            )
        if fc_padding not in ('same', 'valid'):
            raise ValueError(f"VGG16: `fc_padding` must be 'same' or 'valid', got {fc_padding!r}.")
        super().__init__(
            init_cfg or [dict(type='Kaiming', layer='Conv2d'), dict(type='Constant', val=1, layer='_BatchNorm')]
        )
        self.out_indices = tuple(out_indices)
        self.before_pool = before_pool
        self.return_pool_indices = return_pool_indices
        self.min_size = 1
        self.features = nn.Sequential()
        before = 3
        for planes, num_convs, stride, dilation in zip(channels, NUM_CONVS, strides, dilations, strict=True):
            *layers, _ = make_vgg_layer(before, planes, num_convs, dilation, with_bn)
            # ceil_mode: the pooled map covers an image of any size, as in Caffe, unlike torchvision.
            pool = nn.MaxPool2d(
                pool_size, stride, padding=pool_size // 3, ceil_mode=pool_size == 2, return_indices=return_pool_indices
            )
            self.features.extend([*layers, pool])
            before = planes
        self.fc = nn.ModuleList()
        for dilation in fc_dilations:
            if fc_channels is None:
                break
            padding = fc_kernel_size // 2 * dilation if fc_padding == 'same' else 0
            if fc_padding == 'valid':
                self.min_size = max(self.min_size, 32 * ((fc_kernel_size - 1) * dilation + 1))
            conv6 = nn.Conv2d(before, fc_channels, fc_kernel_size, padding=padding, dilation=dilation)
            conv7 = nn.Conv2d(fc_channels, fc_channels, 1)
            layers = OrderedDict()
            for number, conv in ((6, conv6), (7, conv7)):
                layers[f'conv{number}'] = conv
                if with_bn:
                    layers[f'bn{number}'] = nn.BatchNorm2d(fc_channels)
                layers[f'relu{number}'] = nn.ReLU(inplace=True)
                layers[f'dropout{number}'] = nn.Dropout(dropout_ratio)
            self.fc.append(nn.Sequential(layers))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Extract features of ``(N, 3, H, W)``.

        Returns:
            The feature maps of ``out_indices``; then one feature map of ``fc7`` per value of ``fc_dilations``; then,
            with ``return_pool_indices``, five int64 maps of the flat indices of the maxima, first stage first, see
            :class:`torch.nn.MaxUnpool2d`.

        Raises:
            ValueError: If the sides of the images are too small or no multiples of 32, see the class.
        """
        step = 32 if self.return_pool_indices else 1
        if any(side < self.min_size or side % step for side in x.shape[2:]):
            raise ValueError(
                f'VGG16: images must have sides of at least {self.min_size} pixels, multiples of {step}, got '
                f'{x.shape[2]} x {x.shape[3]}. Set `size` or `size_divisor` of the data preprocessor.'
            )
        maps, pool_indices = [], []
        for layer in self.features:
            before, x = x, layer(x)
            if isinstance(layer, nn.MaxPool2d):
                if self.return_pool_indices:
                    x, indices = x
                    pool_indices.append(indices)
                maps.append(before if self.before_pool else x)
        return (*(maps[i] for i in self.out_indices), *(branch(x) for branch in self.fc), *pool_indices)

    def init_weights(self) -> None:
        """Initialize, or load a checkpoint; every key must fit.

        Raises:
            RuntimeError: If a key is missing or unexpected, or a shape differs.
            ValueError: If ``init_cfg`` has a checkpoint and anything else.
        """
        checkpoint = pretrained_state_dict(self.init_cfg)
        if checkpoint is None:
            super().init_weights()
            return
        own = self.state_dict()
        state_dict = from_torchvision(checkpoint, {key: value.shape for key, value in own.items()})
        if 'classifier.0.weight' in checkpoint:
            state_dict |= {key: value for key, value in own.items() if '.bn6.' in key or '.bn7.' in key}
        self.load_state_dict(state_dict, strict=True)
        self._is_init = True


def from_torchvision(state_dict: Mapping[str, Tensor], shapes: Mapping[str, torch.Size]) -> dict[str, Tensor]:
    """Convert torchvision's classifier to ``fc6`` and ``fc7`` of a network; the other names are equal.

    Args:
        state_dict: Parameters of torchvision's ``vgg16`` or ``vgg16_bn``, or of :class:`VGG16`.
        shapes: Shapes of the network's parameters, by name. They determine the number of branches and the decimation of
            the 4096 channels and the 7x7 taps.
    """
    renamed = {key: value for key, value in state_dict.items() if not key.startswith('classifier.')}
    sources = {'6': 'classifier.0', '7': 'classifier.3'}
    for key, shape in shapes.items():
        layer, _, kind = key.rpartition('.conv')[2].partition('.')  # fc.{branch}.conv{6 or 7}.{weight or bias}
        source = f'{sources.get(layer)}.{kind}'
        if source in state_dict:
            value = state_dict[source]
            if kind == 'weight' and layer == '6':
                value = value.reshape(len(value), -1, 7, 7)  # 512 feature maps of 7x7 locations
            elif kind == 'weight':
                value = value[..., None, None]
            renamed[key] = decimate(value, shape)
    return renamed


def decimate(weight: Tensor, shape: Sequence[int]) -> Tensor:
    """Keep evenly spaced entries of each dimension, including the first and the last (Chen et al., ICLR 2015).

    Args:
        weight: Any tensor.
        shape: New size of each dimension, at most its size in ``weight``.

    Raises:
        ValueError: If a size of ``shape`` is larger than in ``weight``.
    """
    if len(shape) != weight.dim() or any(left > size for left, size in zip(shape, weight.shape, strict=True)):
        raise ValueError(
            f'VGG16: a weight of shape {tuple(weight.shape)} cannot be decimated to {tuple(shape)}. Set `channels` and '
            '`fc_channels` of at most that size, or remove the checkpoint.'
        )
    for dim, left in enumerate(shape):
        indices = torch.linspace(0, weight.shape[dim] - 1, left, dtype=torch.float64).round().long()
        weight = weight.index_select(dim, indices)
    return weight
