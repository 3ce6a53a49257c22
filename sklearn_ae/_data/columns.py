"""Statistics of columns, summed over blocks of rows: large tables are never copied."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import gen_batches

from sklearn_ae._data.imputation import missing_cells

Float64 = NDArray[np.float64]
Mask = NDArray[np.bool_]

# Tables with more elements, 64 MB in float64, are never copied as a whole.
LARGEST_COPY = 2**23
# What is worked on at a time of a larger table: 8 MB in float64.
ELEMENTS_PER_BLOCK = 2**20


def positive_scales(deviations: Float64) -> Float64:
    """Return standard deviations to divide by: 1 for those that float32 takes for 0."""
    return np.where(deviations > np.finfo(np.float32).tiny, deviations, 1.0)


def is_large(shape: tuple[int, ...]) -> bool:
    """Whether a table is too large to be copied."""
    return math.prod(shape) > LARGEST_COPY


def table_blocks(shape: tuple[int, ...]) -> Iterator[slice]:
    """Cut the rows of a large table into blocks; others are one block."""
    n_samples, n_features = shape
    n_rows = n_samples
    if is_large(shape):
        n_rows = max(ELEMENTS_PER_BLOCK // n_features, 1)
    blocks: Iterator[slice] = gen_batches(n_samples, n_rows)
    return blocks


@dataclass(frozen=True)
class Table:
    """Rows with their weights, which are read block by block.

    `X` has shape (n_samples, n_features) and may hold NaN; `weight`, shape
    (n_samples,), says how often each row counts, above 0, or is None.
    """

    X: NDArray
    weight: Float64 | None
    is_complete: bool

    @classmethod
    def of(cls, X: NDArray, weight: Float64 | None) -> Table:
        """Find out whether cells are missing."""
        return cls(X, weight, missing_cells(X) is None)

    def __iter__(self) -> Iterator[tuple[NDArray, Float64 | None, Mask | None]]:
        """Yield blocks of rows with their weights and the cells that are missing."""
        for rows in table_blocks(self.X.shape):
            block = self.X[rows]
            missing = None if self.is_complete else np.isnan(block)
            yield block, None if self.weight is None else self.weight[rows], missing

    def average(self, function: Callable[[NDArray], Float64]) -> Float64:
        """Average a function of the rows, each column over its observed cells.

        The function returns a new array, which is changed.
        """
        n_features = self.X.shape[1]
        total, n_counted = np.zeros(n_features), np.zeros(n_features)
        for block, weight, missing in self:
            values = function(block)
            if missing is not None:
                values[missing] = 0.0
            counts = cell_weights(missing, weight)
            values *= counts
            total += values.sum(axis=0)
            n_counted += np.broadcast_to(counts, block.shape).sum(axis=0)
        return total / n_counted


def effective_size(n_rows: int, weight: Float64 | None) -> float:
    """Return how many rows weighted rows stand for: the sum of their weights.

    Weights may be normalised to any sum, so it is at least the number of rows, and at
    most a hundred times as many.
    """
    if weight is None:
        return float(n_rows)
    return float(np.clip(weight.sum(), n_rows, 100 * n_rows))


def cell_weights(missing: Mask | None, weight: Float64 | None) -> Float64 | float:
    """Return what each cell counts, in a shape that rows can be multiplied with."""
    row_weight: Float64 | float = 1.0 if weight is None else weight[:, None]
    if missing is None:
        return row_weight
    return np.multiply(row_weight, ~missing, dtype=np.float64)


def column_statistics(table: Table) -> tuple[Float64, float, Float64]:
    """Return means, the root mean square of the standard deviations, and these in it.

    Constant columns have means without rounding errors, and no deviation.
    """
    X = table.X
    low, high = np.nanmin(X, axis=0), np.nanmax(X, axis=0)
    with np.errstate(over="ignore", invalid="ignore"):  # which is checked next
        mean = _column_means(table, low, high)
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

    def squares(block: NDArray) -> Float64:
        """Square in units that keep squares within float64's range."""
        centred: Float64 = np.subtract(block, mean, dtype=np.float64)
        centred /= largest
        centred *= centred
        return centred

    deviations = np.sqrt(table.average(squares))
    typical = np.sqrt(np.mean(deviations**2))
    return mean, float(largest * typical), deviations / typical


def _column_means(table: Table, low: NDArray, high: NDArray) -> Float64:
    """Return the means; those of constant columns are their lowest value."""
    if table.weight is None and table.is_complete:
        means = table.X.mean(axis=0, dtype=np.float64)
    else:  # differences keep digits near offsets
        means = low + table.average(
            lambda block: np.subtract(block, low, dtype=np.float64)
        )
    return np.where(low == high, low, means)
