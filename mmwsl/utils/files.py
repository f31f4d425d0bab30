"""Files: written atomically, read as bytes, text or JSON, identified by a digest."""

import codecs
import glob
import hashlib
import json
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import IO, Any

from .text import shorten

BINARY = {
    b'PK\x03\x04': 'a workbook or archive',
    b'\xd0\xcf\x11\xe0': 'a workbook of Excel 97 (.xls)',
    b'SQLite format 3\0': 'an SQLite database',
    b'PAR1': 'a Parquet table',
    b'%PDF-': 'a PDF file',
    b'\x1f\x8b': 'a compressed file',
    b'\x89PNG': 'an image',
    b'\xff\xd8\xff': 'an image',
}
"""First bytes of files that are no text, and what they are."""

UMASK = threading.Lock()


def new_file_mode() -> int:
    """Return the permissions of a new file."""
    with UMASK:  # can be read only by setting it, for the whole process: another thread would find 0, and leave it
        umask = os.umask(0)
        os.umask(umask)
    return 0o666 & ~umask


@contextmanager
def atomic_write(path: str | Path) -> Iterator[IO[bytes]]:
    """Open a new file that gets its name when it is complete: an interrupted run leaves no partial file there.

    A device or a pipe is written directly.

    Args:
        path: The file; its folder is created.

    Yields:
        The file, opened for writing.

    Raises:
        OSError: If the file cannot be written, for example because the disk is full; it names the file.
    """
    path = Path(path)
    with naming(path):
        if path.exists() and not (path.is_file() or path.is_dir()):  # such as /dev/null, which must not be replaced
            with open(path, 'wb') as device:
                yield device
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        prefix = _partial_prefix(path)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=prefix, suffix='.part', delete=False) as file:
            try:
                yield file
                file.flush()  # a full disk is often found here
            except BaseException:
                os.unlink(file.name)
                with suppress(OSError):
                    file.close()  # would write again
                raise
        try:
            os.chmod(file.name, new_file_mode())  # only the owner can read a temporary file
            os.replace(file.name, path)
        except BaseException:
            os.unlink(file.name)
            raise


def files_of_config(text: str) -> list[str]:
    """Return the files of a config, its own and all that it inherits from: mmengine's ``Config.text`` names each."""
    return [line for line in text.splitlines() if os.path.isabs(line) and os.path.isfile(line)]


@contextmanager
def naming(path: str | Path) -> Iterator[None]:
    """Name a file in an error of the operating system within the block, which does not say which file it is about."""
    try:
        yield
    except OSError as error:
        if error.errno is not None and (error.filename is None or str(error.filename).endswith('.part')):
            error.filename = str(path)
            del error.filename2  # of a file that gets another name
        raise


def write_json(path: str | Path, content: object) -> None:
    """Write a value as a JSON file, atomically."""
    with atomic_write(path) as file:
        file.write(json.dumps(content, indent=1).encode())


def remove_partial_files(folder: Path) -> None:
    """Remove the partial files of interrupted runs."""
    for path in folder.rglob('tmp_*.part'):
        path.unlink()


def remove_partial_files_of(path: Path) -> None:
    """Remove the partial files that interrupted runs left beside one file."""
    for partial in path.parent.glob(f'{glob.escape(_partial_prefix(path))}*.part'):
        partial.unlink()


def _partial_prefix(path: Path) -> str:
    return f'tmp_{path.name[:50]}_'  # a longer name with the random characters could exceed what file systems allow


def nearest_existing(path: str | Path) -> Path:
    """Return a path, absolute, or the nearest of the folders around it that exists."""
    found = Path(os.path.abspath(path))
    while not os.path.lexists(found):
        found = found.parent
    return found


def remove_empty_folders(folder: Path, above: Path) -> None:
    """Remove a folder and those around it, up to ``above`` and without it, as far as they are empty."""
    folder = folder.absolute()
    while folder != above and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


def digest_file(path: str | Path) -> str:
    """Return the SHA-256 of a file."""
    digest = hashlib.sha256()
    with open(path, 'rb') as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def is_inside(name: str) -> bool:
    """Tell whether a path can name a file within the folder that it is relative to. Backslashes separate too."""
    path = PurePosixPath(name.replace('\\', '/'))
    if not path.name or '\0' in name:
        return False
    return not path.is_absolute() and '..' not in path.parts and not Path(name).drive


def read_bytes(path: str | Path, argument: str = 'label file', backend_args: dict | None = None) -> bytes:
    """Read a file.

    Args:
        path: The file.
        argument: Name of the argument or kind of the file, for errors.
        backend_args: See :mod:`mmengine.fileio`.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If it is a pipe or a device.
    """
    from mmengine import fileio  # here: the command starts at once, and an interruption of it is one line

    if os.path.exists(path) and not (os.path.isfile(path) or os.path.isdir(path)):  # it is read twice, or never ends
        raise ValueError(f'{path}: {argument} must be a file, got a pipe or a device. Save it as a file.')
    try:
        content: bytes = fileio.get(path, backend_args=backend_args)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise FileNotFoundError(f'{argument} {str(path)!r} is not a file. Check the path and `data_root`.') from error
    return content


def read_text(path: str | Path, argument: str = 'label file', backend_args: dict | None = None) -> str:
    """Read a text file: UTF-8 with or without a byte-order mark, or UTF-16 with one, as Excel writes it.

    Args:
        path: The file.
        argument: Name of the argument or kind of the file, for errors.
        backend_args: See :mod:`mmengine.fileio`.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file is not such text.
    """
    content = read_bytes(path, argument, backend_args)
    if kind := next((kind for start, kind in BINARY.items() if content.startswith(start)), ''):
        raise ValueError(f'{path}: the file must be text, got {kind}. Export the table as CSV, in UTF-8.')
    encoding = 'utf-16' if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else 'utf-8-sig'
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise ValueError(f'{path}: not UTF-8 text ({error}). Save the file as UTF-8.') from error
    return text.replace('\r\n', '\n').replace('\r', '\n')  # every line ends with \n


def parse_json(text: str, source: str | Path, unique_keys: bool = False, advice: str = '') -> Any:
    """Parse JSON.

    Args:
        text: The JSON text.
        source: Where it was read, for the error.
        unique_keys: Whether to reject objects with two equal keys, of which JSON silently keeps the last.
        advice: What to do about a damaged file, for the error.

    Raises:
        ValueError: If the text is not JSON, is nested too deeply, or has integers of thousands of digits.
    """
    try:
        return json.loads(text, object_pairs_hook=_unique if unique_keys else None)
    except (ValueError, RecursionError) as error:
        raise ValueError(f'{source}: not JSON ({error}).{advice and " "}{advice}') from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for key, value in pairs:
        if key in content:
            raise ValueError(f'the key {shorten(key)} appears twice in one object')
        content[key] = value
    return content


def load_json(
    path: str | Path, argument: str = 'label file', backend_args: dict | None = None, advice: str = ''
) -> Any:
    """Read a JSON file, see :func:`read_text` and :func:`parse_json`."""
    return parse_json(read_text(path, argument, backend_args), path, advice=advice)
