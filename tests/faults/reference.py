"""Undisturbed run of a command, with which the disturbed ones are compared."""

import time
from dataclasses import dataclass
from pathlib import Path

from .compare_results import differences
from .process import Command
from .whole import broken_files, final_files, partial_files, paths_below

POLL = 0.001


@dataclass(frozen=True)
class Reference:
    """An undisturbed run.

    Attributes:
        folder: Its folder.
        result: Its result.
        seconds: How long it took.
        changes: How often a file in the folder was made or changed.
        partial: Number of temporary files, which get their names when they are complete.
        written: Bytes that it wrote into the folder.
    """

    folder: Path
    result: dict
    seconds: float
    changes: int
    partial: int
    written: int

    def differences(self, result, folder):
        """Return the differences of a result in another folder; there should be none."""
        return differences(self.result, result, (self.folder, folder))


def undisturbed(case, folder, options=()):
    """Run a command, with further options, undisturbed."""
    argv, given, now = [*case.argv(folder), *options], final_files(folder), snapshot(folder)
    command, changes, partial = Command(argv, folder.with_suffix('.txt')), 0, set()
    while command.runs:
        found, now = changed_files(folder, now)
        changes += len(found)
        partial.update(path for path in found if path.suffix == '.part')
        time.sleep(POLL)
    code, printed = command.wait()
    assert code == 0, printed[-3000:]
    assert not broken_files(folder) and not partial_files(folder), (broken_files(folder), partial_files(folder))
    written = sum(value[0] for path, value in final_files(folder).items() if given.get(path) != value)
    return Reference(folder, case.result(folder), command.seconds, changes, len(partial), written)


def snapshot(folder):
    """Return number and size of each file of a folder, temporary ones too."""
    now = {}
    for path in paths_below(folder):
        try:
            status = path.lstat()
        except FileNotFoundError:
            continue
        if path.suffix not in ('.log',):
            now[path] = status.st_ino, status.st_size
    return now


def changed_files(folder, before):
    """Return the files that are new or changed since a snapshot, and the snapshot of now."""
    now = snapshot(folder)
    return [path for path, value in now.items() if before.get(path) != value], now
