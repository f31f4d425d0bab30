"""Checks of the keys of a config and of ``--cfg-options``: a misspelled key would be ignored."""

import difflib
import inspect
import logging
import math
from collections.abc import Iterable
from typing import Any

from mmengine.config import Config
from mmengine.hooks import EarlyStoppingHook
from mmengine.registry import OPTIMIZERS, init_default_scope
from mmengine.runner import Runner

from mmwsl.apis.config_types import check_types, class_parameters
from mmwsl.apis.registered import is_subclass, registered_class
from mmwsl.registry import HOOKS
from mmwsl.utils.console import log_warning
from mmwsl.utils.nested import dicts_in, settings_in
from mmwsl.utils.text import shorten

OTHERS = 'runner_type model_wrapper_cfg sync_bn find_unused_parameters activation_checkpointing compile'.split()
OTHERS += 'efficient_conv_bn_eval custom_imports tta_model tta_pipeline pseudo_labels'.split()
READ = frozenset({*inspect.signature(Runner).parameters, *OTHERS} - {'cfg'})
"""Top-level keys that the runner or a command reads. All other keys are variables of the config file."""

NESTED = dict(
    data_prefix=('img_path', 'seg_map_path'),
    metainfo=('classes', 'palette'),
    paramwise_cfg=('custom_keys', 'bias_lr_mult', 'bias_decay_mult', 'norm_decay_mult', 'bypass_duplicate'),
    custom_key=('lr_mult', 'decay_mult'),
    test_cfg=('mode', 'stride', 'crop_size'),
    env_cfg=('cudnn_benchmark', 'mp_cfg', 'dist_cfg', 'resource_limit'),
    mp_cfg=('mp_start_method', 'opencv_num_threads'),
    randomness=('seed', 'diff_rank_seed', 'deterministic'),
    log_processor=('type', 'window_size', 'by_epoch', 'custom_cfg', 'num_digits', 'log_with_hierarchy', 'mean_pattern'),
    default_hooks=('runtime_info', 'timer', 'sampler_seed', 'logger', 'param_scheduler', 'checkpoint', 'visualization'),
    clip_grad=('type', 'max_norm', 'norm_type', 'clip_value', 'error_if_nonfinite', 'foreach'),
)
"""Keys of dicts of which nothing rejects an unknown one."""

DICTS = 'model optim_wrapper train_cfg val_cfg test_cfg default_hooks randomness env_cfg'.split()
"""Top-level keys whose values are dicts, beside the dataloaders."""


def check_keys(cfg: Config) -> None:
    """Reject a top-level key of a config that looks like a misspelled setting.

    Raises:
        ValueError: If there is one.
    """
    for key in cfg:
        if key not in READ and (near := nearest(key, READ)):
            raise ValueError(
                f'{cfg.filename or "config"}: a key must be a setting of the runner or a variable, got {key!r}. Did '
                f'you mean {near!r}?'
            )


def merge_options(cfg: Config, options: dict[str, Any] | None) -> None:
    """Override settings of a config, and check the keys of both.

    Args:
        cfg: The config, changed in place.
        options: The settings, keys in ``a.b`` form.

    Raises:
        ValueError: If a key is unknown or misspelled, has no effect, or its value has another type.
    """
    check_keys(cfg)
    _check_kinds(cfg)
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    for key, value in (options or {}).items():
        _check_option(cfg, key, value)
    if options:
        cfg.merge_from_dict(options)
    check_types(cfg, READ)
    _check_indices(cfg)
    _check_numbers(cfg)
    _check_nested_keys(cfg)
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


def nearest(key: str, names: Iterable[str]) -> str | None:
    """Return the name of which a key is a misspelling, None if there is none.

    Names of at least 10 letters may differ in two of them, shorter ones in one, and the shortest only in their order.
    """
    limits = {name: 1 + (len(name) >= 10) for name in names if len(name) > 5 or sorted(name) == sorted(key)}
    distances = {name: distance(key, name) for name, limit in limits.items() if abs(len(key) - len(name)) <= limit}
    found = [name for name, value in distances.items() if 0 < value <= limits[name]]
    return min(found, key=lambda name: (distances[name], name), default=None)


