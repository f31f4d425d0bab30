"""Post-processors against installed reference implementations: CPU time on one thread, peak memory, agreement.

The tables are printed and written as JSON. `pip install -e '.[test,oracles]'` installs the references, except OpenCV's
contributed modules (opencv-contrib-python-headless replaces the installed OpenCV).

    python benchmarks/postprocessing.py [TOPIC ...] [--repeats 5] [--out postprocessing.json]
"""

import argparse
import importlib
from pathlib import Path

from harness import compare, write

TOPICS = sorted(path.stem for path in (Path(__file__).parent / 'cases').glob('*.py'))


def main() -> None:
    """Measure the requested topics, by default all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('topics', nargs='*', metavar='TOPIC', help=f'any of {", ".join(TOPICS)}; all by default')
    parser.add_argument('--repeats', type=int, default=5, help='turns of each case; the median counts')
    parser.add_argument('--out', default='postprocessing.json', help='JSON file for the rows')
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.topics) - set(TOPICS))
    if unknown:
        parser.error(f'topics must be any of {TOPICS}, got {unknown}.')
    cases = [case for topic in arguments.topics or TOPICS for case in importlib.import_module(f'cases.{topic}').cases()]
    write(compare(cases, arguments.repeats), arguments.out)
    print(f'\nwritten to {arguments.out}')


if __name__ == '__main__':
    main()
