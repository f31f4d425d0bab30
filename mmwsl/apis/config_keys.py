"""Keys of a config that something reads: an unknown one would be ignored."""

import difflib
import inspect
from collections.abc import Iterable, Sequence
from typing import Any

from mmengine.config import Config
from mmengine.optim import OptimWrapper
from mmengine.registry import LOG_PROCESSORS, LOOPS
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop, LogProcessor, Runner, TestLoop, ValLoop

from mmwsl.apis.acceleration import ACCELERATION
from mmwsl.apis.config_types import parameters_of
from mmwsl.apis.registered import registered_class
from mmwsl.inference import InferencePipeline
from mmwsl.utils.nested import settings_in
from mmwsl.utils.text import shorten

OTHERS = 'runner_type model_wrapper_cfg sync_bn find_unused_parameters activation_checkpointing compile'.split()
OTHERS += 'efficient_conv_bn_eval custom_imports tta_model tta_pipeline pseudo_labels acceleration_cfg'.split()
READ = frozenset({*inspect.signature(Runner).parameters, *OTHERS} - {'cfg'})
"""Top-level keys that the runner or a command reads. All other keys are variables of the config file."""


def _arguments(*classes: type) -> tuple[str, ...]:
    """Return the arguments of classes that a config may give."""
    names = dict.fromkeys(name for one in classes for name in parameters_of(one))
    return tuple(name for name in names if name not in ('self', 'runner', 'dataloader', 'evaluator'))


READERS = (EpochBasedTrainLoop, IterBasedTrainLoop, ValLoop, TestLoop, LogProcessor)
CLOSED = {
    'acceleration_cfg': tuple(ACCELERATION),
    'env_cfg': ('cudnn_benchmark', 'mp_cfg', 'dist_cfg', 'resource_limit'),
    'env_cfg.mp_cfg': ('mp_start_method', 'opencv_num_threads'),
    'randomness': tuple(inspect.signature(Runner.set_randomness).parameters)[1:],
    'log_processor': _arguments(LogProcessor),
    'train_cfg': ('by_epoch', *_arguments(EpochBasedTrainLoop, IterBasedTrainLoop)),
    'val_cfg': _arguments(ValLoop),
    'test_cfg': _arguments(TestLoop),
}
"""All keys of the dicts that mmengine reads itself, by their path."""

OPEN = {
    'default_hooks': ('runtime_info', 'timer', 'sampler_seed', 'logger', 'param_scheduler', 'checkpoint')
    + ('visualization',),
    'model.train_cfg': (),
    'model.test_cfg': ('mode', 'stride', 'crop_size'),
    'data_preprocessor.test_cfg': ('size', 'size_divisor'),
    'inference': _arguments(InferencePipeline),
    'optim_wrapper': ('type', 'constructor', 'paramwise_cfg', *_arguments(OptimWrapper)),
    'clip_grad': ('type', 'max_norm', 'norm_type', 'clip_value', 'error_if_nonfinite', 'foreach'),
    'paramwise_cfg': ('custom_keys', 'bias_lr_mult', 'bias_decay_mult', 'norm_decay_mult', 'dwconv_decay_mult')
    + ('flat_decay_mult', 'dcn_offset_lr_mult', 'bypass_duplicate'),
    'custom_key': ('lr_mult', 'decay_mult'),
    'data_prefix': ('img_path', 'seg_map_path'),
    'metainfo': ('classes', 'palette'),
}
"""Keys of the dicts of which a class of a library or of a user may read more, by the end of their path."""


def check_top_keys(cfg: Config) -> None:
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


def check_nested_keys(cfg: Config) -> None:
    """Reject unknown keys of the dicts that are read key by key, and parts without the class that they are built of.

    Raises:
        ValueError: If there is one.
    """
    for path, value in settings_in({key: part for key, part in cfg.to_dict().items() if key in READ}):
        _check_built(path, value)
        if not isinstance(value, dict):
            continue
        closed = closed_keys(path, value)
        known = closed or open_keys(path) or ()
        for key in value:
            near = difflib.get_close_matches(key, known, 1, 0.8)
            if key not in known and (near or closed):
                text = f'the key {near[0]!r}' if near else f'only the keys {", ".join(closed)}'
                raise ValueError(f'`{path}` must have {text}, got {key!r}. Correct it.')


def known_keys(path: Sequence[str], part: dict) -> Sequence[str] | None:
    """Return the keys that a dict of a config may have; None if its class decides.

    Args:
        path: The keys that lead to the dict.
        part: The dict.
    """
    name = '.'.join(path)
    known = closed_keys(name, part) or (open_keys(name) if 'type' not in part else None)
    # With a key that is not known here, another class reads the dict.
    return None if known is None or set(part) - {*known} else known


def closed_keys(path: str, part: dict) -> Sequence[str]:
    """Return all keys of a dict of ``CLOSED``; none if it is no such dict, or of a class of somebody else."""
    known = CLOSED.get(path, ())
    if 'type' not in part:
        return known
    built = registered_class(part, LOG_PROCESSORS if path == 'log_processor' else LOOPS)
    return ('type', *known) if known and built in READERS else ()


def open_keys(path: str) -> Sequence[str] | None:
    """Return the keys of ``OPEN`` for the path of a dict; None if it has none."""
    above, _, name = path.rpartition('.')
    path = 'custom_key' if above.split('.')[-1] == 'custom_keys' else path
    return next((keys for end, keys in OPEN.items() if path == end or path.endswith(f'.{end}')), None)


def _check_built(path: str, value: Any) -> None:
    """Reject hooks and initializations that name no class."""
    above, _, name = path.rpartition('.')
    if path == 'custom_hooks' and not isinstance(value, list | tuple | None):
        raise ValueError(f"`{path}` must be a list of dicts such as dict(type='EMAHook'), got {shorten(value)}.")
    hook = above == 'default_hooks' or (above == 'custom_hooks' and name.isdigit())
    parts = value if name == 'init_cfg' and isinstance(value, list | tuple) else [value]
    if hook or name == 'init_cfg':
        for part in parts:
            # A hook of mmengine may be switched off, and keeps its class if only its arguments change.
            default = above == 'default_hooks' and (part is None or name in OPEN['default_hooks'])
            built = not isinstance(part, int | float | str | dict) or (isinstance(part, dict) and 'type' in part)
            if not default and not built:
                raise ValueError(f'`{path}` must be a dict with a `type`, got {shorten(part)}.')


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
