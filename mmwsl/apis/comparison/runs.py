"""Finished runs: their config and checkpoint."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mmwsl.apis.checkpoint import latest_checkpoint
from mmwsl.apis.config import find_config
from mmwsl.utils.errors import FAILURE, exit_code, library_message, user_message


class RunError(ValueError):
    """Error of a run that cannot be compared; the message names it."""


@dataclass(frozen=True)
class Run:
    """A trained model.

    Attributes:
        name: Name in the tables.
        config: Config file.
        checkpoint: Weights.
    """

    name: str
    config: Path
    checkpoint: Path

    @property
    def cache(self) -> Path:
        """Folder of the results."""
        return self.checkpoint.parent / 'comparison'


def find_runs(texts: Sequence[str]) -> list[Run]:
    """Find the runs that a command line names.

    Raises:
        RunError: If a run does not exist, or two have the same name.
    """
    runs = [find_run(text) for text in texts]
    names = [run.name for run in runs]
    for name in names:
        if names.count(name) > 1:
            raise RunError(f'two runs are named {name!r}. Pass each once, or rename a folder or config.')
    return runs


def find_run(text: str) -> Run:
    """Find one run: the work folder of a training, or ``CONFIG:CHECKPOINT``.

    A folder contains the config that training wrote. The run has the name of the folder, and its newest complete
    checkpoint. A pair has the name of its config: the same weights with several pipelines are several runs.

    Raises:
        RunError: If it does not exist or is not complete.
    """
    config, colon, checkpoint = text.partition('.py:')
    if colon:
        if not Path(checkpoint).is_file():
            raise RunError(
                f'run {text!r}: {checkpoint} does not exist. Give CONFIG:CHECKPOINT, or the work folder of a training.'
            )
        try:
            path = find_config(f'{config}.py')
        except FileNotFoundError as error:
            raise RunError(f'run {text!r}: {error}') from error
        return Run(path.stem, path, Path(checkpoint))
    folder = Path(text)
    if not folder.is_dir():
        raise RunError(f'run {text!r} is not a folder. Give the work folder of a training, or CONFIG:CHECKPOINT.')
    configs = sorted(folder.glob('*.py'))
    if len(configs) != 1:
        found = ', '.join(path.name for path in configs) or 'none'
        raise RunError(f'run {text!r} must hold one config, but has {found}. Give the one meant as CONFIG:CHECKPOINT.')
    newest = latest_checkpoint(folder)
    if newest is None:
        raise RunError(
            f'run {text!r} has no complete checkpoint. Finish its training: tools/train.py '
            f'{configs[0]} --work-dir {folder} --resume'
        )
    if Path(newest).resolve().parent != folder.resolve():
        warnings.warn(f'run {text!r} has its checkpoint in another folder: {newest}', stacklevel=2)
    return Run(folder.resolve().name, configs[0], Path(newest))


@contextmanager
def named(run: Run) -> Iterator[None]:
    """Raise an error of the run within the block as one that names it.

    Raises:
        RunError: If an input is wrong.
        RuntimeError: If the input is fine, but the evaluation failed.
    """
    try:
        yield
    except Exception as error:  # a config runs code, and a run any component
        if isinstance(error, OSError) and exit_code(error) == FAILURE:
            raise  # such as a full disk, of which the run is not the cause
        if (message := user_message(error) or library_message(error)) is None:
            raise  # a bug of mmwsl
        kind = RuntimeError if exit_code(error) == FAILURE else RunError
        raise kind(f'run {run.name!r} ({run.config}, {run.checkpoint}) could not be evaluated: {message}') from error
