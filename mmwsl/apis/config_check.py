"""Checks of the settings of a config before anything is built from it."""

import difflib
import logging
import math
from typing import Any

from mmengine.config import Config
from mmengine.hooks import EarlyStoppingHook
from mmengine.registry import OPTIMIZERS, init_default_scope

from mmwsl.apis.config_keys import READ, check_nested_keys, check_top_keys
from mmwsl.apis.config_options import check_option
from mmwsl.apis.config_types import check_types
from mmwsl.apis.registered import is_subclass, registered_class
from mmwsl.registry import HOOKS
from mmwsl.utils.console import log_warning
from mmwsl.utils.nested import dicts_in, settings_in
from mmwsl.utils.text import shorten

DICTS = 'model optim_wrapper train_cfg val_cfg test_cfg default_hooks randomness env_cfg'.split()
"""Top-level keys whose values are dicts, beside the dataloaders."""


def merge_options(cfg: Config, options: dict[str, Any] | None) -> None:
    """Override settings of a config, and check the keys of both.

    Args:
        cfg: The config, changed in place.
        options: The settings, keys in ``a.b`` form.

    Raises:
        ValueError: If a key is unknown or misspelled, has no effect, or its value has another type.
    """
    check_top_keys(cfg)
    _check_kinds(cfg)
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    for key, value in (options or {}).items():
        check_option(cfg, key, value)
    if options:
        cfg.merge_from_dict(options)
    check_types(cfg, READ)
    _check_indices(cfg)
    _check_numbers(cfg)
    check_nested_keys(cfg)
    _check_windows(cfg)


def check_optimizers(cfg: Config) -> None:
    """Check that the optimizers of a config exist: mmengine's error would not name them. Warn if one trains nothing.

    Raises:
        ValueError: If one does not.
    """
    for part in dicts_in(cfg.optim_wrapper.to_dict()):
        optimizer = part.get('optimizer')
        if optimizer is not None and not isinstance(optimizer, dict):
            raise ValueError(f'`optim_wrapper.optimizer` must be a dict with a `type`, got {shorten(optimizer)}.')
        if isinstance(optimizer, dict) and registered_class(optimizer, OPTIMIZERS) is None:
            near = difflib.get_close_matches(str(optimizer.get('type')), OPTIMIZERS.module_dict)
            similar = f' Similar names: {", ".join(near)}.' if near else ''
            raise ValueError(f'`optimizer.type` must be an optimizer, got {optimizer.get("type")!r}.{similar}')
        if isinstance(optimizer, dict) and optimizer.get('lr') == 0:
            log_warning('`optimizer.lr` is 0: nothing is trained.')


def stop_at_unknown_metrics(cfg: Config) -> None:
    """Make early stopping on a metric that is not there an error, unless the config says ``strict``: it never stops."""
    for part in dicts_in([cfg.get('default_hooks'), cfg.get('custom_hooks')]):
        if is_subclass(part, HOOKS, EarlyStoppingHook):
            part.setdefault('strict', True)


def _check_kinds(cfg: Config) -> None:
    """Reject parts of a config that must be dicts and are not."""
    for key in cfg:
        needed = key in DICTS or key.endswith('_dataloader')
        if needed and cfg[key] is not None and not isinstance(cfg[key], dict):
            raise ValueError(f'`{key}` must be a dict, got {shorten(cfg[key])}.')


def _check_indices(cfg: Config) -> None:
    """Reject ``indices`` of datasets that select nothing, or, in mmengine, images from the end."""
    for path, value in settings_in({key: cfg[key] for key in cfg if key.endswith('_dataloader')}):
        if path.endswith('.indices') and value is not None:
            numbers = value if isinstance(value, list | tuple) else [value - 1] if isinstance(value, int) else [-1]
            if not numbers or not all(isinstance(number, int) and number >= 0 for number in numbers):
                raise ValueError(f'`{path}` must be a positive number of images or a list of indices, got {value!r}.')


def _check_numbers(cfg: Config) -> None:
    """Reject a seed that no generator takes, a length that never ends, and paths that are none."""
    seed = (cfg.get('randomness') or {}).get('seed')
    if seed is not None and not (isinstance(seed, int) and 0 <= seed < 2**32):
        raise ValueError(f'`randomness.seed` must be an integer in 0..{2**32 - 1}, got {seed!r}.')
    for key, value in (cfg.get('train_cfg') or {}).items():
        if isinstance(value, float) and not value.is_integer():
            raise ValueError(f'`train_cfg.{key}` must be an integer, got {value!r}.')
    level = cfg.get('log_level')
    if isinstance(level, str) and not isinstance(logging.getLevelName(level), int):
        raise ValueError(f"`log_level` must be a level such as 'INFO', got {level!r}.")
    for key in ('load_from', 'work_dir'):
        if cfg.get(key) is not None and not isinstance(cfg[key], str):
            raise ValueError(f'`{key}` must be a path, got {cfg[key]!r}.')
    _check_normalization(cfg)


def _check_normalization(cfg: Config) -> None:
    """Reject a mean and a standard deviation that do not fit the channels: torch would repeat a single value."""
    model = cfg.get('model') or {}
    given = model.get('data_preprocessor') or cfg.get('data_preprocessor') or {}
    mean, std = given.get('mean'), given.get('std')
    backbone = model.get('backbone')
    channels = backbone.get('in_channels', 3) if isinstance(backbone, dict) else 3
    for name, values in (('mean', mean), ('std', std)):
        if values is not None and (isinstance(values, str) or len(values) != channels):
            raise ValueError(
                f'`data_preprocessor.{name}` must have {channels} values, one per channel, got {values!r}.'
            )
    for name, values in (('mean', mean), ('std', std)):
        if values is not None and not all(isinstance(value, int | float) for value in values):
            raise ValueError(f'`data_preprocessor.{name}` must be numbers, got {values!r}.')
    if mean is not None and not all(map(math.isfinite, mean)):
        raise ValueError(f'`data_preprocessor.mean` must be finite, got {mean!r}.')
    if std is not None and not all(value > 0 for value in std):
        raise ValueError(f'`data_preprocessor.std` must be positive, got {std!r}.')


def _check_windows(cfg: Config) -> None:
    """Reject sliding windows without a size, or with a stride that leaves out pixels."""
    for path, value in settings_in(cfg.to_dict()):
        if path.endswith('.test_cfg') and isinstance(value, dict) and value.get('mode') == 'slide':
            size, stride = (tuple(value.get(key) or ()) for key in ('crop_size', 'stride'))
            if not len(size) == len(stride) == 2 or stride[0] > size[0] or stride[1] > size[1]:
                raise ValueError(
                    f"`{path}` with mode='slide' must have `crop_size=(h, w)` and a `stride` of at most that, got "
                    f'crop_size={size!r}, stride={stride!r}.'
                )
