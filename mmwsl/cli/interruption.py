"""Interruption of a command by Ctrl-C."""

import os
import signal
from types import FrameType

_state = dict(interrupted=False)


def watch() -> None:
    """Remember an interruption, which libraries turn into errors of their own; a second one ends the process at once.

    A process that ignores interruptions, as one in the background does, continues to.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)


def was_interrupted() -> bool:
    """Return whether the process was interrupted."""
    return _state['interrupted']


def _interrupt(number: int, frame: FrameType | None) -> None:
    if _state['interrupted']:
        os.write(2, b'\ninterrupted.\n')
        os._exit(1)
    _state['interrupted'] = True
    raise KeyboardInterrupt
