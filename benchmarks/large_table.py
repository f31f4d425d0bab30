"""Cost of a dataset with a large table of image-level labels: time and memory to build it, to read it, and to share it.

The table is a real file, CSV or JSON Lines, of one to three of 20 classes an image, in random order. The images are
simulated: a file backend lists their names, from a file with one name per line, also in random order, so that no image
exists. Listing millions of real files is left out, as it depends on the disk. The rows of the result:

- build: CPU and elapsed time from the arguments to the dataset, and the peak of the resident memory of the process,
  imports included (`ru_maxrss` of a process of its own); the peak of the imports, and what is resident afterwards, of
  which the C library holds a part free;
- kept: what the dataset keeps per row;
- info: CPU time of `get_data_info`, at random rows;
- worker: growth of the memory of its own (not shared with its parent) of a forked process that reads every row;
- second rank: the same build, by a process that finds the rows of the first one in `--shared`.

    python benchmarks/large_table.py 200000
    python benchmarks/large_table.py 1000000 --format jsonl
    python benchmarks/large_table.py 10000000 --shared /dev/shm/rows
"""

import argparse
import json
import multiprocessing
import os
import random
import re
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from mmengine.fileio.backends import BaseStorageBackend, register_backend
from mmengine.logging import MMLogger

from mmwsl.datasets import FolderWeakDataset

CLASSES = tuple(f'class{number}' for number in range(20))


class ListedBackend(BaseStorageBackend):
    """Folders `listed://FILE` of the images that a file names."""

    def get(self, path: str) -> bytes:
        """Raise an error: there are no images."""
        raise FileNotFoundError(path)

    get_text = get

    def isdir(self, path: str) -> bool:
        """Return whether the file exists."""
        return os.path.isfile(path.removeprefix('listed://'))

    def list_dir_or_file(self, path: str, *args: Any, **kwargs: Any) -> list[str]:
        """Return the names in the file."""
        return Path(path.removeprefix('listed://')).read_text().splitlines()


def write_inputs(folder: Path, rows: int, suffix: bool, kind: str) -> None:
    """Write the table `labels.KIND` and the names `images.txt`."""
    step = next(step for step in range(rows // 3 * 2 + 1, 3 * rows + 10) if rows % step and _coprime(step, rows))
    draw = random.Random(0)
    cells = [';'.join(draw.sample(CLASSES, draw.choice((1, 1, 2, 3)))) for _ in range(10_000)]
    ending = '.jpg' if suffix else ''
    row_text = '{{"image": "{}", "labels": "{}"}}\n' if kind == 'jsonl' else '{},{}\n'
    with open(folder / f'labels.{kind}', 'w') as table, open(folder / 'images.txt', 'w') as images:
        table.write('image,labels\n' if kind == 'csv' else '')
        for row in range(rows):
            number = row * step % rows
            name = f'{number % 5000:04d}/{number:09d}{ending}'
            table.write(row_text.format(name, cells[number * 7919 % len(cells)]))
            number = (row * step + rows // 2) % rows
            images.write(f'{number % 5000:04d}/{number:09d}.jpg\n')


def _coprime(first: int, second: int) -> bool:
    while second:
        first, second = second, first % second
    return first == 1


def build(folder: Path) -> FolderWeakDataset:
    """Build the dataset of the table and the names in a folder."""
    register_backend('listed', ListedBackend, prefixes='listed', force=True)
    return FolderWeakDataset(
        label_file=str(next(folder.glob('labels.*'))),
        label_cfg=dict(separator=';'),
        metainfo=dict(classes=('background', *CLASSES)),
        data_prefix=dict(img_path=f'listed://{folder}/images.txt'),
        pipeline=[],
    )


def measure(folder: Path, rows: int, environment: dict[str, str], queue: Any) -> None:
    """Build the dataset, read from it, and put the figures into a queue."""
    os.environ.update(environment)
    MMLogger.get_instance('benchmark', log_level='ERROR')
    imports = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    start, cpu = time.perf_counter(), time.process_time()
    dataset = build(folder)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    assert len(dataset) == rows
    resident = int(Path('/proc/self/statm').read_text().split()[1]) * os.sysconf('SC_PAGE_SIZE')
    kept = (dataset.data_bytes.nbytes + dataset.data_address.nbytes) / rows
    draw = random.Random(1)
    indices = [draw.randrange(rows) for _ in range(20_000)]
    before = time.process_time()
    for index in indices:
        dataset.get_data_info(index)
    info = (time.process_time() - before) / len(indices)
    context = multiprocessing.get_context('fork')
    growth = context.SimpleQueue()
    worker = context.Process(target=_read_all, args=(dataset, growth))
    worker.start()
    queue.put(
        dict(
            imports=imports,
            cpu=cpu,
            seconds=seconds,
            peak=peak,
            resident=resident,
            kept=kept,
            info=info,
            growth=growth.get(),
        )
    )
    worker.join()


def _read_all(dataset: FolderWeakDataset, growth: Any) -> None:
    before = private_memory()
    for index in range(len(dataset)):
        dataset.get_data_info(index)
    growth.put(private_memory() - before)


def private_memory() -> int:
    """Return the bytes of memory that this process shares with no other."""
    text = Path('/proc/self/smaps_rollup').read_text()
    return 1024 * sum(map(int, re.findall(r'Private_(?:Clean|Dirty): *(\d+)', text)))


def run(folder: Path, rows: int, environment: dict[str, str]) -> dict[str, float]:
    """Measure in a process of its own."""
    context = multiprocessing.get_context('spawn')
    queue = context.SimpleQueue()
    process = context.Process(target=measure, args=(folder, rows, environment, queue))
    process.start()
    process.join()
    if process.exitcode:
        sys.exit(process.exitcode)
    result: dict[str, float] = queue.get()
    return result


def main() -> None:
    """Write the inputs, measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('rows', type=int, help='rows of the table, as many images')
    parser.add_argument('--no-suffix', action='store_true', help='the table names the images without suffix')
    parser.add_argument('--shared', help='folder in which the ranks of a machine share the rows')
    parser.add_argument('--out', help='JSON file of the figures')
    parser.add_argument('--format', choices=('csv', 'jsonl'), default='csv', help='format of the table')
    args = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    try:
        write_inputs(folder, args.rows, not args.no_suffix, args.format)
        environment = dict(MMWSL_SHARED_ROWS=args.shared) if args.shared else {}
        found = [run(folder, args.rows, environment) for _ in range(2 if args.shared else 1)]
    finally:
        shutil.rmtree(folder)
    for rank, row in enumerate(found):
        print(
            f'{("first", "second")[rank]} rank: build {row["cpu"]:.1f} s CPU, {row["seconds"]:.1f} s elapsed '
            f'({1e6 * row["cpu"] / args.rows:.2f} us/row), peak {row["peak"] / 1e9:.2f} GB '
            f'({row["imports"] / 1e9:.2f} before, {row["resident"] / 1e9:.2f} after), kept {row["kept"]:.0f} '
            f'bytes/row, info {1e6 * row["info"]:.1f} us, worker +{row["growth"] / 1e6:.1f} MB'
        )
    if args.out:
        Path(args.out).write_text(json.dumps(dict(rows=args.rows, ranks=found), indent=1))


if __name__ == '__main__':
    main()
