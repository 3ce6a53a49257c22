"""How much rows count in a fit that outliers must not lead."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import gen_batches

# Rows farther out than so many times the median distance count less.
TYPICAL_DISTANCES = 3.0
# Quantiles between which a column's scale is measured: with fewer outliers than they
# leave out, it is that of the other rows.
QUANTILES = (5, 50, 95)
# Rows beyond this add little to the estimate of quantiles.
MAX_ROWS = 10_000
ROWS_PER_BLOCK = 4096
# Of a row at a million times the distance at which weights begin to fall.
SMALLEST_WEIGHT = 1e-12


def outlier_weights(X: NDArray, seed: int) -> NDArray[np.float64] | None:
    """Return weights that bound each row's part in squared sums, or None if all are 1.

    The weight of a row at the distance `d` from the columns' medians is
    `min(1, (c / d) ** 2)`, with `c` three times the median distance. Distances are
    root mean squares over the columns, each in units of its range between the 5th and
    the 95th percentile. Beyond `c` all rows have the same part in a covariance, as all
    rows have in spherical principal components; beyond a million times `c` a row gets
    the weight 0, as float32 could not hold it beside the others.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        NaN stands for a missing cell.

    References
    ----------
    Locantore, N., et al. (1999). "Robust principal component analysis for functional
    data". Test 8(1), 1-73.
    """
    measured: slice | NDArray[np.intp] = slice(None)
    if len(X) > MAX_ROWS:
        measured = np.random.RandomState(seed).permutation(len(X))[:MAX_ROWS]
    low, middle, high = np.nanpercentile(X[measured], QUANTILES, axis=0)
    varies = high > low
    if not varies.any():
        return None
    spread = (high - low)[varies]
    distances = np.empty(len(X))
    with np.errstate(over="ignore"):  # which gives the weight 0
        for rows in gen_batches(len(X), ROWS_PER_BLOCK):
            squares = ((X[rows][:, varies] - middle[varies]) / spread) ** 2
            # Nothing is known against a row without a value in these columns.
            n_known = np.maximum(1, (~np.isnan(squares)).sum(axis=1))
            distances[rows] = np.sqrt(np.nansum(squares, axis=1) / n_known)
    limit = TYPICAL_DISTANCES * np.median(distances[measured])
    if limit == 0 or (distances <= limit).all():
        return None
    weights = np.square(limit / np.maximum(distances, limit))
    return np.where(weights > SMALLEST_WEIGHT, weights, 0.0)
