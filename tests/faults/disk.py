"""Full disks: a command runs on a small file system, fails in one line that names a file, and continues with room.

The file system is a tmpfs in a mount namespace of this process, which ends with it. Where none can be mounted, the size
of each file is limited instead.
"""

import errno
import os
import resource
import subprocess
import sys

from .process import Command
from .whole import broken_files, final_files, partial_files

INSIDE = 'MMWSL_TESTS_IN_NAMESPACE'
FRACTIONS = (0.0, 0.02, 0.1, 0.25, 0.45, 0.65, 0.85, 0.97)
"""Free space, as a fraction of what an undisturbed run writes."""
MESSAGES = [os.strerror(number) for number in (errno.ENOSPC, errno.EFBIG)]
ROOM = 1 << 30


def enter_namespace(argv):
    """Start this program again where it may mount file systems, if it can be."""
    unshare = ['unshare', '--map-root-user', '--mount', '--propagation', 'private']
    try:
        possible = (
            subprocess.run([*unshare, 'mount', '-t', 'tmpfs', 'none', '/mnt'], capture_output=True).returncode == 0
        )
    except FileNotFoundError:
        possible = False
    if possible and INSIDE not in os.environ:
        os.environ[INSIDE] = '1'
        os.execvp(unshare[0], [*unshare, sys.executable, '-m', 'tests.faults', *argv])


def mount(folder, size, *options):
    """Mount a file system of a size, or give another size to a mounted one."""
    subprocess.run(
        ['mount', '-t', 'tmpfs', '-o', ','.join([*options, f'size={size}']), 'none', str(folder)], check=True
    )


def _used(folder):
    status = os.statvfs(folder)
    return (status.f_blocks - status.f_bfree) * status.f_frsize


def full(case, folder, number, seed, reference):
    """Run a command with little space, twice, and then with enough.

    Args:
        case: The command.
        folder: Folder for the file systems.
        number: Number of file systems.
        seed: Not used.
        reference: The undisturbed run.

    Returns:
        The counts of what happened, and a list of problems.
    """
    counts, problems = dict(disks=0, full=0, messages=[]), []
    mounts, written = INSIDE in os.environ, reference.written
    fractions = FRACTIONS[:: max(1, len(FRACTIONS) // max(1, number))][:number]
    for index, fraction in enumerate(fractions):
        disk = folder / f'{index}'
        disk.mkdir(parents=True)
        if mounts:
            mount(disk, ROOM)
        where = disk / 'out'
        argv, output = case.argv(where), folder / 'output.txt'
        free = max(4096, int(fraction * written))
        if mounts:
            mount(disk, (_used(disk) + free + 4095) // 4096 * 4096, 'remount')
        limit = (
            None if mounts else _limit(int(fraction * max(size for size, _ in final_files(reference.folder).values())))
        )
        text = f'{fraction:.0%} of {written >> 10} KiB'
        counts['disks'] += 1
        litter = []
        for again in (False, True):
            finished = {path: value for pattern in case.kept for path, value in _files(where, pattern).items()}
            command = Command([*argv, *(case.again if again else ())], output, limit)
            code, printed = command.wait()
            if code:
                problems += [f'{text}: {problem}' for problem in message_problems(code, printed, where)]
                counts['messages'].append(printed.strip().splitlines()[-1].replace(str(where), 'OUT')[:200])
            counts['full'] += not again and code != 0
            staged = {path for pattern in case.staged for path in where.glob(pattern)}
            litter.append(len(set(partial_files(where)) - staged))
            problems += [f'{text}: {file} is broken: {error}' for file, error in broken_files(where).items()]
            now = final_files(where)
            problems += [f'{text}: {file} was lost' for file in finished if file not in now and file.suffix != '.pth']
        if max(litter):
            problems.append(f'{text}: {litter} partial files after each run')
        if mounts:
            mount(disk, ROOM, 'remount')
        code, printed = Command([*argv, *case.again], output).wait()
        if code:
            problems.append(f'{text}: with room it ends with {code}: {printed[-1500:]}')
        else:
            found = reference.differences(case.result(where), where)
            problems += [f'{text}: other result, {difference}' for difference in found[:3]]
        if mounts:
            subprocess.run(['umount', '--lazy', str(disk)], check=True)
    return dict(counts, problems=problems)


def _limit(size):
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def _files(folder, pattern):
    paths = set(folder.glob(pattern))
    return {path: value for path, value in final_files(folder).items() if path in paths}


def message_problems(code, printed, place):
    """Return what is wrong with the message of a failed command, which must name a file of the place that is full."""
    lines = printed.strip().splitlines()
    problems = []
    if code != 1:
        problems.append(f'exit code {code}')
    if any('Traceback' in line or 'Logging error' in line for line in lines):
        problems.append('traceback: ' + ' | '.join(lines[-4:]))
    if not lines or not any(text in lines[-1] for text in MESSAGES) or str(place) not in lines[-1]:
        problems.append(f'last line does not name the file: {lines[-1:]}')
    return problems
