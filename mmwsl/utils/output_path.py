"""Paths that a command will write: checked before any work."""

import os
import re
from collections.abc import Iterable
from pathlib import Path

from .files import nearest_existing
from .text import is_utf8

URL = re.compile(r'[a-z][a-z0-9+.-]+:/')  # a path has one slash of two


class OutputError(ValueError):
    """Error: a command would write where there is something that it did not make."""


def check_output_file(
    path: str | Path,
    argument: str = '--out',
    overwrite: bool = False,
    inputs: Iterable[str | Path] = (),
    make_folder: bool = False,
) -> None:
    """Check, before any work, that a file can be written and replaces nothing.

    Args:
        path: The file.
        argument: Name of the argument, for errors.
        overwrite: Whether an existing file is replaced.
        inputs: Files and folders that the command reads; they are never replaced.
        make_folder: Whether the command makes the folder, as it does with its work folder.

    Raises:
        OutputError: If the path is a folder or an input, its folder does not exist, or the file exists.
    """
    path = Path(path)
    if path.is_dir():
        raise OutputError(f'{argument} must be a file, got the folder {str(path)!r}. Pass a file in it.')
    if path.is_symlink() and not path.exists():
        raise OutputError(
            f'{argument} must be a new file, got {str(path)!r}, a link to {str(path.readlink())!r}, which does not '
            'exist. Remove the link, or pass another file.'
        )
    if not (make_folder or path.parent.is_dir()):
        raise OutputError(f'{argument} must be in an existing folder, got {str(path)!r}. Make the folder first.')
    check_apart(path, inputs, argument)
    check_writable(path.parent, argument)
    if path.exists() and not overwrite:
        raise OutputError(f'{argument} must be a new file, got {str(path)!r}. Pass another, or --overwrite.')


def check_apart(out: str | Path, inputs: Iterable[str | Path], argument: str = '--out') -> None:
    """Check that an output is neither an input, nor in a folder of inputs, nor contains an input.

    Raises:
        OutputError: If it is.
    """
    real = Path(os.path.realpath(out))
    for path in inputs:
        given = Path(os.path.realpath(path))
        if given == real or real in given.parents or (given in real.parents and given.is_dir()):
            relation = 'itself' if given == real else 'in it' if real in given.parents else 'around it'
            raise OutputError(
                f'{argument} must be apart from the images, labels and masks, got {str(out)!r} with the input '
                f'{str(path)!r} {relation}. Pass another folder.'
            )


def check_outside(
    folder: str | Path, inputs: Iterable[str | Path], argument: str = '--work-dir', flat: bool = False
) -> None:
    """Check that a folder is neither a folder of inputs nor in one; it may contain some, or be in the current folder.

    Args:
        folder: The folder.
        inputs: Files and folders that the command reads.
        argument: Name of the argument, for errors.
        flat: Whether files are written that have the names of the images; the folder is then not that of inputs, even
            if it is the current one.

    Raises:
        OutputError: If it is.
    """
    real = Path(os.path.realpath(folder))
    for path in inputs:
        given = Path(os.path.realpath(path))
        here = Path.cwd()
        current = given in (here, *here.parents) and not (flat and given == real)
        if given.is_dir() and given in (real, *real.parents) and not current:
            raise OutputError(
                f'{argument} must be outside the images, labels and masks, got {str(folder)!r} in {str(path)!r}. Pass '
                'another folder.'
            )


def check_writable(folder: str | Path, argument: str = '--out') -> None:
    """Check that a folder can be written, or made.

    Raises:
        OutputError: If it cannot, or is a URL, which would be made as a folder of this name, or its name is not UTF-8.
    """
    if URL.match(str(folder)):
        raise OutputError(f'{argument} must be a folder on a disk, got the URL {str(folder)!r}. Pass another folder.')
    if not is_utf8(str(folder)):
        raise OutputError(f'{argument} must be UTF-8, got {str(folder)!r}. Pass another folder.')
    existing = nearest_existing(folder)
    if not existing.is_dir():
        kind = f'a link to {str(existing.readlink())!r}, which does not exist' if existing.is_symlink() else 'a file'
        raise OutputError(f'{argument} must be a folder, got {str(folder)!r}: {str(existing)!r} is {kind}.')
    if not os.access(existing, os.W_OK | os.X_OK):
        raise OutputError(f'{argument} must be writable, got {str(folder)!r}. Pass another folder.')
