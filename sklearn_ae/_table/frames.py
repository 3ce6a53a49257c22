"""Tables as columns of NumPy's arrays: frames of pandas and polars, and arrays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from numbers import Integral, Real
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import validate_data

CATEGORIES = "categories"
KINDS = {"f": "numbers", "M": "dates", "m": "durations"}


class Values(NamedTuple):
    """Values of a column, whose dtype says of which kind they are.

    float64 of numbers (NaN is missing), datetime64 and timedelta64 (NaT is missing),
    else object (None is missing).
    """

    array: NDArray  # (n_samples,)
    is_integer: bool = False

    @property
    def kind(self) -> str:
        """What the values are, in a word."""
        return KINDS.get(self.array.dtype.kind, CATEGORIES)

    @property
    def is_missing(self) -> NDArray[np.bool_]:
        """Which values are not there."""
        return is_none(self.array) if self.kind == CATEGORIES else np.isnan(self.array)

    def as_categories(self) -> Values:
        """Return the values as objects; whole numbers are integers."""
        if self.kind == CATEGORIES:
            return self
        missing = self.is_missing
        known = np.where(missing, 0, self.array)
        objects = (known.astype(np.int64) if self.is_integer else known).astype(object)
        objects[missing] = None
        return Values(objects)


def objects(values: Sequence[Any]) -> NDArray:
    """Return an array of objects, which may be sequences."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def is_none(values: Any) -> NDArray[np.bool_]:
    """Return which objects are None."""
    nothing: Any = None
    return np.equal(values, nothing).astype(bool)


class Reader(Protocol):
    """Reads tables of one kind, and builds them."""

    def read(self, X: Any, index: int) -> Values:
        """Return the values of one column."""

    def build(
        self, columns: Sequence[NDArray], restores: bool, like: Any = None
    ) -> Any:
        """Return a table of all columns; numbers are float64 unless it `restores`."""

    def append(self, X: Any, names: list[str], columns: NDArray) -> Any:
        """Return a table with more columns."""


def validated_table(estimator: Any, X: Any, reset: bool) -> Any:
    """Check columns' number and names; turn what is no frame to an array."""
    if hasattr(X, "columns"):
        return validate_data(estimator, X, skip_check_array=True, reset=reset)
    if not hasattr(X, "dtype"):
        array = np.asarray(X)
        X = array if array.dtype.kind in "biufcmM" else np.asarray(X, dtype=object)
    return validate_data(
        estimator, X, reset=reset, dtype=None, ensure_all_finite="allow-nan"
    )


def with_missing(X: Any, marker: Any) -> Any:
    """Return a table in which what equals a value is missing."""
    reader, columns = reader_of(X), []
    for i in range(X.shape[1]):
        values = reader.read(X, i)
        nothing = None if values.kind == CATEGORIES else np.nan
        array = values.array.copy()
        if values.kind in ("numbers", CATEGORIES):
            array[array == marker] = nothing
        columns.append(array)
    return reader.build(columns, restores=True, like=X)


def reader_of(X: Any) -> Reader:
    """Return what reads tables like `X`."""
    for name, reader in (("pandas", PandasReader), ("polars", PolarsReader)):
        if type(X).__module__.split(".")[0] == name:
            return reader(X)
    return ArrayReader(X)


class PandasReader:
    """DataFrames of pandas."""

    def __init__(self, X: Any) -> None:
        self.columns, self.dtypes = X.columns, list(X.dtypes)

    def read(self, X: Any, index: int) -> Values:
        """Return the values of one column."""
        series = X.iloc[:, index]
        kind = getattr(series.dtype, "kind", "O")
        if kind in "iuf":
            array = series.to_numpy(dtype=np.float64, na_value=np.nan)
            return Values(array, is_integer=kind != "f")
        if kind == "M":
            if getattr(series.dtype, "tz", None) is not None:
                series = series.dt.tz_convert("UTC").dt.tz_localize(None)
            return Values(series.to_numpy(dtype=f"M8[{_unit(series)}]"))
        if kind == "m":
            return Values(series.to_numpy(dtype=f"m8[{_unit(series)}]"))
        present = series.notna().to_numpy()
        array = series.astype(object).to_numpy(copy=True)
        array[~present] = None
        return Values(array)

    def build(
        self, columns: Sequence[NDArray], restores: bool, like: Any = None
    ) -> Any:
        """Return a table of all columns; numbers are float64 unless it `restores`."""
        import pandas as pd

        series = [
            pd.Series(array)
            if array.dtype.kind == "f" and not restores
            else self._series(pd, array, dtype)
            for array, dtype in zip(columns, self.dtypes, strict=True)
        ]
        frame = pd.concat(series, axis=1)
        frame.columns = self.columns
        return frame if like is None else frame.set_index(like.index)

    def append(self, X: Any, names: list[str], columns: NDArray) -> Any:
        """Return a table with more columns."""
        import pandas as pd

        return pd.concat([X, pd.DataFrame(columns, X.index, names)], axis=1)

    @staticmethod
    def _series(pd: Any, array: NDArray, dtype: Any) -> Any:
        if getattr(dtype, "tz", None) is not None:
            return pd.Series(array).dt.tz_localize("UTC").dt.tz_convert(dtype.tz)
        series = pd.Series(array, dtype=array.dtype)
        # NumPy's integers and booleans have nothing for a missing value.
        if isinstance(dtype, np.dtype) and dtype.kind in "iub" and series.isna().any():
            return series
        return series.astype(dtype)


