"""Settings of the network that a checkpoint was trained with, against those of the config that loads it.

Parts without parameters, such as an aggregator or the normalization of the images, change the scores, but no check of
the parameters can see them.
"""

from typing import Any

from mmwsl.apis.checkpoint import meta_of
from mmwsl.utils.console import log_warning
from mmwsl.utils.nested import settings_in

PARTS = ('data_preprocessor', 'backbone', 'neck', 'decode_head', 'auxiliary_head')
IN_TRAINING = ('loss_decode', 'init_cfg', 'pretrained', 'dropout_ratio', 'drop_path_rate', 'sampler', 'ignore_index')
"""Settings of these parts that act in training only."""
CHOSEN_LATER = ('background',)
"""Settings that are chosen after the training, such as the threshold of the background."""
NO_VALUE = 'none'
SHOWN = 3


def changed_settings(trained: dict[str, Any], model: dict[str, Any]) -> list[str]:
    """Compare the settings that determine the scores of a network.

    Args:
        trained: Config of the model that was trained.
        model: Config of the model that loads its parameters, also within the wrapper of test-time augmentation.

    Returns:
        A text for each setting that differs.
    """
    before, after = (_settings(part) for part in (trained, model.get('module') or model))
    names = [name for name in before | after if before.get(name, NO_VALUE) != after.get(name, NO_VALUE)]
    return [f'{name} was {before.get(name, NO_VALUE)!r}, is {after.get(name, NO_VALUE)!r}' for name in names]


def warn_changed_settings(checkpoint: dict[str, Any], model: dict[str, Any], name: str) -> None:
    """Log how the settings of a network differ from those it was trained with; nothing for files without them.

    Args:
        checkpoint: The checkpoint.
        model: Config of the model.
        name: Name of the checkpoint.
    """
    trained = meta_of(checkpoint).get('model')
    if isinstance(trained, dict) and (changed := changed_settings(trained, model)):
        more = f' and {len(changed) - SHOWN} more' if len(changed) > SHOWN else ''
        text = f'{name} was trained with other settings: {"; ".join(changed[:SHOWN])}{more}.'
        log_warning(text)


def _settings(model: dict[str, Any]) -> dict[str, Any]:
    """Return the settings that have a value, by their keys; those of lists of numbers too."""
    found = {}
    for path, value in settings_in({name: model.get(name) for name in PARTS}):
        names = path.split('.')
        if not {*IN_TRAINING, *CHOSEN_LATER}.intersection(names) and not isinstance(value, dict | list | tuple):
            found[f'model.{path}'] = value
    return {name: value for name, value in found.items() if value is not None}
