"""Labels beside points of a picture, where they hide nothing."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.text import Annotation

# In points, nearest first; a label begins, ends or is centred there.
DISTANCES = range(7, 49, 6)
WITH_LINE = 12  # from here on a thin line leads to the point
SIDES = (
    (1.0, 0.0, "left", "center"),
    (-1.0, 0.0, "right", "center"),
    (0.0, 1.0, "center", "bottom"),
    (0.0, -1.0, "center", "top"),
    (0.7, 0.7, "left", "bottom"),
    (0.7, -0.7, "left", "top"),
    (-0.7, 0.7, "right", "bottom"),
    (-0.7, -0.7, "right", "top"),
)
# How much of a text is on the left of, or below, where it is anchored.
SHARE = {"left": 0.0, "center": 0.5, "right": 1.0, "bottom": 0.0, "top": 1.0}
POINTS_PER_INCH = 72
CLEARANCE = 6.0  # pixels around a point
# In pixels hidden: what a label costs that is nearer to another point than to its own.
MISTAKABLE = 200.0


class Label(NamedTuple):
    """A text, the point that it belongs to, and its colour."""

    text: str
    point: tuple[float, float]
    color: str = "black"


class Place(NamedTuple):
    """Where a label may be: offset in points, and which part of it is there."""

    offset: tuple[float, float]
    anchors: tuple[str, str]

    def box(self, point: np.ndarray, size: np.ndarray, scale: float) -> np.ndarray:
        """Return lower left and upper right corner, in pixels."""
        low = point + scale * np.array(self.offset)
        low = low - size * [SHARE[anchor] for anchor in self.anchors]
        return np.array([low, low + size])


def place_labels(
    ax: Axes, labels: Sequence[Label], line: np.ndarray, fontsize: float = 9
) -> list[Annotation]:
    """Write a label beside each point: off points, line, and labels before it.

    Parameters
    ----------
    ax : Axes
        Of a figure whose layout is final; limits and scales too.
    labels : sequence of Label
        What to write, the most important first.
    line : ndarray of shape (n_points, 2)
        Corners of a line to keep free; none may be given.
    fontsize : float, default=9
        In points.
    """
    points = ax.transData.transform([label.point for label in labels])
    room = np.array(ax.get_window_extent().get_points())
    free = np.vstack([points, _along(ax, line)])
    taken = np.stack([free - CLEARANCE, free + CLEARANCE], axis=1)
    scale = ax.figure.dpi / POINTS_PER_INCH
    written = []
    for label, point in zip(labels, points, strict=True):
        others = points[np.any(points != point, axis=1)]
        size = _size(ax, label, fontsize)
        boxes = {place: place.box(point, size, scale) for place in _places()}
        costs = {
            place: _cost(box, room, taken) + MISTAKABLE * _mistaken(box, point, others)
            for place, box in boxes.items()
        }
        best = min(costs, key=costs.__getitem__)
        taken = np.concatenate([taken, boxes[best][None]])
        written.append(_write(ax, label, best, fontsize))
    return written


def _places() -> Iterator[Place]:
    """List places beside a point, the nearest first."""
    for distance in DISTANCES:
        for x, y, *anchors in SIDES:
            yield Place((x * distance, y * distance), (anchors[0], anchors[1]))


def _along(ax: Axes, line: np.ndarray) -> np.ndarray:
    """Return close places along a line, in pixels."""
    if len(line) < 2:
        return np.empty((0, 2))
    corners = ax.transData.transform(line)
    position = np.linspace(0, len(corners) - 1, 40 * len(corners))
    whole = np.arange(len(corners))
    return np.column_stack([np.interp(position, whole, axis) for axis in corners.T])


def _size(ax: Axes, label: Label, fontsize: float) -> np.ndarray:
    """Return width and height of a text, in pixels."""
    trial = ax.annotate(label.text, label.point, fontsize=fontsize)
    extent = trial.get_window_extent()
    trial.remove()
    return np.array([extent.width, extent.height])


def _write(ax: Axes, label: Label, place: Place, fontsize: float) -> Annotation:
    """Write a label; far from its point, with a line to it."""
    line = {"arrowstyle": "-", "linewidth": 0.5, "color": "0.5"}
    return ax.annotate(
        label.text,
        label.point,
        xytext=place.offset,
        textcoords="offset points",
        ha=place.anchors[0],
        va=place.anchors[1],
        arrowprops=line if np.hypot(*place.offset) >= WITH_LINE else None,
        fontsize=fontsize,
        color=label.color,
    )


def _cost(box: np.ndarray, room: np.ndarray, taken: np.ndarray) -> float:
    """Return the area that a box hides, and that which is outside of the room."""
    outside = np.prod(box[1] - box[0]) - _shared(box, room[None])
    return float(outside + _shared(box, taken))


def _shared(box: np.ndarray, others: np.ndarray) -> float:
    """Return the area that a box has in common with others, one after another."""
    low = np.maximum(box[0], others[:, 0])
    high = np.minimum(box[1], others[:, 1])
    return float(np.prod(np.maximum(high - low, 0), axis=1).sum())


def _mistaken(box: np.ndarray, point: np.ndarray, others: np.ndarray) -> bool:
    """Tell whether a label is nearer to another point than to its own."""
    every = np.vstack([point, others])
    beyond = np.maximum(np.maximum(box[0] - every, every - box[1]), 0)
    distance = np.hypot(*beyond.T)
    return bool(np.any(distance[1:] <= distance[0]))
