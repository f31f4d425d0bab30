"""Full shared memory: a command ends, in one line that names it, and continues with room.

The processes that load images send them by files in shared memory. Commands without such processes do not notice. As
for full disks, a tmpfs is mounted, where it can be.
"""

import os
import subprocess
from pathlib import Path

from mmwsl.utils.errors import SHARED_MEMORY

from .disk import INSIDE, message_problems, mount
from .process import Command
from .whole import broken_files, partial_files

PAGES = (1, 16)
"""Sizes of the shared memory, in pages of 4 KiB: none for semaphores, and these but few images."""


def short(case, folder, number, seed, reference):
    """Run a command with little shared memory, and then with enough.

    Args:
        case: The command.
        folder: Folder for the results.
        number: Number of sizes of the shared memory.
        seed: Not used.
        reference: The undisturbed run.

    Returns:
        The counts of what happened, and a list of problems.
    """
    counts, problems = dict(memories=0, short=0), []
    folder.mkdir(parents=True)
    for pages in PAGES[:number] if INSIDE in os.environ else ():
        where, output, text = folder / f'{pages}', folder / 'output.txt', f'{4 * pages} KiB of shared memory'
        argv = case.argv(where)
        mount(SHARED_MEMORY, 4096 * pages)
        try:
            code, printed = Command(argv, output).wait()
            left = [path.name for path in Path(SHARED_MEMORY).iterdir()]
        finally:
            subprocess.run(['umount', '--lazy', SHARED_MEMORY], check=True)
        counts['memories'] += 1
        counts['short'] += code != 0
        found = message_problems(code, printed, SHARED_MEMORY) if code else []
        found += [f'{file} is left in shared memory' for file in left]
        if code:
            code, printed = Command([*argv, *case.again], output).wait()
        found += [f'{file} is broken: {error}' for file, error in broken_files(where).items()]
        found += [f'partial file {file}' for file in partial_files(where)]
        if code:
            found.append(f'with room it ends with {code}: {printed[-1500:]}')
        else:
            different = reference.differences(case.result(where), where)
            found += [f'other result, {difference}' for difference in different[:3]]
        problems += [f'{text}: {problem}' for problem in found]
    return dict(counts, problems=problems)
