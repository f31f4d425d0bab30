"""Kill, fill the disk of, and start twice the commands of mmwsl; print a table of what happened."""

import argparse
import importlib.util
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

from .disk import FRACTIONS, enter_namespace
from .memory import PAGES

COMMANDS = ('train', 'labels', 'run', 'best', 'compare', 'predict')
WRITERS = (
    'label',
    'report',
    'print-config',
    'test',
    'tune',
    'zoom',
    'export',
    'demo',
    'coco',
    'predict-color',
    'predict-overlay',
)
WRITERS += ('predict-coco', 'predict-cvat', 'predict-yolo', 'predict-label-studio')
WRITERS += ('sam', 'teacher') if importlib.util.find_spec('transformers') else ()
PARTS = ('kill', 'disk', 'memory', 'twice')


def parse(argv):
    parser = argparse.ArgumentParser(prog='python -m tests.faults', description=__doc__)
    parser.add_argument('--commands', nargs='+', choices=COMMANDS + WRITERS, default=COMMANDS + WRITERS, metavar='NAME')
    parser.add_argument('--parts', nargs='+', choices=PARTS, default=PARTS, metavar='PART')
    parser.add_argument('--kills', type=int, default=20, help='SIGKILLs of each command (default %(default)s)')
    parser.add_argument('--disks', type=int, default=len(FRACTIONS), help='full disks of each command')
    parser.add_argument('--memories', type=int, default=len(PAGES), help='sizes of full shared memory of each command')
    parser.add_argument('--pairs', type=int, default=4, help='pairs of each command')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--json', metavar='FILE', help='file for the results')
    parser.add_argument('--folder', type=Path, help='folder to work in, which is kept')
    return parser.parse_args(argv)


def main(argv):
    args = parse(argv)
    from .cases import cases
    from .disk import full
    from .kill import killed
    from .memory import short
    from .reference import undisturbed
    from .twice import at_once

    root = args.folder or Path(tempfile.mkdtemp(prefix='faults_'))
    parts = dict(
        kill=(killed, args.kills), disk=(full, args.disks), memory=(short, args.memories), twice=(at_once, args.pairs)
    )
    results = {}
    for name, case in {name: case for name, case in cases(root / 'inputs').items() if name in args.commands}.items():
        folder = root / name
        folder.mkdir()
        reference = undisturbed(case, folder / 'reference')
        for part in args.parts:
            start = time.monotonic()
            function, number = parts[part]
            found = function(case, folder / part, number, args.seed, reference)
            results[f'{name} {part}'] = dict(found, seconds=round(time.monotonic() - start, 1))
            print(row(f'{name} {part}', results[f'{name} {part}']), flush=True)
            if args.json:
                Path(args.json).write_text(json.dumps(results, indent=1))
    if args.folder is None:
        shutil.rmtree(root)
    return int(any(found['problems'] for found in results.values()))


def row(name, found):
    """Return the row of the table for one command and one kind of fault."""
    counts = [f'{value} {key.replace("_", " ")}' for key, value in found.items() if isinstance(value, int | float)]
    problems = found['problems']
    lines = [f'{name:<14} {len(problems)} problems; {", ".join(counts)}']
    return '\n'.join([*lines, *(f'    {text}' for text in problems)])


if __name__ == '__main__':
    enter_namespace(sys.argv[1:])
    sys.exit(main(sys.argv[1:]))
