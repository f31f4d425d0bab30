"""Runner whose terminal shows the run only, and which loses nothing; its log file has everything."""

import inspect
import logging
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.error import URLError

from mmengine.dataset import DefaultSampler, InfiniteSampler
from mmengine.dist import is_main_process, master_only
from mmengine.logging import MMLogger
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmengine.registry import DATA_SAMPLERS
from mmengine.runner import BaseLoop, Runner
from torch import nn
from torch.utils.data import DataLoader

from ..datasets import SeededDataset, SeededInfiniteSampler, SeededSampler
from ..utils.errors import is_rejection
from ..utils.files import files_of_config, nearest_existing, remove_empty_folders
from ..utils.nested import dicts_in
from .convolutions import untuned_convolutions
from .hooks.deferred_runtime_info_hook import DeferredRuntimeInfoHook
from .loader_workers import end_workers, report_unsent

SHOWN = ('mmwsl', 'mmengine.hooks.logger_hook', 'mmseg.evaluation')
"""Modules whose messages reach the terminal: our own, and progress and metrics."""
LOGGING = ('logging', 'mmengine.logging')
HIDDEN = ('Exp name: ', 'Loads checkpoint by ')
PROGRESS = re.compile(r'(Epoch|Iter)\((train|val|test)\) +(?:\[\d+\])? *\[ *(\d+)/(\d+)\]')
LINES = dict(train=10, val=4, test=10)
"""Progress of an epoch, and how many lines of it are shown."""
MINUTE = 60
TABLE = ('+---', 'per class results:')
"""What only messages with a table of the classes contain."""


