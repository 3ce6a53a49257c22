"""How much rows count in a fit that outliers must not lead."""

import numpy as np
from numpy.typing import NDArray

from sklearn_ae._data.table import Float64, Source, Table, row_blocks, source_of


def outlier_weights(table: Table, seed: int) -> Float64:
    """Return weights that bound each row's part in squared sums.

    The weight of a row at the distance `d` from the columns' medians is
    `min(1, (c / d) ** 2)`, with `c` three times the median of the distances above 0.
    Distances are root mean squares over the columns in units of `_columns`. Beyond `c`
    all rows have the same part in a covariance, as in spherical principal components
    (Locantore et al., 1999, Test 8(1), 1-73); beyond a million times `c` a row gets
    the weight 0, as float32 could not hold it beside the others.
    """
    drawn = table.drawn(seed)
    with np.errstate(over="ignore", invalid="ignore"):  # which gives the weight 0
        middle, spread = _columns(source_of(drawn.X), drawn.weight)
        typical = _distances(drawn.X, middle, spread)
        above = typical > 0
        if not above.any():
            return np.ones(len(table))
        limit = 3 * _quantile(typical[above], drawn.weight[above], 0.5)
        distances = _distances(table.X, middle, spread)
        weights = np.square(limit / np.maximum(distances, limit))
    return np.where(weights > 1e-12, weights, 0.0)


def _columns(X: Source, weight: Float64) -> tuple[Float64, Float64]:
    """Return the median of each column, and the unit of distances from it."""
    parts = [
        _middle_and_spread(X.columns(columns), weight)
        for columns in row_blocks(*X.shape[::-1])
    ]
    middle, spread = map(np.concatenate, zip(*parts, strict=True))
    return middle, spread


def _middle_and_spread(X: NDArray, weight: Float64) -> tuple[Float64, Float64]:
    """Return medians of columns, and their units.

    A unit is the range from the 5th to the 95th percentile or, where this is 0, the
    median distance of the values that differ.
    """
    low, middle, high = (_quantile(X, weight, q) for q in (0.05, 0.5, 0.95))
    spread = high - low
    for column in np.flatnonzero(spread == 0):
        deviations = np.abs(X[:, column] - middle[column])
        differ = deviations > 0
        if differ.any():
            spread[column] = _quantile(deviations[differ], weight[differ], 0.5)
    return middle, spread


def _quantile(X: NDArray, weight: Float64, share: float) -> Float64:
    """Return each column's smallest value up to which a share of the weight lies."""
    order = np.argsort(X, axis=0)  # NaN comes last
    values = np.take_along_axis(X, order, axis=0)
    counts = np.where(np.isnan(values), 0.0, weight[order])
    reached = np.cumsum(counts, axis=0) >= share * counts.sum(axis=0)
    found: NDArray = np.take_along_axis(values, reached.argmax(axis=0)[None], axis=0)[0]
    return found.astype(np.float64)


def _distances(X: NDArray | Source, middle: Float64, spread: Float64) -> Float64:
    """Root mean square of each row's deviations over the columns that vary."""
    distances, varies = np.empty(len(X)), spread > 0
    for rows in row_blocks(*X.shape):
        squares = ((X[rows][:, varies] - middle[varies]) / spread[varies]) ** 2
        # Nothing is known against a row without a value in these columns.
        n_known = np.maximum(1, (~np.isnan(squares)).sum(axis=1))
        distances[rows] = np.sqrt(np.nansum(squares, axis=1) / n_known)
    return distances