def _unit(series: Any) -> str:
    """Return the unit of a column of dates or durations."""
    return getattr(series.dtype, "unit", None) or np.datetime_data(series.dtype)[0]


class PolarsReader:
    """DataFrames of polars."""

    def __init__(self, X: Any) -> None:
        self.schema = dict(X.schema)

    def read(self, X: Any, index: int) -> Values:
        """Return the values of one column."""
        series = X.to_series(index)
        dtype = series.dtype
        if dtype.is_numeric():
            array = series.cast(float).to_numpy().astype(np.float64)
            return Values(array, is_integer=dtype.is_integer())
        if dtype.is_temporal() and str(dtype) != "Time":
            if getattr(dtype, "time_zone", None) is not None:
                series = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
            return Values(series.to_numpy())
        return Values(objects(series.to_list()))

    def build(
        self, columns: Sequence[NDArray], restores: bool, like: Any = None
    ) -> Any:
        """Return a table of all columns; numbers are float64 unless it `restores`."""
        import polars as pl

        pairs = zip(columns, self.schema.items(), strict=True)
        return pl.DataFrame(
            [
                pl.Series(name, array, nan_to_null=True)
                if array.dtype.kind == "f" and not restores
                else self._series(pl, array, name, dtype)
                for array, (name, dtype) in pairs
            ]
        )

    def append(self, X: Any, names: list[str], columns: NDArray) -> Any:
        """Return a table with more columns."""
        import polars as pl

        return X.hstack(pl.DataFrame(columns, schema=names))

    @staticmethod
    def _series(pl: Any, array: NDArray, name: str, dtype: Any) -> Any:
        if array.dtype == object:
            return pl.Series(name, array.tolist(), dtype=dtype, strict=False)
        series = pl.Series(name, array, nan_to_null=True)
        if getattr(dtype, "time_zone", None) is not None:
            series = series.dt.replace_time_zone("UTC")
        return series.cast(dtype)


class ArrayReader:
    """Arrays of numbers, and of objects, whose columns may be of any kind."""

    def __init__(self, X: NDArray) -> None:
        self.dtype = X.dtype

    def read(self, X: NDArray, index: int) -> Values:
        """Return the values of one column."""
        column = X[:, index]
        if column.dtype.kind in "iuf":
            return Values(column.astype(np.float64), column.dtype.kind != "f")
        if column.dtype.kind in "mM":
            return Values(column)
        return _of_objects(column.astype(object))

    def build(
        self, columns: Sequence[NDArray], restores: bool, like: Any = None
    ) -> NDArray:
        """Return a table of all columns; numbers are float64 unless it `restores`."""
        if self.dtype.kind in "iuf" and not restores:
            return np.column_stack(columns).astype(np.float64)
        if self.dtype.kind in "iub" and any(map(_has_missing, columns)):
            return np.column_stack(columns).astype(np.float64)
        stacked: NDArray = np.empty((len(columns[0]), len(columns)), dtype=self.dtype)
        for i, column in enumerate(columns):
            stacked[:, i] = column
        return stacked

    def append(self, X: NDArray, names: list[str], columns: NDArray) -> NDArray:
        """Return a table with more columns."""
        return np.hstack([X, columns.astype(X.dtype)])


def _of_objects(column: NDArray) -> Values:
    """Return objects as the kind of values that all of them are of."""
    present = np.array([not _is_missing(value) for value in column], dtype=bool)
    known = column[present]
    if _are_all(known, Real) and not _are_all(known, bool | np.bool_):
        numbers = np.full(len(column), np.nan)
        numbers[present] = known.astype(np.float64)
        return Values(numbers, _are_all(known, Integral))
    if len(known) and _are_all(known, np.datetime64):
        return Values(np.where(present, column, np.datetime64("NaT")).astype("M8[ns]"))
    column[~present] = None
    return Values(column)


def _are_all(values: Iterable[Any], kind: Any) -> bool:
    return all(isinstance(value, kind) for value in values)


def _is_missing(value: Any) -> bool:
    """Whether a value is None, NaN, NaT or the NA of pandas."""
    return value is None or type(value).__name__ == "NAType" or bool(value != value)


def _has_missing(column: NDArray) -> bool:
    return any(map(_is_missing, column.tolist()))
