"""Run every case and print what came of it: ``python -m tests.bad_inputs [WORD ...] [--out FILE]``."""

import argparse
import importlib
import sys
import tempfile
from collections import Counter
from pathlib import Path

from mmwsl.cli.main import COMMANDS

from .cases import ALL
from .harness import GOOD, run_case
from .sandbox import make


def main() -> int:
    """Run the cases whose `group: name` contains one of the words, and return 1 if one is not as expected."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('words', nargs='*', metavar='WORD', help='only cases whose `group: name` contains one of them')
    parser.add_argument('--group', choices=ALL, help='only this group of cases')
    parser.add_argument('--out', type=Path, metavar='FILE', help='Markdown table to write')
    parser.add_argument('--sandbox', type=Path, metavar='DIR', help='folder to make once, and to use again')
    parser.add_argument('--quick', action='store_true', help='leave out the cases that take long')
    parser.add_argument('-v', '--verbose', action='store_true', help='print the message of every case')
    args = parser.parse_args()
    for module, _ in COMMANDS.values():
        importlib.import_module(module)
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        sandbox = args.sandbox or Path(scratch, 'sandbox')
        if not sandbox.is_dir():
            make(sandbox)
        for group in [args.group] if args.group else ALL:
            for item in ALL[group]:
                name = f'{group}: {item.name}'
                if args.quick and item.slow or args.words and not any(word in name for word in args.words):
                    continue
                outcome = run_case(item, sandbox, Path(scratch, 'case'))
                rows.append((name, item, outcome))
                print(f'{len(rows):3} {outcome.verdict:14} {outcome.seconds:5.1f} s  {name}', flush=True)
                if args.verbose or outcome.verdict != GOOD:
                    print(f'      {" / ".join(outcome.detail.splitlines())[:700]}', flush=True)
    counts = Counter(outcome.verdict for _, _, outcome in rows)
    print(f'{len(rows)} cases: ' + ', '.join(f'{count} {verdict}' for verdict, count in counts.most_common()))
    if args.out:
        lines = ['| Input | Command | Exit code | Seconds | Outcome |', '|---|---|---|---|---|']
        lines += [f'| {name} | `{i.command}` | {o.code} | {o.seconds:.1f} | {o.verdict} |' for name, i, o in rows]
        args.out.write_text('\n'.join(lines) + '\n')
    return int(set(counts) != {GOOD})


if __name__ == '__main__':
    sys.exit(main())
