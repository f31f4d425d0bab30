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
        written: Bytes in the folder.
    """

    folder: Path
    result: dict
    seconds: float
    changes: int
    written: int

    def differences(self, result, folder):
        """Return the differences of a result in another folder; there should be none."""
        return differences(self.result, result, (self.folder, folder))


def undisturbed(case, folder, options=()):
    """Run a command, with further options, undisturbed."""
    command = Command([*case.argv(folder), *options], folder.with_suffix('.txt'))
    changes, before = 0, {}
    while command.runs:
        changes, before = count_changes(folder, changes, before)
        time.sleep(POLL)
    code, printed = command.wait()
    assert code == 0, printed[-3000:]
    assert not broken_files(folder) and not partial_files(folder), (broken_files(folder), partial_files(folder))
    written = sum(size for size, _ in final_files(folder).values())
    return Reference(folder, case.result(folder), time.monotonic() - command.start, changes, written)


def count_changes(folder, count, before):
    """Count the files that are new or changed, temporary ones too."""
    now = {}
    for path in paths_below(folder):
        try:
            status = path.lstat()
        except FileNotFoundError:
            continue
        if path.suffix not in ('.log',):
            now[path] = status.st_ino, status.st_size
    return count + sum(before.get(path) != value for path, value in now.items()), now
