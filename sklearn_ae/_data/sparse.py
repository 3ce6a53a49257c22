"""Sparse rows: arrays where they are small, and else dense where they are read."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from scipy.sparse.linalg import aslinearoperator

from sklearn_ae._data.table import Float64, Source, deviations, is_large


class SparseRows(Source):
    """Rows of a CSR matrix, whose sums and products leave out what is not stored."""

    def __init__(self, stored: Any) -> None:
        if not stored.has_canonical_format:
            stored = stored.copy()
            stored.sum_duplicates()
        super().__init__(stored)

    def part(self, rows: NDArray) -> Source:
        """Return some rows, as sparse as they are."""
        return SparseRows(self.stored[rows])

    def columns(self, where: slice) -> NDArray:
        """Return some columns as an array."""
        columns: NDArray = self.stored[:, where].toarray()
        return columns

    def values(self) -> Iterable[NDArray]:
        """Yield the array of what is stored."""
        return (self.stored.data,)

    def column_range(self) -> tuple[NDArray, NDArray]:
        """Return the lowest and the highest value of each column."""
        low, high = self.stored.min(axis=0), self.stored.max(axis=0)
        return low.toarray().ravel(), high.toarray().ravel()

    def average(
        self, weight: Float64, centre: NDArray, unit: float | None = None
    ) -> Float64:
        """Average deviations from a centre or, in units, their squares."""
        counts = np.repeat(weight, np.diff(self.stored.indptr))
        columns = self.stored.indices
        found = deviations(self.stored.data, centre[columns], unit)

        def total(values: Float64 | None) -> NDArray:
            return np.bincount(columns, values, minlength=self.shape[1])

        # What is stored whole has no rest, not even one of rounding.
        rest = np.where(total(None) < len(self), weight.sum() - total(counts), 0.0)
        zeros: Float64 = rest * deviations(np.zeros(1), centre, unit)
        return (total(counts * found) + zeros) / weight.sum()

    def operator(self) -> Any:
        """Return what multiplies the rows without reading them."""
        return aslinearoperator(self.stored)

    def _read(self, rows: slice | NDArray) -> NDArray:
        block: NDArray = self.stored[rows].toarray()
        return block


def array_or_source(X: Any) -> NDArray | Source:
    """Return rows as an array, unless they are sparse and too many to be one."""
    if not issparse(X):
        rows: NDArray = X
        return rows
    return SparseRows(X) if is_large(X.shape) else X.toarray()
