"""How much rows count in a fit that outliers must not lead."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sklearn_ae._data.table import Table, row_blocks


def outlier_weights(table: Table, seed: int) -> NDArray[np.float64]:
    """Return weights that bound each row's part in squared sums.

    The weight of a row at the distance `d` from the columns' medians is
    `min(1, (c / d) ** 2)`, with `c` three times the median of the distances above 0.
    Distances are root mean squares over the columns, each in units of its range
    between the 5th and the 95th percentile, or where this is 0 of the median distance
    of the values that differ. Beyond `c` all rows have the same part in a covariance,
    as all rows have in spherical principal components; beyond a million times `c` a
    row gets the weight 0, as float32 could not hold it beside the others.

    References
    ----------
    Locantore, N., et al. (1999). "Robust principal component analysis for functional
    data". Test 8(1), 1-73.
    """
    drawn = table.drawn(seed)
    ones = np.ones(len(table))
    with np.errstate(over="ignore", invalid="ignore"):  # which gives the weight 0
        middle, spread = _columns(drawn.X, drawn.weight)
        if not (spread > 0).any():
            return ones
        typical = _distances(drawn.X, middle, spread)
        above = typical > 0
        limit = 3 * _quantile(typical[above], drawn.weight[above], 0.5)
        distances = _distances(table.X, middle, spread)
        if not above.any() or (distances <= limit).all():
            return ones
        weights = np.square(limit / np.maximum(distances, limit))
    return np.where(weights > 1e-12, weights, 0.0)


def _columns(
    X: NDArray, weight: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return median and range of each column.

    With fewer outliers than the range leaves out, it is that of the other rows.
    """
    low, middle, high = (_quantile(X, weight, q) for q in (0.05, 0.5, 0.95))
    spread = high - low
    for column in np.flatnonzero(spread == 0):
        deviations = np.abs(X[:, column] - middle[column])
        differ = deviations > 0
        if differ.any():
            spread[column] = _quantile(deviations[differ], weight[differ], 0.5)
    return middle, spread


def _quantile(
    X: NDArray, weight: NDArray[np.float64], share: float
) -> NDArray[np.float64]:
    """Smallest value of each column up to which a share of the weight lies.

    A row of weight 2 counts as one given twice; NaN does not count.
    """
    if len(X) == 0:
        return np.zeros(X.shape[1:])
    order = np.argsort(X, axis=0)  # NaN comes last
    values = np.take_along_axis(X, order, axis=0)
    counts = np.where(np.isnan(values), 0.0, weight[order])
    reached = np.cumsum(counts, axis=0) >= share * counts.sum(axis=0)
    found: NDArray = np.take_along_axis(values, reached.argmax(axis=0)[None], axis=0)[0]
    return found.astype(np.float64)


def _distances(
    X: NDArray, middle: NDArray[np.float64], spread: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Root mean square of each row's deviations over the columns that vary."""
    distances, varies = np.empty(len(X)), spread > 0
    for rows in row_blocks(*X.shape):
        squares = ((X[rows][:, varies] - middle[varies]) / spread[varies]) ** 2
        # Nothing is known against a row without a value in these columns.
        n_known = np.maximum(1, (~np.isnan(squares)).sum(axis=1))
        distances[rows] = np.sqrt(np.nansum(squares, axis=1) / n_known)
    return distances
