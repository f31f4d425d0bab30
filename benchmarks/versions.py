"""Compare another version of mmwsl with this one: times, operations of torch, and reads, of the same calls in one run.

    git worktree add --detach work_dirs/before e7a7370
    python benchmarks/versions.py work_dirs/before

Each round starts a process of one thread for each version; the versions take turns. The value of a row is the CPU time
of a call, the median over the rounds of the fastest of some repeats; operations and reads are counted as in
`benchmarks/run.py`. A training step is one on a batch of a CPU, without the optimizer, so that its reads are those of
the model. Pseudo-labels are made from JPEG files with random weights and the dense CRF. The table is one of image-level
labels; its memory is the peak of the process, from which the peak of the imports is subtracted.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from unittest.mock import patch

ROOT = Path(__file__).resolve().parent.parent
FEW, MANY = 8, 32
"""Images of two label generations; their difference leaves out what a run costs once."""


def measure(tree: Path, folder: Path, table: int) -> Iterator[dict]:
    """Measure the version in a checkout, which must not have been imported yet."""
    sys.path.insert(0, str(ROOT))
    import tests.device_reads  # noqa: F401 - of this version

    sys.path[0] = str(tree)
    import torch

    import mmwsl

    if not Path(mmwsl.__file__).is_relative_to(tree):
        raise SystemExit(f'{tree} was not imported, but {mmwsl.__file__}. Uninstall mmwsl or install it as editable.')
    torch.set_num_threads(1)
    yield from dataset(folder, table)
    from sections.timing import counts, seconds

    device = torch.device('cpu')
    for name, call in [*operations(), *training_steps(folder)]:
        call()
        yield dict(
            name=name, unit='ms', value=1e3 * min(seconds(call, device) for _ in range(3)), **counts(call, device)
        )
    yield labels(folder)


def operations() -> Iterator[tuple[str, Callable[[], object]]]:
    """Return the operations on an image of 375 x 500 pixels, and a pooling."""
    import torch
    from cases import crf as crf_case
    from skimage.segmentation import slic

    from mmwsl.functional import (
        affinity_random_walk,
        dense_crf,
        lse_pool,
        pixel_adaptive_refinement,
        superpixel_crf,
    )

    pixels = crf_case.make_image()
    image = torch.from_numpy(pixels).permute(2, 0, 1).contiguous()
    for count in (21, 4):
        probs = crf_case.scores(count)
        call = partial(dense_crf, probs, image)
        yield f'dense CRF, {count} labels, 10 iterations', call
        yield f'dense CRF, {count} labels, 10 iterations, by torch as on a GPU', without_numba(call)
        yield f'pydensecrf2, {count} labels, 10 iterations', crf_case.pydensecrf(count)
    probs = crf_case.scores(21)
    superpixels = torch.from_numpy(slic(pixels, 400, start_label=0))
    yield 'PAMR, 21 labels, 10 iterations', lambda: pixel_adaptive_refinement(probs, image)
    yield 'random walk, 21 labels', lambda: affinity_random_walk(probs, image)
    yield 'superpixel CRF, 21 labels, 400 superpixels', lambda: superpixel_crf(probs, image, superpixels)
    scores = (4 * torch.randn(16, 21, 41, 41, generator=torch.Generator().manual_seed(0))).requires_grad_()
    for name, pool in (
        ('LSE pooling', lse_pool),
        ('torch.logsumexp', lambda s, r: torch.logsumexp(r * s.flatten(2), 2)),
    ):
        yield (
            f'{name} of 16 x 21 x 41 x 41, forward and backward',
            lambda pool=pool: torch.autograd.grad(pool(scores, 5.0).square().sum(), scores),
        )


def without_numba(call: Callable[[], object]) -> Callable[[], object]:
    """Return a call that computes with torch alone; the first versions know nothing else."""
    from mmwsl import functional

    if not hasattr(functional, 'crf_kernels'):
        return call
    return patch.object(functional.crf_kernels, 'compiled_functions', return_value=None)(lambda _: call())


def config(folder: Path, name: str, size: int) -> object:
    """Return the config of a training on synthetic images in a folder."""
    from sections.images import folder_config, write_images

    write_images(folder / 'images', 64)
    return folder_config(folder / 'images', 'mobilenet-v2', folder / name, size, 4, 12)


def training_steps(folder: Path) -> Iterator[tuple[str, Callable[[], object]]]:
    """Return the steps on a batch of labels: data preprocessor, loss and gradients."""
    import torch
    from mmengine.registry import init_default_scope
    from mmengine.runner import Runner

    from mmwsl.registry import MODELS

    init_default_scope('mmseg')
    cfg = config(folder, 'step', 224)
    cfg.train_dataloader.update(num_workers=0, persistent_workers=False)
    cfg.train_dataloader.pop('prefetch_factor', None)
    batch = next(iter(Runner.build_dataloader(cfg.train_dataloader, seed=0)))
    torch.manual_seed(0)
    model = MODELS.build(cfg.model).train()
    model.init_weights()

    def step() -> None:
        losses = model(**model.data_preprocessor(dict(batch), training=True), mode='loss')
        model.parse_losses(losses)[0].backward()

    yield 'training step without optimizer, mobilenet-v2, 224 x 224, batches of 4', step


def labels(folder: Path) -> dict:
    """Measure label generation, from JPEG files to masks: CPU time of this process and of its loaders."""
    import torch

    from mmwsl.apis.pseudo_labels import generate_pseudo_labels
    from mmwsl.registry import MODELS

    checkpoint, times = folder / 'random.pth', {}
    for count in (FEW, MANY):
        cfg = config(folder, 'labels', 448)
        steps = [dict(type='mmwsl.ImageLevelPrior'), dict(type='mmwsl.LogitSoftmax'), dict(type='mmwsl.DenseCRF')]
        cfg.model.inference = dict(postprocessors=steps)
        if not checkpoint.exists():
            torch.manual_seed(0)
            torch.save(dict(state_dict=MODELS.build(cfg.model).state_dict()), checkpoint)
        start = sum(os.times()[:4])
        generate_pseudo_labels(cfg, str(checkpoint), folder / 'labels', max_images=count, overwrite=True)
        times[count] = sum(os.times()[:4]) - start
    each = (times[MANY] - times[FEW]) / (MANY - FEW)
    return dict(name='pseudo-labels with the dense CRF, from files to masks, an image', unit='ms', value=1e3 * each)


def dataset(folder: Path, rows: int) -> Iterator[dict]:
    """Measure the dataset of a table; the peak of the imports is subtracted from its memory."""
    from large_table import build

    start, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    build(folder / 'table')
    cpu, after = time.process_time() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield dict(name=f'dataset of {rows:,} rows', unit='ms', value=1e3 * cpu)
    yield dict(name=f'dataset of {rows:,} rows: memory', unit='MB', value=(after - before) * 1024 / 1e6)


def child(tree: Path, folder: Path, rows: int) -> list[dict]:
    """Measure a version in a process of its own."""
    environment = {**os.environ, 'OMP_NUM_THREADS': '1', 'CUDA_VISIBLE_DEVICES': ''}
    command = [sys.executable, __file__, str(tree), '--rows', str(rows), '--child', str(folder)]
    result = subprocess.run(command, env=environment, capture_output=True, text=True)
    if result.returncode:
        raise SystemExit(f'{tree}: {result.stderr}')
    return json.loads((folder / 'rows.json').read_text())


def table(before: list[list[dict]], after: list[list[dict]]) -> str:
    """Return the table of the medians over the rounds, in Markdown."""
    lines = ['| | before | now | ratio | operations before | now | reads before | now |', '|---' * 8 + '|']
    for old, new in zip(zip(*before, strict=True), zip(*after, strict=True), strict=True):
        first, last = (statistics.median(row['value'] for row in rows) for rows in (old, new))
        unit = old[0]['unit']
        numbers = [str(rows[0].get(key, '')) for key in ('operations', 'reads') for rows in (old, new)]
        cells = [old[0]['name'], f'{first:.3g} {unit}', f'{last:.3g} {unit}', f'{last / first:.2f}', *numbers]
        lines.append(f'| {" | ".join(cells)} |')
    return '\n'.join(lines)


def main() -> None:
    """Measure both versions and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('before', type=Path, help='checkout of the other version')
    parser.add_argument('--rounds', type=int, default=3, help='processes of each version')
    parser.add_argument('--rows', type=int, default=200_000, help='rows of the table of image-level labels')
    parser.add_argument('--child', type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    before = args.before.resolve()
    if args.child:
        (args.child / 'rows.json').write_text(json.dumps(list(measure(before, args.child, args.rows))))
        return
    from large_table import write_inputs

    found: dict[Path, list[list[dict]]] = {before: [], ROOT: []}
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / 'table').mkdir()
        write_inputs(Path(folder) / 'table', args.rows, True, 'csv')
        for number in range(args.rounds):
            for tree, rounds in found.items():
                print(f'round {number + 1} of {args.rounds}: {tree}', file=sys.stderr, flush=True)
                rounds.append(child(tree, Path(folder), args.rows))
    print(table(*found.values()))


if __name__ == '__main__':
    main()
