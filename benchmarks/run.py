"""All figures of the page on speed in one command: operations, training, pseudo-labels, on a GPU or a CPU.

    python benchmarks/run.py                                   # a GPU if torch finds one, else one thread of the CPU
    python benchmarks/run.py --device cpu --sections operations --out work_dirs/benchmark
    python benchmarks/run.py --sections voc6      # trains on voc6, resumes; in no default: it is long
    cp work_dirs/benchmark/benchmark.* docs/      # the page of the documentation, and the JSON that it is made from

The sections by default need no dataset and no network: images are rendered, weights are random. With voc6 in
MMWSL_DATA_ROOT, an epoch of it is measured too. The rows are written after each section, as JSON and as a page in
Markdown, with the ratio to the installed reference implementation. Times are medians: CPU time on a CPU, time until
the GPU is done on a GPU. `--device cpu` hides the GPUs of the machine. A section that fails is named at the end; the
others stay.
"""

import argparse
import importlib
import json
import os
import platform
import time
import traceback
import warnings
from pathlib import Path

from page import page

SECTIONS = ('operations', 'training', 'labels')
LONG = ('voc6',)
"""Sections that run only if they are named."""


def machine(device: str) -> dict[str, str]:
    """Return the versions, and what the figures were measured on."""
    import torch

    name = torch.cuda.get_device_name() if device == 'cuda' else cpu_name()
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


def prepare(device: str | None) -> str:
    """Import torch for a device, by default a GPU if there is one; return its kind.

    The GPUs are hidden for a CPU before the import: mmengine asks for them when it is imported.
    """
    if device == 'cpu':
        os.environ.update(CUDA_VISIBLE_DEVICES='', OMP_NUM_THREADS='1')
    import torch
    from mmengine.logging import MMLogger
    from mmengine.registry import init_default_scope

    found = device or ('cuda' if torch.cuda.is_available() else 'cpu')
    if found == 'cuda' and not torch.cuda.is_available():
        raise SystemExit('--device cuda needs a GPU that torch can use, got none. Use --device cpu.')
    if found == 'cpu':
        os.environ['OMP_NUM_THREADS'] = '1'  # of the trainings, too
        torch.set_num_threads(1)
    warnings.filterwarnings('ignore')
    init_default_scope('mmseg')
    MMLogger.get_instance('benchmark', log_level='ERROR')
    return found


def measure(sections: list[str], device: str, out: Path, busy: bool) -> list[str]:
    """Measure the sections, and write benchmark.json and benchmark.md after each; return the sections that failed."""
    import torch

    found: dict = dict(device=device, busy=busy, machine=machine(device), rows=[], seconds={})
    failed = []
    for section in sections:
        start = time.perf_counter()
        try:
            for row in importlib.import_module(f'sections.{section}').rows(torch.device(device), out.resolve()):
                found['rows'].append(dict(section=section, **row))
                print(row['name'], row['missing'] or f'{row["value"]:.3g} {row["unit"]}', sep=' | ', flush=True)
        except Exception:
            failed.append(section)
            traceback.print_exc()
        found['seconds'][section] = round(time.perf_counter() - start)
        (out / 'benchmark.json').write_text(json.dumps(found, indent=1) + '\n')
        (out / 'benchmark.md').write_text(page(found))
    print(f'{sum(found["seconds"].values())} s, written to {out}/benchmark.json and benchmark.md')
    return failed


def main() -> None:
    """Measure the sections."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--device', choices=('cuda', 'cpu'), help='default: a GPU if torch finds one')
    parser.add_argument(
        '--sections', nargs='+', default=SECTIONS, choices=SECTIONS + LONG, help=f'default: {" ".join(SECTIONS)}'
    )
    parser.add_argument('--out', type=Path, default=Path('work_dirs/benchmark'), help='folder of the results')
    parser.add_argument('--busy', action='store_true', help='note that other work ran on the machine')
    args = parser.parse_args()
    device = prepare(args.device)
    args.out.mkdir(parents=True, exist_ok=True)
    if failed := measure(args.sections, device, args.out, args.busy):
        raise SystemExit(f'failed: {", ".join(failed)}')


if __name__ == '__main__':
    main()
