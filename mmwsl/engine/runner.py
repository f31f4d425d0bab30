"""Runner whose terminal shows the run only, and which loses nothing; its log file has everything."""

import inspect
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process, master_only
from mmengine.logging import MMLogger
from mmengine.runner import Runner
from torch import nn

from ..utils.errors import is_rejection
from ..utils.files import nearest_existing, remove_empty_folders

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
    """Runner of mmengine with a :class:`ConsoleFilter`.

    A run whose input is rejected before its first iteration leaves nothing in the work folder. A checkpoint gets its
    name when it is complete, and an evaluation in the work folder of a training keeps the config of the training.

    Args:
        *args: Passed to :class:`mmengine.runner.Runner`.
        **kwargs: Passed to :class:`mmengine.runner.Runner`.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._started = False
        self._old_folder = nearest_existing(kwargs['work_dir'] if 'work_dir' in kwargs else args[1])
        with discarded_if_rejected(self):
            super().__init__(*args, **kwargs)

    def build_logger(self, log_level: int | str = 'INFO', log_file: str | None = None, **kwargs: Any) -> MMLogger:
        """Build the logger; see the parent."""
        return filter_terminal(super().build_logger(log_level, log_file, **kwargs))

    def train(self) -> nn.Module:
        """Train; see the parent."""
        with discarded_if_rejected(self):
            return super().train()

    def val(self) -> dict:
        """Evaluate on the validation set; see the parent."""
        with discarded_if_rejected(self):
            return super().val()

    def test(self) -> dict:
        """Evaluate on the test set; see the parent."""
        with discarded_if_rejected(self):
            return super().test()

    def call_hook(self, fn_name: str, **kwargs: Any) -> None:
        """Call the hooks; see the parent. The config is written before the first iteration."""
        if not self._started and fn_name in ('before_train_iter', 'before_val_iter', 'before_test_iter'):
            self._started = True
            if fn_name == 'before_train_iter' or not Path(self.work_dir, 'last_checkpoint').exists():
                super().dump_config()
        super().call_hook(fn_name, **kwargs)

    def dump_config(self) -> None:
        """Do nothing: see :meth:`call_hook`."""

    @master_only
    def save_checkpoint(self, out_dir: str, filename: str, *args: Any, **kwargs: Any) -> None:
        """Save a checkpoint; see the parent. A local file gets its name when it is complete."""
        if '://' in str(out_dir):
            super().save_checkpoint(out_dir, filename, *args, **kwargs)
            return
        partial = Path(out_dir, f'{filename}.part')
        try:
            super().save_checkpoint(out_dir, partial.name, *args, **kwargs)
            os.replace(partial, Path(out_dir, filename))
        finally:
            partial.unlink(missing_ok=True)

    def discard(self) -> None:
        """Remove what the runner added to its work folder, and the folders that it made."""
        if '_log_dir' not in self.__dict__:  # rejected before it had one
            return
        logger = self.__dict__.get('logger', logging.getLogger())
        for handler in [handler for handler in logger.handlers if isinstance(handler, logging.FileHandler)]:
            handler.close()
            logger.removeHandler(handler)
        shutil.rmtree(self._log_dir, ignore_errors=True)
        remove_empty_folders(Path(self.work_dir), self._old_folder)


@contextmanager
def discarded_if_rejected(runner: Runner) -> Iterator[None]:
    """Discard a :class:`WeakSegRunner` if its input is rejected within the block, before its first iteration."""
    try:
        yield
    except Exception as error:
        if isinstance(runner, WeakSegRunner) and not runner._started and is_rejection(error) and is_main_process():
            runner.discard()
        raise


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
