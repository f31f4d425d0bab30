"""Results of several runs as a table."""

import csv
import io
import json
from collections.abc import Sequence

from mmwsl.apis.supervision import MASKS

from .runs import RunError


def check_comparable(results: dict[str, dict]) -> None:
    """Check that runs were evaluated on the same images and classes.

    Raises:
        RunError: If one was not; the message names it.
    """
    sets = {name: (result['names'], list(result['classes'])) for name, result in results.items()}
    sizes = {name: f'{result["images"]} images, {len(result["classes"])} classes' for name, result in results.items()}
    first, *others = sets
    for name in others:
        if sets[name] != sets[first]:
            raise RunError(
                f'run {name!r} was evaluated on other images or classes ({sizes[name]}) than {first!r} '
                f'({sizes[first]}). Compare runs of one test set.'
            )


def table_rows(results: dict[str, dict]) -> list[dict]:
    """Make one flat row for each run.

    ``ratio_to_full`` is the share of mIoU, in percent, that a run reaches of ``full``: the run with masks whose network is
    the same, or, where there is none, the best run with masks. Neither is given where that run finds nothing, mIoU 0.

    Args:
        results: Name of the run -> what :func:`.measurement.measure` returned.

    Returns:
        The rows, in the order of the runs.
    """
    full = {name: result for name, result in results.items() if result['supervision']['kind'] == MASKS}
    rows = []
    for name, result in results.items():
        supervision = result['supervision']
        twins = [run for run in full if full[run]['architecture'] == result['architecture']]
        reference = None if name in full else max(twins or full, key=lambda run: full[run]['mIoU'], default=None)
        if reference is not None and not full[reference]['mIoU']:
            reference = None
        share = None if reference is None else round(100 * result['mIoU'] / full[reference]['mIoU'], 2)
        rows.append(
            dict(
                run=name,
                supervision=supervision['kind'],
                labels=supervision['labels'],
                annotation_seconds=supervision['seconds'],
                mIoU=result['mIoU'],
                ratio_to_full=share,
                full=reference,
                **{f'IoU_{label}': value for label, value in result['classes'].items()},
                parameters=result['parameters'],
                macs=result['macs'],
                images_per_second=result['images_per_second'],
                provenance='; '.join(f'{key}: {text}' for key, text in result['provenance'].items()),
            )
        )
    return rows


def to_csv(rows: Sequence[dict]) -> str:
    """Return the rows with a header, numbers in full."""
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0], lineterminator='\n')
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def to_json(rows: Sequence[dict]) -> str:
    """Return the rows as a list of objects."""
    return json.dumps(rows, indent=1)


def to_markdown(rows: Sequence[dict], notes: Sequence[str] = ()) -> str:
    """Return the rows as a table for reading, with notes below it."""
    classes = [key for key in rows[0] if key.startswith('IoU_')]
    header = [
        'run',
        'supervision',
        'labels',
        'annotation h',
        'mIoU',
        'of full',
        *(key.removeprefix('IoU_') for key in classes),
        'parameters M',
        'GMACs',
        'images/s',
    ]
    lines = ['| ' + ' | '.join(header) + ' |', '|---' * len(header) + '|']
    for row in rows:
        share = '' if row['ratio_to_full'] is None else f'{row["ratio_to_full"]:.1f} % of {row["full"]}'
        cells = [
            row['run'],
            row['supervision'],
            str(row['labels']),
            f'{row["annotation_seconds"] / 3600:.1f}',
            f'{row["mIoU"]:.1f}',
            share,
            *('' if row[key] is None else f'{row[key]:.1f}' for key in classes),
            f'{row["parameters"] / 1e6:.2f}',
            f'{row["macs"] / 1e9:.2f}',
            f'{row["images_per_second"]:.1f}',
        ]
        lines.append('| ' + ' | '.join(cells) + ' |')
    notes = [*notes, *(f'{row["run"]}: {row["provenance"]}.' for row in rows if row['provenance'])]
    return '\n'.join([*lines, *('\n' + note for note in notes), ''])
