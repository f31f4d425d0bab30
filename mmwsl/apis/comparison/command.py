"""Comparison of finished runs, and its command line."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mmwsl.apis.arguments import COUNT, POSITIVE, add_cfg_options, add_check_data, add_overwrite, say_results
from mmwsl.apis.config import load_config
from mmwsl.apis.folder_use import writes_alone
from mmwsl.utils.files import atomic_write
from mmwsl.utils.nested import dataset_paths
from mmwsl.utils.output_folder import OutputFolder
from mmwsl.utils.parser import Parser
from mmwsl.visualization import draw_chart, image_grid

from .measurement import COLUMNS, measure
from .report import check_comparable, table_rows, to_csv, to_json, to_markdown
from .runs import find_runs, named

COSTS = (
    'Labels are pairs of an image and a class in it: 1 s for an image-level label, 79 s for a mask. GMACs are for one '
    'image, or for one window with sliding-window or tiled inference. Annotation time excludes masks that were only '
    'used for tuning.'
)

FILES = ('comparison.md', 'comparison.csv', 'comparison.json', 'comparison.png', 'images.png')


@writes_alone(lambda given: given['out'])
def compare(
    runs: Sequence[str],
    out: str | Path,
    options: dict | None = None,
    max_images: int | None = None,
    num_images: int = 6,
    trust_checkpoint: bool = False,
    overwrite: bool = False,
    check_data: bool = True,
) -> list[dict[str, Any]]:
    """Evaluate finished runs on their test set and compare the results.

    Every result is stored beside its checkpoint, under a digest of all that it depends on. Repeat the command, after an
    error or with another run, to evaluate only the missing results.

    An earlier comparison in ``out`` is replaced; its results are still stored. ``out`` gets ``comparison.md``,
    ``.csv``, ``.json``, the chart ``comparison.png``, and ``images.png``: the same images under every model.

    Args:
        runs: Work folders, or ``CONFIG:CHECKPOINT``.
        out: Folder for the result.
        options: Settings that override every config.
        max_images: Number of images to evaluate, the first of the test set.
        num_images: Number of images in the grid.
        trust_checkpoint: Load checkpoints that can execute code.
        overwrite: Accept a folder ``out`` with other files.
        check_data: Check images and masks before an evaluation.

    Returns:
        The rows of the table, see :func:`.report.table_rows`.

    Raises:
        OutputError: If ``out`` holds other files, or is not apart from the datasets.
        RunError: If a run does not exist, cannot be evaluated, or has another test set than the first.
    """
    results, folders, found = {}, {}, find_runs(runs)
    output = OutputFolder(out, 'mmwsl compare', '--out', overwrite)
    for run in found:
        with named(run):
            inputs = dataset_paths(load_config(run.config, options))
        output.check(inputs, reuse=True, names=FILES)
    for run in found:
        with named(run):
            results[run.name], folders[run.name] = measure(
                run, options, max_images, num_images, trust_checkpoint, check_data
            )
    check_comparable(results)
    rows = table_rows(results)
    table = to_markdown(rows, [f'{next(iter(results.values()))["images"]} images. {COSTS}'])
    out = Path(out)
    output.begin(FILES[: None if num_images else -1])
    for suffix, text in (('md', table), ('csv', to_csv(rows)), ('json', to_json(rows))):
        with atomic_write(out / f'comparison.{suffix}') as file:
            file.write(text.encode())
    with atomic_write(out / 'comparison.png') as file:
        draw_chart(rows).savefig(file, dpi=120, format='png')
    if num_images:
        with atomic_write(out / 'images.png') as file:
            prediction_grid(folders).save(file, 'PNG')
    print(table)
    return rows


def prediction_grid(folders: dict[str, Path]) -> Image.Image:
    """Lay out the stored images: input, ground truth, and the prediction of every run."""
    first = next(iter(folders.values()))

    def load(folder: Path, column: str) -> list[np.ndarray]:
        count = len(list(folder.glob(f'{column}_*.png')))
        return [np.asarray(Image.open(folder / f'{column}_{index}.png')) for index in range(count)]

    shared = {column: load(first, column) for column in COLUMNS[:-1]}
    return image_grid(shared | {name: load(folder, COLUMNS[-1]) for name, folder in folders.items()})


def main(argv: list[str] | None = None) -> None:
    """Run ``tools/compare.py``."""
    parser = Parser(description='Evaluate finished runs and compare them')
    parser.add_argument('runs', nargs='+', metavar='RUN', help='work folder of a training, or CONFIG:CHECKPOINT')
    parser.add_argument('--out', default='work_dirs/comparison', metavar='DIR', help='folder for tables and images')
    parser.add_argument('--max-images', type=POSITIVE, metavar='N', help='evaluate the first N images only')
    parser.add_argument('--num-images', type=COUNT, default=6, metavar='N', help='number of images in the grid')
    add_cfg_options(parser)
    parser.add_argument('--trust-checkpoint', action='store_true', help='load checkpoints that could execute code')
    add_overwrite(parser, 'write into a folder with other files')
    add_check_data(parser)
    args = parser.parse_args(argv)
    compare(
        args.runs,
        args.out,
        args.cfg_options,
        args.max_images,
        args.num_images,
        args.trust_checkpoint,
        args.overwrite,
        args.check_data == 'on',
    )
    say_results(
        {'Comparison': args.out, 'Results': 'comparison/ beside each checkpoint'},
        'mmwsl',
        'predict',
        'CONFIG',
        'IMAGES',
        '--checkpoint',
        'CHECKPOINT',
        '--out',
        'DIR',
    )
