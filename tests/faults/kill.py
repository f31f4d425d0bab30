"""SIGKILL of a command and its workers at random moments, after which the same command continues."""

import random
import shutil
import time

from mmwsl.apis.prediction_folder import JOURNAL, read_predictions

from .process import Command, complete
from .reference import POLL, changed_files, snapshot
from .whole import broken_files, final_files, partial_files

MAX_KILLS = 4
"""Kills of one folder before the command is run to its end."""
DELAYS = (0, 0, 0, 0.0005, 0.002, 0.01, 0.03)
"""Seconds between a change and the kill."""


def killed(case, folder, kills, seed, reference):
    """Kill a command at random moments, check its folder after each, and compare the results.

    Half of the moments are times within the duration of an undisturbed run. The others follow the start of a
    temporary file by some milliseconds, or the change of any file if the command has no temporary ones: these hit the
    writes.

    Returns:
        The counts of what happened, and a list of problems.
    """
    rng = random.Random(seed)
    counts = dict(kills=0, ended_before=0, inside_a_write=0, resumed_to_the_end=0, max_partial_files=0)
    problems = []
    folder.mkdir(parents=True)
    for attempt in range(3 * kills):
        if counts['kills'] >= kills:
            break
        where = folder / f'{attempt}'
        argv, output = case.argv(where), folder / 'output.txt'
        for number in range(min(rng.randint(1, MAX_KILLS), kills - counts['kills'])):
            finished, before = _finished(case, where), snapshot(where)
            command = Command([*argv, *(case.again if number else ())], output)
            moment = _run_until(command, where, before, rng, reference)
            if moment is None:
                counts['ended_before'] += 1
                problems += _ended(command, moment)
                break
            counts['kills'] += 1
            left = partial_files(where)
            counts['inside_a_write'] += bool(left)
            counts['max_partial_files'] = max(counts['max_partial_files'], len(left))
            problems += [f'{moment}: {file} is broken: {error}' for file, error in broken_files(where).items()]
            problems += [f'{moment}: {file} was made again or lost' for file in _lost(case, finished, where)]
        finished = _finished(case, where)
        try:
            complete([*argv, *case.again], output)
        except AssertionError as error:
            problems.append(f'after {moment}: {error}')
            continue
        counts['resumed_to_the_end'] += 1
        problems += [f'after {moment}: {file} is broken: {error}' for file, error in broken_files(where).items()]
        problems += [f'after {moment}: {file} was made again or lost' for file in _lost(case, finished, where)]
        problems += [f'after {moment}: partial file {file} remains' for file in partial_files(where)]
        found = reference.differences(case.result(where), where)
        problems += [f'after {moment}: other result, {text}' for text in found[:3]]
        if not any(text.startswith(f'after {moment}') for text in problems):
            shutil.rmtree(where)
    return dict(counts, problems=problems)


def _run_until(command, folder, before, rng, reference):
    """Kill a command at a random moment and return its description, or None if it ended before."""
    at = rng.uniform(0, reference.seconds) if rng.random() < 0.5 else None
    kind = 'temporary file' if reference.partial else 'change'
    count, delay = rng.randint(1, reference.partial or reference.changes), rng.choice(DELAYS)
    seen, partial = 0, set(before)
    while command.runs:
        if at is None:
            if reference.partial:
                new = set(partial_files(folder)) - partial
                partial |= new
            else:
                new, before = changed_files(folder, before)
            seen += len(new)
        if (time.monotonic() - command.start >= at) if at is not None else (seen >= count):
            time.sleep(delay if at is None and delay else 0)
            if command.runs:
                command.kill()
                return f'{at:.2f} s' if at is not None else f'{kind} {count} + {delay} s'
        time.sleep(0.0002 if at is None else POLL)
    return None


def _ended(command, moment):
    code, printed = command.wait()
    return [] if code == 0 else [f'{moment}: ended with {code}: {printed[-2000:]}']


def _finished(case, folder):
    """Return the files that are finished work. An image whose prediction is not in the journal is not finished."""
    paths = {path for pattern in case.kept for path in folder.glob(pattern)}
    for root in {path.parent for path in folder.rglob(JOURNAL)}:
        journal = {root / entry['mask'] for entry in read_predictions(root).values()}
        paths -= {path for path in paths if root in path.parents} - journal
    return {path: value for path, value in final_files(folder).items() if path in paths}


def _lost(case, finished, folder):
    """Return the finished files that are gone or were made again. A training keeps its last checkpoints only."""
    now = final_files(folder)
    changed = [path for path, value in finished.items() if path.suffix != '.pth' and now.get(path) != value]
    for work in {path.parent for path in finished if path.suffix == '.pth'}:
        if not any(path.parent == work and path.suffix == '.pth' for path in now):
            changed.append(work / '*.pth')
    return changed
