"""The comparison from the command line."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from mmengine.config import DictAction
from PIL import Image

from mmwsl.apis.drawing import image_grid

from .chart import draw_chart
from .measurement import COLUMNS, measure
from .report import check_comparable, table_rows, to_csv, to_json, to_markdown
from .runs import find_runs, named

COSTS = (
    'Labels are pairs of an image and a class in it; 1 s for a tag, 79 s for a mask. GMACs are MACs of '
    'the network in one forward pass: an image, or a window of it where prediction slides or makes tiles. Masks '
    'that numbers were tuned with are not in the annotation time.'
)


def compare(
    runs: Sequence[str],
    out: str | Path,
    options: dict | None = None,
    indices: int | None = None,
    images: int = 6,
    trust_checkpoint: bool = False,
) -> list[dict]:
    """Evaluate finished runs on their test set and put the results side by side.

    Every result is kept beside its checkpoint as soon as it is there, under a name made of the checkpoint's content,
    the config and the options: the same command, after an error or with one more run, evaluates what is missing.

    ``out`` gets ``comparison.md``, ``.csv``, ``.json``, the chart ``comparison.png``, and ``images.png``: the same
    images under every model.

    Args:
        runs: Work folders, or ``CONFIG:CHECKPOINT``.
        out: Folder for the result.
        options: Settings that replace those of every config.
        indices: Evaluate on the first so many images only.
        images: How many images the grid shows.
        trust_checkpoint: Whether to load checkpoints that can run code.

    Returns:
        The rows of the table, see :func:`.report.table_rows`.

    Raises:
        RunError: If a run is not there, cannot be evaluated, or has another test set than the first.
    """
    found = find_runs(runs)
    results, folders = {}, {}
    for run in found:
        with named(run):
            results[run.name], folders[run.name] = measure(run, options, indices, images, trust_checkpoint)
    check_comparable(results)
    rows = table_rows(results)
    shown = f'{next(iter(results.values()))["images"]} images. {COSTS}'
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    for suffix, text in (('md', to_markdown(rows, [shown])), ('csv', to_csv(rows)), ('json', to_json(rows))):
        (out / f'comparison.{suffix}').write_text(text)
    draw_chart(rows).savefig(out / 'comparison.png', dpi=120)
    if images:
        prediction_grid(folders).save(out / 'images.png')
    print(f'{to_markdown(rows, [shown])}\nIn {out}')
    return rows


def prediction_grid(folders: dict[str, Path]) -> Image.Image:
    """Lay out the kept images: input, truth, and the prediction of every run."""
    first = next(iter(folders.values()))

    def load(folder: Path, column: str) -> list[np.ndarray]:
        return [
            np.asarray(Image.open(folder / f'{column}_{index}.png'))
            for index in range(len(list(folder.glob(f'{column}_*.png'))))
        ]

    shared = {column: load(first, column) for column in COLUMNS[:-1]}
    return image_grid(shared | {name: load(folder, COLUMNS[-1]) for name, folder in folders.items()})


def main(argv: list[str] | None = None) -> None:
    """Run ``tools/compare.py``."""
    parser = argparse.ArgumentParser(description='Evaluate finished runs and put them side by side')
    parser.add_argument('runs', nargs='+', metavar='RUN', help='work folder of a training, or CONFIG:CHECKPOINT')
    parser.add_argument('--out', default='work_dirs/comparison', metavar='DIR', help='folder for tables and images')
    parser.add_argument('--indices', type=int, metavar='N', help='evaluate on the first N images only')
    parser.add_argument('--num-images', type=int, default=6, metavar='N', help='images in the grid')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        metavar='KEY=VALUE',
        help='settings that replace those of every config, e.g. test_dataloader.dataset.data_root=FOLDER',
    )
    parser.add_argument(
        '--trust-checkpoint',
        action='store_true',
        help='load checkpoints as they are, even where that runs code they carry',
    )
    args = parser.parse_args(argv)
    compare(args.runs, args.out, args.cfg_options, args.indices, args.num_images, args.trust_checkpoint)
