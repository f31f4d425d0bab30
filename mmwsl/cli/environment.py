"""Environment variables that commands and libraries read: wrong values are named before any work."""

import os

FOLDERS = ('MMWSL_CONFIGS',)
"""Variables that name a folder, which must exist."""
INTEGERS = ('LOCAL_RANK', 'RANK', 'WORLD_SIZE')
"""Variables of a launcher."""


def check_environment() -> None:
    """Check the variables that are set.

    Raises:
        ValueError: If one has a value that cannot be used.
    """
    for name in FOLDERS:
        if (value := os.environ.get(name)) and not os.path.isdir(value):
            raise ValueError(f'the environment variable {name} must be a folder, got {value!r}. Correct or unset it.')
    for name in INTEGERS:
        if name in os.environ and not os.environ[name].isdecimal():
            raise ValueError(
                f'the environment variable {name} must be an integer of at least 0, got {os.environ[name]!r}. Correct '
                'or unset it.'
            )
