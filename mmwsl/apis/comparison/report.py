"""Table of the results of several runs."""

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from prettytable import PrettyTable, TableStyle

from mmwsl.apis.supervision import MASKS

from .runs import RunError


def check_comparable(results: dict[str, dict]) -> None:
    """Check that all runs were evaluated on the same images and classes.

    Raises:
        RunError: If a run was not; the message names it.
    """
    sets = {name: (result['contents'], list(result['classes'])) for name, result in results.items()}
    sizes = {name: f'{result["images"]} images, {len(result["classes"])} classes' for name, result in results.items()}
    first, *others = sets
    for name in others:
        if sets[name] != sets[first]:
            raise RunError(
                f'run {name!r} was evaluated on other images or classes ({sizes[name]}) than {first!r} '
                f'({sizes[first]}). Compare runs with the same test set.'
            )


def table_rows(results: dict[str, dict]) -> list[dict[str, Any]]:
    """Make one flat row per run.

    ``ratio_to_full`` is the mIoU of a run in percent of the mIoU of ``full_run``. This is the fully supervised
    counterpart, a run with masks and the same network, or else the best run with masks. Both are None if its mIoU is 0.

    Args:
        results: Result of :func:`.measurement.measure` of each run.

    Returns:
        The rows, in the order of the runs.
    """
    full = {name: result for name, result in results.items() if result['supervision']['kind'] == MASKS}
    rows = []
    for name, result in results.items():
        supervision = result['supervision']
        counterparts = [run for run in full if full[run]['architecture'] == result['architecture']]
        reference = None
        if name not in full:
            reference = max(counterparts or full, key=lambda run: full[run]['mIoU'], default=None)
        if reference is not None and not full[reference]['mIoU']:
            reference = None
        ratio = None if reference is None else round(100 * result['mIoU'] / full[reference]['mIoU'], 2)
        rows.append(
            dict(
                run=name,
                supervision=supervision['kind'],
                labels=supervision['labels'],
                annotation_seconds=supervision['seconds'],
                mIoU=result['mIoU'],
                ratio_to_full=ratio,
                full_run=reference,
                **{f'IoU_{label}': value for label, value in result['classes'].items()},
                parameters=result['parameters'],
                macs=result['macs'],
                images_per_second=result['images_per_second'],
                provenance='; '.join(f'{key}: {text}' for key, text in result['provenance'].items()),
            )
        )
    return rows


def to_csv(rows: Sequence[dict[str, Any]]) -> str:
    """Return the rows as CSV with a header and unrounded numbers; a spreadsheet calculates no cell."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator='\n')
    writer.writerows([map(as_text_cell, row) for row in (rows[0], *(row.values() for row in rows))])
    return text.getvalue()


def as_text_cell(value: Any) -> Any:
    """Mark a text that a spreadsheet would calculate, such as ``=1+1``, as text by an apostrophe before it.

    A carriage return becomes a space: ``csv`` does not quote it, and some readers begin a new row there.
    """
    if not isinstance(value, str):
        return value
    text = value.replace('\r', ' ')
    return f"'{text}" if text.lstrip().startswith(('=', '+', '-', '@')) else text


def as_markdown(text: str) -> str:
    """Write a text such that it stays in its cell of a Markdown table."""
    return ' '.join(text.split()).replace('\\', '\\\\').replace('|', '\\|')


def to_json(rows: Sequence[dict[str, Any]]) -> str:
    """Return the rows as a JSON list of objects."""
    return json.dumps(rows, indent=1)


def to_markdown(rows: Sequence[dict[str, Any]], notes: Sequence[str] = ()) -> str:
    """Return the rows as a Markdown table, followed by the notes and the provenance of each run."""
    classes = [key for key in rows[0] if key.startswith('IoU_')]
    table = PrettyTable(
        ['run', 'supervision', 'labels', 'annotation h', 'mIoU', 'of full']
        + [as_markdown(key.removeprefix('IoU_')) for key in classes]
        + ['parameters M', 'GMACs', 'images/s']
    )
    table.set_style(TableStyle.MARKDOWN)
    for row in rows:
        ratio = '' if row['ratio_to_full'] is None else f'{row["ratio_to_full"]:.1f}% of {as_markdown(row["full_run"])}'
        ious = ['' if row[key] is None else f'{row[key]:.1f}' for key in classes]
        table.add_row(
            [as_markdown(row['run']), row['supervision'], row['labels'], f'{row["annotation_seconds"] / 3600:.1f}']
            + [f'{row["mIoU"]:.1f}', ratio, *ious, f'{row["parameters"] / 1e6:.2f}']
            + [f'{row["macs"] / 1e9:.2f}', f'{row["images_per_second"]:.1f}']
        )
    notes = [*notes, *(f'{as_markdown(row["run"])}: {row["provenance"]}.' for row in rows if row['provenance'])]
    return '\n'.join([table.get_string(), *('\n' + note for note in notes), ''])
