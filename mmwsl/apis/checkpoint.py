"""Checkpoints: the newest one of a training, and loading without executing code.

A checkpoint is a pickle, and a pickle can execute any code. torch reads it safely with ``weights_only=True``. mmengine
does so where it can, but repeats a failed load without it, so that an untrusted checkpoint would still run. Two guards
prevent this. `check_checkpoint` reads a local file with the strict list of types below and names the file in its error.
`weights_only_loading` sets torch's own switch while the runner works, which covers what cannot be checked before: URLs,
and files that a component loads by itself.
"""

import os
import re
import tarfile
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.logging import HistoryBuffer, print_log
from mmengine.model import PretrainedInit
from mmengine.registry import WEIGHT_INITIALIZERS

from mmwsl.apis.registered import is_subclass
from mmwsl.utils.files import digest_file
from mmwsl.utils.nested import dicts_in

FORCE_WEIGHTS_ONLY = 'TORCH_FORCE_WEIGHTS_ONLY_LOAD'
FORCE_ANY_LOAD = 'TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD'
TRUST = 'If you trust its source, add --trust-checkpoint: the file may then execute any code on this machine.'

NOT_A_CHECKPOINT = (UnpicklingError, RuntimeError, EOFError, LookupError, ValueError, TypeError, AttributeError)
"""Errors of torch for a file of any other content."""


class UnsafeCheckpointError(UnpicklingError):
    """Error of a checkpoint that contains more than tensors and plain values."""


def history_buffer_method(owner: type, name: str) -> object:
    """Replace ``getattr``, which a pickled `HistoryBuffer` uses for its own methods only."""
    if owner is not HistoryBuffer or name.startswith('_'):
        raise UnpicklingError(f'getattr({owner!r}, {name!r})')
    return getattr(owner, name)


def safe_types() -> AbstractContextManager:
    """Let torch also accept the types of mmengine's log history."""
    # Before 2.6 torch does not know under which name an allowed type was written: there, only weights load safely.
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


def check_checkpoint(path: str | Path, trust: bool = False) -> None:
    """Raise an error unless a local checkpoint loads without executing code.

    Args:
        path: The file.
        trust: Whether it may execute code. It is not loaded then, which would execute it twice: it must be undamaged.

    Raises:
        FileNotFoundError: If there is no such file.
        IsADirectoryError: If it is a folder; the message names its newest checkpoint.
        UnsafeCheckpointError: If the file is damaged or contains more than tensors, plain values and mmengine's log
            history.
        ValueError: If it contains no dict.
    """
    _check_exists(path)
    if trust:
        if damage := _find_damage(Path(path)):
            raise UnsafeCheckpointError(f'checkpoint={str(path)!r} was rejected: {damage}')
        return
    try:
        with safe_types(), warnings.catch_warnings():
            warnings.simplefilter('ignore')
            content = torch.load(path, map_location='cpu', weights_only=True)
    except NOT_A_CHECKPOINT as error:
        if damage := _find_damage(Path(path)):
            raise UnsafeCheckpointError(f'checkpoint={str(path)!r} was rejected: {damage}') from error
        raise UnsafeCheckpointError(
            f'checkpoint={str(path)!r} was rejected: it is damaged, or contains Python objects. {TRUST} '
            f'Error of torch: {(str(error).strip() or type(error).__name__).splitlines()[-1]}'
        ) from error
    if not isinstance(content, dict):
        raise ValueError(
            f'checkpoint={str(path)!r} must be a dict of parameters, got a {type(content).__name__}. Pass another file.'
        )


def meta_of(checkpoint: dict[str, Any]) -> dict[str, Any]:
    """Return ``meta`` of a checkpoint, empty if it has none."""
    meta = checkpoint.get('meta')
    return meta if isinstance(meta, dict) else {}


def identify_checkpoint(path: str) -> str:
    """Return the identity of a checkpoint: a URL itself, or the SHA-256 of a file.

    Raises:
        FileNotFoundError: If there is no such file.
    """
    if is_url(path):
        return path
    _check_exists(path)
    return digest_file(path)


def _find_damage(path: Path) -> str | None:
    """Return why a file that does not load cannot be a checkpoint of torch; None if it can be one."""
    with open(path, 'rb') as file:
        start = file.read(4)
    again = 'Use an earlier checkpoint, or copy the file again.'
    if not start:
        return f'it is damaged, the file is empty. {again}'
    if start.startswith(b'PK'):
        if not zipfile.is_zipfile(path):
            return f'it is damaged, its end is missing. {again}'
        with zipfile.ZipFile(path) as archive:
            scripted = any('/code/' in name for name in archive.namelist())
            if not scripted and archive.testzip():
                return f'it is damaged, its content differs from its checksums. {again}'
        return 'it is a TorchScript archive. Pass the checkpoint of its training.' if scripted else None
    # A pickle of protocol 2 or later starts with this byte; torch's oldest files are tar archives.
    if start.startswith(b'\x80') or tarfile.is_tarfile(path):
        return None
    return 'it is another kind of file. Pass CONFIG first, then a .pth file.'


