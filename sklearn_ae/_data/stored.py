"""Rows that are not in memory: files and arrays that are read by slices."""

from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.utils import assert_all_finite

from sklearn_ae._data.summary import Summary, hash_limit, n_drawn
from sklearn_ae._data.table import (
    VALUES_PER_READ,
    Float64,
    Source,
    check_some_observed,
    is_large,
    missing_cells,
)


def is_stored(X: Any) -> bool:
    """Whether rows are elsewhere: they have a shape, a dtype, and slices.

    NumPy's arrays are in memory, unless they are maps of large files; those that joblib
    makes of the arrays that it hands to other processes are not.
    """
    if isinstance(X, np.ndarray):
        is_map = isinstance(X, np.memmap) and "joblib_memmapping" not in str(X.filename)
        return is_map and X.ndim == 2 and is_large(X.shape)
    if isinstance(X, Source) or issparse(X):
        return False
    if hasattr(X, "columns") or hasattr(X, "__array_namespace__"):
        return False
    shape, dtype = getattr(X, "shape", None), getattr(X, "dtype", None)
    if not (isinstance(shape, tuple) and len(shape) == 2 and _is_numeric(dtype)):
        return False
    if not all(isinstance(size, Integral) for size in shape):  # not known yet
        return False
    return hasattr(type(X), "__getitem__")


def _is_numeric(dtype: Any) -> bool:
    """Whether NumPy knows numbers or booleans of this kind."""
    try:
        return np.dtype(dtype).kind in "biuf"
    except TypeError:
        return False


class StoredRows(Source):
    """Rows that are read in slices of some megabytes, of which the last is kept.

    They are float32 if that is what is stored, else float64. What is infinite raises
    when it is read.
    """

    def __init__(self, stored: Any) -> None:
        super().__init__(stored)
        single = np.dtype(stored.dtype) == np.float32
        self.dtype = np.dtype(np.float32 if single else np.float64)
        self._first, self._kept = 0, np.empty((0, self.shape[1]), self.dtype)

    def _read(self, rows: slice | NDArray) -> NDArray:
        if not isinstance(rows, slice):
            raise TypeError("rows that are not in memory are read by slices alone")
        start, stop, _ = rows.indices(len(self))
        if not self._first <= start <= stop <= self._first + len(self._kept):
            n_rows = max(VALUES_PER_READ // self.shape[1], stop - start)
            self._first, self._kept = start, self._block(start, start + n_rows)
        block: NDArray = self._kept[start - self._first : stop - self._first]
        return block

    def _block(self, start: int, stop: int) -> NDArray:
        """Read rows, and check them."""
        stop = min(stop, len(self))
        block = np.ascontiguousarray(self.array(start, stop))
        try:
            assert_all_finite(block, allow_nan=True, input_name="X")
        except ValueError as error:
            first = start + int(np.isinf(block).any(axis=1).argmax())
            raise ValueError(f"{error} Row {first} has the first of them.") from None
        if missing_cells(block) is not None:
            check_some_observed(block, axis=1, labels=np.arange(start, stop))
        return block

    def array(self, start: int, stop: int) -> NDArray:
        """Read rows as they are stored, but for their dtype."""
        block = np.asarray(self.stored[start:stop])
        if block.shape != (stop - start, self.shape[1]):
            raise ValueError(
                f"rows {start} to {stop - 1} of X were read as an array of shape "
                f"{block.shape}, but {(stop - start, self.shape[1])} was expected, as "
                f"X.shape is {self.shape}."
            )
        return block.astype(self.dtype, copy=False)


def summary_of(
    X: NDArray | Source,
    weight: Float64 | None,
    seed: int,
    *,
    first: int = 0,
    most: int | None = None,
) -> Summary:
    """Read all rows once, numbered from `first` on, and draw some to train on."""
    n_rows, n_features = X.shape
    most = most or n_drawn(n_features)
    n_counted = n_rows if weight is None else int(np.count_nonzero(weight))
    # Others check what they read.
    if isinstance(X, np.ndarray) and n_counted > 0 and missing_cells(X) is not None:
        counted = np.arange(n_rows) if weight is None else np.flatnonzero(weight)
        check_some_observed(X[counted], axis=1, labels=counted)
    limit = hash_limit(n_counted, most)
    size = max(VALUES_PER_READ // n_features, 1)

    def summary(start: int) -> Summary:
        rows = np.ascontiguousarray(X[start : start + size])  # whatever the order
        counts = np.ones(len(rows))
        if weight is not None:
            counts = weight[start : start + size]
        return Summary.of_rows(
            rows, counts, first=first + start, seed=seed, limit=limit
        )

    return Summary.merged(map(summary, range(0, n_rows, size)), most)


def stored_or_given(X: Any) -> Any:
    """Return rows that are elsewhere as a source, or in memory if they are few."""
    if not is_stored(X):
        return X
    rows = StoredRows(X)
    return rows if is_large(X.shape) else rows.array(0, len(rows))
