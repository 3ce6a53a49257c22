"""Means and scales of columns, summed over blocks of rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sklearn_ae._data.table import Float64, Table


def positive_scales(deviations: Float64) -> Float64:
    """Return standard deviations to divide by: 1 for those that float32 takes for 0."""
    return np.where(deviations > np.finfo(np.float32).tiny, deviations, 1.0)


def column_statistics(table: Table) -> tuple[Float64, float, Float64]:
    """Return means, the root mean square of the standard deviations, and these in it.

    Constant columns have means without rounding errors, and no deviation.
    """
    low, high = np.nanmin(table.X, axis=0), np.nanmax(table.X, axis=0)
    with np.errstate(over="ignore", invalid="ignore"):  # which is checked next
        # Differences keep digits near offsets, and are 0 in constant columns.
        mean = low + _average(table, lambda X: np.subtract(X, low, dtype=np.float64))
        # Rounding keeps the order of numbers, so no row lies farther from the mean.
        farthest = np.abs(np.subtract((low, high), mean, dtype=np.float64))
    largest = float(farthest.max())
    if not np.isfinite(largest):
        raise ValueError(
            "X contains values too large for float64 arithmetic: its centred columns "
            "overflow. Rescale X to a smaller range before fitting."
        )
    if largest == 0.0:
        return mean, 0.0, np.zeros(len(mean))

    def squares(X: NDArray) -> Float64:
        """Square in units that keep squares within float64's range."""
        return (np.subtract(X, mean, dtype=np.float64) / largest) ** 2

    deviations = np.sqrt(_average(table, squares))
    typical = np.sqrt(np.mean(deviations**2))
    return mean, float(largest * typical), deviations / typical


def _average(table: Table, function: Callable[[NDArray], Float64]) -> Float64:
    """Average a function of the rows, each column over its observed cells."""
    total = n_counted = np.zeros(table.X.shape[1])
    for block in table:
        counts = block.counts
        values = np.nan_to_num(
            function(block.X), nan=0.0, posinf=np.inf, neginf=-np.inf
        )
        total = total + (values * counts).sum(axis=0)
        n_counted = n_counted + np.broadcast_to(counts, block.X.shape).sum(axis=0)
    return total / n_counted
