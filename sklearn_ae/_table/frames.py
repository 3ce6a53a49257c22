"""Tables as columns of NumPy's arrays: frames of pandas and polars, and arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import validate_data

from sklearn_ae._table.values import Values, as_categories, as_objects, of_objects


class Reader(Protocol):
    """Reads tables of one kind, and builds them."""

    def read(self, X: Any, index: int, is_category: bool) -> Values:
        """Return the values of one column, as they are or as categories."""

    def build(self, columns: Sequence[NDArray], restores: bool) -> Any:
        """Return a table of all columns; numbers are float64 unless it `restores`."""

    def masked(self, X: Any, mask: NDArray[np.bool_]) -> Any:
        """Return a table without some cells."""

    def filled(self, X: Any, mask: NDArray[np.bool_], other: Any) -> Any:
        """Return a table with some cells of another one, which has the same columns."""

    def append(self, X: Any, names: list[str], columns: NDArray[np.bool_]) -> Any:
        """Return a table with more columns."""

    def plain(self, columns: Sequence[NDArray]) -> Any:
        """Return a table of columns, of the dtypes that these suggest."""


def validated_table(estimator: Any, X: Any, reset: bool) -> Any:
    """Check columns' number and names; turn what is no frame to an array."""
    if not hasattr(X, "columns"):
        if not hasattr(X, "dtype"):
            array = np.asarray(X)
            is_plain = array.dtype.kind in "biufcmM"
            X = array if is_plain else np.asarray(X, dtype=object)
        return validate_data(
            estimator, X, reset=reset, dtype=None, ensure_all_finite="allow-nan"
        )
    if _library_of(X) is None or not hasattr(X, "shape"):
        raise TypeError(
            f"X is a {type(X).__module__}.{type(X).__name__}, which cannot be read. "
            "Pass a DataFrame of pandas or polars, or an array."
        )
    for n, name in zip(X.shape, ("sample", "feature"), strict=True):
        if n == 0:
            raise ValueError(
                f"Found array with 0 {name}(s) (shape={X.shape}) while a minimum of 1 "
                "is required."
            )
    return validate_data(estimator, X, skip_check_array=True, reset=reset)


def table_tags(tags: Any) -> Any:
    """Return the tags of an estimator, which takes tables with missing cells."""
    for name in ("allow_nan", "string", "categorical"):
        setattr(tags.input_tags, name, True)
    return tags


def _library_of(X: Any) -> str | None:
    """Name the library whose DataFrame, or a class of such, a table is."""
    modules = {kind.__module__.split(".")[0] for kind in type(X).__mro__}
    return next((name for name in ("pandas", "polars") if name in modules), None)


def reader_of(X: Any) -> Reader:
    """Return what reads tables like `X`."""
    readers: dict[str | None, Any] = {"pandas": PandasReader, "polars": PolarsReader}
    reader: Reader = readers.get(_library_of(X), ArrayReader)(X)
    return reader


def like(X: Any, other: Any) -> Any:
    """Return another table in the library of `X`; both have the same columns."""
    reader, source = reader_of(X), reader_of(other)
    if type(reader) is type(source):
        return other
    width = other.shape[1]
    return reader.plain([source.read(other, i, False).array for i in range(width)])


class PandasReader:
    """DataFrames of pandas."""

    def __init__(self, X: Any) -> None:
        self.columns, self.dtypes = X.columns, list(X.dtypes)

    def read(self, X: Any, index: int, is_category: bool) -> Values:
        """Return the values of one column, as they are or as categories."""
        series = X.iloc[:, index]
        kind = getattr(series.dtype, "kind", "O")
        if is_category or (kind not in "iufmM" and series.dtype != object):
            return as_categories(series.tolist())
        if series.dtype == object:
            return of_objects(series.tolist())
        if kind in "iuf":
            array = series.to_numpy(dtype=np.float64, na_value=np.nan)
            return Values(array, is_integer=kind != "f")
        if _zone(series.dtype) is not None:
            series = series.dt.tz_convert("UTC").dt.tz_localize(None)
        dtype = getattr(series.dtype, "pyarrow_dtype", series.dtype)
        unit = getattr(dtype, "unit", None) or "s"
        if isinstance(dtype, np.dtype):
            unit = np.datetime_data(dtype)[0]
        return Values(series.to_numpy(dtype=f"{kind}8[{unit}]"))

    def build(self, columns: Sequence[NDArray], restores: bool) -> Any:
        """Return a table of all columns; numbers are float64 unless it `restores`."""
        import pandas as pd

        series = [
            pd.Series(array)
            if array.dtype.kind == "f" and not restores
            else _series_of_pandas(array, dtype)
            for array, dtype in zip(columns, self.dtypes, strict=True)
        ]
        frame = pd.concat(series, axis=1)
        frame.columns = self.columns
        return frame

    def masked(self, X: Any, mask: NDArray[np.bool_]) -> Any:
        """Return a table without some cells."""
        return X.mask(mask)

    def filled(self, X: Any, mask: NDArray[np.bool_], other: Any) -> Any:
        """Return a table with some cells of another one, which has the same columns."""
        import pandas as pd

        series = []
        for i, needed in enumerate(mask.T):
            found = other.iloc[:, i].set_axis(X.index)
            series.append(_filled_series(X.iloc[:, i], needed, found))
        frame = pd.concat(series, axis=1)
        frame.columns = X.columns
        return frame

    def append(self, X: Any, names: list[str], columns: NDArray[np.bool_]) -> Any:
        """Return a table with more columns."""
        import pandas as pd

        return pd.concat([X, pd.DataFrame(columns, X.index, names)], axis=1)

    def plain(self, columns: Sequence[NDArray]) -> Any:
        """Return a table of columns, of the dtypes that these suggest."""
        import pandas as pd

        return pd.concat(
            [pd.Series(array).infer_objects() for array in columns], axis=1
        )


