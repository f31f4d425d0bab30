"""Frozen backbone with an on-disk feature cache."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.dist import get_world_size
from mmengine.model import BaseModule
from torch import Tensor, nn

from ... import __version__
from ...functional import copy_to
from ...registry import MODELS
from ...utils.console import log_warning
from ...utils.file_cache import HASHED, FileCache
from ...utils.files import atomic_write

ZIP_BYTES = 1024  # of the archive, beside the features


@MODELS.register_module()
class CachedBackbone(BaseModule):
    """Wrapper of a frozen backbone that computes the training features of an image once.

    The key of an image is a hash of its pixels, after augmentation and normalization, of the backbone's config,
    structure and weights, and of the version of mmwsl. A change of any of these creates new entries; runs with equal
    images, pipeline and backbone share entries. The cache saves time where augmentation has few outcomes, such as a
    fixed size and a flip.

    Only training reads and writes the cache. State dicts have the parameter names of the wrapped backbone: a checkpoint
    fits a config with and without the cache.

    Entries that are never read again are not worth their place: :class:`mmwsl.engine.hooks.FeatureCacheHook` sets
    ``enabled`` to False where augmentation has many outcomes, such as random crops. The folder never exceeds
    ``max_size``; see :class:`mmwsl.utils.file_cache.FileCache`.

    Args:
        backbone: Config of the backbone, which must have no trainable parameter.
        cache_dir: Folder of the entries, one file of half precision values per image. It may be deleted at any time.
        max_size: Largest size of the folder, in bytes or such as ``'20GB'``.

    Raises:
        ValueError: If the backbone is not frozen.
    """

    def __init__(self, backbone: dict, cache_dir: str, max_size: int | str = '20GB') -> None:
        super().__init__()
        self.enabled = True
        self.backbone = MODELS.build(backbone)
        trainable = [name for name, parameter in self.backbone.named_parameters() if parameter.requires_grad]
        if trainable:
            raise ValueError(
                f'CachedBackbone: `backbone` must be frozen, got {len(trainable)} trainable parameters, {trainable[0]} '
                'the first. Set e.g. frozen=True, or remove the CachedBackbone.'
            )
        self.cache_dir = Path(cache_dir)
        self._files = FileCache(self.cache_dir, max_size, get_world_size(), HASHED)
        self._config = {key: value for key, value in backbone.items() if key != 'init_cfg'}
        self._fingerprint: bytes | None = None
        # The public names of these two exist since torch 2.5 only.
        self._register_state_dict_hook(_drop_prefix)
        self._register_load_state_dict_pre_hook(_add_prefix)

    def train(self, mode: bool = True) -> 'CachedBackbone':
        """Set the mode; the wrapped backbone stays in evaluation mode."""
        super().train(mode)
        self.backbone.eval()
        self._fingerprint = None  # weights may have been loaded since
        return self

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Extract features: ``(N, 3, H, W)`` to the feature maps of the wrapped backbone."""
        if not self.training:
            return self.backbone(x)
        features = []
        for i, image in enumerate(x):
            path = self.cache_dir / self._key(image) if self.enabled else None
            levels = self._read(path) if path else None
            if levels is None:
                # One at a time: on a CPU a batch of large maps takes more than twice as long, to allocate memory.
                # Rounded like a cached feature, so that the result does not depend on the content of the cache.
                levels = [level[0].half() for level in self.backbone(x[i : i + 1])]
                if path:
                    self._write(path, levels)
            features.append(levels)
        # Moved before they are joined: cached features are on the CPU, and autocast there does not join float16.
        # They are copied in half precision.
        moved = [[copy_to(x.device, one).to(x.dtype) for one in levels] for levels in features]
        joined = [torch.stack(level) for level in zip(*moved, strict=True)]
        if not x.is_contiguous() and x.is_contiguous(memory_format=torch.channels_last):
            joined = [level.contiguous(memory_format=torch.channels_last) for level in joined]
        return tuple(joined)

    def _key(self, image: Tensor) -> str:
        if self._fingerprint is None:
            digest = hashlib.blake2b(f'{__version__}{self._config}{self.backbone}'.encode())
            for name, value in self.backbone.state_dict().items():
                digest.update(name.encode())
                digest.update(value.cpu().numpy().tobytes())
            self._fingerprint = digest.digest()
        precision = _autocast_dtype(image.device.type)
        digest = hashlib.blake2b(f'{tuple(image.shape)}{precision}'.encode(), key=self._fingerprint, digest_size=20)
        digest.update(image.cpu().contiguous().numpy().data)
        name = digest.hexdigest()
        return f'{name[:2]}/{name}.npz'

    def _read(self, path: Path) -> list[Tensor] | None:
        try:
            with np.load(path, allow_pickle=False) as levels:
                self._files.touch(path)
                return [torch.from_numpy(levels[name]) for name in levels.files]
        except Exception:  # missing or damaged, for which zipfile, zlib and numpy raise many types: computed again
            return None

    def _write(self, path: Path, levels: list[Tensor]) -> None:
        """Write an entry, unless the folder is full."""
        if self._files.full:
            return
        reason = f'it has reached `max_size`={self._files.max_size} bytes'
        if self._files.reserve(sum(level.nbytes + ZIP_BYTES for level in levels)):
            try:
                with atomic_write(path) as file:
                    np.savez(file, *(level.cpu().numpy() for level in levels))
                return
            except OSError as error:  # a full disk, or a folder that is only readable: training goes on without
                self._files.full, reason = True, str(error)
        log_warning(
            f'CachedBackbone: {self.cache_dir} takes no more features: {reason}. Those of further images are computed '
            'in every epoch.',
        )


def _autocast_dtype(device_type: str) -> torch.dtype | bool | None:
    """Return the dtype of autocast on a device, None without autocast."""
    if not hasattr(torch, 'get_autocast_dtype'):  # before torch 2.4
        return torch.is_autocast_enabled()
    return torch.get_autocast_dtype(device_type) if torch.is_autocast_enabled(device_type) else None


def _drop_prefix(module: nn.Module, state_dict: dict, prefix: str, local_metadata: dict) -> None:
    for key in [key for key in state_dict if key.startswith(f'{prefix}backbone.')]:
        state_dict[prefix + key[len(f'{prefix}backbone.') :]] = state_dict.pop(key)


def _add_prefix(state_dict: dict, prefix: str, *args: Any) -> None:
    for key in [key for key in state_dict if key.startswith(prefix)]:
        state_dict[f'{prefix}backbone.{key[len(prefix) :]}'] = state_dict.pop(key)
