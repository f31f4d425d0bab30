"""Line charts."""

import xml.etree.ElementTree as ET

import pytest

from mmwsl.report.charts import HEIGHT, MAX_POINTS, WIDTH, line_chart, ticks


@pytest.mark.parametrize('low, high', [(0, 1), (-3, 7.5), (1e-7, 9e-7), (980, 1020), (0, 12345)])
def test_ticks_are_round_and_inside(low, high):
    found = ticks(low, high)
    assert 2 <= len(found) <= 9
    assert all(low - 1e-9 * (high - low) <= value <= high + 1e-9 * (high - low) for value in found)
    assert all(float(f'{value:.3g}') == pytest.approx(value) for value in found)


@pytest.mark.parametrize(
    'points',
    [
        [(0, 1.0), (1, 3.0), (2, 2.0)],
        [(5, 0.0)],
        [(0, 2.0), (1, 2.0)],
        [(0, float('nan')), (1, 2.0), (2, float('inf')), (3, -1e9)],
        [(i, i % 7) for i in range(10_000)],
    ],
)
def test_charts_are_valid_and_inside_their_box(points):
    svg = ET.fromstring(str(line_chart(points, 'a <b> "title"', 'iteration', marker=1e9, band=(-5, 99))))
    assert svg.get('aria-label') == 'a <b> "title"'
    lines = [path.get('d') for path in svg.iter('path') if path.get('class') == 'line']
    assert len(lines) == (len(points) > 1)
    for line in lines:
        pairs = [tuple(map(float, pair.split())) for pair in line[1:].split('L')]
        assert 2 <= len(pairs) <= MAX_POINTS + 1
        assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in pairs)


def test_higher_values_are_higher_and_nothing_has_no_chart():
    svg = ET.fromstring(str(line_chart([(0, 1.0), (1, 3.0)], '', '')))
    (line,) = [path.get('d') for path in svg.iter('path') if path.get('class') == 'line']
    (left, low), (right, high) = [tuple(map(float, pair.split())) for pair in line[1:].split('L')]
    assert left < right and low > high
    assert not line_chart([], '', '') and not line_chart([(0, float('nan'))], '', '')
