"""Line charts as inline SVG."""

import math
from collections.abc import Sequence

from markupsafe import Markup

WIDTH, HEIGHT = 360, 190
LEFT, RIGHT, TOP, BOTTOM = 48, 12, 10, 34
MAX_POINTS = 400


def ticks(low: float, high: float, count: int = 4) -> list[float]:
    """Return about ``count`` round numbers in [low, high]: multiples of 1, 2 or 5 times a power of ten."""
    raw = (high - low) / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [index * step for index in range(first, last + 1)]


def line_chart(
    points: Sequence[tuple[float, float]],
    title: str,
    x_label: str,
    marker: float | None = None,
    band: tuple[float, float] | None = None,
    x_ticks: Sequence[tuple[float, str]] = (),
) -> Markup:
    """Draw a line chart.

    Args:
        points: Pairs (x, y), in the order of x; values that are not finite are left out, and of many points some.
        title: Description for screen readers.
        x_label: Label of the horizontal axis.
        marker: x of a vertical line.
        band: Range of x that is shaded.
        x_ticks: Places and texts of the ticks of the horizontal axis, which ends at the first and the last; without
            them, round numbers in the range of the points.

    Returns:
        The SVG element; empty if there is no point.
    """
    points = [(float(x), float(y)) for x, y in points if math.isfinite(x) and math.isfinite(y)]
    if not points:
        return Markup()
    step = math.ceil(len(points) / MAX_POINTS)
    points = points[:-1:step] + points[-1:]
    xs, ys = zip(*points, strict=True)
    x_low, x_high = (x_ticks[0][0], x_ticks[-1][0]) if x_ticks else _widened(min(xs), max(xs), 0)
    y_low, y_high = _widened(min(ys), max(ys), 0.06)
    if min(ys) >= 0 > y_low or 0 <= min(ys) < 0.5 * max(ys):
        y_low = 0.0  # zero belongs to the axis where it is near

    def x_at(x: float) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * (min(max(x, x_low), x_high) - x_low) / (x_high - x_low), 1)

    def y_at(y: float) -> float:
        return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (y - y_low) / (y_high - y_low), 1)

    parts = [Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">').format(WIDTH, HEIGHT, title)]
    bottom = HEIGHT - BOTTOM
    if band is not None:
        left, right = x_at(band[0]), x_at(band[1])
        parts.append(
            Markup('<rect class="band" x="{}" y="{}" width="{}" height="{}"/>').format(
                left, TOP, round(max(right - left, 1), 1), bottom - TOP
            )
        )
    for y in ticks(y_low, y_high):
        at = y_at(y)
        parts.append(Markup('<path class="grid" d="M{} {}H{}"/>').format(LEFT, at, WIDTH - RIGHT))
        parts.append(Markup('<text class="y" x="{}" y="{}">{}</text>').format(LEFT - 6, at + 3.5, f'{y:.6g}'))
    for x, text in x_ticks or [(x, f'{x:.6g}') for x in ticks(x_low, x_high)]:
        parts.append(Markup('<path class="tick" d="M{} {}v4"/>').format(x_at(x), bottom))
        parts.append(Markup('<text class="x" x="{}" y="{}">{}</text>').format(x_at(x), bottom + 15, text))
    parts.append(Markup('<path class="axis" d="M{} {}H{}"/>').format(LEFT, bottom, WIDTH - RIGHT))
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(Markup('<text class="x label" x="{}" y="{}">{}</text>').format(middle, HEIGHT - 4, x_label))
    if marker is not None:
        parts.append(Markup('<path class="marker" d="M{} {}V{}"/>').format(x_at(marker), TOP, bottom))
    if len(points) == 1:
        parts.append(Markup('<circle class="dot" cx="{}" cy="{}" r="3"/>').format(x_at(xs[0]), y_at(ys[0])))
    else:
        path = 'M' + 'L'.join(f'{x_at(x)} {y_at(y)}' for x, y in points)
        parts.append(Markup('<path class="line" d="{}"/>').format(path))
    return Markup('').join([*parts, Markup('</svg>')])


def _widened(low: float, high: float, margin: float) -> tuple[float, float]:
    """Widen a range by a fraction of it on both sides, and an empty range to some range."""
    if high - low <= 1e-9 * max(abs(low), abs(high), 1e-300):
        pad = abs(low) / 2 or 0.5
        return low - pad, high + pad
    return low - margin * (high - low), high + margin * (high - low)
