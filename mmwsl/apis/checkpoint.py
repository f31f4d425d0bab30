"""Checkpoints: which one to resume from, and loading them without running code from them.

A checkpoint is a pickle, and a pickle can run any code. torch reads one safely with ``weights_only=True``; mmengine
asks for that where it can, but repeats a failed load without it, so a checkpoint from a stranger would still run.
Two guards close this. `check_checkpoint` reads a local file with the strict list of types below and names it where
that fails. `weights_only_loading` sets torch's own switch for as long as the runner works, which covers what no one
can check beforehand: addresses, and files that some component loads on its own.
"""

import os
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from pickle import UnpicklingError

import numpy as np
import torch
from mmengine.config import Config
from mmengine.logging import HistoryBuffer, print_log

from mmwsl.utils.files import digest_file
from mmwsl.utils.nested import dicts_in

FORCE_WEIGHTS_ONLY = 'TORCH_FORCE_WEIGHTS_ONLY_LOAD'
FORCE_ANY_LOAD = 'TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD'
TRUST = 'If you trust where it comes from, add --trust-checkpoint: the file may then run any code on this machine.'


class UnsafeCheckpointError(UnpicklingError):
    """A checkpoint holds more than tensors and plain values."""


def history_buffer_method(owner: type, name: str) -> object:
    """Stand in for ``getattr``, which a pickled `HistoryBuffer` uses to name its own methods and for nothing else."""
    if owner is not HistoryBuffer or name.startswith('_'):
        raise UnpicklingError(f'getattr({owner!r}, {name!r})')
    return getattr(owner, name)


def safe_types():
    """Let torch accept, beside tensors and plain values, the types that mmengine's runner writes: its log history."""
    # Before 2.6 torch cannot be told under which name an allowed type was written: there, only weights load safely.
    if tuple(int(number) for number in re.findall(r'\d+', torch.__version__)[:2]) < (2, 6):
        return nullcontext()
    multiarray = getattr(np, '_core', None) or np.core
    arrays = [
        (getattr(multiarray.multiarray, name), f'numpy.{core}.multiarray.{name}')
        for core in ('core', '_core')
        for name in ('_reconstruct', 'scalar')
    ]
    dtypes = [type(np.dtype(name)) for name in ('float16', 'float32', 'float64', 'int32', 'int64', 'uint32', 'bool')]
    return torch.serialization.safe_globals(
        [HistoryBuffer, (history_buffer_method, 'builtins.getattr'), np.ndarray, np.dtype, *arrays, *dtypes]
    )


def check_checkpoint(path: str | Path) -> None:
    """Raise unless a local checkpoint loads without running code.

    Args:
        path (str | Path): The file.

    Raises:
        FileNotFoundError: If there is no such file.
        UnsafeCheckpointError: If the file is damaged or holds more than tensors, plain values and mmengine's log
            history.
    """
    _check_exists(path)
    try:
        with safe_types():
            torch.load(path, map_location='cpu', weights_only=True)
    except (UnpicklingError, RuntimeError, EOFError) as error:
        raise UnsafeCheckpointError(
            f'checkpoint={str(path)!r} was refused: it is damaged, or holds Python objects beside the weights. {TRUST} '
            f'What torch says: {str(error).strip().splitlines()[-1]}'
        ) from error


def identify_checkpoint(path: str) -> str:
    """Return what tells a checkpoint from another: an address itself, of a file the SHA-256.

    Raises:
        FileNotFoundError: If there is no such file.
    """
    if is_url(path):
        return path
    _check_exists(path)
    return digest_file(path)


def _check_exists(path: str | Path) -> None:
    if not Path(path).is_file():
        raise FileNotFoundError(
            f'checkpoint={str(path)!r} does not exist. Give the path of a .pth file; training writes them to its '
            'work_dir.'
        )


def is_url(path: str) -> bool:
    """Tell an address (``https://``, ``torchvision://``, ``open-mmlab://``) from a local path."""
    return re.match(r'\w[\w-]*://', path) is not None


def checkpoints_in(cfg: Config) -> list[str]:
    """List every checkpoint that a config names: ``load_from``, ``pretrained`` and ``Pretrained`` initializers."""
    names = []
    for part in dicts_in(cfg.to_dict()):
        names += [part.get('load_from'), part.get('pretrained')]
        if part.get('type') == 'Pretrained':
            names.append(part.get('checkpoint'))
    return list(dict.fromkeys(name for name in names if isinstance(name, str)))


@contextmanager
def weights_only_loading(cfg: Config, trust: bool = False) -> Iterator[None]:
    """Check the local checkpoints of a config, then keep every load within the block to ``weights_only=True``.

    Args:
        cfg (Config): The config of the runner about to be built.
        trust (bool): Whether to load files as they are, code included. Defaults to False.

    Raises:
        UnsafeCheckpointError: If a checkpoint holds more than tensors and plain values.
    """
    if trust:
        # From torch 2.6 on, a load that says nothing is a safe one, also in releases of mmengine that know no other.
        with environment(FORCE_ANY_LOAD):
            yield
        return
    checkpoints = checkpoints_in(cfg)
    for path in checkpoints:
        # Initial weights may be absent where nothing is initialized, as in an evaluation.
        if Path(path).is_file() or (path == cfg.get('load_from') and not is_url(path)):
            check_checkpoint(path)
    try:
        with environment(FORCE_WEIGHTS_ONLY), safe_types():
            yield
    except UnpicklingError as error:
        # The runner also unpickles what is no checkpoint, e.g. annotation files: those errors pass as they are.
        if 'weights_only' not in str(error):
            raise
        named = ', '.join(checkpoints) or 'one that a component names'
        raise UnsafeCheckpointError(
            f'A checkpoint ({named}) was refused: it holds Python objects beside the weights. {TRUST}'
        ) from error


@contextmanager
def environment(name: str) -> Iterator[None]:
    """Set an environment variable to 1 within the block."""
    before = os.environ.get(name)
    os.environ[name] = '1'
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def latest_checkpoint(work_dir: str | Path) -> str | None:
    """Find the newest complete checkpoint of a training.

    mmengine writes a checkpoint straight to its final name, and ``last_checkpoint``, the note of which one is the
    last, after it. A training killed meanwhile leaves half a file, or a note that is empty or out of date. torch's
    files are zip archives, whose table of contents comes at the very end: one without it is incomplete.

    The note holds an absolute path. A folder that was moved or copied answers for itself: a file of the noted name in
    it comes before the noted path, where another training may have begun since.

    Args:
        work_dir (str | Path): The folder of the training.

    Returns:
        str | None: What the note names, where that is complete, else the complete file written last, of ``work_dir``
        and then of the noted folder (``out_dir`` of mmengine's ``CheckpointHook``), if there is one.
    """
    work_dir = Path(work_dir)
    note = work_dir / 'last_checkpoint'
    noted = note.read_text().strip() if note.is_file() else ''
    candidates = []
    if noted:
        moved = work_dir / Path(noted).name
        candidates += [moved] * moved.is_file() + [Path(noted)]
    for folder in (work_dir, Path(noted).parent) if noted else (work_dir,):
        others = [path for path in folder.glob('*.pth') if not path.name.startswith('best_')]
        candidates += sorted(others, key=lambda path: path.stat().st_mtime, reverse=True)
    for path in {path.absolute(): path for path in candidates}.values():
        if path.is_file() and zipfile.is_zipfile(path):
            return str(path)
        print_log(f'{path} is missing or incomplete: looking for an earlier checkpoint', 'current')
    return None
