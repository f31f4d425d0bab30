"""Types of the settings of a config, by the annotations and defaults of the classes that get them."""

import inspect
import os
import re

from mmengine.config import Config
from mmengine.registry import Registry
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop
from mmseg.models.segmentors import BaseSegmentor
from torch.utils.data import DataLoader

from mmwsl import registry
from mmwsl.apis.registered import is_subclass, registered_class
from mmwsl.registry import MODELS
from mmwsl.utils.nested import settings_in
from mmwsl.utils.text import shorten

REGISTRIES = [value for value in vars(registry).values() if isinstance(value, Registry)]
KINDS = {bool: 'True or False', int: 'an integer', float: 'a number'}
SIMPLE = re.compile(r'(?:Optional\[)?(bool|int|float)\]?(?: \| None)?')
"""Annotation of a parameter that takes one such value."""
TEXTS = ('str', 'Any', 'Path', 'object', 'Callable')
"""Parts of the annotations of parameters that take texts."""
LITERAL = re.compile(r'\s*(?:[-+]?[\d.]+(?:e[-+]?\d+)?|true|false|none|yes|no|on|off)\s*', re.IGNORECASE)
"""Text of a number, or of True, False or None."""


def check_types(cfg: Config, keys: frozenset[str]) -> None:
    """Reject texts in place of numbers, True and False, and what else a class would take and fail on later.

    Args:
        cfg: The config.
        keys: Its top-level keys that are read.

    Raises:
        ValueError: If there is one.
    """
    content = {key: value for key, value in cfg.to_dict().items() if key in keys}
    for path, part in settings_in(content):
        if isinstance(part, str) and part.startswith('~/'):
            raise ValueError(f'`{path}` must be a path without ~, got {part!r}. Write {os.path.expanduser(part)!r}.')
        if not isinstance(part, dict):
            continue
        loads = path.endswith('_dataloader')
        if path == 'train_cfg':  # the runner takes one of these
            _check_part(part, path, parameters_of(IterBasedTrainLoop) | parameters_of(EpochBasedTrainLoop))
        if loads or 'type' in part or path == 'model':
            _check_keys(part, path)
            _check_part(part, path, parameters_of(DataLoader) if loads else class_parameters(part))
        if loads:
            _check_loader(part, path)
    model = content.get('model') or {}
    if model.get('data_preprocessor', {}) is None and is_subclass(model, MODELS, BaseSegmentor):
        raise ValueError(
            "`model.data_preprocessor` must be a dict such as dict(type='SegDataPreProcessor'), which makes batches, "
            'got None.'
        )


def parameters_of(built: type) -> dict[str, inspect.Parameter]:
    """Return the parameters of the constructor of a class, with those that it passes to its parents."""
    found: dict[str, inspect.Parameter] = {}
    for part in built.__mro__:
        if '__init__' not in vars(part):
            continue
        try:
            parameters = inspect.signature(part.__init__).parameters  # type: ignore[misc]
        except ValueError:  # of C code
            break
        for name, parameter in parameters.items():
            found.setdefault(name, parameter)
        if all(parameter.kind != parameter.VAR_KEYWORD for parameter in parameters.values()):
            break
    return found


def expected_kind(parameter: inspect.Parameter) -> type | None:
    """Return the type of a parameter that is annotated with ``bool``, ``int`` or ``float``; None for others."""
    annotation = parameter.annotation
    text = annotation.__name__ if isinstance(annotation, type) else str(annotation).replace('typing.', '')
    match = SIMPLE.fullmatch(text)
    return {'bool': bool, 'int': int, 'float': float}[match[1]] if match else None


def class_parameters(part: dict) -> dict[str, inspect.Parameter]:
    """Return the parameters of the class of a part, none if it is unknown."""
    if isinstance(part.get('type'), type):
        return parameters_of(part['type'])
    classes = (registered_class(part, one) for one in REGISTRIES if isinstance(part.get('type'), str))
    built = next((one for one in classes if one is not None), None)
    return {} if built is None else parameters_of(built)


def _check_keys(part: dict, path: str) -> None:
    if wrong := [key for key in part if not isinstance(key, str)]:
        raise ValueError(f'`{path}` must have texts as keys, got {shorten(wrong[0])}. Write it as dict(name=value).')


def _check_part(part: dict, path: str, parameters: dict[str, inspect.Parameter]) -> None:
    """Reject texts of a part that are no values of its parameters, and numbers that are no integers of the machine."""
    for name, value in part.items():
        endless = isinstance(value, int | float) and not -(2**63) <= value < 2**63
        if endless and name in parameters and expected_kind(parameters[name]) is int:
            raise ValueError(f'`{path}.{name}` must be an integer, got {shorten(value)}.')
        if name == 'type' or not isinstance(value, str) or name not in parameters:
            continue
        kind, default = expected_kind(parameters[name]), parameters[name].default
        takes_text = isinstance(default, str) or any(word in str(parameters[name].annotation) for word in TEXTS)
        if kind is None and (takes_text or not LITERAL.fullmatch(value)):
            continue
        text = KINDS.get(kind or type(default), 'a number, True, False or None')
        raise ValueError(f'`{path}.{name}` must be {text}, got the text {value!r}. Write it without quotes.')


def _check_loader(part: dict, path: str) -> None:
    """Reject counts of a dataloader that are not integers; a batch size of None would load no batches."""
    for name in ('batch_size', 'num_workers'):
        value = part.get(name, 1)
        if not isinstance(value, int) or isinstance(value, bool):
            raise ValueError(f'`{path}.{name}` must be an integer, got {shorten(value)}.')
