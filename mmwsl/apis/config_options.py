"""Checks of ``--cfg-options`` before they change a config: an option without effect would be ignored."""

from typing import Any

from mmengine.config import Config

from mmwsl.apis.config_keys import READ, known_keys, nearest
from mmwsl.apis.config_types import class_parameters
from mmwsl.utils.nested import settings_in

FLAGS = dict(launcher='--launcher', resume='--resume')
"""Settings that an argument of the command line sets."""
RESERVED = ('type', '_delete_', '_scope_')
"""Keys of any dict of a config."""
EARLIER = ('custom_imports', 'pseudo_labels')
"""Settings that the config file itself uses, before the options change it."""


def check_option(cfg: Config, key: str, value: Any) -> None:
    """Check one option, in ``a.b`` form, against the config that it changes.

    Raises:
        ValueError: If its key is unknown or misspelled, or its value has another type than the present one.
    """
    top, *rest = key.split('.')
    if top not in READ or top in EARLIER:
        raise ValueError(f'--cfg-options {key}: {_unknown(cfg, top)}')
    if top in FLAGS:
        raise ValueError(f'--cfg-options {key}: `{top}` must be given as {FLAGS[top]}, got {value!r}.')
    if top == 'data_preprocessor' and 'data_preprocessor' in (cfg.get('model') or {}):
        raise ValueError(f'--cfg-options {key}: the model has a `data_preprocessor` of its own. Set model.{key}.')
    part: Any = cfg.get(top)
    path = [top]
    for index, name in enumerate(rest):
        last = index == len(rest) - 1
        if isinstance(part, list | tuple):
            if not name.isdigit() or int(name) >= len(part):
                raise ValueError(
                    f'--cfg-options {key}: `{".".join(path)}` is a list, whose index must be in 0..{len(part) - 1}, '
                    f'got {name!r}.'
                )
            part = part[int(name)]
        elif isinstance(part, dict | None):
            _check_name(key, path, name, part or {}, last)
            before = (part or {}).get(name)
            if last and isinstance(value, str) and _is_number(part or {}, name):
                raise ValueError(f'--cfg-options {key} must be a number, got {value!r}.')
            if last and isinstance(value, str) and isinstance(before, list | tuple):
                raise ValueError(f'--cfg-options {key} must be a list such as {list(before)}, got {value!r}.')
            part = before
        else:
            raise ValueError(
                f'--cfg-options {key}: `{".".join(path)}` must be a dict or a list to have the key {name!r}, got '
                f'{part!r}.'
            )
        path.append(name)


def _check_name(key: str, path: list[str], name: str, part: dict, last: bool) -> None:
    """Reject a key that the dict at ``path`` does not have, where it is misspelled or nothing would read it."""
    if name in part or name in RESERVED:
        return
    known = known_keys(path, part)
    # The constructor of a `type` rejects arguments that it does not know.
    if ('type' not in part or not last) and (near := nearest(name, {*part, *(known or ())} - {name})):
        if known is None or name not in known:
            raise ValueError(
                f'--cfg-options {key}: `{".".join(path)}` must have the key, got {name!r}. Did you mean {near!r}?'
            )
    if known is not None and name not in known and path != ['default_hooks']:
        keys = f'only the keys {", ".join(known)}' if known else 'no keys'
        raise ValueError(f'--cfg-options {key}: `{".".join(path)}` must have {keys}, got {name!r}.')


def _unknown(cfg: Config, name: str) -> str:
    """Describe a top-level key that nothing reads, and its place if other settings have its name."""
    if near := nearest(name, READ):
        return f'`{name}` must be a setting of the config, got an unknown key. Did you mean `{near}`?'
    places = [path for path, _ in settings_in(cfg.to_dict()) if path.endswith(f'.{name}')]
    if name in cfg or name in EARLIER:
        use = f'Set {" and ".join(places[:3])}.' if places else 'Change it in a config that inherits from this one.'
        return f'`{name}` must be a setting, got a variable of the config file, which was used before. {use}'
    use = f'Set e.g. {places[0]}.' if places else 'Print the settings with tools/print_config.py.'
    return f'`{name}` must be a setting of the config, got an unknown key. {use}'


def _is_number(part: dict, name: str) -> bool:
    """Return whether a setting is a number that its class may not take as a text, see :func:`.check_types`."""
    before, parameter = part.get(name), class_parameters(part).get(name)
    takes_text = parameter is not None and 'str' in str(parameter.annotation)
    return isinstance(before, int | float) and not isinstance(before, bool) and not takes_text
