"""Parser of a command line whose errors are one line."""

import argparse
import os
import sys
from typing import Any, NoReturn


class Parser(argparse.ArgumentParser):
    """``ArgumentParser`` that names the error only; ``--help`` prints the usage."""

    def parse_args(self, *args: Any, **kwargs: Any) -> Any:
        """Parse a command line.

        An empty argument, such as an unset variable of a shell, and a ``~`` that the shell did not expand are errors.
        """
        parsed = super().parse_args(*args, **kwargs)
        for action in self._actions:
            value = getattr(parsed, action.dest, None)
            if (value == '' and action.const != '') or (isinstance(value, list) and '' in value):
                self.error(f'{"/".join(action.option_strings) or action.dest}: must not be empty')
            parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]
            for part in parts:
                if isinstance(part, str) and (home := os.path.expanduser(part)) != part:
                    name = '/'.join(action.option_strings) or action.dest
                    self.error(f'{name}: the shell did not expand ~ in {part!r}. Pass {home!r}')
        return parsed

    def error(self, message: str) -> NoReturn:
        """Print the message and exit with code 2."""
        self.exit(2, f'{self.prog}: {message.removeprefix("argument ").rstrip(".")}. See {self.prog} --help.\n')

    def _print_message(self, message: str, file: Any = None) -> None:
        """Print a message; argparse ignores that the standard output cannot be written."""
        if file is sys.stdout:
            print(message, end='', flush=True)
        else:
            super()._print_message(message, file)
