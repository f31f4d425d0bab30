"""Two commands on one folder at once: the second is refused in one line, or both end with the right result.

Every other time the second has other arguments and would replace the results of the first: it must be refused unless
the first has ended.
"""

import random
import re
import time

from .process import Command
from .reference import undisturbed
from .whole import broken_files, partial_files

REFUSED = re.compile('must be a (folder|file) that no other command writes')


def at_once(case, folder, pairs, seed, reference):
    """Start a command twice, the second time after a random delay.

    Returns:
        The counts of what happened, and a list of problems.
    """
    rng = random.Random(seed)
    counts, problems = dict(pairs=0, refused=0, both_ended=0), []
    folder.mkdir(parents=True)
    for index in range(pairs):
        where = folder / f'{index}'
        replaces = index % 2 == 0
        argv, delay = case.argv(where), rng.uniform(0.3 if replaces else 0, 0.6) * reference.seconds
        first = Command(argv, folder / 'first.txt')
        time.sleep(delay)
        second = Command([*argv, *(case.other if replaces else case.again)], folder / 'second.txt')
        ends = [command.wait() for command in (first, second)]
        text = f'delay {delay:.2f} s'
        counts['pairs'] += 1
        refused = [printed for code, printed in ends if code]
        for printed in refused:
            if not REFUSED.search(printed.strip().splitlines()[-1]) or 'Traceback' in printed:
                problems.append(f'{text}: {printed[-1500:]}')
        if len(refused) == 2:
            problems.append(f'{text}: both failed')
            continue
        counts['refused' if refused else 'both_ended'] += 1
        problems += [f'{text}: {file} is broken: {error}' for file, error in broken_files(where).items()]
        problems += [f'{text}: partial file {file}' for file in partial_files(where)]
        later = replaces and not refused  # the first had ended, so its results were replaced
        expected = undisturbed(case, folder / f'{index}_alone', case.other) if later else reference
        found = expected.differences(case.result(where), where)
        problems += [f'{text}: other result, {difference}' for difference in found[:3]]
    return dict(counts, problems=problems)