def _filled_series(column: Any, needed: NDArray[np.bool_], found: Any) -> Any:
    """Return a column of pandas with some cells of another one."""
    import pandas as pd

    if not needed.any():
        return column
    if needed.all():
        return found.rename(column.name)
    kind = getattr(column.dtype, "kind", "O")
    if kind in "iu" and column.isna().any():
        limits = np.iinfo(column.dtype.numpy_dtype)
        found = found.astype(float).round().clip(limits.min, limits.max)
    elif kind in "iu" or column.dtype == bool:  # a marker stood in them
        column = column.astype(found.dtype)
    elif isinstance(column.dtype, pd.CategoricalDtype):
        column = _with_categories(column, found)
    elif kind == "M":
        dates = PandasReader(found.to_frame()).read(found.to_frame(), 0, False)
        found = _series_of_pandas(dates.array, column.dtype).set_axis(column.index)
    return column.where(~needed, found.astype(column.dtype))


def _with_categories(column: Any, found: Any) -> Any:
    """Return a categorical column of pandas that has the values of another one too."""
    import pandas as pd

    dtype = found.dtype
    is_category = isinstance(dtype, pd.CategoricalDtype)
    if is_category and column.dropna().isin(dtype.categories).all():
        return column.astype(dtype)
    new = [one for one in found.dropna().unique() if one not in column.cat.categories]
    return column.cat.add_categories(new) if new else column


def _zone(dtype: Any) -> Any:
    """Return the time zone of a dtype, if it has one."""
    return getattr(getattr(dtype, "pyarrow_dtype", dtype), "tz", None)


def _series_of_pandas(array: NDArray, dtype: Any) -> Any:
    """Return a column of pandas with the dtype of an earlier one."""
    import pandas as pd

    if np.dtype(object) == dtype:
        return pd.Series(as_objects(array), dtype=object)
    series = pd.Series(array, dtype=array.dtype)
    if _zone(dtype) is not None and array.dtype != object:
        series = series.dt.tz_localize("UTC").dt.tz_convert(_zone(dtype))
    # NumPy's integers and booleans have nothing for a missing value.
    if isinstance(dtype, np.dtype) and dtype.kind in "iub" and series.isna().any():
        return series
    return series.astype(dtype)


