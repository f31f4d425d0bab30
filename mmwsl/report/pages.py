"""The pages of the report, rendered from templates that escape every value."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from .charts import line_chart
from .data import SEVERITIES, SPLITS, ReportData
from .gallery import Measured
from .threshold_charts import format_score, mean_iou_chart, threshold_charts

ODD_IMAGES = 40
DOUBTFUL_IMAGES = 8
QUALITY_COLUMNS = {
    'images_with_label': 'images with label',
    'images_with_pixels': 'images with pixels',
    'label_without_pixel': 'labels without a pixel',
    'percentage': '% of pixels',
}


def render_pages(data: ReportData, entries: Sequence[Mapping[str, Any]], measured: Measured | None) -> dict[str, bytes]:
    """Render the pages.

    Args:
        data: Content of the report.
        entries: Entry of each image, see :func:`mmwsl.report.gallery.gallery_entry`.
        measured: Masks by thresholds against the ground truth, if any.

    Returns:
        Content of each HTML file by name.
    """
    environment = Environment(
        loader=PackageLoader('mmwsl.report'), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters.update(number=format_number, duration=format_duration, score=format_score)
    splits = [name for name in SPLITS if any(entry['split'] == name for entry in entries)]
    context = dict(
        data=data,
        splits=splits,
        entries=entries,
        checks=sorted(data.checks, key=lambda check: -SEVERITIES.index(check[0])),
        split_counts={name: sum(entry['split'] == name for entry in entries) for name in splits},
        class_bars=class_bars(data),
        co_occurrence=shaded_matrix(data.co_occurrence),
        odd=[entry for entry in entries if entry['notes']],
        odd_limit=ODD_IMAGES,
        doubtful=sorted(entries, key=lambda entry: -entry['doubt'])[:DOUBTFUL_IMAGES],
        charts={
            name: chart for name, points in data.curves.items() if (chart := line_chart(points, name, 'iteration'))
        },
        table=class_table(data),
        proxies=proxy_numbers(data, entries),
        thresholds=threshold_charts(data, measured),
        reaction=mean_iou_chart(data, measured),
        masks=sorted({kind for entry in entries for kind in entry['masks']}),
        scored=sum(entry['codes'] for entry in entries),
    )
    names = ('index.html', 'gallery.html')
    # A file name that is not UTF-8 reaches Python as surrogates, which no encoding has.
    return {name: environment.get_template(name).render(context).encode('utf-8', 'replace') for name in names}


def format_number(value: Any) -> str:
    """Format a number with at most two decimals, thousands apart; a dash for None and NaN."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return '–'
    if isinstance(value, float | np.floating):
        return f'{value:,.2f}'.rstrip('0').rstrip('.').replace(',', '\u202f')
    return f'{value:,}'.replace(',', '\u202f') if isinstance(value, int | np.integer) else str(value)


def format_duration(seconds: float | None) -> str:
    """Format a duration in hours, minutes or seconds."""
    if seconds is None:
        return '–'
    if seconds < 60:
        return f'{seconds:.1f} s' if seconds < 10 else f'{seconds:.0f} s'
    minutes, rest = divmod(round(seconds), 60)
    return f'{minutes} min {rest} s' if minutes < 60 else f'{minutes // 60} h {minutes % 60} min'


def class_bars(data: ReportData) -> list[dict[str, Any]]:
    """Return the images of each class and split, with the width of their bars in percent."""
    highest = max((n for counts in data.class_counts.values() for n in counts.values()), default=0) or 1
    return [
        dict(
            name=name,
            bars=[
                dict(split=split, count=counts.get(name, 0), width=round(100 * counts.get(name, 0) / highest, 2))
                for split, counts in data.class_counts.items()
            ],
        )
        for name in data.classes[1:]
    ]


def shaded_matrix(matrix: np.ndarray | Sequence[Sequence[int]] | None) -> list[list[dict[str, Any]]] | None:
    """Return the counts of a matrix with the opacity of their cells: each relative to the class of its row."""
    if matrix is None:
        return None
    counts = np.asarray(matrix)
    shades = counts / np.maximum(counts.diagonal(), 1)[:, None]
    return [
        [
            dict(count=int(count), shade=round(min(float(shade), 1.0), 3), own=row == column)
            for column, (count, shade) in enumerate(zip(*pair, strict=True))
        ]
        for row, pair in enumerate(zip(counts, shades, strict=True))
    ]


def class_table(data: ReportData) -> dict[str, Any]:
    """Return a table of numbers by class: ``columns``, and ``rows`` of a name and cells."""
    quality = {row['name']: row for row in (data.quality or {}).get('classes', ())}
    columns: dict[str, Mapping[str, Any]] = {}
    for key, title in QUALITY_COLUMNS.items():
        if quality:
            columns[title] = {name: row.get(key) for name, row in quality.items()}
    if any('IoU' in row for row in quality.values()):
        columns['IoU of the pseudo-labels'] = {name: row['IoU'].get('labels') for name, row in quality.items()}
    columns |= data.class_metrics
    rows = [(name, [values.get(name) for values in columns.values()]) for name in data.classes]
    return dict(columns=list(columns), rows=[row for row in rows if any(cell is not None for cell in row[1])])


def proxy_numbers(data: ReportData, entries: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return what says something about the quality of the masks without ground truth, by name."""
    numbers = {}
    agreements = [image.agreement for image in data.images if image.agreement is not None]
    if agreements:
        numbers['agreement of augmented views'] = f'{100 * float(np.mean(agreements)):.1f}%'
    if data.quality and data.quality.get('ignored') is not None:
        numbers['ignored pixels of the pseudo-labels'] = f'{format_number(data.quality["ignored"])}%'
    if any(entry['codes'] or entry['masks'] for entry in entries):
        labeled = sum(bool(entry['labels']) for entry in entries)
        numbers['images with a label without a pixel'] = (
            f'{sum(entry["missing"] > 0 for entry in entries)} of {labeled}'
        )
    return numbers
