"""Weights of pretrained backbones: found, downloaded, and recognized by their parameters."""

import hashlib
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import torch
from torch import Tensor

from mmwsl.apis.checkpoint import UnsafeCheckpointError, check_checkpoint
from mmwsl.functional import estimate_input_std
from mmwsl.models.backbones.dilated_mobilenet_v2 import from_torchvision
from mmwsl.models.backbones.efficientnet_lite import ARCHITECTURES as LITE
from mmwsl.models.backbones.efficientnet_lite import rename_parameters, stage_channels
from mmwsl.registry import MODELS
from mmwsl.utils.files import atomic_write
from mmwsl.utils.weights import WEIGHTS, hub_folder, locate_weights, ways_to_get

IMAGENET = ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))
TIMEOUT = 4  # seconds without an answer of the server


@dataclass(frozen=True)
class BackboneWeights:
    """Weights of a backbone, and what a config needs to use them.

    Attributes:
        name: Architecture, such as ``'mobilenet_v2'`` or ``'resnet50_v1c'``.
        file: The file.
        mean: ``mean`` of the data preprocessor, RGB.
        std: ``std`` of the data preprocessor, RGB.
        backbone: Config of the backbone with these weights, at its own stride.
        channels: Channels of its last feature map.
    """

    name: str
    file: Path
    mean: tuple[float, ...]
    std: tuple[float, ...]
    backbone: dict[str, Any]
    channels: int


@dataclass(frozen=True)
class Architecture:
    """Backbone that a file of weights may belong to.

    Attributes:
        backbone: Config of the backbone.
        channels: Channels of its last feature map.
        rename: Function from the parameter names of published files to the names of the backbone.
        stem: Names of the first convolution and its batch normalization.
        centered: Mean and standard deviation that scale colors to about [-1, 1].
        extra: Start of the names of layers that a file may have and the backbone does not load.
    """

    backbone: dict[str, Any]
    channels: int
    rename: Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]] = dict
    stem: tuple[str, str] = ('conv1.conv', 'conv1.bn')
    centered: tuple[float, float] = (127.5, 127.5)
    extra: str = 'conv2.'


KNOWN = {
    'mobilenet_v2': Architecture(dict(type='mmwsl.DilatedMobileNetV2'), 320, from_torchvision),
    **{
        f'efficientnet_{arch}': Architecture(
            dict(type='mmwsl.DilatedEfficientNetLite', arch=arch),
            stage_channels(arch)[-1],
            rename_parameters,
            centered=(127.0, 128.0),
        )
        for arch in LITE
    },
    'resnet50': Architecture(dict(type='ResNet', depth=50), 2048, stem=('conv1', 'bn1'), extra='fc.'),
    'resnet50_v1c': Architecture(dict(type='ResNetV1c', depth=50), 2048, stem=('stem.0', 'stem.1'), extra='fc.'),
}


def find_weights(backbone: str | Path, download: bool = True) -> BackboneWeights:
    """Find the weights of a backbone, see :func:`mmwsl.utils.weights.weight_folders`, or download them.

    The mean and standard deviation follow from the content, see :func:`mmwsl.functional.estimate_input_std`: there are
    weights of MobileNetV2 for inputs in [-1, 1], and torchvision's, with the same parameter names, for ImageNet's.

    Args:
        backbone: ``'mobilenet_v2'``, ``'efficientnet_lite0'``, ``'efficientnet_lite2'``, ``'resnet50'`` or a file.
        download: Download the weights into torch's cache if there are none on this machine.

    Raises:
        ValueError: If ``backbone`` is neither a name nor a file of weights, the file has other parameters, or contains
            more than tensors and plain values.
        FileNotFoundError: If there are no weights; the message lists the ways to get them.
    """
    if backbone not in WEIGHTS:
        if not Path(backbone).is_file():
            raise ValueError(
                f'`backbone` must be one of {[*WEIGHTS]} or a file of weights, got {str(backbone)!r}. Check the path.'
            )
        return describe_weights(Path(backbone))
    path = locate_weights(str(backbone))
    if path is None and download:
        path = _download(WEIGHTS[str(backbone)].url)
    if path is None:
        other = '--backbone FILE' if WEIGHTS[str(backbone)].package else '--backbone efficientnet_lite0 or FILE'
        ways = ', or '.join([*ways_to_get(str(backbone)), f'pass {other}'])
        raise FileNotFoundError(
            f'backbone={backbone!r} has no weights on this machine'
            f'{", and the server of its download does not answer" if download else ""}. {ways[0].upper()}{ways[1:]}.'
        )
    weights = describe_weights(path)
    if weights.name.removesuffix('_v1c') != backbone:
        raise ValueError(f'{path}: the weights must be those of {backbone}, got {weights.name}. Rename the file.')
    return weights