class PolarsReader:
    """DataFrames of polars."""

    def __init__(self, X: Any) -> None:
        self.schema = dict(X.schema)

    def read(self, X: Any, index: int, is_category: bool) -> Values:
        """Return the values of one column, as they are or as categories."""
        series = X.to_series(index)
        dtype = series.dtype
        if is_category:
            return as_categories(series.to_list())
        if dtype.is_numeric():
            array = series.cast(float).to_numpy().astype(np.float64)
            return Values(array, is_integer=dtype.is_integer())
        if dtype.is_temporal() and str(dtype) != "Time":
            if getattr(dtype, "time_zone", None) is not None:
                series = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
            return Values(series.to_numpy())
        is_object = str(dtype) == "Object"
        return (of_objects if is_object else as_categories)(series.to_list())

    def build(self, columns: Sequence[NDArray], restores: bool) -> Any:
        """Return a table of all columns; numbers are float64 unless it `restores`."""
        import polars as pl

        pairs = zip(columns, self.schema.items(), strict=True)
        return pl.DataFrame(
            [
                pl.Series(name, array, nan_to_null=True)
                if array.dtype.kind == "f" and not restores
                else _series_of_polars(array, name, dtype)
                for array, (name, dtype) in pairs
            ]
        )

    def masked(self, X: Any, mask: NDArray[np.bool_]) -> Any:
        """Return a table without some cells."""
        import polars as pl

        return X.with_columns(
            series.set(pl.Series(needed), None)
            for series, needed in zip(X.iter_columns(), mask.T, strict=True)
        )

    def filled(self, X: Any, mask: NDArray[np.bool_], other: Any) -> Any:
        """Return a table with some cells of another one, which has the same columns."""
        import polars as pl

        columns = []
        for i, needed in enumerate(mask.T):
            column, found = X.to_series(i), other.to_series(i)
            if not needed.any():
                continue
            if column.dtype.is_integer():
                limits = np.iinfo(str(column.dtype).lower())
                found = found.cast(float).round().clip(limits.min, limits.max)
            elif column.dtype.is_temporal():
                dates = self.read(other, i, False).array
                dates = dates.astype(f"{dates.dtype.kind}8[us]")
                found = _series_of_polars(dates, column.name, column.dtype)
            elif isinstance(column.dtype, pl.Enum):
                names = [*column.dtype.categories, *found.cast(pl.String).drop_nulls()]
                column = column.cast(pl.Enum([*dict.fromkeys(names)]))
            elif column.dtype == pl.Null:
                column = column.cast(found.dtype)
            columns.append(
                column.zip_with(pl.Series(~needed), found.cast(column.dtype))
            )
        return X.with_columns(columns)

    def append(self, X: Any, names: list[str], columns: NDArray[np.bool_]) -> Any:
        """Return a table with more columns."""
        import polars as pl

        return X.hstack(pl.DataFrame(columns, schema=names))

    def plain(self, columns: Sequence[NDArray]) -> Any:
        """Return a table of columns, of the dtypes that these suggest."""
        import polars as pl

        values = [a.tolist() if a.dtype == object else a for a in columns]
        named = dict(zip(self.schema, values, strict=True))
        return pl.DataFrame(named, nan_to_null=True, strict=False)


def _series_of_polars(array: NDArray, name: str, dtype: Any) -> Any:
    """Return a column of polars with the dtype of an earlier one."""
    import polars as pl

    if array.dtype == object or str(dtype) == "Object":
        return pl.Series(name, as_objects(array).tolist(), dtype=dtype, strict=False)
    series = pl.Series(name, array, nan_to_null=True)
    if getattr(dtype, "time_zone", None) is not None:
        series = series.dt.replace_time_zone("UTC")
    return series.cast(dtype)


class ArrayReader:
    """Arrays of numbers, of text, and of objects, whose columns may be of any kind."""

    def __init__(self, X: NDArray) -> None:
        self.dtype = X.dtype

    def read(self, X: NDArray, index: int, is_category: bool) -> Values:
        """Return the values of one column, as they are or as categories."""
        column = X[:, index]
        if is_category:
            return as_categories(column.tolist())
        if column.dtype.kind in "iuf":
            return Values(column.astype(np.float64), column.dtype.kind != "f")
        return Values(column) if column.dtype.kind in "mM" else of_objects([*column])

    def build(self, columns: Sequence[NDArray], restores: bool) -> NDArray:
        """Return a table of all columns; numbers are float64 unless it `restores`."""
        if self.dtype.kind in "iuf" and not restores:
            return np.column_stack(columns).astype(np.float64)
        stacked: NDArray = np.empty((len(columns[0]), len(columns)), dtype=object)
        for i, column in enumerate(columns):
            stacked[:, i] = as_objects(column)
        if self.dtype == object:
            return stacked
        if any(Values(column).is_missing.any() for column in stacked.T):
            # Integers, booleans and text have nothing for a missing value.
            if self.dtype.kind in "SU":
                return stacked
            wider = self.dtype if self.dtype.kind in "fmM" else np.dtype(np.float64)
            return stacked.astype(wider)
        return stacked.astype(self.dtype)

    def masked(self, X: NDArray, mask: NDArray[np.bool_]) -> NDArray:
        """Return a table without some cells."""
        if X.dtype.kind in "iuf":
            return np.where(mask, np.nan, X)
        found = as_objects(X)
        return np.where(mask, np.array(None, dtype=object), found)

    def filled(self, X: NDArray, mask: NDArray[np.bool_], other: NDArray) -> NDArray:
        """Return a table with some cells of another one, which has the same columns."""
        if other.dtype == object and X.dtype.kind in "iufmM":
            other = other.astype(X.dtype if X.dtype.kind in "fmM" else np.float64)
        return np.where(mask, other, X)

    def append(self, X: NDArray, names: list[str], columns: NDArray) -> NDArray:
        """Return a table with more columns."""
        if X.dtype.kind not in "iuf":
            return np.hstack([as_objects(X), columns.astype(object)])
        return np.hstack([X, columns.astype(X.dtype)])

    def plain(self, columns: Sequence[NDArray]) -> NDArray:
        """Return a table of columns, of the dtypes that these suggest."""
        return ArrayReader(np.empty(0, dtype=object)).build(columns, restores=True)