class ConsoleFilter(logging.Filter):
    """Filter of the messages for the terminal: those of ``SHOWN`` modules, and errors of any module.

    The config, the environment, the order of the hooks and the advice of the libraries are in the log file only, and so
    are the tables of the classes while a network is trained: with many classes they would hide its progress. Of the
    progress itself a few lines of each epoch are shown; of a training that counts iterations also one per minute.

    Attributes:
        tables: Whether tables are shown.
    """

    tables = True

    def __init__(self) -> None:
        super().__init__()
        self._step, self._shown = dict.fromkeys(LINES, 0), 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a message is shown."""
        text = record.getMessage()
        if match := PROGRESS.match(text):
            return self._advances(match[1] == 'Iter', match[2], int(match[3]), int(match[4]))
        hidden = text.startswith(HIDDEN) or (not self.tables and any(mark in text for mark in TABLE))
        return record.levelno >= logging.ERROR or (not hidden and _within(_caller(), SHOWN))

    def _advances(self, by_iteration: bool, loop: str, step: int, total: int) -> bool:
        """Return whether a step of a loop is the first one in the next part of it, and remember it."""
        before = self._step[loop] if self._step[loop] < step else 0  # a new epoch
        late = by_iteration and time.monotonic() - self._shown >= MINUTE
        shown = late or step * LINES[loop] // total > before * LINES[loop] // total
        self._step[loop] = step
        if shown:
            self._shown = time.monotonic()
        return shown


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
        work_dir = Path(kwargs['work_dir'] if 'work_dir' in kwargs else args[1])
        self._old_folder = nearest_existing(work_dir)
        self._old_names = set(os.listdir(work_dir)) if work_dir.is_dir() else set()
        with discarded_if_rejected(self):
            super().__init__(*args, **kwargs)

    def build_logger(self, log_level: int | str = 'INFO', log_file: str | None = None, **kwargs: Any) -> MMLogger:
        """Build the logger; see the parent."""
        return filter_terminal(super().build_logger(log_level, log_file, **kwargs))

    @staticmethod
    def build_dataloader(
        dataloader: DataLoader | dict, seed: int | None = None, diff_rank_seed: bool = False
    ) -> DataLoader:
        """Build a dataloader; see the parent.

        The transforms of one that draws at random, by a ``DefaultSampler`` or an ``InfiniteSampler``, are seeded for
        each draw: they depend on the seed, the epoch and the image, not on the processes that load images nor on an
        interruption; see :class:`mmwsl.datasets.SeededSampler`. Full shared memory is an error.
        """
        sampler = dataloader.get('sampler') if isinstance(dataloader, dict) else None
        if isinstance(sampler, dict) and sampler.get('shuffle', True) and isinstance(dataloader, dict):
            kind = sampler.get('type')
            found = DATA_SAMPLERS.get(kind) if isinstance(kind, str) else kind
            if seeded := {DefaultSampler: SeededSampler, InfiniteSampler: SeededInfiniteSampler}.get(found):
                dataset = dict(type=SeededDataset, dataset=dataloader['dataset'])
                dataloader = dict(dataloader, sampler=dict(sampler, type=seeded), dataset=dataset)
        return report_unsent(Runner.build_dataloader(dataloader, seed, diff_rank_seed))

    def build_optim_wrapper(self, optim_wrapper: dict | OptimWrapper) -> OptimWrapper | OptimWrapperDict:
        """Build the optimizer; see the parent. Keys of `custom_keys` that no parameter has are logged."""
        names = [name for name, _ in self.model.named_parameters()]
        for part in dicts_in(optim_wrapper):
            if unused := [key for key in part.get('custom_keys') or () if not any(key in name for name in names)]:
                text = f'`paramwise_cfg.custom_keys` must be parts of names of parameters, no name has {unused}.'
                self.logger.warning(text)
        built = super().build_optim_wrapper(optim_wrapper)
        for wrapper in built.values() if isinstance(built, OptimWrapperDict) else [built]:
            # With `paramwise_cfg` the parameter groups are mmengine's ConfigDict, which torch.compile cannot trace.
            wrapper.optimizer.param_groups[:] = map(dict, wrapper.optimizer.param_groups)
        return built

    def register_default_hooks(self, hooks: dict | None = None) -> None:
        """Register the default hooks; see the parent. A GPU does not wait for the one that reads the losses."""
        super().register_default_hooks({'runtime_info': dict(type=DeferredRuntimeInfoHook), **(hooks or {})})

    def load_checkpoint(self, filename: str, *args: Any, **kwargs: Any) -> dict:
        """Load a checkpoint; see the parent. What mmengine prints is logged.

        Raises:
            ConnectionError: If a URL cannot be downloaded.
        """
        try:
            with redirect_stdout(StringIO()) as printed:
                checkpoint: dict = super().load_checkpoint(filename, *args, **kwargs)
        except URLError as error:
            raise ConnectionError(f'The weights {filename!r} cannot be downloaded ({error.reason}).') from error
        if text := printed.getvalue().strip():
            self.logger.info(text)
        return checkpoint

    def train(self) -> nn.Module:
        """Train; see the parent."""
        self._show_tables(False)
        with discarded_if_rejected(self), self._ending_workers():
            return super().train()

    def build_val_loop(self, loop: BaseLoop | dict) -> BaseLoop:
        """Build the validation loop, in a training too; see the parent. It runs without ``cudnn_benchmark``."""
        built = super().build_val_loop(loop)
        if isinstance(loop, dict):
            built.run = untuned_convolutions()(built.run)
        return built

    def val(self) -> dict:
        """Evaluate on the validation set; see the parent."""
        with discarded_if_rejected(self):
            return super().val()

    def test(self) -> dict:
        """Evaluate on the test set; see the parent. ``cudnn_benchmark`` is for training, whose images have one size."""
        self._show_tables(True)
        with discarded_if_rejected(self), self._ending_workers(), untuned_convolutions():
            return super().test()

    @contextmanager
    def _ending_workers(self) -> Iterator[None]:
        """End the processes that load images after the block."""
        try:
            yield
        finally:
            for loop in (self._train_loop, self._val_loop, self._test_loop):
                end_workers(loop)

    def _show_tables(self, shown: bool) -> None:
        for part in (part for handler in self.logger.handlers for part in handler.filters):
            if isinstance(part, ConsoleFilter):
                part.tables = shown

    def call_hook(self, fn_name: str, **kwargs: Any) -> None:
        """Call the hooks; see the parent. The config is written before the first iteration."""
        if not self._started and fn_name in ('before_train_iter', 'before_val_iter', 'before_test_iter'):
            self._started = True
            if fn_name == 'before_train_iter' or not Path(self.work_dir, 'last_checkpoint').exists():
                self._dump_config()
        super().call_hook(fn_name, **kwargs)

    def dump_config(self) -> None:
        """Do nothing: see :meth:`call_hook`."""

    @master_only
    def _dump_config(self) -> None:
        """Write the config to the work folder, but not over a config that somebody wrote."""
        given = self.cfg.filename
        file = Path(self.work_dir, Path(given).name if given else f'{self.timestamp}.py')
        if given and file.is_file():
            own = any(file.samefile(path) for path in (given, *files_of_config(self.cfg.text)) if os.path.exists(path))
            if own or '_base_' in file.read_text(errors='replace'):  # a dump has no base
                return
        with _partial(file) as partial:
            partial.write_text(self.cfg.dump(), encoding='utf-8')

    @master_only
    def save_checkpoint(self, out_dir: str, filename: str, *args: Any, **kwargs: Any) -> None:
        """Save a checkpoint; see the parent. A local file gets its name when it is complete."""
        if '://' in str(out_dir):
            super().save_checkpoint(out_dir, filename, *args, **kwargs)
            return
        with _partial(Path(out_dir, filename)) as partial:
            super().save_checkpoint(out_dir, partial.name, *args, **kwargs)

    def discard(self) -> None:
        """Remove what the runner added to its work folder, and the folders that it made."""
        # Rejected before it had a folder, or in one of an earlier run: mmengine names it after the second.
        if '_log_dir' not in self.__dict__ or Path(self._log_dir).name in self._old_names:
            return
        logger = self.__dict__.get('logger', logging.getLogger())
        for handler in [handler for handler in logger.handlers if isinstance(handler, logging.FileHandler)]:
            handler.close()
            logger.removeHandler(handler)
        visualizer: Any = self.__dict__.get('visualizer')
        backends = visualizer._vis_backends.values() if visualizer else ()
        if any(Path(self._log_dir) in Path(backend._save_dir).parents for backend in backends):
            # The next runner of this process would be given this one, whose folder is gone.
            visualizer._instance_dict.pop(visualizer.instance_name, None)
        shutil.rmtree(self._log_dir, ignore_errors=True)
        remove_empty_folders(Path(self.work_dir), self._old_folder)


@contextmanager
def _partial(path: Path) -> Iterator[Path]:
    """Name a file to write, which gets the name ``path`` after the block. A resumed run replaces one that is left."""
    partial = path.with_name(f'{path.name}.part')
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


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
