"""Runner whose terminal shows the run only; its log file has everything."""

import inspect
import logging
from typing import Any

from mmengine.logging import MMLogger
from mmengine.runner import Runner

SHOWN = ('mmwsl', 'mmengine.hooks.logger_hook', 'mmseg.evaluation')
"""Modules whose messages reach the terminal: our own, and progress and metrics."""
LOGGING = ('logging', 'mmengine.logging')


class ConsoleFilter(logging.Filter):
    """Filter of the messages for the terminal: those of ``SHOWN`` modules, and errors of any module.

    The config, the environment, the order of the hooks and the advice of the libraries are in the log file only.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a message is shown."""
        return record.levelno >= logging.ERROR or _within(_caller(), SHOWN)


class WeakSegRunner(Runner):
    """Runner of mmengine with a :class:`ConsoleFilter`, which leaves the work folder as it is until all is loaded."""

    def build_logger(self, log_level: int | str = 'INFO', log_file: str | None = None, **kwargs: Any) -> MMLogger:
        """Build the logger; see the parent."""
        return filter_terminal(super().build_logger(log_level, log_file, **kwargs))

    def dump_config(self) -> None:
        """Leave the config of an earlier run in place: this one may be rejected; see :meth:`load_or_resume`."""

    def load_or_resume(self) -> None:
        """Load the checkpoint, then write the config to the work folder."""
        super().load_or_resume()
        super().dump_config()


def filter_terminal(logger: MMLogger) -> MMLogger:
    """Add a :class:`ConsoleFilter` to the terminal's handlers of a logger that have none."""
    for handler in logger.handlers:
        filtered = any(isinstance(other, ConsoleFilter) for other in handler.filters)
        if not isinstance(handler, logging.FileHandler) and not filtered:
            handler.addFilter(ConsoleFilter())
    return logger


def _caller() -> str:
    """Return the module that called the logging functions."""
    frame = inspect.currentframe()
    frame = frame.f_back.f_back if frame and frame.f_back else None  # the filter's caller
    while frame and _within(frame.f_globals.get('__name__', ''), LOGGING):
        frame = frame.f_back
    return frame.f_globals.get('__name__', '') if frame else ''


def _within(name: str, modules: tuple[str, ...]) -> bool:
    return any(name == module or name.startswith(f'{module}.') for module in modules)