def identify_weights(path: str | Path) -> str:
    """Return the name of the architecture whose parameters a file contains.

    Raises:
        ValueError: If it is no known architecture, or contains more than tensors and plain values.
    """
    return _identify(path)[0]


def describe_weights(path: Path) -> BackboneWeights:
    """Recognize the architecture and the input scaling of a file of weights.

    Raises:
        ValueError: If it is no known architecture, or contains more than tensors and plain values.
    """
    name, parameters = _identify(path)
    known = KNOWN[name]
    center, scale = known.centered
    scalings = [((center,) * 3, (scale,) * 3), IMAGENET]
    conv, norm = known.stem
    used = estimate_input_std(parameters[f'{conv}.weight'], parameters[f'{norm}.running_var'])
    mean, std = min(scalings, key=lambda scaling: abs(math.log(used / scaling[1][0])))
    backbone = dict(known.backbone, init_cfg=dict(type='Pretrained', checkpoint=str(path)))
    return BackboneWeights(name, path, mean, std, backbone, known.channels)


def _identify(path: str | Path) -> tuple[str, Mapping[str, Tensor]]:
    """Return the architecture of a file, and its parameters by the names of the backbone."""
    try:
        check_checkpoint(path)
    except UnsafeCheckpointError as error:
        raise ValueError(
            f'{path}: the weights must be tensors, got a file that is damaged or contains Python objects. Pass another '
            'file to --backbone, or save its state_dict with torch.save.'
        ) from error
    content = torch.load(path, map_location='cpu', weights_only=True)
    content = content.get('state_dict', content) if isinstance(content, dict) else {}
    if all(isinstance(value, Tensor) for value in content.values()):
        for name, known in KNOWN.items():
            parameters = known.rename(content)
            with torch.device('meta'):
                network = MODELS.build(known.backbone)
            if _fits(parameters, network.state_dict(), known.extra):
                return name, parameters
    if 'model' in content:
        raise ValueError(
            f"{path}: the weights must be tensors, got them under the key 'model'. Save them by themselves: "
            "torch.save(torch.load(FILE)['model'], NEW_FILE)."
        )
    raise ValueError(
        f'{path}: the weights must be those of one of {[*KNOWN]}, with the parameter names of torchvision, timm or '
        f'MMSegmentation, got {[*content][:3]} first. Pass another file to --backbone.'
    )


def _fits(parameters: Mapping[str, Tensor], network: Mapping[str, Tensor], extra: str) -> bool:
    """Return whether parameters are those of a network, with or without ``extra`` layers and counts of batches."""
    needed = {key: value.shape for key, value in network.items() if not key.endswith('num_batches_tracked')}
    return (
        needed.keys() <= parameters.keys()
        and all(parameters[key].shape == shape for key, shape in needed.items())
        and all(key in network or key.startswith(extra) for key in parameters)
    )


def _download(url: str) -> Path | None:
    """Download a file into torch's cache; None if the server cannot be reached.

    Raises:
        ValueError: If the content has another SHA-256 than the name says.
    """
    path = hub_folder() / url.rpartition('/')[2]
    match = re.search(r'-([0-9a-f]{8})\.pth$', path.name)
    digest = hashlib.sha256()
    try:
        with urlopen(url, timeout=TIMEOUT) as response, atomic_write(path) as file:
            print(f'Downloading {url} to {path.parent}', flush=True)
            while block := response.read(1 << 20):
                file.write(block)
                digest.update(block)
            if match and not digest.hexdigest().startswith(match[1]):
                raise ValueError(
                    f'{url}: the SHA-256 must start with {match[1]}, got {digest.hexdigest()[:8]}. Repeat the download.'
                )
    except OSError:  # `URLError` and the timeouts are kinds of it
        return None
    return path