def distance(first: str, second: str) -> int:
    """Return the number of letters to insert, delete, replace or swap with their neighbor."""
    before: list[int] = []
    row = list(range(len(second) + 1))
    for i, a in enumerate(first):
        last, before, row = before, row, [i + 1]
        for j, b in enumerate(second):
            value = min(before[j] + (a != b), before[j + 1] + 1, row[j] + 1)
            if i and j and a == second[j - 1] and b == first[i - 1]:
                value = min(value, last[j - 1] + 1)
            row.append(value)
    return row[-1]


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
    """Reject a seed that no generator takes, and paths that are none."""
    seed = (cfg.get('randomness') or {}).get('seed')
    if seed is not None and not (isinstance(seed, int) and 0 <= seed < 2**32):
        raise ValueError(f'`randomness.seed` must be an integer in 0..{2**32 - 1}, got {seed!r}.')
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


def _check_nested_keys(cfg: Config) -> None:
    """Reject a misspelled key of the dicts whose unknown keys are ignored."""
    for path, value in settings_in(cfg.to_dict()):
        *above, name = path.split('.')
        name = 'custom_key' if 'custom_keys' in above else name
        if name not in NESTED or not isinstance(value, dict):
            continue
        for key in value:
            if key not in NESTED[name] and (near := difflib.get_close_matches(key, NESTED[name], 1, 0.8)):
                raise ValueError(f'`{path}` must have the key {near[0]!r}, got {key!r}. Correct it.')


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


def _check_option(cfg: Config, key: str, value: Any) -> None:
    top, *rest = key.split('.')
    if top not in READ:
        raise ValueError(f'--cfg-options {key}: {_unknown(cfg, top)}')
    part: Any = cfg.get(top)
    path = [top]
    for index, name in enumerate(rest):
        if isinstance(part, list | tuple):
            if not name.isdigit() or int(name) >= len(part):
                raise ValueError(
                    f'--cfg-options {key}: `{".".join(path)}` is a list, whose index must be in 0..{len(part) - 1}, '
                    f'got {name!r}.'
                )
            part = part[int(name)]
        elif isinstance(part, dict):
            # The constructor of a `type` rejects arguments that it does not know.
            checked = 'type' not in part or index < len(rest) - 1
            if checked and name not in part and (near := nearest(name, part)):
                raise ValueError(
                    f'--cfg-options {key}: `{".".join(path)}` must have the key, got {name!r}. Did you mean {near!r}?'
                )
            if index == len(rest) - 1 and isinstance(value, str) and _is_number(part, name):
                raise ValueError(f'--cfg-options {key} must be a number, got {value!r}.')
            before = part.get(name)
            if index == len(rest) - 1 and isinstance(value, str) and isinstance(before, list | tuple):
                raise ValueError(f'--cfg-options {key} must be a list such as {list(before)}, got {value!r}.')
            part = before
        elif part is not None:
            raise ValueError(
                f'--cfg-options {key}: `{".".join(path)}` must be a dict or a list to have the key {name!r}, got '
                f'{part!r}.'
            )
        path.append(name)


def _unknown(cfg: Config, name: str) -> str:
    """Describe a top-level key that nothing reads, and its place if other settings have its name."""
    if near := nearest(name, READ):
        return f'`{name}` must be a setting of the config, got an unknown key. Did you mean `{near}`?'
    places = [path for path, _ in settings_in(cfg.to_dict()) if path.endswith(f'.{name}')]
    if name in cfg:
        use = f'Set {" and ".join(places[:3])}.' if places else 'Change it in a config that inherits from this one.'
        return f'`{name}` must be a setting, got a variable of the config file, which was used before. {use}'
    use = f'Set e.g. {places[0]}.' if places else 'Print the settings with tools/print_config.py.'
    return f'`{name}` must be a setting of the config, got an unknown key. {use}'


def _is_number(part: dict, name: str) -> bool:
    """Return whether a setting is a number that its class may not take as a text, see :func:`.check_types`."""
    before, parameter = part.get(name), class_parameters(part).get(name)
    takes_text = parameter is not None and 'str' in str(parameter.annotation)
    return isinstance(before, int | float) and not isinstance(before, bool) and not takes_text
