"""What is learned of tables, and what pandas and polars know of them, as kinds."""

import math
import re
from collections.abc import Callable
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import numpy as np
from sklearn.preprocessing import OneHotEncoder

from sklearn_ae._persistence.values import Kind, need, refuse
from sklearn_ae._table import (
    ArrayReader,
    CategoryColumn,
    MissingColumn,
    NumericColumn,
    PandasReader,
    PolarsReader,
    TimeColumn,
    Values,
)


def check_table(reader: Any, columns: Any, n_features: int) -> None:
    """Raise unless these are a reader and columns, all for as many features."""
    parts = {PandasReader: ["columns", "dtypes"], PolarsReader: ["schema"]}
    parts[ArrayReader] = []
    found = [getattr(reader, name) for name in parts[type(reader)]]
    widths = {len(part) for part in (columns, *found)}
    are_columns = all(type(column) in COLUMNS for column in columns)
    need(are_columns and widths == {n_features}, "What is known of its columns is")


def _is_column(column: Any) -> Any:
    """Whether the parts of a column fit together."""
    match column:
        case MissingColumn(nothing, kind, ("",)):
            values = Values(nothing)
            return len(nothing) == 1 and values.is_missing[0] and values.kind == kind
        case NumericColumn(scaler, bool(), float(low), float(high), "numbers", ("",)):
            is_known = math.isfinite(low) and math.isfinite(high)
            is_fitted = getattr(scaler, "n_features_in_", None) == 1
            return is_known and is_fitted and hasattr(scaler, "inverse_transform")
        case TimeColumn(int(first), int(step), dtype, NumericColumn(), kind, ("",)):
            in_range = 0 < step < 2**63 and -(2**63) <= first < 2**63
            is_time = dtype.kind in "mM" and Values(np.empty(0, dtype)).kind == kind
            return in_range and is_time
        case CategoryColumn(
            OneHotEncoder() as encoder, shares, labels, ends, bool(), "categories"
        ):
            names = encoder.get_feature_names_out([""]).tolist()
            shapes = {shares.shape, labels.shape, (len(names),)}
            dtypes = [shares.dtype, labels.dtype]
            return len(shapes) == 1 and ends == names and dtypes == [float, object]
    return False


def _column(cls: type) -> Kind:
    """Return how a kind of column is taken apart and put together."""

    def put(parts: dict[str, Any]) -> Any:
        column = cls(**parts)
        need(_is_column(column), f"Its {cls.__name__} is")
        return column

    return Kind(lambda column: {**vars(column)}, put)


COLUMNS = (MissingColumn, NumericColumn, TimeColumn, CategoryColumn)


def _library(name: str) -> Any:
    """Return pandas, polars or pyarrow."""
    try:
        return import_module(name)
    except ImportError as error:
        text = f"The file holds what is known of a table of {name}"
        raise ImportError(f"{text}. Install {name} to load it.") from error


def _take_index(index: Any) -> list[Any]:
    """Return name, dtype and labels of the columns of a frame, or of categories."""
    if index.nlevels > 1:
        return [list(index.names), None, index.tolist()]
    if hasattr(index, "step"):
        return [index.name, "range", [index.start, index.stop, index.step]]
    return [index.name, index.dtype, index.tolist()]


def _put_index(parts: list[Any]) -> Any:
    (name, dtype, labels), pd = parts, _library("pandas")
    if isinstance(name, list):
        return pd.MultiIndex.from_tuples(labels, names=name)
    if isinstance(dtype, str):
        return pd.RangeIndex(*labels, name=name)
    return pd.Index(labels, dtype=dtype, name=name, tupleize_cols=False)


def _put_pandas(parts: list[Any]) -> PandasReader:
    columns, dtypes = parts
    kinds = np.dtype | _library("pandas").api.extensions.ExtensionDtype
    need(all(isinstance(dtype, kinds) for dtype in dtypes), "Its dtypes are")
    return PandasReader(SimpleNamespace(columns=_put_index(columns), dtypes=dtypes))


def _take_polars(reader: PolarsReader) -> list[Any]:
    schema = reader.schema.items()
    # Some versions have classes as dtypes without arguments.
    return [[name, one() if isinstance(one, type) else one] for name, one in schema]


def _put_polars(parts: list[Any]) -> PolarsReader:
    schema = {name + "": dtype for name, dtype in parts}
    kind = _library("polars").DataType
    are_dtypes = all(isinstance(dtype, kind) for dtype in schema.values())
    need(are_dtypes and len(schema) == len(parts), "Its dtypes are")
    return PolarsReader(SimpleNamespace(schema=schema))


def _put_array(parts: list[Any]) -> ArrayReader:
    (dtype,) = parts
    need(isinstance(dtype, np.dtype), "Its dtype is")
    return ArrayReader(np.empty((0, 0), dtype))


