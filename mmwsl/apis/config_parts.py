"""Checks of the parts of a config that a command needs."""

import os

from mmengine.config import Config

from mmwsl.utils.nested import settings_in


def check_parts(cfg: Config, *keys: str) -> None:
    """Check that a config has the parts that a command needs.

    Raises:
        ValueError: If one is missing or None.
    """
    if missing := [key for key in keys if not cfg.get(key)]:
        raise ValueError(
            f'config {cfg.filename or ""!r} must have {" and ".join(f"`{key}`" for key in missing)}, got none. Inherit '
            'from a config that has them.'
        )


def check_loops(cfg: Config) -> None:
    """Check that what a validation or a test needs is there altogether or not at all.

    Raises:
        ValueError: If a part is missing.
    """
    for split in ('val', 'test'):
        keys = [f'{split}_dataloader', f'{split}_evaluator', f'{split}_cfg']
        missing = [key for key in keys if cfg.get(key) is None]
        if missing and len(missing) < len(keys):
            raise ValueError(
                f'`{missing[0]}` must be set like {" and ".join(f"`{key}`" for key in keys if key not in missing)}, '
                'got None. Set all of them, or none.'
            )


def check_workers(cfg: Config) -> None:
    """Check that the processes which load images are not more than this machine can use.

    Raises:
        ValueError: If they are.
    """
    most = max(32, 4 * (os.cpu_count() or 1))
    for path, value in settings_in({key: cfg[key] for key in cfg if key.endswith('_dataloader')}):
        if path.endswith('.num_workers') and isinstance(value, int) and value > most:
            raise ValueError(f'`{path}` must be at most {most} on this machine, got {value}.')
        if path.endswith('.prefetch_factor') and value is not None and not (isinstance(value, int) and value > 0):
            raise ValueError(f'`{path}` must be a positive number of batches, got {value!r}.')
