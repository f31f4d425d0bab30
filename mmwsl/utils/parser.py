"""Parser of a command line whose errors are one line."""

import argparse
from typing import NoReturn


class Parser(argparse.ArgumentParser):
    """``ArgumentParser`` that names the error only; ``--help`` prints the usage."""

    def error(self, message: str) -> NoReturn:
        """Print the message and exit with code 2."""
        self.exit(2, f'{self.prog}: {message.removeprefix("argument ").rstrip(".")}. See {self.prog} --help.\n')