def _ticks(value: Any) -> list[Any]:
    """Return the number and the unit of a time of pandas."""
    return [int(value.asm8.astype(np.int64)), np.datetime_data(value.asm8.dtype)[0]]


def _put_timestamp(ticks: int, unit: str, zone: str | None) -> Any:
    value = _library("pandas").Timestamp(np.int64(ticks).view(f"M8[{unit}]"))
    return value if zone is None else value.tz_localize("UTC").tz_convert(zone)


def _put_categories(index: list[Any], ordered: bool) -> Any:
    return _library("pandas").CategoricalDtype(_put_index(index), ordered)


def _take_arrow(dtype: Any) -> list[Any]:
    kind = dtype.pyarrow_dtype
    zone = getattr(kind, "tz", None)
    return [str(kind) if zone is None else f"timestamp[{kind.unit}]", zone]


def _put_arrow(alias: str, zone: str | None) -> Any:
    arrow = _library("pyarrow")
    kind = arrow.type_for_alias(alias)
    if zone is not None:
        kind = arrow.timestamp(kind.unit, zone)
    return _library("pandas").ArrowDtype(kind)


def _make(name: str) -> Callable[..., Any]:
    """Return what calls a class of pandas or polars."""
    library, kind = name.split(".")
    return lambda *arguments: getattr(_library(library), kind)(*arguments)


def _by_arguments(take: Callable[[Any], list[Any]], make: Callable[..., Any]) -> Kind:
    """Return how a value is taken apart into arguments that make an equal one."""

    def checked(value: Any) -> list[Any]:
        try:
            arguments = take(value)
            is_kept = put(arguments) == value
        except (ValueError, LookupError):  # such as no known time zone
            is_kept = False
        return arguments if is_kept else refuse(value)

    def put(arguments: list[Any]) -> Any:
        # Time zones may be names of files to read, and long numbers take minutes.
        text = [one for one in arguments if isinstance(one, str)]
        are_paths = any(re.search(r"dateutil|^/|\.\.", one) for one in text)
        are_short = all(len(one) < 200 for one in text)
        need(are_short and not are_paths, "A time zone is")
        return make(*arguments)

    return Kind(checked, put)


# Names of classes without arguments.
WIDTHS = [f"{kind}{n}" for kind in ("Int", "UInt") for n in ("8", "16", "32", "64")]
PANDAS = [f"pandas.{kind}Dtype" for kind in (*WIDTHS, "Float32", "Float64", "Boolean")]
POLARS = [*WIDTHS, "Int128", "UInt128", "Float32", "Float64", "Boolean", "String"]
POLARS += ["Binary", "Categorical", "Date", "Time", "Object", "Null"]
# The arguments that make an equal instance of a class.
ARGUMENTS: dict[str, Callable[[Any], list[Any]]] = {
    **{name: lambda _: [] for name in PANDAS},
    **{f"polars.{name}": lambda _: [] for name in POLARS},
    "pandas.Timedelta": _ticks,
    "pandas.Interval": lambda value: [value.left, value.right, value.closed],
    "pandas.Period": lambda value: [str(value), value.freqstr],
    "pandas.DatetimeTZDtype": lambda dtype: [dtype.unit, str(dtype.tz)],
    "pandas.IntervalDtype": lambda dtype: [dtype.subtype, dtype.closed],
    "pandas.PeriodDtype": lambda dtype: [str(dtype)],
    "pandas.SparseDtype": lambda dtype: [dtype.subtype, dtype.fill_value],
    "pandas.StringDtype": lambda dtype: (
        [dtype.storage, np.nan] if dtype.na_value is np.nan else [dtype.storage]
    ),
    "polars.Datetime": lambda dtype: [dtype.time_unit, dtype.time_zone],
    "polars.Duration": lambda dtype: [dtype.time_unit],
    "polars.Decimal": lambda dtype: [dtype.precision, dtype.scale],
    "polars.Enum": lambda dtype: [dtype.categories.to_list()],
}
TABLES = {
    **{f"sklearn_ae.{cls.__name__}": _column(cls) for cls in COLUMNS},
    "sklearn_ae.ArrayReader": Kind(lambda reader: [reader.dtype], _put_array),
    "sklearn_ae.PandasReader": Kind(
        lambda reader: [_take_index(reader.columns), reader.dtypes], _put_pandas
    ),
    "sklearn_ae.PolarsReader": Kind(_take_polars, _put_polars),
    "pandas.Timestamp": _by_arguments(
        lambda value: [*_ticks(value), value.tz and str(value.tz)], _put_timestamp
    ),
    "pandas.CategoricalDtype": _by_arguments(
        lambda dtype: [_take_index(dtype.categories), dtype.ordered], _put_categories
    ),
    "pandas.ArrowDtype": _by_arguments(_take_arrow, _put_arrow),
    **{name: _by_arguments(take, _make(name)) for name, take in ARGUMENTS.items()},
}
