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
    """The 16-layer network of Simonyan & Zisserman (ICLR 2015), its classifier as convolutions where asked for.

    The trunk of FCN (Long et al., CVPR 2015), DeepLab v1 and v2 (Chen et al., ICLR 2015; PAMI 2018) and the encoder of
    DeconvNet (Noh et al., ICCV 2015). mmcv's ``VGG`` has none of what they need: ``fc6`` and ``fc7`` as convolutions,
    poolings of stride 1, and the places of the maxima. Layers have torchvision's names (``vgg16``, or ``vgg16_bn`` with
    ``with_bn``).

    ``init_cfg=dict(type='Pretrained', checkpoint=...)`` takes torchvision's checkpoints. A classifier with fewer
    channels or a smaller kernel takes evenly spaced channels and taps of VGG's, as DeepLab does (decimation).
    torchvision normalizes no classifier: there, normalization starts afresh.

    Args:
        channels: Channels of the five stages.
        strides: Stride of the pooling behind each stage, 1 or 2.
        dilations: Dilation of the convolutions of each stage.
        pool_size: Window of the poolings: 2 as in VGG, or 3, padded by 1, as in DeepLab.
        with_bn: Normalize after every convolution, ``fc6`` and ``fc7`` too.
        fc_channels: Channels of ``fc6`` and ``fc7``, 4096 in VGG. None leaves them out.
        fc_kernel_size: Kernel of ``fc6``, 7 in VGG, 3 in DeepLab.
        fc_dilations: Dilation of ``fc6``. Several make as many parallel pairs of ``fc6`` and ``fc7``.
        fc_padding: ``'same'`` keeps the size of the map; ``'valid'`` does not pad, as in DeconvNet.
        dropout_ratio: Dropout after ``fc6`` and ``fc7``.
        out_indices: Stages whose pooled maps are returned.
        return_pool_indices: Also return the places of the maxima of each pooling.
        init_cfg: Initialization.

    Raises:
        ValueError: If an argument does not have one value for each stage, or a pooling of stride 1 has a window of 2.
            In ``forward``, if the sides of the images are too small for ``fc6``, or, with ``return_pool_indices``, not multiples
            of 32.
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
        return_pool_indices: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        _check(channels, strides, dilations, pool_size, return_pool_indices, fc_padding)
        super().__init__(
            init_cfg or [dict(type='Kaiming', layer='Conv2d'), dict(type='Constant', val=1, layer='_BatchNorm')]
        )
        self.out_indices = tuple(out_indices)
        self.return_pool_indices = return_pool_indices
        self.min_size = 1
        self.features = nn.Sequential()
        before = 3
        for planes, num_convs, stride, dilation in zip(channels, NUM_CONVS, strides, dilations, strict=True):
            *layers, _ = make_vgg_layer(before, planes, num_convs, dilation, with_bn)
            # A pooled map covers all of its image, whatever its size; as in Caffe, unlike torchvision.
            pool = nn.MaxPool2d(
                pool_size, stride, padding=pool_size // 3, ceil_mode=pool_size == 2, return_indices=return_pool_indices
            )
            self.features.extend([*layers, pool])
            before = planes
        self.fc = nn.ModuleList()
        for dilation in fc_dilations if fc_channels else ():
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
            The maps of ``out_indices``; then one map of ``fc7`` for each of ``fc_dilations``; then, with ``return_pool_indices``,
            five int64 maps of the flat places of the maxima, first stage first, see :class:`torch.nn.MaxUnpool2d`.
        """
        step = 32 if self.return_pool_indices else 1
        if any(side < self.min_size or side % step for side in x.shape[2:]):
            raise ValueError(
                f'images must have sides of at least {self.min_size} pixels, multiples of {step}, got '
                f'{x.shape[2]} x {x.shape[3]}: see `size` and `size_divisor` of the data preprocessor'
            )
        maps, return_pool_indices = [], []
        for layer in self.features:
            x = layer(x)
            if isinstance(layer, nn.MaxPool2d):
                if self.return_pool_indices:
                    x, places = x
                    return_pool_indices.append(places)
                maps.append(x)
        return (*(maps[i] for i in self.out_indices), *(branch(x) for branch in self.fc), *return_pool_indices)

    def init_weights(self) -> None:
        """Initialize, or load a checkpoint of which every key must fit.

        Raises:
            RuntimeError: If a key is missing or unexpected, or a shape differs.
            ValueError: If ``init_cfg`` asks for more than a checkpoint.
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
    """Turn torchvision's classifier into ``fc6`` and ``fc7`` of a network; the other names are equal.

    Args:
        state_dict: Parameters of torchvision's ``vgg16`` or ``vgg16_bn``, or of :class:`VGG16`.
        shapes: Shapes of the network's parameters, by name. They decide how many branches there are, and what is left
            of the 4096 channels and of the 7x7 taps.
    """
    renamed = {key: value for key, value in state_dict.items() if not key.startswith('classifier.')}
    for key, shape in shapes.items():
        _, _, name = key.rpartition('.conv')  # fc.{branch}.conv{6 or 7}.{weight or bias}
        source = {
            '6.weight': 'classifier.0.weight',
            '6.bias': 'classifier.0.bias',
            '7.weight': 'classifier.3.weight',
            '7.bias': 'classifier.3.bias',
        }.get(name)
        if source in state_dict:
            value = state_dict[source]
            if name == '6.weight':
                value = value.reshape(len(value), -1, 7, 7)  # of 512 maps of 7x7 cells
            elif name == '7.weight':
                value = value[..., None, None]
            renamed[key] = decimate(value, shape)
    return renamed


def decimate(weight: Tensor, shape: Sequence[int]) -> Tensor:
    """Keep evenly spaced entries of each dimension, the first and the last among them (Chen et al., ICLR 2015).

    Args:
        weight: Any tensor.
        shape: Size that is left of each dimension, at most that of ``weight``.

    Raises:
        ValueError: If ``shape`` asks for more entries than there are.
    """
    if len(shape) != weight.dim() or any(left > size for left, size in zip(shape, weight.shape, strict=True)):
        raise ValueError(
            f'a weight of shape {tuple(weight.shape)} cannot be decimated to {tuple(shape)}: choose '
            '`channels` and `fc_channels` of at most that size, or leave the checkpoint out'
        )
    for dim, left in enumerate(shape):
        places = torch.linspace(0, weight.shape[dim] - 1, left, dtype=torch.float64).round().long()
        weight = weight.index_select(dim, places)
    return weight


def _check(
    channels: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
    pool_size: int,
    return_pool_indices: bool,
    fc_padding: str,
) -> None:
    for name, values in dict(channels=channels, strides=strides, dilations=dilations).items():
        if len(values) != len(NUM_CONVS):
            raise ValueError(f'`{name}` must have one value for each of the {len(NUM_CONVS)} stages, got {values}')
    if pool_size not in (2, 3) or (pool_size == 2 and set(strides) != {2}):
        raise ValueError(f'`pool_size` must be 3, or 2 if all `strides` are 2, got {pool_size} and {strides}')
    if return_pool_indices and pool_size != 2:
        raise ValueError(f'`return_pool_indices` need `pool_size` 2, windows that do not overlap, got {pool_size}')
    if fc_padding not in ('same', 'valid'):
        raise ValueError(f"`fc_padding` must be 'same' or 'valid', got {fc_padding!r}")