def _check_exists(path: str | Path) -> None:
    if Path(path).is_dir():
        newest = latest_checkpoint(path)
        fix = f'Pass {newest}.' if newest else 'It has no complete checkpoint: pass a .pth file.'
        raise IsADirectoryError(f'checkpoint must be a file, got the folder {str(path)!r}. {fix}')
    if Path(path).exists() and not Path(path).is_file():
        raise ValueError(f'checkpoint must be a file, got the pipe {str(path)!r}. Save it as a file.')
    if not Path(path).is_file():
        raise FileNotFoundError(
            f'checkpoint={str(path)!r} does not exist. Pass the path of a .pth file; training writes them to its '
            'work_dir.'
        )


def is_url(path: str) -> bool:
    """Return whether a path is a URL (``https://``, ``torchvision://``, ``open-mmlab://``)."""
    return re.match(r'\w[\w-]*://', path) is not None


def checkpoints_in(cfg: Config) -> list[str]:
    """List every checkpoint that a config names: ``load_from``, ``pretrained`` and ``Pretrained`` initializers."""
    names = []
    for part in dicts_in(cfg.to_dict()):
        names += [part.get('load_from'), part.get('pretrained')]
        if is_subclass(part, WEIGHT_INITIALIZERS, PretrainedInit):
            names.append(part.get('checkpoint'))
    return list(dict.fromkeys(name for name in names if isinstance(name, str)))


@contextmanager
def weights_only_loading(cfg: Config, trust: bool = False) -> Iterator[None]:
    """Check the local checkpoints of a config, and restrict every load within the block to ``weights_only=True``.

    Args:
        cfg: The config of the runner about to be built.
        trust: Load files that could execute code.

    Raises:
        UnsafeCheckpointError: If a checkpoint contains more than tensors and plain values.
    """
    checkpoints = checkpoints_in(cfg)
    # From torch 2.6 on, loads are safe by default, also in releases of mmengine that do not set `weights_only`.
    with environment(FORCE_ANY_LOAD) if trust else nullcontext():
        for path in checkpoints:
            # Initial weights may be missing where nothing is initialized, as in an evaluation.
            if Path(path).is_file() or (path == cfg.get('load_from') and not is_url(path)):
                check_checkpoint(path, trust)
        if trust:
            yield
            return
    try:
        with environment(FORCE_WEIGHTS_ONLY), safe_types():
            yield
    except UnpicklingError as error:
        # The runner also unpickles other files, e.g. annotations: their errors are not changed.
        if 'weights_only' not in str(error):
            raise
        named = ', '.join(checkpoints) or 'one that a component names'
        raise UnsafeCheckpointError(
            f'A checkpoint ({named}) was rejected: it contains Python objects. {TRUST}'
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

    mmengine writes a checkpoint to its final name, and then its path to the file ``last_checkpoint``. An interruption
    in between leaves a partial file, or a path that is empty or outdated. torch's files are zip archives, whose table
    of contents is at the end: a file without it is incomplete.

    The path is absolute. In a folder that was moved or copied only its own files count: another training may write to
    the old path.

    Args:
        work_dir: Folder of the training.

    Returns:
        Absolute path of the file that ``last_checkpoint`` names if it is complete, else of the newest complete file of
        ``work_dir`` or of the named folder (``out_dir`` of mmengine's ``CheckpointHook``); None if there is none.
    """
    work_dir = Path(work_dir)
    note = work_dir / 'last_checkpoint'
    noted = note.read_text(errors='replace').strip() if note.is_file() else ''
    own = work_dir / Path(noted).name
    # A folder with a note of its own is that of the training that this folder was copied from.
    copied = (Path(noted).parent / note.name).is_file()
    elsewhere = bool(noted) and not own.is_file() and not copied
    candidates = [Path(noted) if elsewhere else own] if noted else []
    for folder in (work_dir, Path(noted).parent) if elsewhere else (work_dir,):
        others = [path for path in folder.glob('*.pth') if not path.name.startswith('best_')]
        candidates += sorted(others, key=lambda path: path.stat().st_mtime, reverse=True)
    for path in dict.fromkeys(path.absolute() for path in candidates):
        if path.is_file() and zipfile.is_zipfile(path):
            return str(path)
        print_log(f'{path} is missing or incomplete. Searching for an earlier checkpoint.', 'current')
    return None
