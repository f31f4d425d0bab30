"""Pretrained weights that a config starts from: they must exist, and belong to the network."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError

from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.model import PretrainedInit
from mmengine.registry import WEIGHT_INITIALIZERS
from mmengine.runner import Runner
from mmengine.runner.checkpoint import CheckpointLoader
from torch import Tensor, nn

from mmwsl.apis.checkpoint import is_url
from mmwsl.apis.checkpoint_fit import NESTED, parameters_of
from mmwsl.apis.registered import is_subclass

ENOUGH = 0.5
"""Fraction of the parameters of a module that its weights must contain: layers may be converted or resized."""


def weights_by_key(part: Any, key: str = 'model') -> Iterator[tuple[str, str]]:
    """Yield the key and the file or URL of all pretrained weights within a config."""
    if isinstance(part, dict):
        names = ['pretrained', *(['checkpoint'] if is_subclass(part, WEIGHT_INITIALIZERS, PretrainedInit) else [])]
        yield from ((f'{key}.{name}', part[name]) for name in names if isinstance(part.get(name), str))
    items = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list | tuple) else ()
    for name, value in items:
        yield from weights_by_key(value, f'{key}.{name}')


@contextmanager
def initial_weights(cfg: Config) -> Iterator[None]:
    """Name the key of pretrained weights that are missing, or cannot be downloaded within the block.

    Raises:
        FileNotFoundError: If a file does not exist.
        ConnectionError: If the download of a URL failed.
    """
    found = dict(weights_by_key(cfg.model))
    for key, path in found.items():
        if not is_url(path) and not Path(path).is_file():
            raise FileNotFoundError(
                f'`{key}` names the pretrained weights {path!r}, which do not exist. Pass --cfg-options {key}=FILE.'
            )
    try:
        yield
    except URLError as error:
        urls = [(key, path) for key, path in found.items() if is_url(path)]
        if not urls:
            raise
        raise ConnectionError(
            f'`{urls[0][0]}` names the pretrained weights {urls[0][1]!r}, whose download failed ({error.reason}). Pass '
            f'--cfg-options {urls[0][0]}=FILE.'
        ) from error


class InitialWeightsHook(Hook):
    """Hook that rejects a training whose pretrained weights belong to another network.

    mmengine loads the parameters whose names fit, and logs the others. Names say little, as a module may rename or
    convert parameters; the hook compares their values.
    """

    def before_train(self, runner: Runner) -> None:
        """Check the modules with pretrained weights, unless a checkpoint was loaded after them.

        Raises:
            ValueError: If most parameters of a module are not those of its weights.
        """
        modules = [] if runner._has_loaded else runner.model.named_modules()
        for name, module in modules:
            for path in _pretrained(module):
                content = CheckpointLoader.load_checkpoint(path, map_location='cpu')
                weights = parameters_of(content) or parameters_of(content.get(NESTED))
                loaded = {_digest(value) for value in weights.values()}
                # Initial scales of 1 and offsets of 0 are equal in all networks.
                own = [_digest(value) for value in module.parameters() if value.min() < value.max()]
                count = sum(value in loaded for value in own)
                if count < ENOUGH * len(own):
                    raise ValueError(
                        f'`model.{name.removeprefix("module.")}.init_cfg`: {path} must be weights of this network, got '
                        f'{count} of its {len(own)} parameters. Pass other weights, or set init_cfg=None to start from '
                        'random ones.'
                    )


def _pretrained(module: nn.Module) -> list[str]:
    settings = getattr(module, 'init_cfg', None) or []
    settings = settings if isinstance(settings, list | tuple) else [settings]
    return [part['checkpoint'] for part in settings if is_subclass(part, WEIGHT_INITIALIZERS, PretrainedInit)]


def _digest(value: Tensor) -> tuple[tuple[int, ...], bytes]:
    data = value.detach().float().cpu().contiguous().numpy()
    return tuple(value.shape), hashlib.blake2b(data.data).digest()
