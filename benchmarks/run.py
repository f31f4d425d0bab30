"""All figures of the page on speed in one command: operations, training, pseudo-labels, on a GPU or a CPU.

    python benchmarks/run.py                                   # a GPU if torch finds one, else one thread of the CPU
    python benchmarks/run.py --device cpu --sections operations --out work_dirs/benchmark
    python benchmarks/run.py --sections voc6      # trains on voc6, resumes; in no default: it is long

The sections by default need no dataset and no network: images are rendered, weights are random. The rows are written
after each section, as JSON and as a table in Markdown, with the ratio to the installed reference implementation. Times
are medians: CPU time on a CPU, time until the GPU is done on a GPU. A section that fails is named at the end; the
others stay.
"""

import argparse
import importlib
import json
import platform
import time
import traceback
import warnings
from pathlib import Path

import torch
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope

SECTIONS = ('operations', 'training', 'labels')
LONG = ('voc6',)
"""Sections that run only if they are named."""


def machine(device: torch.device) -> dict[str, str]:
    """Return the versions, and what the figures were measured on."""
    name = torch.cuda.get_device_name() if device.type == 'cuda' else cpu_name()
    return dict(
        device=name, threads=str(torch.get_num_threads()), torch=torch.__version__, python=platform.python_version()
    )


def cpu_name() -> str:
    """Return the name of the CPU."""
    try:
        lines = Path('/proc/cpuinfo').read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(':')[1].strip() for line in lines if line.startswith('model name')), platform.machine())


def table(found: dict) -> str:
    """Return the rows as a page in Markdown, such as docs/benchmark.md."""
    where = ', '.join(f'{key} {value}' for key, value in found['machine'].items())
    busy = ('', '') if not found['busy'] else (' --busy', ', while other work ran on the machine')
    text = f'`python benchmarks/run.py --device {found["device"]}{busy[0]}`, measured with {where}{busy[1]}.'
    lines = ['# Figures of the benchmark', '', text, '', '| | value | ratio | to | kernels |', '|---|---|---|---|---|']
    for row in found['rows']:
        ratio = '' if row['ratio'] is None else f'{row["ratio"]:.2f}'
        value = f'{row["value"]:.3g} {row["unit"]}'
        lines.append(f'| {row["name"]} | {value} | {ratio} | {row["peer"]} | {row.get("kernels") or ""} |')
    return '\n'.join(lines) + '\n'


def main() -> None:
    """Measure the sections."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu', choices=('cuda', 'cpu'))
    parser.add_argument(
        '--sections', nargs='+', default=SECTIONS, choices=SECTIONS + LONG, help=f'default: {" ".join(SECTIONS)}'
    )
    parser.add_argument('--out', type=Path, default=Path('work_dirs/benchmark'), help='folder of the results')
    parser.add_argument('--busy', action='store_true', help='note that other work ran on the machine')
    args = parser.parse_args()
    warnings.filterwarnings('ignore')
    if args.device == 'cpu':
        torch.set_num_threads(1)
    init_default_scope('mmseg')
    MMLogger.get_instance('benchmark', log_level='ERROR')
    device = torch.device(args.device)
    args.out.mkdir(parents=True, exist_ok=True)
    found: dict = dict(device=args.device, busy=args.busy, machine=machine(device), rows=[], seconds={})
    failed = []
    for section in args.sections:
        start = time.perf_counter()
        try:
            for row in importlib.import_module(f'sections.{section}').rows(device, args.out.resolve()):
                found['rows'].append(dict(section=section, **row))
                print(f'{row["name"]:75}{row["value"]:10.3g} {row["unit"]}', flush=True)
        except Exception:
            failed.append(section)
            traceback.print_exc()
        found['seconds'][section] = round(time.perf_counter() - start)
        (args.out / 'results.json').write_text(json.dumps(found, indent=1))
        (args.out / 'results.md').write_text(table(found))
    print(f'{sum(found["seconds"].values())} s, written to {args.out}/results.json and results.md')
    if failed:
        raise SystemExit(f'failed: {", ".join(failed)}')


if __name__ == '__main__':
    main()
