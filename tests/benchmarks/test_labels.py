from itertools import combinations

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from benchmarks.labels import Label, place_labels

NO_LINE = np.empty((0, 2))


@pytest.fixture
def ax() -> Axes:
    figure = Figure(figsize=(5, 4))
    ax = figure.subplots()
    ax.set(xlim=(0, 1), ylim=(0, 1))
    return ax


def boxes(ax, labels, line=NO_LINE):
    # Text's own extent, as that of an annotation includes the line to its point.
    written = place_labels(ax, labels, line)
    ax.figure.draw_without_rendering()
    return [Text.get_window_extent(label) for label in written]


def test_label_is_beside_its_point(ax):
    (box,) = boxes(ax, [Label("here", (0.5, 0.5))])
    x, y = ax.transData.transform((0.5, 0.5))
    assert 0 < box.x0 - x < 20
    assert box.y0 < y < box.y1


def test_labels_of_close_points_hide_nothing(ax):
    spots = [(0.5, 0.5), (0.51, 0.5), (0.5, 0.52), (0.52, 0.51), (0.49, 0.49)]
    found = boxes(ax, [Label(f"method {x} {y}", (x, y)) for x, y in spots])
    assert not any(first.overlaps(second) for first, second in combinations(found, 2))
    points = ax.transData.transform(spots)
    assert not any(box.contains(*point) for box in found for point in points)


@pytest.mark.parametrize("corner", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_labels_stay_inside(ax, corner):
    (box,) = boxes(ax, [Label("a long name", corner)])
    room = ax.get_window_extent()
    assert room.x0 <= box.x0 < box.x1 <= room.x1
    assert room.y0 <= box.y0 < box.y1 <= room.y1


def test_line_is_not_covered(ax):
    line = np.array([[0.5, 0.5], [1.0, 0.5]])
    (box,) = boxes(ax, [Label("here", (0.5, 0.5))], line)
    y = ax.transData.transform((0.5, 0.5))[1]
    assert not (box.y0 < y < box.y1 and box.x1 > ax.transData.transform((0.5, 0))[0])


def test_label_is_nearest_to_its_own_point(ax):
    spots = ax.transData.transform([(0.5, 0.5), (0.52, 0.5)])
    first, second = boxes(ax, [Label("one", (0.5, 0.5)), Label("two", (0.52, 0.5))])
    assert first.x1 < spots[0][0]
    assert second.x0 > spots[1][0]
