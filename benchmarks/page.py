"""The page docs/benchmark.md, from the JSON of benchmarks/run.py.

python benchmarks/page.py docs/benchmark.json > docs/benchmark.md
"""

import json
import sys
from pathlib import Path


def page(found: dict) -> str:
    """Return the rows as a page in Markdown.

    Args:
        found: The content of the JSON file: ``device``, ``busy``, ``machine``, ``seconds`` of each section, ``rows``.
    """
    where = ', '.join(f'{key} {value}' for key, value in found['machine'].items())
    busy = ('', '') if not found['busy'] else (' --busy', ', while other work ran on the machine')
    times = dict(
        cpu='CPU times of one thread, of trainings without the processes that load images',
        cuda='until the GPU is done',
    )
    no_gpu = ' No GPU was measured.' if found['device'] == 'cpu' else ''
    took = ', '.join(f'{section} {seconds} s' for section, seconds in found['seconds'].items())
    lines = [
        '# Figures of the benchmark',
        '',
        f'`python benchmarks/run.py --device {found["device"]}{busy[0]}`, measured with {where}{busy[1]}.',
        f'The run took {sum(found["seconds"].values())} s: {took}.',
        f'Times of operations and steps are medians, others means or single runs: {times[found["device"]]}.',
        'Ratios are to the row that stands in the next column.',
        '',
        'Operations: calls of torch while the call runs, about the number of kernels that a GPU starts. Reads: those',
        'of them whose result the program reads, so that a GPU must finish all work before. Compiled functions',
        'count as none, and arrays for them as reads, which cost nothing on a CPU. An optimizer that is not fused, as',
        f'on a CPU by default, reads. Kernels are counted on a GPU only.{no_gpu}',
        '',
        '| | value | ratio | to | operations | reads | kernels |',
        '|---|---|---|---|---|---|---|',
    ]
    return '\n'.join([*lines, *map(_line, found['rows'])]) + '\n'


def _line(row: dict) -> str:
    value = f'not measured: {row["missing"]}' if row.get('missing') else f'{row["value"]:.3g} {row["unit"]}'
    ratio = '' if row['ratio'] is None else f'{row["ratio"]:.2f}'
    counts = ['' if (count := row.get(key)) is None else str(count) for key in ('operations', 'reads', 'kernels')]
    return f'| {" | ".join([row["name"], value, ratio, row["peer"], *counts])} |'


if __name__ == '__main__':
    print(page(json.loads(Path(sys.argv[1]).read_text())), end='')
