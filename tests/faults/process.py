"""Commands of mmwsl in processes of their own, which may be killed at any moment.

They are forked from this process, which has imported everything: a kill hits the work of a command, not its start.
"""

import os
import signal
import sys
import time
import warnings
from dataclasses import dataclass, field
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path

import torch

from mmwsl.cli.main import COMMANDS, run_command

TIMEOUT = 600
for module, _ in COMMANDS.values():
    import_module(module)


def _main(argv, output, limit):
    os.setsid()
    with open(output, 'ab', buffering=0) as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    torch.set_num_threads(1)
    warnings.simplefilter('ignore')  # those of a measurement of the coverage, at the end of the process
    sys.argv[0] = f'mmwsl {argv[0]}'
    if limit:
        limit()
    run_command(argv[0], argv[1:])


@dataclass
class Command:
    """A started command.

    Attributes:
        argv: Name of the command and its arguments.
        output: File that gets its standard output and error.
        limit: Function that is called in its process before it starts.
    """

    argv: list
    output: Path
    limit: object = None
    _process: object = field(init=False)

    def __post_init__(self):
        self.output.unlink(missing_ok=True)
        self._process = get_context('fork').Process(target=_main, args=(self.argv, self.output, self.limit))
        self.start = time.monotonic()
        self._process.start()

    @property
    def runs(self):
        return self._process.is_alive()

    def kill(self):
        """Kill the command and its workers."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:  # it has not got its group yet
            self._process.kill()
        self._process.join()

    def wait(self):
        """Return the exit code and what was printed."""
        self._process.join(TIMEOUT)
        if self.runs:
            self.kill()
            raise TimeoutError(f'{self.argv} does not end:\n{self.printed[-3000:]}')
        self.seconds = time.monotonic() - self.start
        return self._process.exitcode, self.printed

    @property
    def printed(self):
        return self.output.read_text(errors='replace') if self.output.exists() else ''


def complete(argv, output):
    """Run a command to its end, which must be a good one, and return the seconds that it took."""
    command = Command(argv, output)
    code, printed = command.wait()
    assert code == 0, f'{argv} ended with {code}:\n{printed[-3000:]}'
    return command.seconds
