"""Commands with one bad input each, run in a copy of a small folder, and what came of them.

Every case is a command line. It runs in a process forked from one that has imported everything, in its own copy of the
folder, and must end as it says: rejected (exit code 2), failed (1) or done (0), with some words in what it prints.
Whatever it says, no file that was there before may change, unless the case names it.
"""

import contextlib
import hashlib
import os
import shlex
import shutil
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from mmwsl.cli.main import main

LINES = 3
"""Longest message of a rejected input."""
SECONDS = 100
"""A command that takes longer hangs."""

GOOD = 'as expected'
CODES = dict(rejected=2, failed=1, done=0)


@dataclass(frozen=True)
class Case:
    """A bad input and what must come of it.

    Attributes:
        name: What is wrong.
        command: Command line after ``mmwsl``.
        ends: ``rejected``, ``failed`` or ``done``.
        says: Words that the command must print.
        prepare: Changes the copy of the folder before.
        verify: Raises AssertionError if the folder is not as it must be afterwards.
        changes: Patterns of files that the command may change: its own earlier output.
        absent: Paths that must not exist afterwards.
        slow: Whether it takes more than a few seconds.
        environment: Variables that the command gets.
    """

    name: str
    command: str
    ends: str
    says: tuple[str, ...] = ()
    prepare: Callable[[Path], object] | None = None
    verify: Callable[[Path], object] | None = None
    changes: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    slow: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)


def case(name: str, command: str, ends: str, *says: str, **more: object) -> Case:
    """Return a case; the words that it must print are positional."""
    return Case(name, command, ends, says, **more)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Outcome:
    """What a case came to: ``verdict`` is ``GOOD`` or the kind of failure, ``detail`` the evidence."""

    verdict: str
    code: int | None
    lines: int
    seconds: float
    detail: str


def run_case(item: Case, sandbox: Path, folder: Path) -> Outcome:
    """Run a case in a new copy of the sandbox.

    Args:
        item: The case.
        sandbox: The folder to copy.
        folder: Where to; removed if it exists.
    """
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(sandbox, folder, symlinks=True)
    if item.prepare:
        item.prepare(folder)
    before = contents(folder)
    start = time.perf_counter()
    code, out, err = run(shlex.split(item.command), folder, environment=item.environment)
    seconds = time.perf_counter() - start
    lines = len(err.splitlines())
    changed = [
        name
        for name, digest in before.items()
        if contents_of(folder / name) != digest and not any(Path(name).match(one) for one in ('*.log', *item.changes))
    ]
    text = ' '.join((out + err).split())
    if code is None:
        verdict, detail = 'hang', text[-300:]
    elif changed:
        verdict, detail = 'lost data', ', '.join(changed[:5])
    elif 'Traceback (most recent call last)' in err:
        verdict, detail = 'traceback', ' | '.join(err.strip().splitlines()[-4:])
    elif code != CODES[item.ends]:
        verdict = 'silently wrong' if code == 0 else 'other end'
        detail = f'exit code {code} instead of {CODES[item.ends]}: {text[-400:]}'
    elif code and lines > LINES:
        verdict, detail = 'long message', text[-300:]
    elif missing := [words for words in item.says if words not in text]:
        verdict, detail = ('silently wrong' if code == 0 else 'obscure'), f'{missing} not in: {text[-500:]}'
    elif left := [name for name in item.absent if (folder / name).exists()]:
        verdict, detail = 'left behind', ', '.join(left)
    else:
        verdict, detail = GOOD, (err if code else text).strip()[-300:]
        try:
            if item.verify:
                item.verify(folder)
        except AssertionError as error:
            verdict, detail = 'silently wrong', f'{error} after: {text[-300:]}'
    return Outcome(verdict, code, lines, seconds, detail)


def run(
    arguments: list[str], folder: Path, seconds: float = SECONDS, environment: Mapping[str, str] = MappingProxyType({})
) -> tuple[int | None, str, str]:
    """Run ``mmwsl ARGUMENTS`` in a folder, and return the exit code (None after the time), and what was printed."""
    names = [folder.with_name(f'{folder.name}.{stream}') for stream in ('out', 'err')]
    child = os.fork()
    if not child:
        os.environ.update(environment)
        _become(arguments, folder, names)
    end = time.monotonic() + seconds
    code: int | None = None
    while code is None and time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        code = os.waitstatus_to_exitcode(status) if done else None
        time.sleep(0.005)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # its workers too
    if code is None:
        os.waitpid(child, 0)
    out, err = (name.read_text(errors='replace') for name in names)
    return code, out, err


def _become(arguments: list[str], folder: Path, names: list[Path]) -> None:
    """Turn this forked process into the command; never returns."""
    code = 1
    try:
        os.setsid()
        for number, name in enumerate(names, 1):
            os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), number)
        sys.stdout, sys.stderr = open(1, 'w', closefd=False), open(2, 'w', closefd=False)
        os.chdir(folder)
        main(arguments)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def contents(folder: Path) -> dict[str, str]:
    """Return a digest of every file of a folder, by its path."""
    files = (path for path in sorted(folder.rglob('*')) if path.is_file() and not path.is_symlink())
    return {path.relative_to(folder).as_posix(): contents_of(path) for path in files}


def contents_of(path: Path) -> str:
    """Return the digest of a file, an empty text if it is gone."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ''
